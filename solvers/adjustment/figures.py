"""The figures of an instance as they are now: what is measured of links, nodes and layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, model_times, task_arrays
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.costs.routes import Routes
from splitfog.instances.arguments import mapping, number, wrong
from splitfog.instances.arrays import frozen
from splitfog.instances.changes import model_named
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up, unknown_name
from splitfog.instances.records import DirectedLink, Layer, Node, Routing, changed

Value = TypeVar("Value")

Key = tuple[str, str] | str
"""A link (from, to), or a node's name."""

Times = Mapping[str, Mapping[str, float]]
"""Seconds by layer, then by node or tier."""


@dataclass(frozen=True)
class Network:
    """What `Routes` reads of an instance."""

    nodes: tuple[Node, ...]
    directed_links: tuple[DirectedLink, ...]
    routing: Routing


@dataclass(frozen=True, eq=False)
class MeasuredModel:
    """A model's layers whose times were told, by position, and the times of all, [layers, nodes].

    The times are those of nodes that do nothing else (a load of 1).
    """

    layers: Mapping[int, Layer]
    idle_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Figures:
    """An instance whose bandwidths, loads and layer times may be others by now; never changed.

    `loads`: [nodes], by what every layer's time is multiplied. `measured`: by the position of the
    model, where times were told.
    """

    instance: Instance
    loads: NDArray[np.float64]
    routes: Routes
    measured: Mapping[int, MeasuredModel] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Instance) -> Figures:
        """The instance's own."""
        return cls(instance, frozen(np.ones(len(instance.nodes))), _routes(instance, ()))

    def told(self, figures: Mapping[Key, float], times: Times, model: str | None) -> Figures:
        """These, but for those named: bit/s of links, loads of nodes, seconds of layers.

        Raises
        ------
        LookupError
            For a link, node, model, layer or place that is unknown.
        ValueError
            For a number that is no such figure.
        """
        if not isinstance(figures, Mapping):
            raise wrong("figures", figures, "{(from, to): bit/s, node: load}")
        loads, bandwidths = self.loads.copy(), {}
        for key, value in figures.items():
            if isinstance(key, str):
                node = _known(self.instance.node_index, key, "node", "figures")
                loads[node] = number(f"load of {key}", value, above=0)
            else:
                bandwidths[_pair(key)] = value
        return changed(
            self,
            loads=frozen(loads),
            routes=self._routes_with(bandwidths),
            measured=self._measured_with(times, model),
        )

    def arrays(self, task: int) -> TaskArrays:
        """A task's arrays with the times as they are now."""
        own = task_arrays(self.instance, task)
        model = self.instance.model_index[own.task.model]
        idle = self.measured[model].idle_s if model in self.measured else own.times_s
        return own.with_costs(idle * self.loads)

    def _routes_with(self, bandwidths: Mapping[tuple[str, str], float]) -> Routes:
        """The routes with other bandwidths; both directions change where one only is named."""
        if not bandwidths:
            return self.routes
        ways = _ways(self.instance)
        links = list(self.routes.links)
        for (tail, head), value in bandwidths.items():
            bps = number(f"bandwidth of {tail},{head}", value, above=0)
            there, back = _way(self.instance, ways, tail, head)
            for at in (there,) if back is None or (head, tail) in bandwidths else (there, back):
                links[at] = changed(links[at], bandwidth_bps=bps)
        return self.routes if links == list(self.routes.links) else _routes(self.instance, links)

    def _measured_with(self, times: Times, name: str | None) -> Mapping[int, MeasuredModel]:
        """The measured models with other times of some layers."""
        if not mapping("times", times, "{layer: {node or tier: seconds}}"):
            if name is not None:
                look_up(self.instance.model_index, name, "model")
            return self.measured
        instance, own = self.instance, model_named(self.instance, name)
        position = instance.model_index[own.name]
        known = self.measured.get(position)
        if known is None:
            known = MeasuredModel({}, model_times(instance, own.name))
        places = dict.fromkeys((*instance.node_index, *instance.tiers))
        layers, idle_s = dict(known.layers), known.idle_s.copy()
        for layer, by_place in times.items():
            at = _known(own.index, layer, f"layer of {own.name}", "times")
            seconds = dict(layers.get(at, own.layers[at]).times_s)
            for place, value in mapping(
                f"times[{layer!r}]", by_place, "{node or tier: seconds}"
            ).items():
                _known(places, place, "node or tier", f"times[{layer!r}]")
                seconds[place] = number(f"times[{layer!r}][{place!r}]", value, low=0)
            layers[at] = changed(own.layers[at], times_s=seconds)
            idle_s[at] = [layer_time(layers[at], node) for node in instance.nodes]
        return {**self.measured, position: MeasuredModel(layers, frozen(idle_s))}


Ways = Mapping[tuple[str, str], tuple[int, int | None]]
"""By (from, to), positions of a directed link and of the same link's other direction."""


def _ways(instance: Instance) -> Ways:
    ways: dict[tuple[str, str], tuple[int, int | None]] = {}
    at = 0
    for link in instance.links:
        back = at + 1 if link.duplex else None
        ways[link.tail, link.head] = at, back
        if back is not None:
            ways[link.head, link.tail] = back, at
        at += 1 + link.duplex
    return ways


def _known(records: Mapping[str, Value], name: str, what: str, argument: str) -> Value:
    """The record of a name, or a sentence that says in which argument it stands."""
    try:
        return look_up(records, name, what)
    except LookupError as error:
        raise LookupError(f"{argument}: {error.args[0]}") from None


def _pair(key: Any) -> tuple[str, str]:
    if not isinstance(key, tuple | list) or len(key) != 2 or not all(type(e) is str for e in key):
        raise wrong("a key of figures", key, "a link (from, to) or the name of a node")
    return key[0], key[1]


def _way(instance: Instance, ways: Ways, tail: str, head: str) -> tuple[int, int | None]:
    for end in (tail, head):
        _known(instance.node_index, end, "node", "figures")
    if (tail, head) not in ways:
        known = [f"{one},{other}" for one, other in ways]
        raise LookupError(f"figures: {unknown_name(f'{tail},{head}', known, 'link')}")
    return ways[tail, head]


def _routes(instance: Instance, links: Any) -> Routes:
    return Routes(
        Network(instance.nodes, tuple(links) or instance.directed_links, instance.routing)
    )
