"""Quick plans for a segment of the makespan problem: upper bounds and hints for `cp-sat`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.segment_problem import SegmentProblem
from splitfog.instances.order import topological


@dataclass(frozen=True)
class SegmentPlan:
    """A placement and a topological order of a segment by local index, and their makespan."""

    value: float
    placement: tuple[int, ...] = ()
    order: tuple[int, ...] = ()


NO_PLAN = SegmentPlan(inf)


def quick_plan(problem: SegmentProblem, placements: Iterable[Sequence[int]] = ()) -> SegmentPlan:
    """The best of a few placements, each in two orders; `NO_PLAN` if none is allowed.

    Tried are everything on one node, the critical path's own choice, a list schedule, and the
    `placements` given. Stops where the critical-path bound is met. O(N (V + E)) and E N^2 once.
    """
    best = NO_PLAN
    seen: set[tuple[int, ...]] = set()
    for placement in _candidates(problem, placements):
        if placement in seen or not problem.fits(placement):
            continue
        seen.add(placement)
        for order in (tuple(range(len(placement))), longest_first(problem, placement)):
            value = problem.book(placement, order)
            if value < best.value:
                best = SegmentPlan(value, placement, order)
        if best.value <= problem.bound:
            break
    return best


def longest_first(problem: SegmentProblem, placement: Sequence[int]) -> tuple[int, ...]:
    """The topological order of a placement by the time that is left from a layer's start on."""
    left = [0.0] * len(placement)
    for layer in range(len(placement) - 1, -1, -1):
        node = placement[layer]
        after = float(problem.last[layer, node])
        for reader in problem.readers[layer]:
            way = float(problem.edges[layer, node, placement[reader]])
            after = max(after, way + left[reader])
        left[layer] = float(problem.times[layer, node]) + after
    return tuple(sorted(range(len(placement)), key=lambda layer: (-left[layer], layer)))


def _candidates(
    problem: SegmentProblem, placements: Iterable[Sequence[int]]
) -> Iterator[tuple[int, ...]]:
    if problem.bound == inf:
        return
    yield _critical_choice(problem)
    for node in range(problem.num_nodes):
        yield _mostly_on(problem, node)
    yield from (tuple(placement) for placement in placements)
    yield _list_schedule(problem)


def _mostly_on(problem: SegmentProblem, node: int) -> tuple[int, ...]:
    """Every layer on one node, those that may not be there where their critical path is least."""
    there = np.isfinite(problem.through[:, node])
    return tuple(np.where(there, node, problem.through.argmin(axis=1)).tolist())


def _critical_choice(problem: SegmentProblem) -> tuple[int, ...]:
    """From the last layer back, each where it delays its placed readers least."""
    placement = [0] * len(problem.layers)
    ends = problem.heads + problem.times
    for layer in range(len(placement) - 1, -1, -1):
        price = ends[layer] + problem.last[layer]
        for reader in problem.readers[layer]:
            node = placement[reader]
            ahead = float(problem.times[reader, node] + problem.tails[reader, node])
            price = np.maximum(price, ends[layer] + problem.edges[layer, :, node] + ahead)
        placement[layer] = int(np.argmin(price))
    return tuple(_grouped(problem, placement))


def _grouped(problem: SegmentProblem, placement: list[int]) -> list[int]:
    """The placement with every group where its members' critical paths are least in sum."""
    for group in problem.groups:
        node = int(problem.through[list(group)].sum(axis=0).argmin())
        for member in group:
            placement[member] = node
    return placement


def _list_schedule(problem: SegmentProblem) -> tuple[int, ...]:
    """Layers by critical path, each where its end plus its tail is least, links never waiting."""
    rank = np.where(np.isfinite(problem.through), problem.times + problem.tails, inf).min(axis=1)
    placement = [0] * len(problem.layers)
    leader = {member: group[0] for group in problem.groups for member in group}
    fixed: dict[int, int] = {}
    free = np.zeros(problem.num_nodes)
    arrival = np.zeros_like(problem.times)
    for layer in topological(problem.readers, (-rank).tolist()):
        starts = arrival[list(problem.inputs[layer])].max(axis=0, initial=0.0)
        if not problem.is_virtual[layer]:
            starts = np.maximum(starts, free)
        ends = starts + problem.times[layer]
        node = fixed.get(leader.get(layer, -1))
        if node is None:
            node = int((ends + problem.tails[layer]).argmin())
            fixed[leader.get(layer, -1 - layer)] = node
        placement[layer] = node
        arrival[layer] = ends[node] + problem.edges[layer, node]
        if not problem.is_virtual[layer]:
            free[node] = ends[node]
    return tuple(placement)
