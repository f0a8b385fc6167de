"""Costs and reduced costs of sets of subtasks on a node, for `master`.

A stage with several slices is a barrier: its latency y is no less than what any of its visits
takes. A node's set says more about y than its own visit: the slices that are not in it are on
other nodes, where they take at least what they would take there alone. So every set bounds y by
the larger of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.node_sets import NodeSets
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.solvers.offloading.queue_sets import Offers


@dataclass(frozen=True)
class Prices:
    """Duals: of every subtask's place, `cover` [K]; of y above the sets that hold a slice, `slice`
    [K]; of y above a node's set, `spread` [groups, N]; of `link` [links] and `node` [N], its set.
    """

    cover: Floats
    slice: Floats
    spread: Floats
    link: Floats
    node: Floats


@dataclass(frozen=True, kw_only=True)
class Barriers:
    """The groups: `of` [K], and [groups] which are barriers, which of these pay transfers apart
    (`serial`), what a second of each is `worth` in the objective, and what each costs at `least`.

    A barrier's y is what it costs, not seconds: so its rows are of the size of the objective,
    whatever the units and however light the task. One that is worth nothing is none. `alone`
    [K, N] is what a subtask alone on a node counts in y, its own wait included.
    """

    of: Integers
    is_barrier: NDArray[np.bool_]
    serial: NDArray[np.bool_]
    worth: Floats
    least: Floats
    alone: Floats


def barriers_of(assignments: Assignments, sets: Sequence[NodeSets], worth: Floats) -> Barriers:
    """The barriers among all groups; `worth` is [groups]."""
    group, serial = assignments.subtasks.group, assignments.group_is_serial
    alone = np.full(assignments.subtasks.service_s.shape, inf)
    for own in sets:
        single = np.flatnonzero(own.holds.sum(axis=1) == 1)
        seconds = _visit_s(own, serial)[single]
        taken = np.eye(len(own.visit), dtype=bool)[single]
        seconds = seconds + np.where(own.waits[single], own.wait_s(taken), 0.0)
        alone[own.holds[single].argmax(axis=1), own.node] = worth[own.group[single]] * seconds
    shortest = alone.min(axis=1, initial=inf)
    least = np.zeros(assignments.num_groups)
    np.maximum.at(least, group, np.where(np.isfinite(shortest), shortest, 0.0))
    sizes = np.bincount(group, minlength=assignments.num_groups)
    return Barriers(
        of=group,
        is_barrier=(sizes > 1) & (worth > 0),
        serial=serial,
        worth=worth,
        least=least,
        alone=alone,
    )


class NodeColumns:
    """What sets of a node's offers cost, as columns of the program.

    Attributes
    ----------
    at_barrier : int
        [J]: the offers of barriers.
    elsewhere : [J]
        What an offer says of y by the slices that are not in it; 0 for no barrier.
    empty : {group: float}
        What a set without any slice of a barrier says of y, where some might be here.
    """

    def __init__(
        self, sets: NodeSets, barriers: Barriers, load: Floats, room: Floats, stay: float
    ) -> None:
        self.sets, self.stay, self.dearest = sets, stay, inf
        self.load, self.room = sets.holds @ load.T, room
        worth, barrier = barriers.worth[sets.group], barriers.is_barrier[sets.group]
        apart = ~barrier | barriers.serial[sets.group]
        self.fixed = worth * (apart * sets.moved_s + ~barrier * sets.service_s)
        self.slope = worth * ~barrier * sets.waits
        self.is_barrier = barrier
        self.own_least = barriers.least[sets.group] * barrier
        self.visit_cost = worth * barrier * _visit_s(sets, barriers.serial)
        self.wait_cost = worth * barrier * sets.waits
        self.elsewhere, self.empty = np.zeros(len(worth)), dict[int, float]()
        for group in np.unique(sets.group[barrier]).tolist():
            mine = sets.group == group
            self.elsewhere[mine] = _elsewhere(sets, barriers, group, sets.holds[mine])
            none = np.zeros((1, sets.holds.shape[1]), bool)
            self.empty[group] = float(_elsewhere(sets, barriers, group, none)[0])
        self.empty_cost = np.array([self.empty.get(g, 0.0) for g in sets.group.tolist()])

    def offers(self, prices: Prices) -> Offers:
        """What every offer costs less what its subtasks pay."""
        sets = self.sets
        spread = np.where(self.is_barrier, prices.spread[sets.group, sets.node], 0.0)
        paid = np.where(self.is_barrier, sets.holds @ prices.slice + spread, 0.0)
        pays = sets.holds @ prices.cover + self.load @ prices.link
        return Offers(
            visit=sets.visit,
            fixed=self.fixed - pays - spread * self.empty_cost,
            slope=self.slope + paid * self.wait_cost,
            start=paid * self.visit_cost,
            floor=paid * self.elsewhere,
            rho=sets.rho,
            second=sets.second,
            base_rho=sets.base_rho,
            base_second=sets.base_second,
            stay=self.stay,
        )

    def allows(self, taken: Flags) -> Flags:
        """[sets]: whether quota, memory, links and the cut-off hold a set, all else left empty."""
        fine = self.sets.allows(taken) & (taken @ self.load < self.room).all(axis=1)
        return np.asarray(fine & (self.least(taken) <= self.dearest))

    def costs(self, taken: Flags) -> Floats:
        """[sets]: what sets cost beside the barriers, above the empty set; inf if overloaded."""
        wait_s = self.sets.wait_s(taken)
        fine = np.isfinite(wait_s)
        wait_s = np.where(fine, wait_s, 0.0)
        cost = taken @ self.fixed + (taken @ self.slope) * wait_s
        return np.where(fine, cost + self.stay * (wait_s - self.sets.least_wait_s), inf)

    def least(self, taken: Flags) -> Floats:
        """[sets]: what each costs with its barriers, above their own least."""
        wait_s = np.where(np.isfinite(self.sets.wait_s(taken)), self.sets.wait_s(taken), 0.0)
        bound = np.maximum(self.visit_cost + self.wait_cost * wait_s[:, None], self.elsewhere)
        return np.asarray(self.costs(taken) + (taken * (bound - self.own_least)).sum(axis=1))

    def bounds(self, taken: Flags) -> list[tuple[int, float]]:
        """(offer, how the set bounds its group's y) of the barriers in a set [J]."""
        wait = self._wait_s(taken)
        return [
            (at, max(self.visit_cost[at] + self.wait_cost[at] * wait, self.elsewhere[at]))
            for at in np.flatnonzero(taken & self.is_barrier).tolist()
        ]

    def visits(self, taken: Flags) -> list[tuple[int, float]]:
        """(group, what its visit counts in y) of the barriers in a set [J], if no link of a way
        carries slices of other nodes."""
        cost = self.visit_cost + self.wait_cost * self._wait_s(taken)
        mine = np.flatnonzero(taken & self.is_barrier)
        return [(int(self.sets.group[at]), float(cost[at])) for at in mine]

    def _wait_s(self, taken: Flags) -> float:
        return float(self.sets.wait_s(taken[None])[0])


def _visit_s(sets: NodeSets, serial: NDArray[np.bool_]) -> Floats:
    """[J]: what counts of a visit in its stage's latency, without the wait."""
    return sets.service_s + np.where(serial[sets.group], 0.0, sets.moved_s)


def _elsewhere(sets: NodeSets, barriers: Barriers, group: int, held: Flags) -> Floats:
    """[parts]: the most that a slice of the group outside a part [K] costs on other nodes."""
    others = np.delete(barriers.alone, sets.node, axis=1).min(axis=1, initial=inf)
    others[np.isinf(others)] = 0.0
    kin = np.flatnonzero(barriers.of == group)
    return np.asarray(np.where(held[:, kin], 0.0, others[kin]).max(axis=1, initial=0.0))
