"""List scheduling: layers in a given order, each on the node that finishes it first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement, result_seconds
from splitfog.baselines.simple.domains import Domains
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of


class Timetable:
    """When layers placed so far end and nodes are free, without contention of transfers.

    An estimate of `makespan`: a tensor is at a node its route's seconds after its layer's end,
    links are never waited for, and a node with `overlap: false` computes while it sends. Nothing
    overtakes on a node, as there. Only the end of the pass is recomputed by the reference cost.
    """

    def __init__(self, arrays: TaskArrays, monotone: bool) -> None:
        self.arrays = arrays
        self.domains = Domains(arrays, monotone)
        self.masks = self.domains.masks
        self.placement = [0] * len(arrays.model.layers)
        nodes = arrays.instance.nodes
        self.free = np.zeros(len(nodes))
        self.starts = [0.0] * len(arrays.model.layers)
        routes = routes_of(arrays.instance)
        self._latency = routes.latency_s
        self._per_byte = np.where(np.isinf(routes.latency_s), 0.0, routes.seconds_per_byte)
        self._arrival = np.zeros((len(arrays.model.layers), len(nodes)))
        self._room = memory_room(arrays.instance)
        self._limited = bool(np.isfinite(self._room).any())
        self._absent = np.ones((len(arrays.model.layers), len(nodes)), bool)
        self._last = result_seconds(arrays)
        self._ends = [not readers for readers in arrays.model.reads]
        self._grouped = {layer for group in arrays.groups for layer in group}

    def finish_times(self, layer: int) -> NDArray[np.float64]:
        """[nodes]: when a layer whose inputs are placed would end there, or inf."""
        mask = self.domains.left(self.masks, layer, self.placement)
        ends = self._starts(layer) + self.arrays.times_s[layer] + self.domains.penalty(mask)
        if self._limited:
            ends[self._new_bytes(layer) > self._room] = inf
        return np.asarray(ends)

    def best_node(self, layer: int) -> int | None:
        """The node of least finish time (of a last layer: arrival at `results_to`), if any."""
        ends = self.finish_times(layer)
        if self._ends[layer]:
            ends = ends + self._last[layer]
        node = int(ends.argmin())
        return None if ends[node] == inf else node

    def put(self, layer: int, node: int) -> bool:
        """Place a layer; False if its group then has no place."""
        start = end = 0.0
        if not self.arrays.is_input[layer]:
            start = float(self._starts(layer)[node])
            end = start + float(self.arrays.times_s[layer, node])
            self.free[node] = end
        self.starts[layer] = start
        size = self.arrays.output_bytes[layer]
        self._arrival[layer] = end + self._latency[node] + size * self._per_byte[node]
        self._room[node] -= self._new_bytes(layer)[node]
        self._absent[self.arrays.model.weight_owner[layer], node] = False
        self.placement[layer] = node
        if layer in self._grouped:
            masks = self.domains.fixed(self.masks, layer, node)
            self.masks = self.masks if masks is None else masks
            return masks is not None
        return True

    def _new_bytes(self, layer: int) -> NDArray[np.float64]:
        """[nodes]: weights of a layer that a node does not hold yet."""
        absent = self._absent[self.arrays.model.weight_owner[layer]]
        return np.asarray(self.arrays.weight_bytes[layer] * absent)

    def _starts(self, layer: int) -> NDArray[np.float64]:
        tensors = self.arrays.model.inputs[layer]
        if not tensors:
            return self.free
        if len(tensors) == 1:
            return np.asarray(np.maximum(self.free, self._arrival[tensors[0]]))
        return np.asarray(np.maximum(self.free, self._arrival[list(tensors)].max(axis=0)))


def list_schedule(
    table: Timetable,
    order: Iterable[int],
    pinned: Mapping[int, int] = MappingProxyType({}),
    carried: Mapping[int, int] = MappingProxyType({}),
) -> Placement | str:
    """The placement of list scheduling in an order that is topological, or why it fails.

    `pinned` layers go to their node, those `carried` to that of another layer, which is before
    them, if they may be there. O(E N).
    """
    if table.domains.empty:
        return "no placement respects tiers, groups, routes and monotone"
    for layer in order:
        node = table.placement[carried[layer]] if layer in carried else pinned.get(layer)
        if node is None or table.finish_times(layer)[node] == inf:
            node = table.best_node(layer)
        if node is None or not table.put(layer, node):
            name = table.arrays.model.layers[layer].name
            return f"layer {name} fits nowhere once its inputs are placed"
    return np.array(table.placement, np.int64)
