"""Orders of a task's layers for `makespan`, held as one key a layer: higher goes first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import routes_of

Keys = NDArray[np.float64]
"""[layers, batch]: seconds, or anything that ranks layers."""


class OrderKeys:
    """Keys of the layers of one task, and the topological orders that they stand for."""

    def __init__(self, arrays: TaskArrays) -> None:
        self.arrays, model = arrays, arrays.model
        self.order: list[int] = model.order.tolist()
        self.inputs = [tuple(dict.fromkeys(tails)) for tails in model.inputs]
        self.readers, self.nodes = model.consumers, len(arrays.instance.nodes)
        routes = routes_of(arrays.instance)
        found = np.isfinite(routes.latency_s)
        self.latency_s = np.where(found, routes.latency_s, 0.0).ravel()
        self.seconds_per_byte = np.where(found, routes.seconds_per_byte, 0.0).ravel()

    def encoded(self, order: tuple[int, ...] | None) -> Keys:
        """[layers, 1]: keys whose order is the one given (None: the file's made topological)."""
        keys = np.zeros((len(self.order), 1))
        keys[self.order if order is None else list(order), 0] = -np.arange(len(self.order))
        return keys

    def orders(self, keys: Keys) -> NDArray[np.int64]:
        """[batch, layers]: layers by falling key; one whose reader ranks higher goes with it.

        Equal keys stay in the file's order made topological. Changes `keys` accordingly.
        """
        for layer in reversed(self.order):
            for reader in self.readers[layer]:
                np.maximum(keys[layer], keys[reader], out=keys[layer])
        place = np.array(self.order)
        ranked = np.argsort(-keys[place].T, axis=1, kind="stable")
        return np.asarray(place[ranked], np.int64)

    def urgency(self, nodes: NDArray[Any]) -> Keys:
        """Least seconds from every layer's start to the end of everything, nothing waiting.

        `nodes` [layers, batch] is where the layers are. O(E) passes over a batch; the upward rank
        of H. Topcuoglu et al., IEEE TPDS 2002, for nodes that are known.
        """
        places = nodes.astype(np.int64)
        keys = np.take_along_axis(self.arrays.times_s, places, axis=1)
        target = self.arrays.results_to
        for layer in reversed(self.order):
            after = np.zeros(keys.shape[1])
            if target is not None and self.arrays.model.results[layer]:
                after += self._seconds(layer, places[layer], np.array(target))
            for reader in self.readers[layer]:
                way = self._seconds(layer, places[layer], places[reader])
                np.maximum(after, way + keys[reader], out=after)
            keys[layer] += after
        return keys

    def earliness(self, nodes: NDArray[Any]) -> Keys:
        """Minus the earliest start of every layer, nothing waiting."""
        places = nodes.astype(np.int64)
        times = np.take_along_axis(self.arrays.times_s, places, axis=1)
        start = np.zeros(times.shape)
        for layer in self.order:
            for tail in self.inputs[layer]:
                way = self._seconds(tail, places[tail], places[layer])
                np.maximum(start[layer], start[tail] + times[tail] + way, out=start[layer])
        return -start

    def _seconds(
        self, layer: int, tail: NDArray[np.int64], head: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        pair = tail * self.nodes + head
        size = float(self.arrays.output_bytes[layer])
        seconds: NDArray[np.float64] = self.latency_s[pair] + size * self.seconds_per_byte[pair]
        return seconds
