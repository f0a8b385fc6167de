"""Instances as they are with other figures, made by the public changes of an instance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from splitfog import Instance, Layer, Node
from splitfog.formulations.costs.ledger import layer_time

Figures = Mapping[tuple[str, str] | str, float]
Times = Mapping[str, Mapping[str, float]]


def with_figures(
    instance: Instance, figures: Figures, times: Times | None = None, model: str | None = None
) -> Instance:
    """The instance with bandwidths, times and loads; a load multiplies all times of its node."""
    if times:
        instance = instance.with_times(times, model)
    for key, value in figures.items():
        if not isinstance(key, str):
            one_way = key[::-1] in figures
            instance = instance.with_link(
                *key, bandwidth_bps=value, directions="forward" if one_way else "both"
            )
    loads = {key: value for key, value in figures.items() if isinstance(key, str)}
    for own in instance.models if loads else ():
        seconds = {
            layer.name: {node.name: _loaded(layer, node, loads) for node in instance.nodes}
            for layer in own.layers
            if layer.op != "input"
        }
        instance = instance.with_times(seconds, own.name)
    return instance


def _loaded(layer: Layer, node: Node, loads: Mapping[str, float]) -> float:
    return layer_time(layer, node) * loads.get(node.name, 1.0)


def random_change(
    rng: np.random.Generator, instance: Instance
) -> tuple[dict[tuple[str, str] | str, float], dict[str, dict[str, float]]]:
    """Another bandwidth, another load or other times of a fiftieth of the layers; or all three."""
    kind = int(rng.integers(4))
    figures: dict[tuple[str, str] | str, float] = {}
    times: dict[str, dict[str, float]] = {}
    if kind in (0, 3) and instance.links:
        link = instance.links[int(rng.integers(len(instance.links)))]
        figures[link.tail, link.head] = link.bandwidth_bps * float(np.exp(1.5 * rng.normal()))
    if kind in (1, 3):
        figures[_node(rng, instance).name] = float(np.exp(rng.normal()))
    if kind in (2, 3):
        layers = instance.models[0].layers
        for position in rng.integers(0, len(layers), 1 + len(layers) // 50).tolist():
            layer, node = layers[position], _node(rng, instance)
            seconds = layer_time(layer, node) * float(np.exp(rng.normal()))
            times.setdefault(layer.name, {})[node.name] = seconds
    return figures, times


def _node(rng: np.random.Generator, instance: Instance) -> Node:
    return instance.nodes[int(rng.integers(len(instance.nodes)))]
