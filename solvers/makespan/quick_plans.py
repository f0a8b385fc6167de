"""Quick plans for a block of the makespan problem: upper bounds and hints for `cp-sat`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.segment_problem import Block
from splitfog.instances.order import topological


@dataclass(frozen=True)
class BlockPlan:
    """A placement and a topological order of a block by local index, and their makespan."""

    value: float
    placement: tuple[int, ...] = ()
    order: tuple[int, ...] = ()


NO_PLAN = BlockPlan(inf)


def quick_plan(block: Block, placements: Iterable[Sequence[int]] = ()) -> BlockPlan:
    """The best of a few placements, each in two orders; `NO_PLAN` if none is allowed.

    Tried are everything on one node, the critical path's own choice, a list schedule, and the
    `placements` given. Stops where the critical-path bound is met. O(N (V + E)) and E N^2 once.
    """
    best = NO_PLAN
    seen: set[tuple[int, ...]] = set()
    for placement in _candidates(block, placements):
        if placement in seen or not block.fits(placement):
            continue
        seen.add(placement)
        for order in (tuple(range(len(placement))), longest_first(block, placement)):
            value = block.book(placement, order)
            if value < best.value:
                best = BlockPlan(value, placement, order)
        if best.value <= block.bound:
            break
    return best


def longest_first(block: Block, placement: Sequence[int]) -> tuple[int, ...]:
    """The topological order of a placement by the time that is left from a layer's start on."""
    left = [0.0] * len(placement)
    for layer in range(len(placement) - 1, -1, -1):
        node = placement[layer]
        after = float(block.last[layer, node])
        for reader in block.readers[layer]:
            way = float(block.edges[layer, node, placement[reader]])
            after = max(after, way + left[reader])
        left[layer] = float(block.times[layer, node]) + after
    return tuple(sorted(range(len(placement)), key=lambda layer: (-left[layer], layer)))


def _candidates(block: Block, placements: Iterable[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    if block.bound == inf:
        return
    yield _critical_choice(block)
    for node in range(block.num_nodes):
        yield _mostly_on(block, node)
    yield from (tuple(placement) for placement in placements)
    yield _list_schedule(block)


def _mostly_on(block: Block, node: int) -> tuple[int, ...]:
    """Every layer on one node, those that may not be there where their critical path is least."""
    there = np.isfinite(block.through[:, node])
    return tuple(np.where(there, node, block.through.argmin(axis=1)).tolist())


def _critical_choice(block: Block) -> tuple[int, ...]:
    """From the last layer back, each where it delays its placed readers least."""
    placement = [0] * len(block.layers)
    ends = block.heads + block.times
    for layer in range(len(placement) - 1, -1, -1):
        price = ends[layer] + block.last[layer]
        for reader in block.readers[layer]:
            node = placement[reader]
            ahead = float(block.times[reader, node] + block.tails[reader, node])
            price = np.maximum(price, ends[layer] + block.edges[layer, :, node] + ahead)
        placement[layer] = int(np.argmin(price))
    return tuple(_grouped(block, placement))


def _grouped(block: Block, placement: list[int]) -> list[int]:
    """The placement with every group where its members' critical paths are least in sum."""
    for group in block.groups:
        node = int(block.through[list(group)].sum(axis=0).argmin())
        for member in group:
            placement[member] = node
    return placement


def _list_schedule(block: Block) -> tuple[int, ...]:
    """Layers by critical path, each where its end plus its tail is least, links never waiting."""
    rank = np.where(np.isfinite(block.through), block.times + block.tails, inf).min(axis=1)
    placement = [0] * len(block.layers)
    leader = {member: group[0] for group in block.groups for member in group}
    fixed: dict[int, int] = {}
    free = np.zeros(block.num_nodes)
    arrival = np.zeros_like(block.times)
    for layer in topological(block.readers, (-rank).tolist()):
        starts = arrival[list(block.inputs[layer])].max(axis=0, initial=0.0)
        if not block.is_virtual[layer]:
            starts = np.maximum(starts, free)
        ends = starts + block.times[layer]
        node = fixed.get(leader.get(layer, -1))
        if node is None:
            node = int((ends + block.tails[layer]).argmin())
            fixed[leader.get(layer, -1 - layer)] = node
        placement[layer] = node
        arrival[layer] = ends[node] + block.edges[layer, node]
        if not block.is_virtual[layer]:
            free[node] = ends[node]
    return tuple(placement)
