"""`swarm`: equal stages, each machine in the one that passes least."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from splitfog.solvers.base import Answer, Request
from splitfog.solvers.replicas.fleet import Fleet, Ranges, fleet_of


def solve_swarm(request: Request) -> Answer:
    """As many layers for every stage, as few stages as all machines can hold one of; the machines
    join, in the order of the file, the stage that passes least so far.

    After SWARM (Ryabinin et al., ICML 2023), whose peers move to the stage that is served worst;
    they hold one stage each, however much memory they have. Ignores links. O(N S).

    Option `stages`: how many there are.
    """
    fleet = fleet_of(request.instance, request.objective)
    if not fleet.usable:
        return Answer(None, reason="no machine may hold any layer")
    wanted = request.options["stages"]
    counts = range(1, fleet.num_layers + 1) if wanted is None else [wanted]
    for count in counts:
        stages = _equal(fleet.num_layers, count)
        if wanted is not None or _all_may_join(fleet, stages):
            return _answer(fleet, _joined(fleet, stages), len(stages))
    return _answer(fleet, _joined(fleet, _equal(fleet.num_layers, fleet.num_layers)), 1)


def _equal(layers: int, count: int) -> list[tuple[int, int]]:
    """Stages of equal length, the first ones a layer longer where that does not come out even."""
    count = min(count, layers)
    ends = [at * (layers // count) + min(at, layers % count) for at in range(count + 1)]
    return list(pairwise(ends))


def _all_may_join(fleet: Fleet, stages: list[tuple[int, int]]) -> bool:
    """Whether every machine may hold every stage."""
    return all((fleet.rates[list(fleet.usable), a, b] > 0).all() for a, b in stages)


def _joined(fleet: Fleet, stages: list[tuple[int, int]]) -> Ranges:
    """Each machine in the stage of least rate among those that it may hold."""
    passed = np.zeros(len(stages))
    ranges: Ranges = {}
    for node in fleet.usable:
        own = np.array([fleet.rates[node, a, b] for a, b in stages])
        open_to = np.flatnonzero(own > 0)
        if open_to.size:
            stage = int(open_to[passed[open_to].argmin()])
            ranges[node] = stages[stage]
            passed[stage] += own[stage]
    return ranges


def _answer(fleet: Fleet, ranges: Ranges, stages: int) -> Answer:
    """The plan, or that some layers are held by nobody."""
    if {layer for a, b in ranges.values() for layer in range(a, b)} < set(range(fleet.num_layers)):
        return Answer(None, reason=f"no machine joined one of {stages} stages")
    return Answer(fleet.decision(ranges))
