"""What an assignment of subtasks to nodes costs among queues (docs/costs.md), in numpy.

Equal to the reference `decision_cost(instance, subtasks.decision(assignment), objective)` for
`mean-latency`, but in O(K log K + N + links) instead of a walk over every layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from splitfog.formulations.arrays.nodes import limits_memory, quotas
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.ledger import unsliced
from splitfog.formulations.offloading.links import LinkUse, link_use
from splitfog.formulations.offloading.stage_ways import StageWays
from splitfog.formulations.offloading.subtasks import Subtasks, run_layers
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Integers, Seconds


@dataclass(frozen=True, eq=False, kw_only=True)
class Visits:
    """V visits: subtasks of one group on one node together, and what stays at a source.

    All fields are [V]. `group` is -1 for visits of unsliced layers, runs and what stays;
    `transfer_s` counts both ways of every subtask, `way_s` how long the visit's are, where slices
    share links (`stage_ways`); `service_s` is what the node works, `local_s` the part of it that
    stays (already in the task's base); `foreign` says that the node is not the task's source.
    """

    task: Integers
    group: Integers
    node: Integers
    transfer_s: Seconds
    way_s: Seconds
    service_s: Seconds
    local_s: Seconds
    foreign: Flags


@dataclass(frozen=True, eq=False, kw_only=True)
class AssignmentCost:
    """An assignment's cost and what it is made of.

    `value` is the objective in seconds, inf where a node or link is overloaded or a subtask may
    not be where it is; then latencies and waits are those of the nodes that keep up.

    Attributes
    ----------
    task_latency_s : [tasks]
    rho, second_moment, wait_s : [N]
        sum lambda s, sum lambda s^2 and the wait of every node (inf where rho >= 1).
    link_load : [links]
        Rate times seconds on every directed link.
    guests : [N]
        Foreign visits with s > 0, what quotas count.
    potential : float
        Sum over visits of lambda (transfer + service + wait), of own hops alone, with what stays;
        lambda is 1 for all if no task has a rate. The potential of docs/matching.md, a sum of one
        term per node.
    """

    value: float
    task_latency_s: Seconds
    rho: Seconds
    second_moment: Seconds
    wait_s: Seconds
    link_load: Seconds
    guests: Integers
    potential: float
    visits: Visits


class Assignments:
    """Costs and feasibility of assignments of the same subtasks, int [K] of node positions.

    What stays is where the template has it, and is taken to be allowed there. `visit` [K, N] says
    which visit of a node a subtask makes or joins: its group's, or from `num_groups` on that of
    its task's unsliced layers. `unsliced` [K, N]: where it does; None: runs do everywhere.
    """

    def __init__(self, subtasks: Subtasks, unsliced: Flags | None = None) -> None:
        self.subtasks = subtasks
        instance = subtasks.instance
        self.num_nodes, self.num_tasks = len(instance.nodes), len(instance.tasks)
        self.num_groups = int(subtasks.group.max(initial=-1)) + 1
        self.rate, self.weight = subtasks.task_rate, subtasks.task_weight
        first = np.searchsorted(subtasks.group, np.arange(self.num_groups))
        self.group_task = subtasks.task[first]
        self.group_is_run = subtasks.is_run[first]
        serial = np.array([node.radio == "serial" for node in instance.nodes], bool)
        homes = subtasks.home[first]
        self.group_is_serial = ~self.group_is_run & serial[homes]
        if unsliced is None:
            unsliced = np.repeat(subtasks.is_run[:, None], self.num_nodes, axis=1)
        own, joined = subtasks.group[:, None], self.num_groups + subtasks.task[:, None]
        self.visit = np.where(unsliced, joined, own)
        index = instance.node_index
        self.task_source = np.array(
            [-1 if task.source is None else index[task.source] for task in instance.tasks], np.int64
        )
        self.quota = quotas(instance)
        self.has_memory = limits_memory(instance)

    @cached_property
    def links(self) -> LinkUse:
        """Which links every subtask loads."""
        return link_use(self.subtasks)

    @cached_property
    def stage_ways(self) -> StageWays:
        """How slices of one stage lengthen each other's ways."""
        return StageWays(self.subtasks, self.links)

    @cached_property
    def memory(self) -> Memory:
        """Which weights every subtask brings."""
        return Memory(self.subtasks)

    def cost(self, assignment: ArrayLike) -> AssignmentCost:
        """The cost of an assignment, int [K]. O(K log K + N + links)."""
        places = np.asarray(assignment, np.int64)
        visits, allowed = self.visits(places)
        rate = self.rate[visits.task]
        rho = self._by_node(visits, rate * visits.service_s)
        second = self._by_node(visits, rate * visits.service_s**2)
        wait_s = wait_seconds(second, rho)
        waited = np.where(visits.service_s > 0, wait_s[visits.node], 0.0)
        latency = self._latency(visits, waited)
        load = self.links.load(places)
        possible = allowed and rho.max(initial=0) < 1 and load.max(initial=0) < 1
        possible = possible and bool(np.isfinite(latency).all())
        counted = visits.foreign & (visits.service_s > 0)
        return AssignmentCost(
            value=float(self.weight @ latency) if possible else inf,
            task_latency_s=latency,
            rho=rho,
            second_moment=second,
            wait_s=wait_s,
            link_load=load,
            guests=np.bincount(visits.node[counted], minlength=self.num_nodes),
            potential=self._potential(visits, waited) if possible else inf,
            visits=visits,
        )

    def obeys(self, assignment: ArrayLike, cost: AssignmentCost | None = None) -> bool:
        """Whether the value is finite and quotas and memory are respected."""
        cost = self.cost(assignment) if cost is None else cost
        if cost.value == inf or (cost.guests > self.quota).any():
            return False
        return not self.has_memory or self.memory.fits(np.asarray(assignment, np.int64))

    def visits(self, places: Integers) -> tuple[Visits, bool]:
        """The visits of an assignment, by group and node, those of unsliced layers last; and
        whether all may be where they are (forbidden ones count as 0 here)."""
        subtasks, rows = self.subtasks, np.arange(len(places))
        into, service, out = (
            seconds[rows, places]
            for seconds in (subtasks.transfer_in_s, subtasks.service_s, subtasks.transfer_out_s)
        )
        moved = into + out
        allowed = bool(np.isfinite(moved + service).all() and np.isfinite(subtasks.base_s).all())
        if not allowed:
            moved, service = (np.where(np.isfinite(s), s, 0.0) for s in (moved, service))
        joined = self.visit[rows, places] * self.num_nodes + places
        keys, visit = np.unique(joined, return_inverse=True)
        group, node = np.divmod(keys, self.num_nodes)
        unsliced = group >= self.num_groups
        task = np.concatenate([self.group_task, np.arange(self.num_tasks)])[group]
        joins = unsliced & (node == self.task_source[task])
        local = np.where(joins, subtasks.local_s[task], 0.0)
        alone = subtasks.local_s > 0
        alone[task[joins]] = False
        stays = np.flatnonzero(alone)
        served = np.bincount(visit, service, len(keys)) + local
        none, stay_s = np.zeros(len(stays)), subtasks.local_s[stays]
        moved_s = np.bincount(visit, moved, len(keys))
        way_s, slices = moved_s.copy(), self.stage_ways.slices
        if len(slices):
            way_s[visit[slices]] = self.stage_ways.ways_s(places)
        visits = Visits(
            task=np.concatenate([task, stays]),
            group=np.concatenate([np.where(unsliced, -1, group), np.full(len(stays), -1)]),
            node=np.concatenate([node, self.task_source[stays]]),
            transfer_s=np.concatenate([moved_s, none]),
            way_s=np.concatenate([way_s, none]),
            service_s=np.concatenate([served, stay_s]),
            local_s=np.concatenate([local, stay_s]),
            foreign=np.concatenate([node != self.task_source[task], none > 0]),
        )
        return visits, allowed

    def _by_node(self, visits: Visits, terms: Seconds) -> Seconds:
        sums = np.zeros(self.num_nodes)
        np.add.at(sums, visits.node, terms)
        return sums

    def _latency(self, visits: Visits, waited: Seconds) -> Seconds:
        """[tasks]: base, the barrier of every group, and the visits of unsliced layers."""
        own = waited + visits.service_s - visits.local_s
        of_group = visits.group >= 0
        group, own_s = visits.group[of_group], own[of_group]
        moved = visits.way_s[of_group]
        serial = self.group_is_serial[group]
        term = np.zeros(self.num_groups)
        np.maximum.at(term, group, np.where(serial, own_s, own_s + moved))
        term += np.bincount(group[serial], moved[serial], self.num_groups)
        latency = self.subtasks.base_s + np.bincount(self.group_task, term, self.num_tasks)
        rest = ~of_group
        spent = (own + visits.transfer_s)[rest]
        return np.asarray(latency + np.bincount(visits.task[rest], spent, self.num_tasks))

    def _potential(self, visits: Visits, waited: Seconds) -> float:
        factor = self.rate if self.rate.any() else np.ones(self.num_tasks)
        spent = visits.transfer_s + visits.service_s - visits.local_s + waited
        return float(factor @ self.subtasks.base_s + factor[visits.task] @ spent)


class Memory:
    """Weights per node: those of a model count once a node, whichever tasks and layers use them.

    Layers of all models are numbered; `weights` [layers]. Of layers that share weights the first
    stands for all. `sets` are distinct tuples of such layers and `own` [K] the one of every
    subtask; `base` [N, layers] is what stays, `limit` [N] the most.
    """

    def __init__(self, subtasks: Subtasks) -> None:
        instance = subtasks.instance
        counts = [len(model.layers) for model in instance.models]
        first = np.concatenate([[0], np.cumsum(counts)])[:-1]
        weights = [layer.weight_bytes for model in instance.models for layer in model.layers]
        self.weights = np.array(weights, np.float64)
        self.base = np.zeros((len(instance.nodes), len(weights)), bool)
        owners = [
            first[instance.model_index[task.model]] + instance.model_of(task).weight_owner
            for task in instance.tasks
        ]
        sets: dict[tuple[int, ...], int] = {}
        own = []
        for task, stage, _ in subtasks.keys:
            answer = subtasks.template.tasks[task]
            layers = (
                run_layers(instance, task, answer) if stage is None else answer.stages[stage].layers
            )
            held = tuple(dict.fromkeys(owners[task][list(layers)].tolist()))
            own.append(sets.setdefault(held, len(sets)))
        self.sets, self.own = list(sets), np.array(own, np.int64)
        for task, answer in enumerate(subtasks.template.tasks):
            inside = set(run_layers(instance, task, answer))
            for layer in set(unsliced(answer)) - inside:
                self.base[int(answer.placement[layer]), owners[task][layer]] = True
        self.limit = memory_room(instance)

    def fits(self, places: Integers) -> bool:
        """Whether every node's weights are within its `memory_bytes`."""
        held = self.base.copy()
        for chosen, node in {*zip(self.own.tolist(), places.tolist(), strict=True)}:
            held[node, list(self.sets[chosen])] = True
        return bool((held @ self.weights <= self.limit).all())
