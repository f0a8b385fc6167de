"""Which figures vary, as callers say it, and instances with other values of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from splitfog.formulations.parametric.figure import Figure
from splitfog.instances.arguments import entries, number, wrong
from splitfog.instances.changes import derived, lasting
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import Layer, Link, Model, Node, PerPass, changed

MOST_FIGURES = 8
"""The vertices of a polytope in more dimensions are too many to look at."""

FORM = "{(from, to): (low, high), node: (low, high)}"


def figures_for(instance: Instance, vary: Mapping[Any, Any]) -> tuple[Figure, ...]:
    """The figures that vary, in the order given.

    Parameters
    ----------
    vary
        (low, high) by link (from, to), in bit/s, or by node, of its load. A pair is one direction;
        both if the link is duplex and only one is named.

    Raises
    ------
    ValueError
        For none or too many, and for a range that is none.
    LookupError
        For a link or node that is unknown.
    """
    if not isinstance(vary, Mapping) or not vary:
        raise wrong("vary", vary, FORM)
    if len(vary) > MOST_FIGURES:
        raise ValueError(f"vary has {len(vary)} figures, must be at most {MOST_FIGURES}")
    figures = []
    for key, limits in vary.items():
        if isinstance(key, str):
            _check_node(instance, key)
            low, high = _limits(key, limits)
            figures.append(Figure(node=key, low=low, high=high, own=1.0))
        else:
            tail, head = _pair(key)
            link = _link(instance, tail, head)
            low, high = _limits(f"{tail},{head}", limits)
            both = link.duplex and (head, tail) not in vary
            figure = Figure(
                link=(tail, head),
                directions="both" if both else "forward",
                low=low,
                high=high,
                own=link.bandwidth_bps,
            )
            figures.append(figure)
    return tuple(figures)


def _limits(name: str, limits: Any) -> tuple[float, float]:
    given = entries(f"range of {name}", limits, "(low, high)")
    if len(given) != 2:
        raise wrong(f"range of {name}", limits, "(low, high)")
    low, high = (
        number(f"{end} of {name}", value, above=0)
        for end, value in zip(("low", "high"), given, strict=True)
    )
    if not low < high:
        raise ValueError(f"range of {name} = {low:g} to {high:g}, must have low < high")
    return low, high


def _pair(key: Any) -> tuple[str, str]:
    if not isinstance(key, tuple) or len(key) != 2 or not all(isinstance(end, str) for end in key):
        raise ValueError(f"vary: {key!r}, must be a link (from, to) or a node's name")
    return key


def _link(instance: Instance, tail: str, head: str) -> Link:
    """The link from one node to another, forwards or backwards; `LookupError`: there is none."""
    for name in (tail, head):
        _check_node(instance, name)
    for link in instance.links:
        if (link.tail, link.head) == (tail, head) or (
            link.duplex and (link.head, link.tail) == (tail, head)
        ):
            return link
    nodes = instance.nodes
    known = ", ".join(f"{nodes[d.tail].name},{nodes[d.head].name}" for d in instance.directed_links)
    raise LookupError(f"vary: no link {tail},{head}; links: {known or 'none'}")


def _check_node(instance: Instance, name: str) -> None:
    if name not in instance.node_index:
        raise LookupError(f"vary: {unknown_name(name, instance.node_index, 'node')}")


def swept_links(instance: Instance, figure: Figure) -> tuple[int, ...]:
    """Positions of the directed links that change with a figure; none where they are gone."""
    ends = set(figure.directed())
    names = [node.name for node in instance.nodes]
    directed = enumerate(instance.directed_links)
    return tuple(at for at, link in directed if (names[link.tail], names[link.head]) in ends)


def at_figures(instance: Instance, figures: Sequence[Figure], values: Sequence[float]) -> Instance:
    """The instance with other values of some figures.

    A load divides the node's speed and multiplies its overhead and all `times_s` there. O(V + E).
    """
    bandwidths = {
        pair: float(value)
        for figure, value in zip(figures, values, strict=True)
        for pair in figure.directed()
    }
    loads = {
        figure.node: float(value)
        for figure, value in zip(figures, values, strict=True)
        if figure.node is not None
    }
    links = [one for link in instance.links for one in _with_bandwidths(link, bandwidths)]
    nodes = [_loaded(node, loads.get(node.name, 1.0)) for node in instance.nodes]
    models = [_with_loads(instance, model, loads) for model in instance.models]
    meta = lasting(instance)
    return derived(
        instance, links=tuple(links), nodes=tuple(nodes), models=tuple(models), meta=meta
    )


def _with_bandwidths(link: Link, bandwidths: Mapping[tuple[str, str], float]) -> list[Link]:
    """A link with other bandwidths; one for each way where the two differ."""
    there = bandwidths.get((link.tail, link.head), link.bandwidth_bps)
    if not link.duplex:
        return [changed(link, bandwidth_bps=there)]
    back = bandwidths.get((link.head, link.tail), link.bandwidth_bps)
    if there == back:
        return [changed(link, bandwidth_bps=there)]
    forward = changed(link, bandwidth_bps=there, duplex=False)
    return [forward, changed(forward, tail=link.head, head=link.tail, bandwidth_bps=back)]


def _loaded(node: Node, load: float) -> Node:
    memory = node.memory_bytes_per_s
    return changed(
        node,
        speed_flops=node.speed_flops / load,
        memory_bytes_per_s=None if memory is None else memory / load,
        overhead_s=node.overhead_s * load,
    )


def _with_loads(instance: Instance, model: Model, loads: Mapping[str, float]) -> Model:
    """The model with every measured time on a node multiplied by its load."""
    if not loads or not any(layer.times_s for layer in model.layers):
        return model
    layers = [_layer_with_loads(instance, layer, loads) for layer in model.layers]
    return changed(model, layers=tuple(layers))


def _layer_with_loads(instance: Instance, layer: Layer, loads: Mapping[str, float]) -> Layer:
    """By the nodes' own names: those of a tier that has a time need not have the same load."""
    own = {
        node.name: _loaded_time(_time_of(layer, node), loads.get(node.name, 1.0))
        for node in instance.nodes
        if node.name in layer.times_s or node.tier in layer.times_s
    }
    return changed(layer, times_s={**layer.times_s, **own}) if own else layer


def _time_of(layer: Layer, node: Node) -> PerPass:
    """The time that was measured for a node, or for its tier."""
    return layer.times_s.get(node.name, layer.times_s.get(node.tier, 0.0))


def _loaded_time(seconds: PerPass, load: float) -> PerPass:
    return tuple([own * load for own in seconds]) if isinstance(seconds, tuple) else seconds * load
