"""What subtasks have been matched to which nodes so far, and what one more would meet there."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory, quotas
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.ledger import unsliced
from splitfog.formulations.offloading.links import link_use
from splitfog.formulations.offloading.stage_ways import StageWays
from splitfog.formulations.offloading.subtasks import Subtasks, run_layers
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Seconds


class Occupancy:
    """Loads of nodes and links under `mean-latency` while subtasks are placed one by one.

    At first there is only what stays where the template has it.
    """

    def __init__(self, subtasks: Subtasks) -> None:
        instance = subtasks.instance
        self.subtasks = subtasks
        self.alone_s = subtasks.alone_s()
        self.rate, self.source = subtasks.rate, subtasks.source
        self.is_run = subtasks.is_run
        self.rho, self.second = np.zeros(len(instance.nodes)), np.zeros(len(instance.nodes))
        self.quota = quotas(instance)
        self._served: dict[int, dict[int, float]] = {}
        self._moved: dict[int, dict[int, float]] = {}
        self._links = _LinkLoads(subtasks)
        self._ways = StageWays(subtasks, self._links.use)
        self._lengthened: dict[int, Seconds] = {}
        limited = limits_memory(instance)
        self._memory = _Weights(subtasks) if limited else None
        for task, local_s in enumerate(subtasks.local_s.tolist()):
            if local_s > 0:
                source = instance.node_index[str(instance.tasks[task].source)]
                self._load(source, subtasks.task_rate[task], 0.0, local_s)

    def visit_s(self, subtask: int) -> Seconds:
        """[N]: transfers, wait and service of the visit that the subtask would make or join.

        Transfers as those of its stage that are placed lengthen them.

        inf where it has no room: the node forbidden, not reached, full or overloaded.
        """
        before, service = self._before(subtask), self.subtasks.service_s[subtask]
        rate = self.rate[subtask]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            after = before + service
            rho = self.rho + rate * service
            second = self.second + rate * (after * after - before * before)
            wait = np.where(after > 0, wait_seconds(second, rho), 0.0)
            total = self.alone_s[subtask] + before + self._already_moved(subtask) + wait
            total += self._lengthened.get(int(self.subtasks.group[subtask]), 0.0)
        return np.where(self._has_room(subtask, before, rho), total, inf)

    def first_fit(self, subtask: int, preference: Seconds) -> int | None:
        """The node of least preference [N] (inf: never) that links and memory admit."""
        for node in np.argsort(preference, kind="stable").tolist():
            if preference[node] == inf:
                return None
            if self._links.admit(subtask, node) and (
                self._memory is None or self._memory.admit(subtask, node)
            ):
                return int(node)
        return None

    def place(self, subtask: int, node: int) -> None:
        """Put a subtask on a node."""
        before = float(self._before(subtask)[node])
        service = float(self.subtasks.service_s[subtask, node])
        if before == 0 < service and node != self.source[subtask]:
            self.quota[node] -= 1
        self._load(node, float(self.rate[subtask]), before, before + service)
        group = int(self.subtasks.group[subtask])
        served, moved = (sums.setdefault(group, {}) for sums in (self._served, self._moved))
        served[node] = served.get(node, 0.0) + service
        transfers = float(self.alone_s[subtask, node]) - service
        transfers -= float(self.subtasks.shared_s[subtask, node])
        moved[node] = moved.get(node, 0.0) + transfers
        self._lengthened[group] = self._lengthened.get(group, 0.0) + self._ways.adds_to(
            subtask, node
        )
        self._links.add(subtask, node)
        if self._memory is not None:
            self._memory.add(subtask, node)

    def _load(self, node: int, rate: float, before: float, after: float) -> None:
        self.rho[node] += rate * (after - before)
        self.second[node] += rate * (after * after - before * before)

    def _has_room(self, subtask: int, before: Seconds, rho: Seconds) -> Flags:
        service = self.subtasks.service_s[subtask]
        full = (self.quota < 1) & (before == 0) & (service > 0)
        if self.source[subtask] >= 0:
            full[self.source[subtask]] = False
        return np.asarray(np.isfinite(self.alone_s[subtask]) & (rho < 1) & ~full)

    def _before(self, subtask: int) -> Seconds:
        """[N]: service of the visits that the subtask would join."""
        sums = self._spread(self._served.get(int(self.subtasks.group[subtask]), {}))
        if self.is_run[subtask] and self.source[subtask] >= 0:
            sums[self.source[subtask]] += self.subtasks.local_s[self.subtasks.task[subtask]]
        return sums

    def _already_moved(self, subtask: int) -> Seconds:
        return self._spread(self._moved.get(int(self.subtasks.group[subtask]), {}))

    def _spread(self, sums: dict[int, float]) -> Seconds:
        row = np.zeros(len(self.rho))
        row[list(sums)] = list(sums.values())
        return row


class _LinkLoads:
    """Load of every directed link, and what a subtask on a node would add."""

    def __init__(self, subtasks: Subtasks) -> None:
        self.use = link_use(subtasks)
        self.load = self.use.base_load.copy()
        order = np.argsort(self.use.subtask, kind="stable")
        bounds = np.searchsorted(self.use.subtask[order], np.arange(len(subtasks.keys) + 1))
        self.legs = [order[low:high] for low, high in pairwise(bounds.tolist())]

    def admit(self, subtask: int, node: int) -> bool:
        """Whether every link keeps up with the subtask on this node."""
        links, added = self._added(subtask, node)
        totals = self.load[links]
        for position, link in enumerate(links.tolist()):
            totals[position] += added[links == link].sum()
        return bool((totals < 1).all())

    def add(self, subtask: int, node: int) -> None:
        """Book the subtask's transfers."""
        np.add.at(self.load, *self._added(subtask, node))

    def _added(self, subtask: int, node: int) -> tuple[NDArray[np.int64], Seconds]:
        use, legs = self.use, self.legs[subtask]
        links = use.table[use.row[legs], node].astype(np.int64)
        used = links >= 0
        return links[used], (use.rate[subtask] * use.busy_s(links, use.size[legs]))[used]


class _Weights:
    """Weights that every node holds: those of a model once, whichever tasks and layers use them."""

    def __init__(self, subtasks: Subtasks) -> None:
        self.subtasks, instance = subtasks, subtasks.instance
        self.limit = memory_room(instance)
        self.held: set[tuple[str, int, int]] = set()
        self.total = np.zeros(len(self.limit))
        for task, answer in enumerate(subtasks.template.tasks):
            stays = set(unsliced(answer)) - set(run_layers(instance, task, answer))
            for layer in sorted(stays):
                self._hold(task, [layer], int(answer.placement[layer]))

    def admit(self, subtask: int, node: int) -> bool:
        """Whether the subtask's weights fit beside those held."""
        new = self._new(*self._layers(subtask), node)
        return bool(self.total[node] + sum(new.values()) <= self.limit[node])

    def add(self, subtask: int, node: int) -> None:
        """Hold the subtask's weights."""
        self._hold(*self._layers(subtask), node)

    def _layers(self, subtask: int) -> tuple[int, list[int]]:
        task, stage, _ = self.subtasks.keys[subtask]
        answer = self.subtasks.template.tasks[task]
        if stage is None:
            return task, run_layers(self.subtasks.instance, task, answer)
        return task, list(answer.stages[stage].layers)

    def _new(self, task: int, layers: list[int], node: int) -> dict[tuple[str, int, int], float]:
        instance = self.subtasks.instance
        model = instance.model_of(instance.tasks[task])
        owners = model.weight_owner[layers].tolist()
        keys = {(model.name, owner, node): model.layers[owner].weight_bytes for owner in owners}
        return {key: weight for key, weight in keys.items() if key not in self.held}

    def _hold(self, task: int, layers: list[int], node: int) -> None:
        new = self._new(task, layers, node)
        self.held |= set(new)
        self.total[node] += sum(new.values())
