"""Shakes of a good assignment of subtasks: a few moved at random, then the best moves and swaps.

Iterated local search (H. R. Lourenço, O. C. Martin, T. Stützle, 2003): all moves and swaps of a
step are evaluated at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.instances.arrays import Flags, Floats, Integers

if TYPE_CHECKING:
    from splitfog.formulations.offloading.batch_cost import OffloadBatchCost

MOST_SHAKES = 200
"""Of one search."""

FEWEST_PLACES = 200
"""Pairs of subtask and node below which compiling takes longer than is gained."""

MOVED = (2, 7)
"""So many subtasks a shake moves, the end excluded."""


def shaken(
    assignments: Assignments, best: Integers, seed: int = 0, deadline: Deadline = NEVER
) -> Integers:
    """What shakes lead to from a feasible assignment, itself where to none that is better.

    O(`MOST_SHAKES` K^2) assignments a step of the descents of K subtasks; nothing below
    `FEWEST_PLACES`. The same seed gives the same answer unless the deadline comes.
    """
    neighbours = _Neighbours(np.isfinite(assignments.subtasks.alone_s()))
    if neighbours.may.sum() < FEWEST_PLACES:
        return best
    from splitfog.formulations.offloading.batch_cost import OffloadBatchCost

    cost = OffloadBatchCost(assignments.subtasks, chunk=neighbours.count)
    rng, value, start = np.random.default_rng(seed), assignments.cost(best).value, best
    for _ in range(MOST_SHAKES):
        found = _descended(cost, neighbours, start, deadline)
        priced = assignments.cost(found)
        if priced.value < value and assignments.obeys(found, priced):
            best, value = found, priced.value
        if deadline.is_over:
            break
        start = neighbours.moved(best, rng)
    return best


def _descended(
    cost: OffloadBatchCost, neighbours: _Neighbours, places: Integers, deadline: Deadline
) -> Integers:
    """The best move or swap again and again, until none lowers the cost."""
    value = float(cost(places[None])[0])
    while not deadline.is_over:
        rows, able = neighbours.of(places)
        values: Floats = np.where(able, cost(rows), np.inf)
        chosen = int(values.argmin())
        if not values[chosen] < value * (1 - 1e-12):
            break
        places, value = rows[chosen], float(values[chosen])
    return places


class _Neighbours:
    """All moves and swaps of K subtasks, each where it `may` be, [K, N]."""

    def __init__(self, may: Flags) -> None:
        self.may = may
        self._task, self._node = np.nonzero(may)
        self._first, self._second = np.triu_indices(len(may), 1)
        self.count = len(self._task) + len(self._first)

    def of(self, places: Integers) -> tuple[Integers, Flags]:
        """[count, K] assignments that differ by one move or swap; [count]: which may be."""
        rows, able = np.tile(places, (self.count, 1)), np.ones(self.count, bool)
        moves, swaps = rows[: len(self._task)], rows[len(self._task) :]
        moves[np.arange(len(moves)), self._task] = self._node
        each, first, second = np.arange(len(swaps)), places[self._first], places[self._second]
        swaps[each, self._first], swaps[each, self._second] = second, first
        able[len(moves) :] = self.may[self._first, second] & self.may[self._second, first]
        return rows, able

    def moved(self, places: Integers, rng: np.random.Generator) -> Integers:
        """A few subtasks anywhere else they may be."""
        moved = places.copy()
        count = min(len(places), int(rng.integers(*MOVED)))
        for task in rng.choice(len(places), count, replace=False).tolist():
            moved[task] = rng.choice(np.flatnonzero(self.may[task]))
        return moved
