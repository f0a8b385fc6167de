"""What a replay tells: a row a request, and a row a way of adapting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct


class RequestRow(Struct, frozen=True, kw_only=True):
    """What became of one request under one way of adapting.

    Attributes
    ----------
    trace, adapt, seed
        The trace's name (of several joined by `+`), the way's and the seed.
    request, arrival_s
        Its number, from 0 in order of arrival, and when it arrived.
    plan
        That it had at its last start: its position in the table; `x` and the first digits of its
        hash where it is not in it; empty where there was none.
    latency_s
        From its arrival to its end, with all restarts and what it waited for a switch; None where
        it failed.
    restarted, failed
        How often it was lost with a node and started again; 1 where it never ended, else 0.
    decision_s
        Seconds that choosing its plan took, by the clock of this machine.
    """

    trace: str
    adapt: str
    seed: int
    request: int
    arrival_s: float
    plan: str
    latency_s: float | None
    restarted: int
    failed: int
    decision_s: float


class WayRow(Struct, frozen=True, kw_only=True):
    """A way of adapting over all requests of a seed; None where no request ended.

    Attributes
    ----------
    adapt, seed
        The way's name, and the seed.
    mean_s, p95_s
        Of the latencies of the requests that ended.
    regret
        Mean latency / the clairvoyant's - 1, over the requests that ended with both.
    switches
        How often a request's plan is another than that of the request before.
    restarted, failed
        Starts again in all, and requests that never ended.
    decision_s
        Mean seconds per decision.
    """

    adapt: str
    seed: int
    mean_s: float | None
    p95_s: float | None
    regret: float | None
    switches: int
    restarted: int
    failed: int
    decision_s: float | None


def way_row(
    adapt: str, seed: int, rows: Sequence[RequestRow], least_s: Mapping[int, float]
) -> WayRow:
    """The row of a way: `rows` are its requests at a seed, in order.

    `least_s` is the clairvoyant's latency of every request that it ends.
    """
    ended = {row.request: row.latency_s for row in rows if row.latency_s is not None}
    latencies = np.array(list(ended.values()))
    plans = [row.plan for row in rows if row.plan]
    return WayRow(
        adapt=adapt,
        seed=seed,
        mean_s=float(latencies.mean()) if ended else None,
        p95_s=float(np.percentile(latencies, 95)) if ended else None,
        regret=_regret(ended, least_s),
        switches=sum(one != other for one, other in pairwise(plans)),
        restarted=sum(row.restarted for row in rows),
        failed=sum(row.failed for row in rows),
        decision_s=float(np.mean([row.decision_s for row in rows])) if rows else None,
    )


def _regret(ended: Mapping[int, float], least_s: Mapping[int, float]) -> float | None:
    """Over the requests that both end: else whoever fails the slow ones would look the better."""
    both = [request for request in ended if request in least_s]
    least = sum(least_s[request] for request in both)
    own = sum(ended[request] for request in both)
    if not both or (least == 0 and own > 0):
        return None
    return own / least - 1 if own != least else 0.0
