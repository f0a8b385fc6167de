"""Costs and reduced costs of sets of subtasks on a node, for `master`.

A stage with several slices is a barrier: its latency y is no less than what any of its visits
takes. So what a node's sets say of y depends on who else is in them; what the others of the stage
do is for its `layouts` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.node_sets import NodeSets
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.solvers.offloading.queue_sets import Offers

MOST_LAYOUTS = 50_000
"""Of a stage; one with more counts as one with slices anywhere."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Duals: of every subtask's place, `cover` [K]; of parts being where layouts have them, `count`
    [parts], and of the time that layouts give them, `time` [parts]; of a barrier's layout, `stage`
    [barriers]; of `link` [links] and `node` [N], its set.
    """

    cover: Floats
    count: Floats
    time: Floats
    stage: Floats
    link: Floats
    node: Floats


@dataclass(frozen=True, kw_only=True)
class Barriers:
    """The groups: `of` [K], and [groups] which are barriers, which of these have too many layouts
    (`is_coarse`, see `layouts`), which groups pay transfers apart (`serial`), what a second of each
    is `worth` in the objective, and what each costs at `least`.

    A barrier's y is what it costs, not seconds: so its rows are of the size of the objective,
    whatever the units and however light the task. One that is worth nothing is none.
    """

    of: Integers
    is_barrier: Flags
    is_coarse: Flags
    serial: Flags
    worth: Floats
    least: Floats


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
    is_barrier = (sizes > 1) & (worth > 0)
    layouts = np.ones(assignments.num_groups)
    np.multiply.at(layouts, group, np.isfinite(alone).sum(axis=1))
    return Barriers(
        of=group,
        is_barrier=is_barrier,
        is_coarse=is_barrier & (layouts > MOST_LAYOUTS),
        serial=serial,
        worth=worth,
        least=least,
    )


class NodeColumns:
    """What sets of a node's offers cost, as columns of the program.

    Attributes
    ----------
    parts : int [J, width]
        The numbers of an offer in layouts, -1 for none; see `part_numbers`.
    """

    def __init__(
        self,
        sets: NodeSets,
        barriers: Barriers,
        parts: Integers,
        links: tuple[Floats, Floats],
        stay: float,
    ) -> None:
        self.sets, self.parts, self.stay, self.dearest = sets, parts, stay, inf
        load, room = links
        self.load, self.room = sets.holds @ load.T, room
        worth, barrier = barriers.worth[sets.group], barriers.is_barrier[sets.group]
        apart = ~barrier | barriers.serial[sets.group]
        self.fixed = worth * (apart * sets.moved_s + ~barrier * sets.service_s)
        self.slope = worth * ~barrier * sets.waits
        self.is_barrier = barrier
        self.own_least = barriers.least[sets.group] * barrier
        self.visit_cost = worth * barrier * _visit_s(sets, barriers.serial)
        self.wait_cost = worth * barrier * sets.waits

    def alone(self) -> Floats:
        """[J]: what the visit of an offer alone on the node counts in y."""
        sets = self.sets
        wait_s = wait_seconds(sets.base_second + sets.second, sets.base_rho + sets.rho)
        waited_s = np.where(self.wait_cost > 0, wait_s, 0.0)
        return np.asarray(self.visit_cost + self.wait_cost * waited_s)

    def offers(self, prices: Prices) -> Offers:
        """What every offer costs less what its subtasks pay."""
        sets = self.sets
        paid, counted = (
            np.append(own, 0.0)[self.parts].sum(axis=1) for own in (prices.time, prices.count)
        )
        pays = sets.holds @ prices.cover + self.load @ prices.link + counted
        return Offers(
            visit=sets.visit,
            fixed=self.fixed - pays + paid * self.visit_cost,
            slope=self.slope + paid * self.wait_cost,
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
        over = self.visit_cost + self.wait_cost * wait_s[:, None] - self.own_least
        return np.asarray(self.costs(taken) + (taken * np.maximum(over, 0.0)).sum(axis=1))

    def visits(self, taken: Flags) -> list[tuple[int, float]]:
        """(part, what its visit counts in y) of the barriers in a set [J]."""
        cost = self.visit_cost + self.wait_cost * float(self.sets.wait_s(taken[None])[0])
        mine = np.flatnonzero(taken & self.is_barrier)
        return [(part, float(cost[at])) for at in mine for part in self.parts[at] if part >= 0]


def _visit_s(sets: NodeSets, serial: Flags) -> Floats:
    """[J]: what counts of a visit in its stage's latency, without the wait."""
    return sets.service_s + np.where(serial[sets.group], 0.0, sets.moved_s)
