"""`mean-latency` of given subtasks as one compact 0-1 program, the check of the columns.

x_kn puts subtask k on node n. With W_n the wait, `2 W_n (1 - rho_n) = sum lambda S^2` over
visits is linear once z_kn stands for W_n x_kn, and S^2 of a merged visit in products of its
members: `2 W_n - 2 rho0_n W_n - 2 sum lambda s_kn z_kn = q0_n + sum lambda s_kn (s_kn + 2 local)
x_kn + sum 2 lambda s_kn s_jn u_kjn`, u >= x_k + x_j - 1. Minimising pushes z down to
`z_kn >= W_n - M_n (1 - x_kn)`, for a valid bound M_n on W_n.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Floats, Integers


@dataclass
class OffloadProgram:
    """The program of `program`; times in it are in `unit_s`."""

    assignments: Assignments
    unit_s: float
    program: LinearProgram = field(default_factory=LinearProgram)
    place: dict[tuple[int, int], int] = field(default_factory=dict)

    def decode(self, values: Floats) -> Integers:
        """[K]: the nodes of a solution."""
        nodes = np.full(len(self.assignments.subtasks.keys), -1)
        for (subtask, node), column in self.place.items():
            if values[column] > 0.5:
                nodes[subtask] = node
        return nodes

    def encode(self, assignment: Integers) -> dict[int, float]:
        """The binary columns at an assignment."""
        return {c: float(assignment[k] == n) for (k, n), c in self.place.items()}


def offload_program(
    assignments: Assignments, value: float, deadline: Deadline = NEVER
) -> OffloadProgram:
    """The program whose solutions are the assignments of value at most `value` seconds (finite).

    O(K N) columns and as many for pairs of slices of one stage. Its objective is the mean latency
    in `unit_s`.
    """
    return _Builder(assignments, value, deadline).built()


class _Builder:
    def __init__(self, assignments: Assignments, value: float, deadline: Deadline) -> None:
        self.own, self.subtasks = assignments, assignments.subtasks
        self.value = value
        self.moved = self.subtasks.transfer_in_s + self.subtasks.transfer_out_s
        self.alone = self.subtasks.alone_s()
        weight = assignments.weight[assignments.group_task]
        self.least = np.zeros(assignments.num_groups)
        shortest = self.alone.min(axis=1, initial=inf)
        np.maximum.at(self.least, self.subtasks.group, np.where(shortest < inf, shortest, 0.0))
        base = float(assignments.weight @ self.subtasks.base_s)
        self.floor = base + float(weight @ self.least)
        program = LinearProgram(deadline=deadline)
        self.out = OffloadProgram(assignments, value if value > 0 else 1.0, program)
        self.program, self.place = self.out.program, self.out.place
        self.weight = weight
        self.program.constant = base / self.out.unit_s
        self.visit_wait: dict[tuple[int, int], int] = {}

    def built(self) -> OffloadProgram:
        """All columns and rows."""
        for subtask, node in np.argwhere(self._may()).tolist():
            self.place[subtask, node] = self.program.add_column(is_binary=True)
        for subtask in range(len(self.subtasks.keys)):
            own = [(c, 1.0) for (k, _), c in self.place.items() if k == subtask]
            self.program.add_row(own, 1.0, 1.0)
        self.wait: dict[tuple[int, int], int] = {}
        for node in range(self.own.num_nodes):
            self._add_node(node)
        for group in range(self.own.num_groups):
            self._add_group(group)
        self._add_links()
        self._add_memory()
        return self.out

    def _may(self) -> NDArray[np.bool_]:
        """[K, N]: where a subtask may be in an assignment of the value at most."""
        weight = self.weight[self.subtasks.group][:, None]
        excess = self.alone - self.least[self.subtasks.group][:, None]
        with np.errstate(invalid="ignore"):
            dear = weight * excess > (self.value - self.floor) + BOUND_SLACK * self.out.unit_s
        return np.isfinite(self.alone) & ~(dear & (weight > 0))

    def _joins(self, subtask: int, node: int) -> float:
        """Seconds that stay at the node and that the subtask's visit joins."""
        at_home = int(self.subtasks.source[subtask]) == node
        unsliced = self.own.visit[subtask, node] >= self.own.num_groups
        task = int(self.subtasks.task[subtask])
        return float(self.subtasks.local_s[task]) if at_home and unsliced else 0.0

    def _add_node(self, node: int) -> None:
        """The node's wait, z of its subtasks, its load and quota."""
        members = [k for k, n in self.place if n == node]
        rate, service = self.subtasks.rate, self.subtasks.service_s[:, node]
        stays = (self.own.task_source == node) & (self.subtasks.local_s > 0)
        rho0 = float(self.own.rate[stays] @ self.subtasks.local_s[stays])
        moment0 = float(self.own.rate[stays] @ self.subtasks.local_s[stays] ** 2)
        self._add_quota(node, members)
        rated = [k for k in members if rate[k] * service[k] > 0]
        loads = [(self.place[k, node], float(rate[k] * service[k])) for k in rated]
        self.program.add_row(loads, upper=1 - rho0)
        if not rated and moment0 == 0:
            return
        unit, most = self.out.unit_s, self._longest_wait(node, members)
        stay_weight = float(self.own.weight[stays].sum())
        wait = self.program.add_column(stay_weight, upper=most / unit)
        terms = [(wait, 2 * (1 - rho0))]
        waiting = [k for k in members if service[k] > 0]
        for k in waiting:
            column = self.wait[k, node] = self.program.add_column(upper=most / unit)
            place = self.place[k, node]
            row = [(column, 1.0), (wait, -1.0), (place, -most / unit)]
            self.program.add_row(row, lower=-most / unit)
            load = float(rate[k] * service[k])
            moment = load * (float(service[k]) + 2 * self._joins(k, node)) / unit
            terms += [(column, -2 * load), (place, -moment)]
        for j, k in combinations(waiting, 2):
            if self.own.visit[j, node] == self.own.visit[k, node]:
                both = self.program.add_column()
                pair = [(self.place[j, node], -1.0), (self.place[k, node], -1.0), (both, 1.0)]
                self.program.add_row(pair, lower=-1.0)
                terms.append((both, -2 * float(rate[k] * service[j] * service[k]) / unit))
        self.program.add_row(terms, moment0 / unit, moment0 / unit)

    def _longest_wait(self, node: int, members: list[int]) -> float:
        """Seconds that the node's wait never exceeds in an assignment of the value at most.

        Some visit of positive weight waits there, or none: then its wait is of no account. Nor is
        it longer than with all members there at once, if the node can take them.
        """
        rate, service = self.subtasks.rate, self.subtasks.service_s[:, node]
        room, most = self.value - self.floor, 0.0
        for k in members:
            weight = float(self.weight[self.subtasks.group[k]])
            if rate[k] * service[k] > 0:
                most = max(most, room / weight + self.least[self.subtasks.group[k]])
        stays = (self.own.task_source == node) & (self.subtasks.local_s > 0)
        weights = self.own.weight[stays]
        if (weights > 0).any():
            most = max(most, room / float(weights[weights > 0].min()))
        most = min(most, self._wait_of_all(node, members))
        return most * (1 + BOUND_SLACK) + BOUND_SLACK * self.out.unit_s

    def _wait_of_all(self, node: int, members: list[int]) -> float:
        """Seconds of the node's wait with all that may be there; inf if it cannot take them."""
        rate, service = self.subtasks.rate, self.subtasks.service_s[:, node]
        stays = (self.own.task_source == node) & (self.subtasks.local_s > 0)
        own, local = self.own.rate[stays], self.subtasks.local_s[stays]
        rho, moment = float(own @ local), float(own @ local**2)
        visits: dict[int, list[int]] = {}
        for k in members:
            visits.setdefault(int(self.own.visit[k, node]), []).append(k)
        for parts in visits.values():
            total, joins = float(service[parts].sum()), self._joins(parts[0], node)
            rho += float(rate[parts[0]]) * total
            moment += float(rate[parts[0]]) * total * (total + 2 * joins)
        return float(wait_seconds(moment, rho))

    def _add_quota(self, node: int, members: list[int]) -> None:
        if self.own.quota[node] == inf:
            return
        visits: dict[int, list[int]] = {}
        for k in members:
            if self.subtasks.source[k] != node and self.subtasks.service_s[k, node] > 0:
                visit = int(self.own.visit[k, node])
                visits.setdefault(visit, []).append(self.place[k, node])
        guests = []
        for columns in visits.values():
            guest = columns[0] if len(columns) == 1 else self.program.add_column()
            guests.append((guest, 1.0))
            for column in columns if len(columns) > 1 else []:
                self.program.add_row([(guest, 1.0), (column, -1.0)], lower=0.0)
        self.program.add_row(guests, upper=float(self.own.quota[node]))

    def _add_group(self, group: int) -> None:
        """A group's part of the objective: a sum for one subtask, else above all its visits."""
        members = np.flatnonzero(self.subtasks.group == group).tolist()
        unit, weight = self.out.unit_s, float(self.weight[group])
        pairs = [(k, n) for (k, n) in self.place if k in members]
        if len(members) == 1:
            for k, n in pairs:
                self.program.cost[self.place[k, n]] += weight * float(self.alone[k, n]) / unit
                if (k, n) in self.wait and not self._joins(k, n):
                    self._add_wait(k, n, weight)
            return
        if not weight:
            return
        serial = bool(self.own.group_is_serial[group])
        cost = self.program.add_column(1.0, upper=inf)
        if serial:
            for k, n in pairs:
                self.program.cost[self.place[k, n]] += weight * float(self.moved[k, n]) / unit
        counted = self.subtasks.service_s if serial else self.alone
        for node in {n for _, n in pairs}:
            here = [k for k, n in pairs if n == node]
            shared = float(self.subtasks.shared_s[here[0], node])  # once, of whoever is there
            seconds = {k: float(counted[k, node]) - shared for k in here}
            visit = [(self.place[k, node], -weight * seconds[k] / unit) for k in here]
            self.program.add_row([(cost, 1.0), *visit], lower=0.0)
            for at, k in enumerate(here):
                if shared or (k, node) in self.wait or self.own.stage_ways.added_s:
                    row = [(cost, 1.0), *visit]
                    row[1 + at] = (self.place[k, node], -weight * (seconds[k] + shared) / unit)
                    if (k, node) in self.wait:
                        row.append((self.wait[k, node], -weight))
                    self.program.add_row(row, lower=0.0)
                    self._add_long_way(k, node, row, pairs, weight / unit)

    def _add_long_way(
        self,
        subtask: int,
        node: int,
        row: list[tuple[int, float]],
        pairs: list[tuple[int, int]],
        worth: float,
    ) -> None:
        """A visit's row once more, with what mates on other nodes add where their ways share
        links; less the most of it where the subtask is not there."""
        terms, most = list(row), dict[int, float]()
        for k, other in pairs:
            added = self.own.stage_ways.added_s.get(k)
            if k != subtask and added is not None and added[node, other]:
                seconds = worth * float(added[node, other])
                terms.append((self.place[k, other], -seconds))
                most[k] = max(most.get(k, 0.0), seconds)
        if most:
            total = sum(most.values())
            here = self.place[subtask, node]
            terms = [(c, v - total if c == here else v) for c, v in terms]
            self.program.add_row(terms, lower=-total)

    def _add_wait(self, subtask: int, node: int, weight: float) -> None:
        """The wait of the one visit that a subtask makes, with others of its task maybe."""
        wait, visit = self.wait[subtask, node], int(self.own.visit[subtask, node])
        if (self.own.visit[:, node] == visit).sum() == 1:
            self.program.cost[wait] += weight
            return
        if (visit, node) not in self.visit_wait:
            self.visit_wait[visit, node] = self.program.add_column(weight, upper=inf)
        once = self.visit_wait[visit, node]
        self.program.add_row([(once, 1.0), (wait, -1.0)], lower=0.0)

    def _add_links(self) -> None:
        """Loads of links below 1."""
        use = self.own.links
        rows: dict[int, list[tuple[int, float]]] = {}
        for leg in np.flatnonzero(use.rate[use.subtask] > 0).tolist():
            subtask, links = int(use.subtask[leg]), use.table[use.row[leg]]
            seconds = use.busy_s(links, use.size[leg])
            for node, hop in np.argwhere(links >= 0).tolist():
                if (subtask, node) in self.place:
                    load = float(use.rate[subtask] * seconds[node, hop])
                    term = (self.place[subtask, node], load)
                    rows.setdefault(int(links[node, hop]), []).append(term)
        for link, terms in rows.items():
            self.program.add_row(terms, upper=1 - float(use.base_load[link]))

    def _add_memory(self) -> None:
        """Weights fit: a layer is held as soon as one subtask there brings it."""
        if not self.own.has_memory:
            return
        memory = self.own.memory
        for node in np.flatnonzero(memory.limit < inf).tolist():
            scale = max(float(memory.limit[node]), 1e-300)
            held: dict[int, int] = {}
            for k in (k for k, n in self.place if n == node):
                for layer in memory.sets[memory.own[k]]:
                    if memory.weights[layer] and not memory.base[node, layer]:
                        if layer not in held:
                            held[layer] = self.program.add_column()
                        row = [(held[layer], 1.0), (self.place[k, node], -1.0)]
                        self.program.add_row(row, lower=0.0)
            weights = [(c, float(memory.weights[layer]) / scale) for layer, c in held.items()]
            stays = float(memory.weights[memory.base[node]].sum())
            self.program.add_row(weights, upper=(float(memory.limit[node]) - stays) / scale)
