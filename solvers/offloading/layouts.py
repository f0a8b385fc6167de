"""Where the slices of a stage may be, all together: its layouts, for `master` (ours).

A layout says which part of a stage's slices is on which node. In it the stage takes at least what
its longest visit takes with every part alone on its node, and how much the ways lengthen that
slices share is known. The program mixes whole layouts, not places of single slices: a visit that is
long in one of them does not hide behind one that is short in another.

Of a stage with too many, one layout with slices anywhere stands for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.node_sets import NodeSets
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.offloading.pricing import Barriers, NodeColumns


@dataclass(frozen=True, eq=False, kw_only=True)
class Layouts:
    """L layouts of a barrier of m slices.

    Attributes
    ----------
    slices : int [m]
        The subtasks.
    places : int [L, m]
        Their nodes; -1 for any.
    parts : int [L, m]
        The numbers of a layout's parts, -1 for none.
    level : [L]
        What the stage costs at least, above the least of all.
    spare : [L, m]
        What the visit of a part may count at that level; 0 for none.
    """

    slices: Integers
    places: Integers
    parts: Integers
    level: Floats
    spare: Floats

    def values(self, count: Floats, time: Floats) -> Floats:
        """[L]: what layouts cost and their parts are charged, `count`, less what the time that they
        give them is paid, `time`, both by the numbers of parts."""
        charged = self._by_part(count).sum(axis=1)
        return np.asarray(self.level + charged - (self._by_part(time) * self.spare).sum(axis=1))

    def shares(self, time: Floats) -> Floats:
        """[L]: what more time for all parts of a layout is paid, as a share of what it costs."""
        return np.asarray(self._by_part(time).sum(axis=1))

    def of(self, assignment: Integers) -> Integers:
        """The position of an assignment's layout, or none."""
        same = (self.places == assignment[self.slices]) | (self.places < 0)
        return np.flatnonzero(same.all(axis=1))

    def among(self, places: Integers) -> Integers:
        """The positions of those that are among some, [n, m]."""
        known = set(map(tuple, places.tolist()))
        return np.array([tuple(row) in known for row in self.places.tolist()], bool).nonzero()[0]

    def _by_part(self, prices: Floats) -> Floats:
        return np.append(prices, 0.0)[self.parts]


def part_numbers(sets: Sequence[NodeSets], barriers: Barriers) -> tuple[list[Integers], int]:
    """What the offers of every node are in layouts, [J, width], -1 for nothing; and how many
    numbers there are.

    An offer of a stage is a part of it; all its slices where the stage has one layout.
    """
    slices = _of_coarse(barriers)
    width, count = int(np.bincount(barriers.of).max(initial=1)), len(slices)
    numbers: list[Integers] = []
    for own in sets:
        parts = np.full((len(own.group), width), -1)
        is_coarse = barriers.is_coarse[own.group]
        fine = np.flatnonzero(barriers.is_barrier[own.group] & ~is_coarse)
        parts[fine, 0] = count + np.arange(len(fine))
        count += len(fine)
        for offer in np.flatnonzero(is_coarse).tolist():
            held = np.flatnonzero(own.holds[offer])
            parts[offer, : len(held)] = np.searchsorted(slices, held)
        numbers.append(parts)
    return numbers, count


def _of_coarse(barriers: Barriers) -> Integers:
    """The slices of stages with one layout, in the order of their numbers."""
    return np.flatnonzero(barriers.is_coarse[barriers.of])


def layouts_of(
    assignments: Assignments, nodes: Sequence[NodeColumns], barriers: Barriers
) -> list[Layouts]:
    """The layouts of every barrier, in order of groups; O(L m N) for L layouts of m slices."""
    return [
        _anywhere(barriers, group)
        if barriers.is_coarse[group]
        else _of_group(assignments, nodes, barriers, group)
        for group in np.flatnonzero(barriers.is_barrier).tolist()
    ]


def _anywhere(barriers: Barriers, group: int) -> Layouts:
    """One layout: all slices anywhere, in no less than the least."""
    slices = np.flatnonzero(barriers.of == group)
    shape = (1, len(slices))
    return Layouts(
        slices=slices,
        places=np.full(shape, -1),
        parts=np.searchsorted(_of_coarse(barriers), slices)[None],
        level=np.zeros(1),
        spare=np.full(shape, float(barriers.least[group])),
    )


def _of_group(
    assignments: Assignments, nodes: Sequence[NodeColumns], barriers: Barriers, group: int
) -> Layouts:
    """All layouts, of nodes that hold their parts."""
    slices = np.flatnonzero(barriers.of == group)
    bits = 1 << np.arange(len(slices))
    number = np.full((assignments.num_nodes, 1 << len(slices)), -1)
    alone = np.full(number.shape, inf)
    may = np.zeros((len(slices), assignments.num_nodes), bool)
    for own in nodes:
        mine = np.flatnonzero(own.is_barrier & (own.sets.group == group))
        held = own.sets.holds[np.ix_(mine, slices)]
        number[own.sets.node, held @ bits] = own.parts[mine, 0]
        alone[own.sets.node, held @ bits] = own.alone()[mine]
        may[:, own.sets.node] = held.any(axis=0)
    grid = np.meshgrid(*(np.flatnonzero(row) for row in may), indexing="ij")
    places = np.stack([axis.ravel() for axis in grid], axis=1)
    together = places[:, :, None] == places[:, None, :]
    held = together @ bits
    is_first = together.argmax(axis=2) == np.arange(len(slices))
    added = np.zeros(places.shape)
    for at, k in enumerate(slices.tolist()):
        if k in assignments.stage_ways.added_s:
            added_s = assignments.stage_ways.added_s[k]
            added += barriers.worth[group] * added_s[places, places[:, [at]]]
    level = np.where(is_first, alone[places, held] + added, 0.0).max(axis=1)
    fine = np.isfinite(level)
    parts = np.where(is_first, number[places, held], -1)
    spare = np.where(is_first, level[:, None] - added, 0.0)
    return Layouts(
        slices=slices,
        places=places[fine],
        parts=parts[fine],
        level=level[fine] - float(barriers.least[group]),
        spare=spare[fine],
    )
