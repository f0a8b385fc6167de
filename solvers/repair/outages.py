"""Nodes and links that are out for a while: what went with them is kept, and comes back with them.

Ours: `meta["down"]` of the instance without them holds it, so that it lasts in files, too. What
goes last comes back at its own place; a link between two nodes that are down returns with the
second of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from splitfog.instances.changes import DOWN, lasting, without_nodes
from splitfog.instances.defects import InstanceError, value_defects
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Layer, Link, Model, Node, PerPass, changed

Record = TypeVar("Record")


class LostLink(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A link that is out, and where in the list it stood."""

    position: int
    link: Link


class LostNode(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node that is out, with all that named it: links, times and places of layers, by model."""

    position: int
    node: Node
    links: tuple[LostLink, ...] = ()
    times_s: Mapping[str, Mapping[str, float]] = {}
    tiers: Mapping[str, Mapping[str, int]] = {}


class Outages(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is out, the first to go first."""

    nodes: tuple[LostNode, ...] = ()
    links: tuple[LostLink, ...] = ()


def outages_of(instance: Instance) -> Outages:
    """What is out of an instance.

    Raises
    ------
    InstanceError
        Where its `meta` does not say that in our words.
    """
    data = msgspec.to_builtins(instance.meta.get(DOWN, {}))
    if wrong := value_defects(data, Outages, f"meta.{DOWN}"):
        raise InstanceError(instance.name, wrong)
    return msgspec.convert(data, Outages)


def _with_outages(instance: Instance, outages: Outages, **fields: Any) -> Instance:
    """The instance with other fields and outages."""
    meta = {key: own for key, own in lasting(instance).items() if key != DOWN}
    if outages.nodes or outages.links:
        meta[DOWN] = msgspec.to_builtins(outages)
    return changed(instance, **fields, meta=meta)


def with_node_down(instance: Instance, name: str) -> Instance:
    """The instance without a node, and with what is needed to bring it back.

    Raises
    ------
    LookupError
        For a name that no node has.
    ValueError
        Where a task's source or `results_to` would go, or no node would be left.
    """
    outages = outages_of(instance)
    if any(lost.node.name == name for lost in outages.nodes):
        raise ValueError(f"node {name} is down already")
    look_up(instance.node_index, name, "node")
    without = without_nodes(instance, (name,))
    own = {} if name in instance.tiers else _places(instance, name)
    position = instance.node_index[name]
    links = tuple(
        LostLink(position=at, link=link)
        for at, link in enumerate(instance.links)
        if name in (link.tail, link.head)
    )
    lost = LostNode(position=position, node=instance.nodes[position], links=links, **own)
    return _with_outages(without, changed(outages, nodes=(*outages.nodes, lost)))


def _places(instance: Instance, name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Where the layers of every model name a node: its measured times, its places in `tiers`."""
    times: dict[str, dict[str, PerPass]] = {}
    tiers: dict[str, dict[str, int]] = {}
    for model in instance.models:
        for layer in model.layers:
            if name in layer.times_s:
                times.setdefault(model.name, {})[layer.name] = layer.times_s[name]
            if layer.tiers is not None and name in layer.tiers:
                tiers.setdefault(model.name, {})[layer.name] = layer.tiers.index(name)
    return {"times_s": times, "tiers": tiers}


def with_node_up(instance: Instance, name: str) -> Instance:
    """The instance with a node back that went down, and with all that it took along.

    Raises
    ------
    ValueError
        For a node that is there.
    LookupError
        For one that never went.
    """
    outages = outages_of(instance)
    if name in instance.node_index:
        raise ValueError(f"node {name} is up already")
    known = {lost.node.name: lost for lost in outages.nodes}
    lost = look_up(known, name, "node that is down")
    there = {*instance.node_index, name}
    back = [own for own in lost.links if {own.link.tail, own.link.head} <= there]
    waiting = tuple(own for own in lost.links if own not in back)
    others = tuple(
        changed(other, links=(*other.links, *(own for own in waiting if _ends_at(own, other))))
        for other in outages.nodes
        if other is not lost
    )
    return _with_outages(
        instance,
        changed(outages, nodes=others),
        nodes=_inserted(instance.nodes, [(lost.position, lost.node)]),
        links=_inserted(instance.links, [(own.position, own.link) for own in back]),
        models=tuple(_with_places(model, name, lost) for model in instance.models),
    )


def _ends_at(lost: LostLink, other: LostNode) -> bool:
    return other.node.name in (lost.link.tail, lost.link.head)


def _inserted(records: tuple[Record, ...], new: list[tuple[int, Record]]) -> tuple[Record, ...]:
    """Records with others at the positions where they stood; ascending."""
    mended = list(records)
    for position, record in sorted(new, key=lambda entry: entry[0]):
        mended.insert(position, record)
    return tuple(mended)


def _with_places(model: Model, name: str, lost: LostNode) -> Model:
    """The model, with the times and places of a node that is back."""
    times, tiers = lost.times_s.get(model.name, {}), lost.tiers.get(model.name, {})
    if not times and not tiers:
        return model
    return changed(
        model, layers=tuple(_with_place(layer, name, times, tiers) for layer in model.layers)
    )


def _with_place(
    layer: Layer, name: str, times: Mapping[str, float], tiers: Mapping[str, int]
) -> Layer:
    if layer.name in times:
        layer = changed(layer, times_s={**layer.times_s, name: times[layer.name]})
    if layer.name in tiers and layer.tiers is not None:
        layer = changed(layer, tiers=_inserted(layer.tiers, [(tiers[layer.name], name)]))
    return layer


def with_link_down(instance: Instance, tail: str, head: str) -> Instance:
    """The instance without the link between two nodes, both ways of a duplex one.

    Raises
    ------
    LookupError
        For nodes that are unknown.
    ValueError
        Where there is no link from `tail` to `head`.
    """
    outages = outages_of(instance)
    _require_nodes(instance, tail, head)
    for position, link in enumerate(instance.links):
        if _goes(link, tail, head):
            lost = LostLink(position=position, link=link)
            kept = (*instance.links[:position], *instance.links[position + 1 :])
            return _with_outages(
                instance, changed(outages, links=(*outages.links, lost)), links=kept
            )
    if any(_goes(own.link, tail, head) for own in outages.links):
        raise ValueError(f"link {tail} -> {head} is down already")
    raise ValueError(f"there is no link {tail} -> {head}")


def with_link_up(instance: Instance, tail: str, head: str) -> Instance:
    """The instance with a link back that went down.

    Raises
    ------
    LookupError
        For nodes that are unknown.
    ValueError
        For a link that is there, or that never went.
    """
    outages = outages_of(instance)
    _require_nodes(instance, tail, head)
    if any(_goes(link, tail, head) for link in instance.links):
        raise ValueError(f"link {tail} -> {head} is up already")
    for own in outages.links:
        if _goes(own.link, tail, head):
            rest = tuple(other for other in outages.links if other is not own)
            return _with_outages(
                instance,
                changed(outages, links=rest),
                links=_inserted(instance.links, [(own.position, own.link)]),
            )
    raise ValueError(f"link {tail} -> {head} never went down")


def _require_nodes(instance: Instance, *names: str) -> None:
    for name in names:
        look_up(instance.node_index, name, "node")


def _goes(link: Link, tail: str, head: str) -> bool:
    return (link.tail, link.head) == (tail, head) or (
        link.duplex and (link.head, link.tail) == (tail, head)
    )
