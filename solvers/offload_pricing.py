"""Reduced costs of all sets of subtasks of a node at once, for `offload_master`.

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

from splitfog.formulations.assignment import Assignments
from splitfog.formulations.offload_sets import GroupSets, NodeSets, subset_sums

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


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


@dataclass(frozen=True)
class Barriers:
    """The groups: `of` [K], and [groups] which are barriers, which of these pay transfers apart
    (`serial`), their `weight` in the objective, and seconds that each takes at least.

    `alone_s` [K, N] is what a subtask alone on a node counts in y, its own wait included.
    """

    of: Integers
    is_barrier: NDArray[np.bool_]
    serial: NDArray[np.bool_]
    weight: Floats
    least_s: Floats
    alone_s: Floats


def barriers_of(assignments: Assignments, sets: Sequence[NodeSets], weight: Floats) -> Barriers:
    """The barriers among all groups; `weight` is [groups]."""
    group, serial = assignments.subtasks.group, assignments.group_is_serial
    alone = np.full(assignments.subtasks.service_s.shape, inf)
    for own in sets:
        for part in own.groups:
            for bit, member in enumerate(part.members):
                mask = 1 << own.members.index(member)
                seconds = _visit_s(part, bool(serial[part.group]))[1 << bit]
                alone[member, own.node] = seconds + own.wait_s[mask] * part.waits[1 << bit]
    shortest = alone.min(axis=1, initial=inf)
    least = np.zeros(assignments.num_groups)
    np.maximum.at(least, group, np.where(np.isfinite(shortest), shortest, 0.0))
    sizes = np.bincount(group, minlength=assignments.num_groups)
    return Barriers(group, sizes > 1, serial, weight, least, alone)


class NodeColumns:
    """A node's sets that may still matter.

    Attributes
    ----------
    masks : int [sets]
    fixed : [sets]
        What a set costs beside the barriers, above the empty set, in the unit of the weights.
    bound_s : {position of a group in `sets.groups`: [sets]}
        How each set bounds the latency of each barrier with slices that may be here.
    empty_s : {the same: float}
        How a set without any of its slices does.
    """

    def __init__(self, sets: NodeSets, barriers: Barriers, load: Floats, stay: float) -> None:
        self.sets, self.barriers, self.load = sets, barriers, load
        self.masks = np.flatnonzero(sets.barred == 0)
        self.fixed = self._fixed_cost(stay)[self.masks]
        self.bound_s: dict[int, Floats] = {}
        self.empty_s: dict[int, float] = {}
        for at, own in enumerate(sets.groups):
            if barriers.is_barrier[own.group]:
                part = sets.submask(at, self.masks)
                visit = _visit_s(own, bool(barriers.serial[own.group]))[part]
                visit += sets.wait_s[self.masks] * own.waits[part]
                elsewhere = self._elsewhere(own)
                self.bound_s[at] = np.maximum(visit, elsewhere[part])
                self.empty_s[at] = float(elsewhere[0])

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Drop all sets but these, [sets]."""
        self.masks, self.fixed = self.masks[chosen], self.fixed[chosen]
        self.bound_s = {at: bound[chosen] for at, bound in self.bound_s.items()}

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
        for at, bound in self.bound_s.items():
            own = sets.groups[at]
            spread = float(prices.spread[own.group, sets.node])
            paid = subset_sums(prices.slice[list(own.members)]) + spread
            if paid.any():
                reduced += paid[sets.submask(at, self.masks)] * bound - spread * self.empty_s[at]
        return np.asarray(reduced)

    def _fixed_cost(self, stay: float) -> Floats:
        """[2^m]: transfers, services and waits of what is no barrier, and waits of what stays."""
        sets, barriers = self.sets, self.barriers
        waiting, fixed = [], []
        for own in sets.groups:
            weight, single = barriers.weight[own.group], not barriers.is_barrier[own.group]
            apart = single or barriers.serial[own.group]
            fixed.append(weight * (apart * own.moved_s + single * own.service_s))
            waiting.append(weight * single * own.waits)
        cost = sets.total(fixed) + (sets.total(waiting) + stay) * sets.wait_s
        return np.asarray(cost - stay * sets.wait_s[0])

    def _elsewhere(self, own: GroupSets) -> Floats:
        """[2^size]: the most that a slice of the group outside the subset takes on other nodes."""
        others = np.delete(self.barriers.alone_s, self.sets.node, axis=1).min(axis=1, initial=inf)
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
