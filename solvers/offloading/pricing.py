"""Reduced costs of all sets of subtasks of a node at once, for `master`.

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
from splitfog.formulations.offloading.node_sets import GroupSets, NodeSets, subset_sums
from splitfog.instances.arrays import Floats, Integers


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
        for part in own.groups:
            for bit, member in enumerate(part.members):
                mask = 1 << own.members.index(member)
                seconds = _visit_s(part, bool(serial[part.group]))[1 << bit]
                seconds += own.wait_s[mask] * part.waits[1 << bit]
                alone[member, own.node] = worth[part.group] * seconds
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
    """A node's sets that may still matter.

    Attributes
    ----------
    masks : int [sets]
    fixed : [sets]
        What a set costs beside the barriers, above the empty set.
    visit : {position of a group in `sets.groups`: [sets]}
        What the visit of each set counts in y of each barrier with slices that may be here, if no
        link of its way carries others of them.
    bound : {the same: [sets]}
        How each set bounds these y.
    empty : {the same: float}
        How a set without any of its slices does.
    """

    def __init__(
        self, sets: NodeSets, barriers: Barriers, load: Floats, room: Floats, stay: float
    ) -> None:
        self.sets, self.barriers, self.load = sets, barriers, load
        self.masks = np.flatnonzero((sets.barred == 0) & self._keeps_up(room))
        self.fixed = self._fixed_cost(stay)[self.masks]
        self.visit: dict[int, Floats] = {}
        self.bound: dict[int, Floats] = {}
        self.empty: dict[int, float] = {}
        for at, own in enumerate(sets.groups):
            if barriers.is_barrier[own.group]:
                part = sets.submask(at, self.masks)
                visit = _visit_s(own, bool(barriers.serial[own.group]))[part]
                visit += sets.wait_s[self.masks] * own.waits[part]
                elsewhere = self._elsewhere(own)
                self.visit[at] = barriers.worth[own.group] * visit
                self.bound[at] = np.maximum(self.visit[at], elsewhere[part])
                self.empty[at] = float(elsewhere[0])

    def least(self) -> Floats:
        """[sets]: what each costs at least with its barriers, above their own least."""
        least = self.fixed.copy()
        for at, bound in self.bound.items():
            least += bound - self.barriers.least[self.sets.groups[at].group]
        return least

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Drop all sets but these, [sets]."""
        self.masks, self.fixed = self.masks[chosen], self.fixed[chosen]
        self.visit = {at: visit[chosen] for at, visit in self.visit.items()}
        self.bound = {at: bound[chosen] for at, bound in self.bound.items()}

    def position(self, mask: int) -> int:
        """Where a set is, -1 if it is none or was dropped."""
        at = int(np.searchsorted(self.masks, mask))
        return at if at < len(self.masks) and self.masks[at] == mask else -1

    def reduced(self, prices: Prices) -> Floats:
        """[sets]: own cost plus barriers at their prices less what the subtasks pay."""
        sets = self.sets
        pays = prices.cover[list(sets.members)] + prices.link @ self.load
        linear, first = [], 0
        for own in sets.groups:
            linear.append(-subset_sums(pays[first : first + len(own.members)]))
            first += len(own.members)
        reduced = self.fixed + sets.total(linear)[self.masks]
        for at, bound in self.bound.items():
            own = sets.groups[at]
            spread = float(prices.spread[own.group, sets.node])
            paid = subset_sums(prices.slice[list(own.members)]) + spread
            if paid.any():
                reduced += paid[sets.submask(at, self.masks)] * bound - spread * self.empty[at]
        return np.asarray(reduced)

    def _keeps_up(self, room: Floats) -> NDArray[np.bool_]:
        """[2^m]: whether a set alone overloads no link."""
        fine = np.ones(len(self.sets.barred), bool)
        for load, left in zip(self.load, room, strict=True):
            fine &= subset_sums(load) < left
        return fine

    def _fixed_cost(self, stay: float) -> Floats:
        """[2^m]: transfers, services and waits of what is no barrier, and waits of what stays."""
        sets, barriers = self.sets, self.barriers
        waiting, fixed = [], []
        for own in sets.groups:
            worth, single = barriers.worth[own.group], not barriers.is_barrier[own.group]
            apart = single or barriers.serial[own.group]
            fixed.append(worth * (apart * own.moved_s + single * own.service_s))
            waiting.append(worth * single * own.waits)
        cost = sets.total(fixed) + (sets.total(waiting) + stay) * sets.wait_s
        return np.asarray(cost - stay * sets.wait_s[0])

    def _elsewhere(self, own: GroupSets) -> Floats:
        """[2^size]: the most that a slice of the group outside the subset costs on other nodes."""
        others = np.delete(self.barriers.alone, self.sets.node, axis=1).min(axis=1, initial=inf)
        others[np.isinf(others)] = 0.0
        kin = np.flatnonzero(self.barriers.of == own.group)
        away = np.setdiff1d(kin, own.members)
        most = np.full(len(own.moved_s), others[away].max(initial=0.0))
        for bit, member in enumerate(own.members):
            outside = (np.arange(len(most)) >> bit & 1) == 0
            most[outside] = np.maximum(most[outside], others[member])
        return most


def _visit_s(own: GroupSets, serial: bool) -> Floats:
    """[2^size]: what counts of a visit in its stage's latency, without the wait."""
    return own.service_s + 0.0 if serial else own.service_s + own.moved_s
