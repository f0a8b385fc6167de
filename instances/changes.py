"""Instances made of others: without some nodes, with one task alone, with other figures.

Those with other figures are checked as any instance is. What `meta` says, as the optimum, is true
of the instance that they were made of, and goes; but for the file that the model came from and
for what is out for a while.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from splitfog.instances.arguments import choice, plain, text
from splitfog.instances.defects import InstanceError, shown, value_defects
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.read_only import read_only
from splitfog.instances.records import Layer, Link, Model, Node, PerPass, Task, changed

Directions = Literal["both", "forward"]
Record = TypeVar("Record", Node, Link, Task)


MODEL_FILE = "onnx"
"""The entry of `meta` that says of which file the models are: it lasts, whatever else changes."""

DOWN = "down"
"""The entry of `meta` that says which nodes and links are out for a while, with their figures."""


def derived(instance: Instance, **changes: Any) -> Instance:
    """The instance with other fields, for whoever solves a problem by another one.

    Raises
    ------
    RuntimeError
        Where the result is no instance: the given one is sound, so that is a bug of the caller's,
        and nothing that a user could mend.
    """
    try:
        return changed(instance, **changes)
    except InstanceError as error:
        raise RuntimeError(
            f"an instance made of {instance.name} is defective: {error.defects[0]}"
        ) from error


def with_one_task(instance: Instance, position: int) -> Instance:
    """The same with one of its tasks only, and the model of that."""
    task = instance.tasks[position]
    return derived(instance, models=(instance.model_of(task),), tasks=(task,))


def without_nodes(instance: Instance, names: Collection[str]) -> Instance:
    """The instance without some nodes, and without all that names them.

    Their links go, and so do their keys of `times_s` and their places in `tiers`, but for a name
    that is also a tier's: there it means the tier, which stays. A layer that only could
    run on these nodes has `tiers` () afterwards and may run nowhere, so that nothing is feasible;
    it does not become free. `meta` says nothing of this instance and goes, too.

    Raises
    ------
    LookupError
        For a name that no node has.
    ValueError
        Where a task's source or `results_to` would go, or no node would be left.
    """
    gone = {text("name", name, "the name of a node") for name in names}
    _require_removable(instance, gone)
    unknown = gone - set(instance.tiers)
    return derived(
        instance,
        nodes=tuple(node for node in instance.nodes if node.name not in gone),
        links=tuple(link for link in instance.links if not {link.tail, link.head} & gone),
        models=tuple(_without_layers_places(model, unknown) for model in instance.models),
        meta=lasting(instance),
    )


def _require_removable(instance: Instance, gone: set[str]) -> None:
    known = instance.node_index
    for name in sorted(gone - known.keys()):
        raise LookupError(f"node {name!r}, must be one of {', '.join(known)}")
    for task in instance.tasks:
        if task.source in gone:
            raise ValueError(f"node {task.source} is the source of task {task.name}, must stay")
        if task.results_to in gone:
            raise ValueError(
                f"node {task.results_to} gets the results of task {task.name}, must stay"
            )
    if gone == known.keys():
        raise ValueError(f"nodes {', '.join(known)} are all there are, one must stay")


def _without_layers_places(model: Model, names: set[str]) -> Model:
    """The model, itself where no layer names one of these places: what is kept with it stays."""
    layers = tuple(_without_places(layer, names) for layer in model.layers)
    same = all(new is old for new, old in zip(layers, model.layers, strict=True))
    if same and names.isdisjoint(model.stage_rates):
        return model
    rates = {place: own for place, own in model.stage_rates.items() if place not in names}
    return changed(model, layers=layers, stage_rates=rates)


def _without_places(layer: Layer, names: set[str]) -> Layer:
    """The layer without places of these names, in `times_s` and `tiers`."""
    if names.isdisjoint((*layer.times_s, *(layer.tiers or ()))):
        return layer
    tiers = layer.tiers
    return changed(
        layer,
        times_s={place: own for place, own in layer.times_s.items() if place not in names},
        tiers=None if tiers is None else tuple(place for place in tiers if place not in names),
    )


def with_times(
    instance: Instance, times_s: Mapping[str, Mapping[str, PerPass]], model: str | None = None
) -> Instance:
    """The instance with measured times of some layers on some nodes or tiers, the others kept.

    Parameters
    ----------
    times_s
        Seconds by layer, then by node or tier; a list of them where the passes differ.
    model
        The layers' model; None: the only one.

    Raises
    ------
    LookupError
        For a model, a layer, a node or tier that is unknown.
    ValueError
        Where `model` is None and there are several.
    InstanceError
        For times that no file may hold.
    """
    times_s = read_only(times_s)
    own = model_named(instance, model)
    if wrong := value_defects(times_s, dict[str, dict[str, PerPass]], "times_s"):
        raise InstanceError(instance.name, wrong)
    places = dict.fromkeys((*instance.node_index, *instance.tiers))
    for layer, times in times_s.items():
        look_up(own.index, layer, f"layer of {own.name}")
        for place in times:
            look_up(places, place, "node or tier")
    layers = tuple(
        changed(layer, times_s={**layer.times_s, **_seconds(times_s[layer.name])})
        if layer.name in times_s
        else layer
        for layer in own.layers
    )
    models = list(instance.models)
    models[instance.model_index[own.name]] = changed(own, layers=layers)
    return changed(instance, models=tuple(models), meta=lasting(instance))


def _seconds(times_s: Mapping[str, PerPass]) -> dict[str, PerPass]:
    return msgspec.convert(dict(times_s), dict[str, PerPass])


def model_named(instance: Instance, name: str | None) -> Model:
    if name is not None:
        return instance.models[look_up(instance.model_index, name, "model")]
    if len(instance.models) > 1:
        names = ", ".join(instance.model_index)
        raise ValueError(f"model = None, must be one of {names}: there are several")
    return instance.models[0]


def with_node(instance: Instance, name: str, fields: Mapping[str, Any]) -> Instance:
    """The instance with other fields of a node; a new one, the last, where no node has the name.

    Raises
    ------
    InstanceError
        For fields that no node of a file may have, and for those that a new one lacks.
    """
    text("name", name, "the name of a node")
    nodes = list(instance.nodes)
    position = instance.node_index.get(name, len(nodes))
    own = msgspec.to_builtins(nodes[position]) if position < len(nodes) else {"name": name}
    nodes[position : position + 1] = [_checked(instance, Node, own, fields, f"nodes[{position}]")]
    return changed(instance, nodes=tuple(nodes), meta=lasting(instance))


def with_link(
    instance: Instance, tail: str, head: str, directions: Directions, fields: Mapping[str, Any]
) -> Instance:
    """The instance with other fields of the link from `tail` to `head`; a new one, the last, where
    there is none.

    A duplex link changes both ways; with `directions` "forward" it becomes two links in its place,
    of which the one to `head` changes. A new link is duplex unless "forward" or there is one back.

    Raises
    ------
    LookupError
        For a name that no node has.
    ValueError
        For other `directions`, and for "forward" with a link that shall be duplex.
    InstanceError
        For fields that no link of a file may have, and for those that a new one lacks.
    """
    choice("directions", directions, ("both", "forward"))
    if directions == "forward" and fields.get("duplex"):
        raise ValueError("duplex = true, must be false with directions = 'forward'")
    for end in (tail, head):
        look_up(instance.node_index, end, "node")
    links = list(instance.links)
    if directions == "forward" or fields.get("duplex") is False:
        links = _parted(links, tail, head, keep_back=directions == "forward")
    position = _position(links, tail, head)
    if position is None:
        duplex = directions == "both" and _position(links, head, tail) is None
        position, own = len(links), {"from": tail, "to": head, "duplex": duplex}
    else:
        own = msgspec.to_builtins(links[position])
    links[position : position + 1] = [_checked(instance, Link, own, fields, f"links[{position}]")]
    return changed(instance, links=tuple(links), meta=lasting(instance))


def with_tasks(instance: Instance, changes: Mapping[str, Mapping[str, Any]]) -> Instance:
    """The instance with other fields of some tasks, by their names.

    Raises
    ------
    LookupError
        For a name that no task has.
    InstanceError
        For fields that no task of a file may have.
    """
    tasks = list(instance.tasks)
    named = {task.name: position for position, task in enumerate(tasks)}
    for name, fields in changes.items():
        position = look_up(named, name, "task")
        own = msgspec.to_builtins(tasks[position])
        tasks[position] = _checked(instance, Task, own, fields, f"tasks[{position}]")
    return changed(instance, tasks=tuple(tasks), meta=lasting(instance))


def _position(links: Sequence[Link], tail: str, head: str) -> int | None:
    """Which link goes from `tail` to `head`, forwards or backwards."""
    for position, link in enumerate(links):
        ways = [(link.tail, link.head), (link.head, link.tail)][: 1 + link.duplex]
        if (tail, head) in ways:
            return position
    return None


def _parted(links: Sequence[Link], tail: str, head: str, keep_back: bool) -> list[Link]:
    """The links with a duplex one between two nodes as one for each way, or the way there only."""
    position = _position(links, tail, head)
    if position is None or not links[position].duplex:
        return list(links)
    there = changed(links[position], duplex=False)
    back = changed(there, tail=there.head, head=there.tail)
    halves = [half for half in (there, back) if keep_back or half.head == head]
    return [*links[:position], *halves, *links[position + 1 :]]


def _checked(
    instance: Instance,
    kind: type[Record],
    own: Mapping[str, Any],
    fields: Mapping[str, Any],
    path: str,
) -> Record:
    """A record of plain data with other fields, as if a file had it at `path`."""
    fixed = [name for name in ("name", "from", "to") if name in fields and name in own]
    defects = [f"{path}.{name} = {shown(fields[name])}, must stay {own[name]}" for name in fixed]
    data = {**own, **{key: plain(value) for key, value in fields.items()}}
    if wrong := defects or value_defects(data, kind, path):
        raise InstanceError(instance.name, wrong)
    return msgspec.convert(data, kind)


def lasting(instance: Instance) -> dict[str, Any]:
    """What `meta` says that is true with other figures, too: where the models come from, and what
    is out for a while."""
    return {key: value for key, value in instance.meta.items() if key in (MODEL_FILE, DOWN)}
