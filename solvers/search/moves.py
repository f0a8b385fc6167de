"""How `evolution` makes new placements from old ones: whole blocks of columns at a time.

A move changes `children` [units, batch] of codes in place; what it makes may break rules, which
`PlacementSpace.repair` mends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.order import topological
from splitfog.solvers.starts.placement_space import Codes, PlacementSpace

RANDOM_ORDERS = 5
MOST_REACH = 3000
"""Units up to which sets of all predecessors are kept (one bit, stored as a byte, a pair)."""

MOST_PARTS = 4
"""Runs of a random first placement."""


class Moves:
    """The moves on a space, with the topological orders and closed sets that they work along."""

    def __init__(self, space: PlacementSpace, rng: np.random.Generator) -> None:
        self.space, self.rng = space, rng
        self.width = np.array([len(choice) for choice in space.choices])
        self.table = np.zeros((space.num_units, int(self.width.max())), space.code_of.dtype)
        for unit, choice in enumerate(space.choices):
            self.table[unit, : len(choice)] = choice
        self.positions = np.array(_orders(space, rng))
        self.sequence = np.argsort(self.positions, axis=1, kind="stable")

    @property
    def all(self) -> tuple[tuple[Callable[[Codes, Codes], None], float], ...]:
        """Every move with its share of the children, none without a choice; `mates` are parents."""
        if self.space.is_single:
            return ()
        several = len(self.space.first) > 2
        return (
            (self.move_segments, 0.25),
            (self.shift_boundaries, 0.2),
            (self.move_closed_sets, 0.15),
            (self.move_single_units, 0.2),
            (self.cross_at_positions, 0.1 if several else 0.2),
            *(((self.cross_tasks, 0.1),) if several else ()),
            *(((self.exchange_units, 0.2),) if self.space.memory_binds else ()),
        )

    def random_cuts(self, batch: int) -> Codes:
        """Placements of a few runs each along a topological order, tiers rising if `monotone`."""
        parts = [self._cuts(k, n) for k, n in _parts(len(self.positions), batch)]
        return np.hstack([np.empty((self.space.num_units, 0), self.space.code_of.dtype), *parts])

    def homogeneous(self) -> Codes:
        """[units, nodes]: everything on one node."""
        return np.repeat(self.space.code_of[None], self.space.num_units, axis=0)

    def move_segments(self, children: Codes, mates: Codes) -> None:
        """A run of units consecutive in some topological order goes to one node."""
        for order, block in _blocks(len(self.positions), children.shape[1]):
            low, high = self._runs(block.stop - block.start)
            at = self.positions[order][:, None]
            part = children[:, block]
            goal = self._goals(order, part, low, high)
            np.copyto(part, goal, where=(at >= low) & (at < high))

    def shift_boundaries(self, children: Codes, mates: Codes) -> None:
        """Within a run, the units of one node go to another: boundaries between nodes shift."""
        for order, block in _blocks(len(self.positions), children.shape[1]):
            part = children[:, block]
            low, high = self._runs(part.shape[1])
            at = self.positions[order][:, None]
            goal = self._goals(order, part, low, high)
            columns = np.arange(part.shape[1])
            inside = self.sequence[order][self.rng.integers(low, high)]
            where = (at >= low) & (at < high) & (part == part[inside, columns])
            np.copyto(part, goal, where=where)

    def move_closed_sets(self, children: Codes, mates: Codes) -> None:
        """What comes before a cut of the DAG, or what comes after, goes to one node.

        The cut is a unit with all its predecessors, or a unit with all its successors; of these
        all units move, or those that are where that unit is.
        """
        batch = children.shape[1]
        columns = np.arange(batch)
        units = self.rng.choice(self.space.free, batch)
        if self.reach is None:
            return self.move_segments(children, mates)
        half = batch // 2
        where = np.empty(children.shape, bool)
        where[:, :half] = self.reach[units[:half]].T
        where[:, half:] = self.reach[:, units[half:]]
        same = self.rng.random(batch) < 0.5
        where &= ~same | (children == children[units, columns])
        np.copyto(children, self._pick(units), where=where)
        return None

    def move_single_units(self, children: Codes, mates: Codes) -> None:
        """One to three units go elsewhere: where a neighbour is, or anywhere."""
        batch = children.shape[1]
        columns = np.arange(batch)
        for turn in range(3):
            units = self.rng.choice(self.space.free, batch)
            goals = self._pick(units)
            if len(self.space.edges):
                near = self.rng.random(batch) < 0.5
                goals = np.where(near, children[self._neighbour(units), columns], goals)
            act = self.rng.random(batch) < (1.0, 0.5, 0.3)[turn]
            children[units[act], columns[act]] = goals[act]

    def exchange_units(self, children: Codes, mates: Codes) -> None:
        """Two units change places: what nearly full nodes still allow."""
        columns = np.arange(children.shape[1])
        one, other = (self.rng.choice(self.space.free, len(columns)) for _ in range(2))
        here, there = children[one, columns], children[other, columns]
        children[one, columns], children[other, columns] = there, here

    def cross_at_positions(self, children: Codes, mates: Codes) -> None:
        """The mate's placement from a position of a topological order on, or in a run of it."""
        for order, block in _blocks(len(self.positions), children.shape[1]):
            low, high = self._runs(block.stop - block.start)
            high = np.where(self.rng.random(len(high)) < 0.5, self.space.num_units, high)
            at = self.positions[order][:, None]
            np.copyto(children[:, block], mates[:, block], where=(at >= low) & (at < high))

    def cross_tasks(self, children: Codes, mates: Codes) -> None:
        """Some tasks' placements are the mate's."""
        tasks = len(self.space.first) - 1
        share = self.rng.random(children.shape[1])
        chosen = self.rng.random((tasks, children.shape[1])) < share
        np.copyto(children, mates, where=chosen[self.space.task])

    @cached_property
    def single_moves(self) -> tuple[NDArray[np.int64], Codes]:
        """Every (unit, code) of a unit with a choice."""
        units = np.repeat(np.arange(len(self.width)), self.width)
        codes = np.concatenate(self.space.choices)
        free = self.width[units] > 1
        return units[free], codes[free]

    @cached_property
    def reach(self) -> NDArray[np.bool_] | None:
        """[units, units]: row: the unit and all its predecessors; None if that is too large."""
        count = self.space.num_units
        if count > MOST_REACH:
            return None
        before = np.eye(count, dtype=bool)
        for unit, inputs in enumerate(self.space.inputs):
            for tail in inputs:
                before[unit] |= before[tail]
        return before

    def _runs(self, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions [low, high) in one task; lengths log-uniform."""
        first = self.space.first
        task = self.space.task[self.rng.choice(self.space.free, batch)]
        start, size = first[task], first[task + 1] - first[task]
        length = np.exp(self.rng.random(batch) * np.log(size + 0.999)).astype(np.int64)
        low = start + (self.rng.random(batch) * (size - length + 1)).astype(np.int64)
        return low, low + length

    def _goals(
        self, order: int, children: Codes, low: NDArray[np.int64], high: NDArray[np.int64]
    ) -> Codes:
        """[batch]: where runs go: to what stands before or after them, or anywhere."""
        columns = np.arange(children.shape[1])
        count = self.space.num_units
        beside = np.where(self.rng.random(len(low)) < 0.5, low - 1, high)
        beside = self.sequence[order][np.clip(beside, 0, count - 1)]
        inside = self.sequence[order][self.rng.integers(low, high)]
        anywhere = self.rng.random(len(low)) < 0.6
        return np.where(anywhere, self._pick(inside), children[beside, columns])

    def _pick(self, units: NDArray[np.int64]) -> Codes:
        """A random code for every unit."""
        at = (self.rng.random(len(units)) * self.width[units]).astype(np.int64)
        picked: Codes = self.table[units, at]
        return picked

    def _neighbour(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """A random input or reader of every unit; the unit itself if it has none."""
        start, ends = self._neighbours
        count = start[units + 1] - start[units]
        at = start[units] + (self.rng.random(len(units)) * count).astype(np.int64)
        return np.where(count > 0, ends[np.minimum(at, len(ends) - 1)], units)

    @cached_property
    def _neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pairs = np.vstack([self.space.edges, self.space.edges[:, ::-1]])
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        count = np.bincount(pairs[:, 0], minlength=self.space.num_units)
        return np.concatenate([[0], np.cumsum(count)]), pairs[:, 1]

    def _cuts(self, order: int, batch: int) -> Codes:
        tasks = len(self.space.first) - 1
        shape = (tasks, MOST_PARTS, batch)
        sizes = np.diff(self.space.first)[:, None, None]
        ends = self.space.first[:-1, None, None] + (self.rng.random(shape) * (sizes + 1)).astype(
            np.int64
        )
        ends.sort(axis=1)
        codes = self.rng.choice(self.space.code_of, shape)
        parts = self.rng.integers(1, MOST_PARTS + 1, (tasks, batch))
        for part in range(1, MOST_PARTS):  # fewer parts: the later ones repeat the one before
            codes[:, part] = np.where(part < parts, codes[:, part], codes[:, part - 1])
        if self.space.objective.monotone:
            codes.sort(axis=1)
        at = self.positions[order][:, None]
        task = self.space.task
        made = np.repeat(codes[:, 0], np.diff(self.space.first), axis=0)
        for part in range(1, MOST_PARTS):
            np.copyto(made, codes[task, part], where=at >= ends[task, part])
        return made


def _blocks(count: int, batch: int) -> list[tuple[int, slice]]:
    """The batch cut into `count` blocks, the empty ones left out."""
    ends = np.linspace(0, batch, count + 1).astype(int).tolist()
    return [(k, slice(low, high)) for k, (low, high) in enumerate(pairwise(ends)) if high > low]


def _parts(count: int, batch: int) -> list[tuple[int, int]]:
    return [(k, block.stop - block.start) for k, block in _blocks(count, batch)]


def _orders(space: PlacementSpace, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """[units] positions in topological orders: the file's, by level, branch by branch, random."""
    count = space.num_units
    level = np.zeros(count)
    for unit, inputs in enumerate(space.inputs):
        level[unit] = max([level[tail] + 1 for tail in inputs if tail < unit], default=0)
    keys = [level, -np.arange(count, dtype=float)]
    keys += [rng.random(count) for _ in range(RANDOM_ORDERS if count <= 20_000 else 0)]
    return [np.arange(count), *(_topological(space, key) for key in keys)]


def _topological(space: PlacementSpace, key: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions when repeatedly the ready unit of least key is taken, task after task."""
    later = [[r for r in readers if r > unit] for unit, readers in enumerate(space.readers)]
    keys = list(zip(space.task.tolist(), key.tolist(), strict=True))
    position = np.zeros(space.num_units, np.int64)
    position[list(topological(later, keys))] = np.arange(space.num_units)
    return position
