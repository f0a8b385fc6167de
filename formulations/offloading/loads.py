"""How loaded nodes and links are by the tasks so far, kept as one task after another changes.

Equal to the reference `decision_cost` for `mean-latency`, but a change of one task costs its own
visits and one pass over all waits instead of a walk over every layer of every task.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isqrt

import numpy as np

from splitfog.formulations.arrays.nodes import quotas
from splitfog.formulations.arrays.task import mean_weights
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.footprint import LONGEST_S, SUMS, Footprint, footprint
from splitfog.formulations.offloading.waits import overload_seconds, wait_seconds
from splitfog.instances.arrays import Integers, Seconds, frozen
from splitfog.instances.instance import Instance

CANCELS = 1e6
"""A sum from which so many times what is left is taken is made anew: digits are gone."""


class Loads:
    """The loads of a decision, task by task; a task may be away while it looks for a plan.

    Attributes
    ----------
    rho, second : [N], sum lambda s and sum lambda s^2 of every node.
    waiting : [N], the weight of all visits with s > 0: what a second of wait costs.
    visits, guests : [N], how many visits with s > 0, and foreign ones, what quotas count.
    link_load : [links], rate times seconds.
    link_prices : ([links], [links]), latency and seconds per byte.
    held : int [N, layers of all models], how often a layer's weights are needed, those that
        layers share at the first of them; empty without memory limits.
    """

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        num_nodes, tasks = len(instance.nodes), instance.tasks
        index = instance.node_index
        self.rate = np.array([task.arrivals_per_s or 0.0 for task in tasks])
        self.overload_s = overload_seconds(self.rate)
        self.weight = mean_weights(instance)
        self.source = [-1 if task.source is None else index[task.source] for task in tasks]
        self._sums = np.zeros(len(SUMS) * num_nodes)
        views = self._sums.reshape(len(SUMS), -1)
        self.rho, self.second, self.waiting, self.visits, self.guests = views
        self._prices_s: Seconds | None = None
        self.link_load = np.zeros(len(instance.directed_links))
        links = instance.directed_links
        self.link_prices = (
            np.array([link.latency_s for link in links]),
            np.array([8 / link.bandwidth_bps for link in links]),
        )
        self.quota = quotas(instance)
        self.memory_limit = memory_room(instance)
        self.has_memory = bool(np.isfinite(self.memory_limit).any())
        counts = [len(model.layers) for model in instance.models]
        self.layer_offset = np.concatenate([[0], np.cumsum(counts)])
        layers = [layer for model in instance.models for layer in model.layers]
        self.weight_bytes = np.array([layer.weight_bytes for layer in layers])
        pairs = zip(self.layer_offset.tolist(), instance.models, strict=False)
        self.weight_owner = np.concatenate([first + model.weight_owner for first, model in pairs])
        self.held = np.zeros((num_nodes if self.has_memory else 0, len(layers)), np.int64)
        self.tasks: list[Footprint | None] = [None] * len(tasks)
        self._stood: tuple[Footprint | None, ...] = ()
        self._flat: _Flat | None = None

    @classmethod
    def of(cls, instance: Instance, objective: Objective, decision: Decision) -> Loads:
        """The loads of a whole decision."""
        loads = cls(instance, objective)
        for task, answer in enumerate(decision.tasks):
            loads.put(task, footprint(instance, objective, task, answer))
        loads.settle()
        return loads

    def again(self) -> Loads:
        """The same loads, all sums made anew, so that rounding does not add up."""
        loads = Loads(self.instance, self.objective)
        for task, own in enumerate(self.tasks):
            if own is not None:
                loads.put(task, own)
        loads.settle()
        return loads

    @property
    def decision(self) -> Decision:
        """The answers of all tasks, none of which may be away."""
        return _decision(self.tasks)

    @property
    def settled(self) -> Decision:
        """The last whole decision that somebody stood by (`settle`)."""
        return _decision(self._stood)

    def settle(self) -> None:
        """Make the decision as it is the one that stands if what follows is interrupted."""
        self._stood = tuple(self.tasks)

    def footprint(self, task: int, answer: TaskDecision) -> Footprint:
        """What an answer to a task would take."""
        return footprint(self.instance, self.objective, task, answer)

    def put(self, task: int, own: Footprint) -> None:
        """Give a task that is away an answer."""
        self._book(task, own, 1)
        self.tasks[task] = own
        if self._flat is not None:
            self._flat.put(task, own)

    def take(self, task: int) -> Footprint:
        """Take a task's answer away, and return it."""
        own = self.tasks[task]
        assert own is not None
        self._book(task, own, -1)
        self.tasks[task] = None
        if self._flat is not None:
            self._flat.take(task)
        return own

    def exchange(self, task: int, own: Footprint) -> Footprint:
        """Give a task another answer, and return the one it had."""
        before = self.take(task)
        self.put(task, own)
        return before

    def owners(self, task: int, layers: Integers) -> Integers:
        """[layers]: the columns in `held` of the weights of a task's layers."""
        first = self.layer_offset[self.instance.model_index[self.instance.tasks[task].model]]
        return np.asarray(self.weight_owner[first + layers])

    def waits_s(self) -> Seconds:
        """[N]: the wait of every node; inf where rho >= 1."""
        return np.where(self.rho < 1, self.prices_s(), inf)

    def prices_s(self) -> Seconds:
        """[N]: the wait of every node; huge, not inf, where rho >= 1, so that it still compares."""
        if self._prices_s is None:
            self._prices_s = frozen(wait_seconds(self.second, self.rho, self.overload_s))
        return self._prices_s

    def link_overload(self, task: int) -> bool:
        """Whether a link that a task uses has load 1 or more."""
        own = self.tasks[task]
        return own is not None and bool((self.link_load[own.links] >= 1).any())

    def latency_s(self, task: int) -> float:
        """A task's latency now."""
        own = self.tasks[task]
        assert own is not None
        return own.latency_s(self.waits_s())

    def latencies_s(self) -> Seconds:
        """[tasks]: every task's latency now, 0 for one that is away."""
        waits = self.waits_s()
        return np.array([0.0 if own is None else own.latency_s(waits) for own in self.tasks])

    def value(self) -> tuple[float, float]:
        """(excess, objective): what is above the limits, summed, and the mean latency.

        The excess adds up rho and link loads above 1, weights above memory as a share of it, and
        visits above quota; it is 0 for what is feasible but for tiers, groups and `monotone`.
        The objective is inf where a node or link is overloaded or a route is missing.
        """
        busiest = max(self.rho.max(initial=0), self.link_load.max(initial=0))
        excess = 0.0
        if busiest > 1:  # links are many
            excess += float(np.maximum(self.rho - 1, 0).sum())
            excess += float(np.maximum(self.link_load - 1, 0).sum())
        excess += float(np.maximum(self.guests - self.quota, 0).sum()) + self.memory_excess()
        if busiest >= 1:
            return excess, inf
        if self._flat is None or len(self._flat.beside) > self._flat.most_beside:
            self._flat = _Flat(self.tasks, self.weight)
        return excess, self._flat.value(self.waits_s())

    def memory_excess(self) -> float:
        """Weights above memory, as shares of it, summed over nodes."""
        if not self.has_memory:
            return 0.0
        held = (self.held > 0) @ self.weight_bytes
        over = held > self.memory_limit
        limit = np.maximum(self.memory_limit[over], 1e-300)
        return float(np.minimum(held[over] / limit - 1, 1e6).sum())

    def _book(self, task: int, own: Footprint, sign: int) -> None:
        np.add.at(self._sums, own.slots, sign * own.sums.reshape(-1))
        np.add.at(self.link_load, own.links, sign * self.rate[task] * own.link_s)
        self._prices_s = None
        if sign < 0:
            self._clean(task, own)
        if self.has_memory:
            layer, nodes = own.held.T
            np.add.at(self.held, (nodes, self.owners(task, layer)), sign)

    def _clean(self, task: int, own: Footprint) -> None:
        """What a task leaves behind is no rounding: nothing where it was alone, and sums anew."""
        node = own.node
        empty = self.visits[node] == 0
        if empty.any():
            alone = node[empty]
            self.rho[alone] = self.second[alone] = self.waiting[alone] = 0.0
        blurred = ~empty & (own.sums[1] > CANCELS * self.second[node])
        if blurred.any():
            self._recount(task, node[blurred])

    def _recount(self, away: int, nodes: Integers) -> None:
        """The sums of some nodes from their visits anew, for what was taken off them was so large
        that a difference would keep too little of the rest."""
        self.rho[nodes] = self.second[nodes] = 0.0
        for task, own in enumerate(self.tasks):
            if own is not None and task != away:
                at = np.isin(own.node, nodes)
                service_s = np.minimum(own.service_s[at], LONGEST_S)
                np.add.at(self.rho, own.node[at], self.rate[task] * service_s)
                np.add.at(self.second, own.node[at], self.rate[task] * service_s**2)


class _Flat:
    """All tasks' visits end to end, for one pass over the waits.

    A task that changes is blanked here and kept beside, until so many are (of T tasks the square
    root) that all are laid out anew.
    """

    def __init__(self, tasks: Sequence[Footprint | None], weight: Seconds) -> None:
        self.weight = weight
        self.most_beside = isqrt(len(tasks))
        self.beside: dict[int, Footprint] = {}
        present = [(task, own) for task, own in enumerate(tasks) if own is not None]
        owns = [own for _, own in present]
        empty = np.zeros(0)
        sizes = np.array([len(own.node) for own in owns], np.int64)
        groups = np.array([len(own.first) for own in owns], np.int64)
        self.node = np.concatenate([empty.astype(np.int64), *(own.node for own in owns)])
        self.service_s = np.concatenate([empty, *(own.service_s for own in owns)])
        self.moved_s = np.concatenate([empty, *(own.moved_s for own in owns)])
        self.waits = self.service_s > 0
        first = np.concatenate([empty.astype(np.int64), *(own.first for own in owns)])
        self.first = first + np.repeat(np.cumsum(sizes) - sizes, groups)
        members = np.array([task for task, _ in present], np.int64)
        self.group_weight = np.repeat(weight[members], groups)
        ends = np.cumsum(groups).tolist()
        spans = zip(ends, groups.tolist(), strict=True)
        self.groups = {
            task: slice(end - count, end)
            for (task, _), (end, count) in zip(present, spans, strict=True)
        }
        self.laid = dict(present)
        self.fixed_s = np.zeros(len(tasks))
        self.fixed_s[members] = [_fixed_s(own) for own in owns]

    def put(self, task: int, own: Footprint) -> None:
        """Count a task that is not counted."""
        if self.laid.get(task) is own:
            self.group_weight[self.groups[task]] = self.weight[task]
            self.fixed_s[task] = _fixed_s(own)
        else:
            self.beside[task] = own

    def take(self, task: int) -> None:
        """Count a task no longer."""
        if self.beside.pop(task, None) is None:
            self.group_weight[self.groups[task]] = 0.0
            self.fixed_s[task] = 0.0

    def value(self, wait_s: Seconds) -> float:
        """The weighted sum of the tasks' latencies; inf where a route is missing."""
        if np.isinf(self.fixed_s).any() or not all(own.reachable for own in self.beside.values()):
            return inf
        total = float(self.weight @ self.fixed_s)
        for task, own in self.beside.items():
            total += float(self.weight[task]) * own.latency_s(wait_s)
        if len(self.node):
            ends = self.moved_s + self.service_s + np.where(self.waits, wait_s[self.node], 0.0)
            total += float(self.group_weight @ np.maximum.reduceat(ends, self.first))
        return total


def _decision(tasks: Sequence[Footprint | None]) -> Decision:
    return Decision(tuple(own.answer for own in tasks if own is not None))


def _fixed_s(own: Footprint) -> float:
    return own.fixed_s if own.reachable else inf
