"""The primal integral: how good an anytime solver's best plan was, all the time."""

from __future__ import annotations

from collections.abc import Iterable

Step = tuple[float, float | None]
"""From when on (seconds) the best plan had which cost; None where there was none yet."""


def primal_gap(cost: float | None, best: float) -> float:
    """|cost - best| / max(|cost|, |best|), between 0 and 1: 0 if both are 0, 1 without a plan."""
    if cost is None:
        return 1.0
    if cost == best:
        return 0.0
    return min(1.0, abs(cost - best) / max(abs(cost), abs(best)))


def primal_integral(steps: Iterable[Step], best: float, horizon_s: float) -> float:
    """The integral of the primal gap from 0 to a horizon, in seconds.

    A solver that has the best plan after t seconds and nothing before gets t; one that never has a
    plan gets the horizon.

    Parameters
    ----------
    steps
        Ascending in time.
    best
        The best cost that is known.
    horizon_s
        Until when; what comes later does not count.

    Returns
    -------
    float
        Between 0 and the horizon.

    References
    ----------
    Berthold, Measuring the impact of primal heuristics, 2013.
    """
    area, since, gap = 0.0, 0.0, 1.0
    for seconds, cost in steps:
        until = min(max(seconds, since), horizon_s)
        area += gap * (until - since)
        since, gap = until, primal_gap(cost, best)
    return area + gap * (horizon_s - since)
