"""`greedy`: layer by layer in topological order, each on the node cheapest given what is placed."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement, checked, result_seconds
from splitfog.baselines.simple.domains import Domains
from splitfog.baselines.simple.prices import PRICES, Bundle, Crossing, LatencyPrices
from splitfog.baselines.simple.timetable import Timetable, list_schedule
from splitfog.formulations.arrays.task import TaskArrays, task_arrays, way_seconds
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import placed
from splitfog.solvers.base import Answer, Request


def solve_greedy(request: Request) -> Answer:
    """Every layer on the node that adds least to the objective, one task after another.

    `latency`: its time, its inputs' transfers over links they have not crossed yet (`once`) and
    its result's way. `period`: the longest busy time so far. `mean-latency`: also the growth of
    everybody's waits. `makespan`: the earliest end, in the file's order made topological. Equals
    go to the smaller sum of seconds, then to the first node. A group goes where its first layer
    does. Only nodes are tried that leave every later layer a place by tiers, groups, routes and
    `monotone`; a dead end, or a plan that is not allowed otherwise, is unknown. O(E N).
    """
    instance, objective = request.instance, request.objective
    prices = None if objective.name == "makespan" else PRICES[objective.name](instance, objective)
    placements = []
    for position, task in enumerate(instance.tasks):
        arrays = task_arrays(instance, position)
        if prices is None:
            table = Timetable(arrays, objective.monotone)
            found = list_schedule(table, arrays.model.order.tolist())
        else:
            found = _Pass(arrays, position, prices).run()
        if isinstance(found, str):
            return Answer(None, reason=f"task {task.name}: {found}")
        placements.append(found)
    return checked(request, placed(*placements))


class _Pass:
    """One task's pass through its layers."""

    def __init__(self, arrays: TaskArrays, position: int, prices: LatencyPrices) -> None:
        self.arrays, self.position, self.prices = arrays, position, prices
        self.routes = routes_of(arrays.instance)
        self.once = prices.objective.transfers == "once"
        self.domains = Domains(arrays, prices.objective.monotone)
        self.placement = [0] * len(arrays.model.layers)
        self.crossed: dict[int, set[int]] = {}
        """Links that a tensor is on already (`once`)."""
        self.results = result_seconds(arrays)
        self.rows: dict[tuple[int, int], NDArray[np.float64]] = {}

    def run(self) -> Placement | str:
        """The placement, or at which layer it failed."""
        if self.domains.empty:
            return "no placement respects tiers, groups, routes and monotone"
        masks = self.domains.masks
        grouped = {layer for group in self.arrays.groups for layer in group}
        for layer in self.arrays.model.order.tolist():
            nodes = self.domains.nodes(self.domains.left(masks, layer, self.placement))
            bundle = self._bundle(layer, nodes)
            node = self.prices.cheapest(bundle, nodes)
            fixed: list[int] | None = masks
            if node is not None and layer in grouped:
                fixed = self.domains.fixed(masks, layer, node)
            if node is None or fixed is None:
                name = self.arrays.model.layers[layer].name
                return f"layer {name} fits nowhere once its inputs are placed"
            masks = fixed
            self._settle(bundle, layer, node)
        return np.array(self.placement, np.int64)

    def _bundle(self, layer: int, nodes: tuple[int, ...]) -> Bundle:
        seconds = self.arrays.costs_s[layer]
        transfers = self.results[layer] + np.zeros(len(seconds))
        inputs = self.arrays.model.inputs[layer]
        for tensor in dict.fromkeys(inputs) if self.once else inputs:
            transfers += self._added(tensor, nodes)
        return Bundle(
            self.position, (layer,), seconds, transfers, lambda node: self._crossing(layer, node)
        )

    def _added(self, tensor: int, nodes: tuple[int, ...]) -> NDArray[np.float64]:
        """[nodes]: seconds to send one more copy of a tensor, over links not crossed yet."""
        home = self.placement[tensor]
        if not self.crossed.get(tensor):
            return self._row(tensor, home)
        row = np.full(self.results.shape[1], inf)
        for node in nodes:
            sent = self._sent(tensor)
            row[node] = sum(
                self.routes.links[k].seconds(*sent) for k in self._new_links(tensor, home, node)
            )
        return row

    def _row(self, tensor: int, home: int) -> NDArray[np.float64]:
        if (tensor, home) not in self.rows:
            size, sends = self._sent(tensor)
            ways = self.routes.latency_s[home], self.routes.seconds_per_byte[home]
            self.rows[tensor, home] = way_seconds(sends, size, *ways)
        return self.rows[tensor, home]

    def _sent(self, tensor: int) -> tuple[float, float]:
        """Bytes of a tensor in all, and how often it is sent."""
        return float(self.arrays.output_bytes[tensor]), float(self.arrays.sends[tensor])

    def _new_links(self, tensor: int, home: int, node: int) -> list[int]:
        """Links that one more copy of a tensor would cross."""
        done = self.crossed.get(tensor, ())
        return [link for link in self.routes.path(home, node) or () if link not in done]

    def _hops(self, tensor: int, home: int, node: int) -> list[tuple[int, float]]:
        """The same with the seconds in which they are busy."""
        sent, links = self._sent(tensor), self.routes.links
        return [(k, links[k].busy_seconds(*sent)) for k in self._new_links(tensor, home, node)]

    def _crossing(self, layer: int, node: int) -> Crossing:
        """What placing a layer on a node adds to links: its inputs and its result."""
        inputs = self.arrays.model.inputs[layer]
        crossing = []
        for tensor in dict.fromkeys(inputs) if self.once else inputs:
            crossing += self._hops(tensor, self.placement[tensor], node)
        if self.arrays.results_to is not None and self.arrays.model.results[layer]:
            crossing += self._hops(layer, node, self.arrays.results_to)
        return crossing

    def _settle(self, bundle: Bundle, layer: int, node: int) -> None:
        """Place a layer and remember which links its inputs and its result now are on."""
        self.prices.place(bundle, node)
        self.placement[layer] = node
        if not self.once:
            return
        for tensor in self.arrays.model.inputs[layer]:
            path = self.routes.path(self.placement[tensor], node) or ()
            self.crossed.setdefault(tensor, set()).update(path)
        if self.arrays.results_to is not None and self.arrays.model.results[layer]:
            path = self.routes.path(node, self.arrays.results_to) or ()
            self.crossed[layer] = set(path)
