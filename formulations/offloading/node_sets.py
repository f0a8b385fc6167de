"""What every set of subtasks costs a node: waits and services of all sets at once, by bit masks.

Bit i of a mask says whether `members[i]` is on the node. A table over masks is an outer sum of
small tables, one per group, so that it takes two operations an entry, whatever it sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.waits import wait_seconds

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupSets:
    """The members of one visit to a node, as tables [2^size] over their subsets.

    `group` is that of the members; of several groups, which are no barriers, the first one.
    `moved_s` both ways and `service_s` of the one visit they make there; `waits` is 1 where it
    waits on its own account: it has service and does not join what stays at the source.
    """

    group: int
    members: tuple[int, ...]
    moved_s: Table
    service_s: Table
    waits: Table


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeSets:
    """All sets of subtasks that a node may be given.

    `wait_s` [2^m] is the node's wait, 0 where `barred` [2^m] is inf: the set overloads the node or
    breaks its quota or memory. `stay_weight` is the weight of what stays there and waits anyway.
    """

    node: int
    members: tuple[int, ...]
    groups: tuple[GroupSets, ...]
    wait_s: Table
    barred: Table
    stay_weight: float

    def total(self, tables: Sequence[Table]) -> Table:
        """[2^m]: the sum over groups of their tables [2^size]."""
        return _outer_sum(tables)

    def mask(self, subtasks: Sequence[int]) -> int:
        """The mask of a set of the node's members."""
        place = {subtask: bit for bit, subtask in enumerate(self.members)}
        return sum(1 << place[subtask] for subtask in subtasks)

    def subtasks(self, mask: int) -> list[int]:
        """The members in a mask."""
        return [subtask for bit, subtask in enumerate(self.members) if mask >> bit & 1]

    def submask(self, position: int, mask: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """The part of masks that belongs to the group at a position, as index of its tables."""
        first = sum(len(own.members) for own in self.groups[:position])
        size = len(self.groups[position].members)
        return np.asarray(np.asarray(mask, np.int64) >> first & ((1 << size) - 1))


def table_sizes(assignments: Assignments) -> int:
    """How many sets all nodes have together: the length of all tables."""
    may = _may_host(assignments)
    return int((2.0 ** may.sum(axis=0)).sum())


def node_sets(assignments: Assignments) -> tuple[NodeSets, ...]:
    """The sets of every node; O(2^m) time and memory per node and table."""
    may = _may_host(assignments)
    return tuple(_of_node(assignments, n, may[:, n]) for n in range(assignments.num_nodes))


def _may_host(assignments: Assignments) -> NDArray[np.bool_]:
    """[K, N]: allowed, reached, within quota and not overloading the node alone."""
    subtasks = assignments.subtasks
    alone = subtasks.alone_s()
    stays = np.zeros(assignments.num_nodes)
    local = assignments.rate * subtasks.local_s
    np.add.at(stays, assignments.task_source[local > 0], local[local > 0])
    with np.errstate(invalid="ignore"):
        load = np.nan_to_num(subtasks.rate[:, None] * subtasks.service_s, posinf=inf) + stays
    shut = (assignments.quota == 0) & (subtasks.service_s > 0)
    shut &= subtasks.source[:, None] != np.arange(assignments.num_nodes)
    return np.asarray(np.isfinite(alone) & (load < 1) & ~shut)


def _of_node(assignments: Assignments, node: int, may: NDArray[np.bool_]) -> NodeSets:
    subtasks = assignments.subtasks
    visits: dict[int, list[int]] = {}
    for k in np.flatnonzero(may).tolist():
        visits.setdefault(int(assignments.visit[k, node]), []).append(k)
    members = tuple(k for own in visits.values() for k in own)
    groups, rho, second, guests = [], [], [], []
    for visit, own in visits.items():
        group, task = int(subtasks.group[own[0]]), int(subtasks.task[own[0]])
        at_home = int(assignments.task_source[task]) == node
        unsliced = visit >= assignments.num_groups
        local = float(subtasks.local_s[task]) if at_home and unsliced else 0.0
        delays = subtasks.shared_s[own, node]
        moved = subset_sums((subtasks.transfer_in_s + subtasks.transfer_out_s)[own, node] - delays)
        moved[1:] += delays.max()
        service = subset_sums(subtasks.service_s[own, node])
        waits = (service > 0) & (local == 0)
        groups.append(GroupSets(group, tuple(own), moved, service, waits.astype(float)))
        rate = float(assignments.rate[task])
        rho.append(rate * service)
        second.append(rate * service * (service + 2 * local))
        guests.append(((service > 0) & (not at_home)).astype(float))
    stays = (assignments.task_source == node) & (subtasks.local_s > 0)
    rates, local_s = assignments.rate[stays], subtasks.local_s[stays]
    load = float(rates @ local_s) + _outer_sum(rho)
    moment = float(rates @ local_s**2) + _outer_sum(second)
    ok = (load < 1) & (_outer_sum(guests) <= assignments.quota[node])
    ok &= _memory_holds(assignments, node, members)
    wait_s = np.where(ok, wait_seconds(moment, load), 0.0)
    return NodeSets(
        node=node,
        members=members,
        groups=tuple(groups),
        wait_s=wait_s,
        barred=np.where(ok, 0.0, inf),
        stay_weight=float(assignments.weight[stays].sum()),
    )


def subset_sums(values: Table) -> Table:
    """[2^size]: the sum of every subset of the values."""
    sums = np.zeros(1)
    for value in values.tolist():
        sums = np.concatenate([sums, sums + value])
    return sums


def _outer_sum(tables: Sequence[Table]) -> Table:
    total = np.zeros(1)
    for table in tables:
        total = (table[:, None] + total).ravel()
    return total


def _memory_holds(
    assignments: Assignments, node: int, members: Sequence[int]
) -> NDArray[np.bool_] | bool:
    """[2^m]: weights fit; layers that the same members bring are looked at together."""
    if not assignments.has_memory or assignments.memory.limit[node] == inf:
        return True
    memory = assignments.memory
    brought: dict[int, int] = {}
    for bit, member in enumerate(members):
        for layer in memory.sets[memory.own[member]]:
            if not memory.base[node, layer]:
                brought[layer] = brought.get(layer, 0) | 1 << bit
    weights: dict[int, float] = {}
    for layer, who in brought.items():
        weights[who] = weights.get(who, 0.0) + float(memory.weights[layer])
    masks = np.arange(1 << len(members))
    held = np.full(len(masks), float(memory.weights[memory.base[node]].sum()))
    for who, weight in weights.items():
        held += np.where(masks & who, weight, 0.0)
    return np.asarray(held <= memory.limit[node])
