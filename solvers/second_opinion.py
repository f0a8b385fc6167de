"""A look at a proof by solvers that share nothing with the one that gave it (ours).

An exact solver may be wrong about its bound (an engine's tolerances, a bug); a plan below it shows
that. So at the end of an exact run a few cheap solvers are asked for their plans. Solvers without
an entry in `WORK` offer such plans themselves, or are as cheap as an opinion on them would be.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from splitfog.solvers.base import Request, failure, is_strict
from splitfog.solvers.starts.warm_starts import plan_of

SHARE = 0.05
"""Of an exact run's work, what all opinions on it may take together."""

WORK: dict[tuple[str, str], float] = {
    ("ilp", "latency"): 160.0,
    ("ilp", "period"): 1000.0,
    ("cp-sat", "makespan"): 35.0,
}
"""Microseconds per layer and node of exact runs: the least seen from 13 x 3 to 488 x 3, rounded."""

OPINIONS: dict[str, tuple[tuple[str, float], ...]] = {
    "latency": (("min-cut", 1.5), ("greedy", 6.0), ("chain-dp", 4.0), ("hpa-plain", 9.0)),
    "period": (("greedy", 16.0), ("pipedream", 60.0)),
    "makespan": (("heft", 5.0), ("cpop", 5.0)),
}
"""Whom to ask, in this order, with their microseconds per layer and node: the most seen."""


def seek_second_opinion(request: Request, solver: str) -> list[str]:
    """Offer the plans of cheap solvers beside a proof of `solver`; the door compares them.

    Returned are sentences on those that failed: they have no opinion, and nothing is lost.

    Asked are those whose stated work fits into `SHARE` of the exact run's, so the choice depends
    on the solver and the objective alone and the same call gives the same plan. Under
    `SPLITFOG_STRICT` all are asked. The work is per layer and node; what a call costs before its
    first layer is left out, and makes the share larger where there are few. They stop with the
    request: who is not asked before that is not asked.
    """
    failures = []
    for name in asked(solver, request.objective.name):
        left = request.closing.remaining_s
        if left <= 0:
            break
        try:
            decision = plan_of(request, name, request.objective, None if left == inf else left)
        except Exception as error:
            if is_strict():
                raise
            failures.append(f"asked for a second opinion, {failure(name, error)}")
            continue
        if decision is not None:
            request.offer(decision)
    return failures


def asked(solver: str, objective: str) -> Iterator[str]:
    """Names of the solvers whose opinion on a proof of `solver` is sought."""
    room = SHARE * WORK.get((solver, objective), 0.0)
    if room == 0:
        return
    for name, work in OPINIONS[objective]:
        if work <= room or is_strict():
            room -= work
            yield name
