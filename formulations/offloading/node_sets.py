"""Who may visit a node together: the parts of every visit, and what sets of them cost in waits.

A visit of a node is made by subtasks of one group there, or by all that a task has unsliced there:
its services add up, it waits once. An `offer` is a non-empty part of those who may make it; a set
of subtasks on the node is a choice of at most one offer per visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Floats, Integers


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeSets:
    """J offers of a node, in order of their visits; a set takes some, `taken` bool [sets, J].

    Attributes
    ----------
    visit, group : int [J]
        Which visit an offer is part of, and the group of its subtasks; of several groups, which
        are no barriers, the first one.
    holds : bool [J, K]
        Its subtasks.
    moved_s, service_s : [J]
        Transfers both ways and service of the one visit.
    waits : bool [J]
        It waits on its own account: it has service and does not join what stays at the source.
    rho, second : [J]
        What it adds to the node's load and second moment, beside `base_rho`, `base_second`.
    guest : bool [J]
        It counts for the `quota`.
    stay_weight : float
        Weight of what stays there and waits anyway.
    """

    node: int
    visit: Integers
    group: Integers
    holds: Flags
    moved_s: Floats
    service_s: Floats
    waits: Flags
    rho: Floats
    second: Floats
    guest: Flags
    base_rho: float
    base_second: float
    stay_weight: float
    quota: float
    memory: NodeMemory | None

    @property
    def members(self) -> Integers:
        """The subtasks that may be here."""
        return np.flatnonzero(self.holds.any(axis=0))

    @property
    def least_wait_s(self) -> float:
        """The wait of what stays, alone."""
        return float(wait_seconds(self.base_second, self.base_rho))

    def wait_s(self, taken: Flags) -> Floats:
        """[sets]: the node's wait; inf where a set overloads it."""
        rho = self.base_rho + taken @ self.rho
        return wait_seconds(self.base_second + taken @ self.second, rho)

    def allows(self, taken: Flags) -> Flags:
        """[sets]: whether quota and memory hold the set."""
        fine = taken @ self.guest.astype(float) <= self.quota
        if self.memory is not None:
            fine &= self.memory.holds(taken @ self.holds.astype(float) > 0)
        return np.asarray(fine)

    def take(self, subtasks: Integers) -> Flags:
        """[J]: the set of exactly these subtasks, all of which may be here."""
        chosen = np.zeros(self.holds.shape[1], bool)
        chosen[subtasks] = True
        parts = np.zeros(int(self.visit.max(initial=-1)) + 1)
        np.maximum.at(parts, self.visit, (self.holds & chosen).sum(axis=1))
        whole = ~(self.holds & ~chosen).any(axis=1)
        return np.asarray(whole & (self.holds.sum(axis=1) == parts[self.visit]))


@dataclass(frozen=True, eq=False)
class NodeMemory:
    """Weights in bundles [B] that the same subtasks bring, `brings` bool [K, B]; what stays, and
    the limit of all."""

    brings: Flags
    weight_bytes: Floats
    stay_bytes: float
    limit_bytes: float

    def holds(self, held: Flags) -> Flags:
        """[sets]: whether the weights of sets of subtasks, [sets, K], fit."""
        brought = held.astype(float) @ self.brings > 0
        return np.asarray(self.stay_bytes + brought @ self.weight_bytes <= self.limit_bytes)


def offer_count(assignments: Assignments) -> float:
    """How many offers all nodes have together."""
    may, count = _may_host(assignments), 0.0
    for node in range(assignments.num_nodes):
        sizes = np.bincount(assignments.visit[may[:, node], node])
        count += float((2.0**sizes - 1).sum())
    return count


def node_sets(assignments: Assignments, within: Flags | None = None) -> tuple[NodeSets, ...]:
    """The offers of every node; O(2^m K) for m subtasks of a visit.

    `within` [K, N]: where subtasks may be, of where they are allowed; None: anywhere.
    """
    may = _may_host(assignments)
    if within is not None:
        may &= within
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
    holds = [np.zeros((0, len(may)), bool)]
    columns: list[tuple[Floats, ...]] = []
    for number, (visit, own) in enumerate(visits.items()):
        bits = np.arange(1, 1 << len(own))[:, None] >> np.arange(len(own)) & 1
        part = np.zeros((len(bits), len(may)), bool)
        part[:, own] = bits > 0
        holds.append(part)
        task = int(subtasks.task[own[0]])
        at_home = int(assignments.task_source[task]) == node
        unsliced = visit >= assignments.num_groups
        local = float(subtasks.local_s[task]) if at_home and unsliced else 0.0
        delays = subtasks.shared_s[own, node]
        moved = (subtasks.transfer_in_s + subtasks.transfer_out_s)[own, node] - delays
        service = bits @ subtasks.service_s[own, node]
        rate, ones = float(assignments.rate[task]), np.ones(len(bits))
        waits = (service > 0) & (local == 0)
        guest = (service > 0) & (not at_home)
        part_of = (number * ones, int(subtasks.group[own[0]]) * ones)
        load = (rate * service, rate * service * (service + 2 * local))
        moved = np.asarray(bits @ moved + delays.max())
        columns.append((*part_of, moved, service, waits.astype(float), *load, guest.astype(float)))
    names = ("visit", "group", "moved_s", "service_s", "waits", "rho", "second", "guest")
    joined = [np.concatenate([np.zeros(0), *(c[i] for c in columns)]) for i in range(len(names))]
    kinds = (np.int64, np.int64, float, float, bool, float, float, bool)
    arrays = {n: a.astype(kind) for n, a, kind in zip(names, joined, kinds, strict=True)}
    stays = (assignments.task_source == node) & (subtasks.local_s > 0)
    rates, local_s = assignments.rate[stays], subtasks.local_s[stays]
    return NodeSets(
        node=node,
        holds=np.concatenate(holds),
        **arrays,
        base_rho=float(rates @ local_s),
        base_second=float(rates @ local_s**2),
        stay_weight=float(assignments.weight[stays].sum()),
        quota=float(assignments.quota[node]),
        memory=_memory(assignments, node, may),
    )


def _memory(assignments: Assignments, node: int, may: NDArray[np.bool_]) -> NodeMemory | None:
    """The node's weights beside those that stay; layers that the same subtasks bring together."""
    if not assignments.has_memory or assignments.memory.limit[node] == inf:
        return None
    memory = assignments.memory
    brought: dict[int, list[int]] = {}
    for k in np.flatnonzero(may).tolist():
        for layer in memory.sets[memory.own[k]]:
            if not memory.base[node, layer]:
                brought.setdefault(layer, []).append(k)
    weights: dict[tuple[int, ...], float] = {}
    for layer, who in brought.items():
        weights[tuple(who)] = weights.get(tuple(who), 0.0) + float(memory.weights[layer])
    brings = np.zeros((len(may), len(weights)), bool)
    for bundle, owners in enumerate(weights):
        brings[list(owners), bundle] = True
    stays = float(memory.weights[memory.base[node]].sum())
    bundles = np.array(list(weights.values()), float)
    return NodeMemory(brings, bundles, stays, float(memory.limit[node]))
