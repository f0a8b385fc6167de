"""Instances with measured times: which time is whose, and what nobody has measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.ties import tied
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import nearest
from splitfog.instances.records import changed
from splitfog.instances.times import LayerTime

MOST_LINES, MOST_KNOWN = 3, 8
"""Lines told of an unknown name, and known names told beside it."""


def with_layer_times(
    instance: Instance,
    times: Sequence[LayerTime],
    model: str | None = None,
    origin: str = "times",
) -> Instance:
    """The instance with measured times, the others kept; layers that ran as one become a group.

    Its `meta` goes.

    Parameters
    ----------
    instance, times
        What is measured, and how long it took, as `load_times` reads it.
    model
        The model of times that name none; None: the only one with a layer of that name.
    origin
        What is at fault where something is: the name of the file.

    Raises
    ------
    InstanceError
        Naming every model, layer, node and tier that is unknown, and every layer that several
        models have, with lines.
    """
    owners = [_owner(instance, time, model) for time in times]
    if defects := _strangers(instance, times, owners):
        raise InstanceError(origin, defects)
    by_model: dict[str, dict[str, dict[str, float]]] = {}
    for time, owner in zip(times, owners, strict=True):
        layers = by_model.setdefault(str(owner), {})
        layers.setdefault(time.layer, {})[time.place] = time.seconds
    for name, own in by_model.items():
        instance = instance.with_times(own, model=name)
    ties: dict[str, dict[str, str]] = {}
    for time, owner in zip(times, owners, strict=True):
        if time.group is not None:
            ties.setdefault(str(owner), {})[time.layer] = time.group
    if not ties:
        return instance
    models = [tied(own, ties.get(own.name, {})) for own in instance.models]
    return changed(instance, models=tuple(models))


def unmeasured(instance: Instance) -> dict[str, tuple[int, int]]:
    """(layers without a measured time, all layers) of every node, of those that may run there.

    Input layers take no time and are not counted. O(nodes x layers).
    """
    layers = [layer for model in instance.models for layer in model.layers if layer.op != "input"]
    counts = {}
    for node in instance.nodes:
        places = {node.name, node.tier}
        own = [layer for layer in layers if layer.may_run_on(node)]
        counts[node.name] = (sum(places.isdisjoint(layer.times_s) for layer in own), len(own))
    return counts


def _owner(instance: Instance, time: LayerTime, model: str | None) -> str | None:
    """The model of a time; None where nothing says which."""
    if time.model is not None or model is not None:
        return time.model or model
    owners = [own.name for own in instance.models if time.layer in own.index]
    return owners[0] if len(owners) == 1 else None


def _strangers(
    instance: Instance, times: Sequence[LayerTime], owners: Sequence[str | None]
) -> list[str]:
    """A sentence for every kind of name that means nothing here, with all names of that kind."""
    lines: dict[str, dict[str, list[int]]] = {}  # by kind, then by name

    def add(kind: str, name: str, line: int) -> None:
        lines.setdefault(kind, {}).setdefault(name, []).append(line)

    layers = {model.name: model.index for model in instance.models}
    anywhere = {name: None for index in layers.values() for name in index}
    places = dict.fromkeys([*instance.node_index, *instance.tiers])
    known: dict[str, Collection[str]] = {"model": layers, "node or tier": places, "layer": anywhere}
    for time, owner in zip(times, owners, strict=True):
        if owner is None:
            add(
                "layer of several models" if time.layer in anywhere else "layer",
                time.layer,
                time.line,
            )
        elif owner not in layers:
            add("model", owner, time.line)
        elif time.layer not in layers[owner]:
            known[f"layer of {owner}"] = layers[owner]
            add(f"layer of {owner}", time.layer, time.line)
        if time.place not in places:
            add("node or tier", time.place, time.line)
    return [_sentence(kind, names, known.get(kind)) for kind, names in lines.items()]


def _sentence(kind: str, names: Mapping[str, Sequence[int]], known: Collection[str] | None) -> str:
    if known is None:
        told = ", ".join(f"{name!r} ({_lines(own)})" for name, own in names.items())
        return f"{kind} {told}, must be told apart by a column model or by --model"
    told = ", ".join(f"{name!r} ({_lines(own)}{_hint(name, known)})" for name, own in names.items())
    more = ", ..." if len(known) > MOST_KNOWN else ""
    return f"unknown {kind} {told}; known: {', '.join(list(known)[:MOST_KNOWN])}{more}"


def _hint(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return "" if near is None else f", did you mean {near!r}?"


def _lines(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers[:MOST_LINES]))
    more = f" and {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    return f"line{'s' if len(numbers) > 1 else ''} {told}{more}"
