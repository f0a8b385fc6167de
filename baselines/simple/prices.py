"""What is on nodes and links so far, and what placing more would add to each objective."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import quotas
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.instance import Instance

Crossing = Sequence[tuple[int, float]]
"""(directed link, seconds in which it is busy) of what crosses links."""
Priced = tuple[NDArray[np.float64], NDArray[np.float64]]
"""[nodes], [nodes]: what is minimised, and what decides between equals."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Layers of a task that go to one node together, with what they would cost on each node."""

    task: int
    layers: tuple[int, ...]
    seconds: NDArray[np.float64]
    """[nodes]: time of the layers; inf where they may not be."""
    transfer_s: NDArray[np.float64]
    """[nodes]: seconds of the tensors that would be sent for them; inf without a route."""
    crossing: Callable[[int], Crossing]
    """What these tensors add to links if the layers are on a node that they reach."""


class LatencyPrices:
    """Sums of what is placed; this class prices `latency`: seconds of layers and transfers."""

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        self._room = memory_room(instance)
        self._weights = [
            np.array([layer.weight_bytes for layer in model.layers]) for model in instance.models
        ]
        self._state = [instance.model_of(task).state_bytes for task in instance.tasks]
        limited = bool(np.isfinite(self._room).any())
        shape = len(instance.nodes)
        self._absent = [np.ones((len(w), shape), bool) for w in self._weights] if limited else []

    def cheapest(self, bundle: Bundle, nodes: Sequence[int]) -> int | None:
        """The node of least price where the bundle fits, ties to the first; None if nowhere."""
        first, second = self.prices(bundle)
        places = np.asarray(nodes, np.int64)
        ranked: list[int] = places[np.lexsort((places, second[places], first[places]))].tolist()
        for place in ranked:
            if first[place] == inf:
                return None
            if self.fits(bundle, place):
                return place
        return None

    def prices(self, bundle: Bundle) -> Priced:
        """What the bundle adds to the objective on every node; inf where it is impossible."""
        total = bundle.seconds + bundle.transfer_s
        return self._within_memory(bundle, total), total

    def fits(self, bundle: Bundle, node: int) -> bool:
        """Whether limits that `prices` leaves out hold."""
        return True

    def place(self, bundle: Bundle, node: int) -> None:
        """Put the bundle on a node."""
        if self._absent:
            model = self._model(bundle)
            self._room[node] -= self._added_weights(bundle)[node]
            self._absent[model][self._owners(bundle), node] = False

    def _model(self, bundle: Bundle) -> int:
        return self.instance.model_index[self.instance.tasks[bundle.task].model]

    def _added_weights(self, bundle: Bundle) -> NDArray[np.float64]:
        """[nodes]: weights of the bundle that a node does not hold yet, and its state."""
        owners, model = self._owners(bundle), self._model(bundle)
        state = self._state[bundle.task][list(bundle.layers)].sum()
        return np.asarray(self._weights[model][owners] @ self._absent[model][owners] + state)

    def _owners(self, bundle: Bundle) -> NDArray[np.int64]:
        """The layers that stand for the bundle's weights: those shared count once."""
        owner = self.instance.models[self._model(bundle)].weight_owner
        return np.unique(owner[list(bundle.layers)])

    def _within_memory(self, bundle: Bundle, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self._absent:
            return prices
        return np.where(self._added_weights(bundle) <= self._room, prices, inf)


class PeriodPrices(LatencyPrices):
    """Prices `period`: the longest busy time of any node or link after placing."""

    def __init__(self, instance: Instance, objective: Objective) -> None:
        super().__init__(instance, objective)
        self._nodes = np.zeros(len(instance.nodes))
        self._links = np.zeros(len(instance.directed_links))
        self._half = np.array([not node.overlap for node in instance.nodes])

    def prices(self, bundle: Bundle) -> Priced:
        """The period after placing; equals by the seconds added."""
        first, second = super().prices(bundle)
        peaks = np.array(
            [inf if p == inf else self._peak(bundle, n) for n, p in enumerate(first.tolist())]
        )
        return peaks, second

    def place(self, bundle: Bundle, node: int) -> None:
        """Put the bundle on a node."""
        super().place(bundle, node)
        self._nodes, self._links = self._after(bundle, node)

    def _peak(self, bundle: Bundle, node: int) -> float:
        nodes, links = self._after(bundle, node)
        return float(max(nodes.max(), links.max(initial=0.0)))

    def _after(self, bundle: Bundle, node: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        nodes, links = self._nodes.copy(), self._links.copy()
        nodes[node] += bundle.seconds[node]
        for link, seconds in bundle.crossing(node):
            links[link] += seconds
            ends = self.instance.directed_links[link]
            for end in (ends.tail, ends.head):
                nodes[end] += seconds if self._half[end] else 0.0
        return nodes, links


class StreamPrices(LatencyPrices):
    """Prices `mean-latency`: the growth of the weighted sum of latencies, all waits included.

    With node sums rho, q = sum lambda s^2 and Lambda = sum lambda over visits with s > 0, all
    waits on a node weigh Lambda q / (2 (1 - rho)); docs/costs.md.
    """

    def __init__(self, instance: Instance, objective: Objective) -> None:
        super().__init__(instance, objective)
        count = len(instance.nodes)
        self._rho, self._q, self._visits = np.zeros(count), np.zeros(count), np.zeros(count)
        self._link_load = np.zeros(len(instance.directed_links))
        self._own: dict[int, NDArray[np.float64]] = {}
        self._quota = quotas(instance)
        self._rated = any(task.arrivals_per_s is not None for task in instance.tasks)

    def prices(self, bundle: Bundle) -> Priced:
        """The growth of the objective; equals (unrated tasks) by the task's own latency."""
        _, added = super().prices(bundle)
        rate = self._rate(bundle)
        rho, q, visits = self._after(bundle)
        before, wait = wait_seconds(self._q, self._rho), wait_seconds(q, rho)
        with np.errstate(invalid="ignore"):
            growth = np.where(rho < 1, visits * wait - self._visits * before, inf)
            growth = growth + (rate if self._rated else 1.0) * added
        growth = np.where(np.isfinite(added), growth, inf)
        own = added + np.where(np.isfinite(bundle.seconds) & (bundle.seconds > 0), wait, 0.0)
        return self._within_memory(bundle, growth), own

    def fits(self, bundle: Bundle, node: int) -> bool:
        """Whether the node's quota and the links' capacities hold."""
        rate, task = self._rate(bundle), self.instance.tasks[bundle.task]
        is_guest = self.instance.nodes[node].name != task.source
        if is_guest and self._is_new(bundle)[node] and self._quota[node] < 1:
            return False
        loads: dict[int, float] = {}
        for link, seconds in bundle.crossing(node):
            loads[link] = loads.get(link, self._link_load[link]) + rate * seconds
        return all(load < 1 for load in loads.values())

    def place(self, bundle: Bundle, node: int) -> None:
        """Put the bundle on a node."""
        super().place(bundle, node)
        task = self.instance.tasks[bundle.task]
        if self._is_new(bundle)[node] and self.instance.nodes[node].name != task.source:
            self._quota[node] -= 1
        for sums, after in zip((self._rho, self._q, self._visits), self._after(bundle)):
            sums[node] = after[node]
        self._services(bundle)[node] += bundle.seconds[node]
        for link, seconds in bundle.crossing(node):
            self._link_load[link] += self._rate(bundle) * seconds

    def _rate(self, bundle: Bundle) -> float:
        return self.instance.tasks[bundle.task].arrivals_per_s or 0.0

    def _services(self, bundle: Bundle) -> NDArray[np.float64]:
        """[nodes]: the task's service at every node so far."""
        return self._own.setdefault(bundle.task, np.zeros(len(self.instance.nodes)))

    def _is_new(self, bundle: Bundle) -> NDArray[np.bool_]:
        """[nodes]: whether the bundle would make a visit where the task has none."""
        return np.asarray((self._services(bundle) == 0) & (bundle.seconds > 0))

    def _after(
        self, bundle: Bundle
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """[nodes] each: rho, q and the rate of visits with the bundle on that node."""
        rate, own = self._rate(bundle), self._services(bundle)
        seconds = np.where(np.isfinite(bundle.seconds), bundle.seconds, 0.0)
        return (
            self._rho + rate * seconds,
            self._q + rate * ((own + seconds) ** 2 - own**2),
            self._visits + rate * self._is_new(bundle),
        )


PRICES: dict[str, type[LatencyPrices]] = {
    "latency": LatencyPrices,
    "period": PeriodPrices,
    "mean-latency": StreamPrices,
}
