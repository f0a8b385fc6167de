"""Instances made of others: without some nodes, with one task alone, with other records."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from splitfog.instances.defects import InstanceError
from splitfog.instances.records import Instance, Layer


def derived(instance: Instance, **changes: Any) -> Instance:
    """The instance with other fields, for whoever solves a problem by another one.

    Raises
    ------
    RuntimeError
        Where the result is no instance: the given one is sound, so that is a bug of the caller's,
        and nothing that a user could mend.
    """
    try:
        return dataclasses.replace(instance, **changes)
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
    that is also a tier's: there it means the tier (SPEC 2), which stays. A layer that only could
    run on these nodes has `tiers` () afterwards and may run nowhere, so that nothing is feasible;
    it does not become free. `meta` says nothing of this instance and goes, too.

    Raises
    ------
    LookupError
        For a name that no node has.
    ValueError
        Where a task's source or `results_to` would go, or no node would be left.
    """
    gone = set(names)
    _require_removable(instance, gone)
    unknown = gone - set(instance.tiers)
    return derived(
        instance,
        nodes=tuple(node for node in instance.nodes if node.name not in gone),
        links=tuple(link for link in instance.links if not {link.tail, link.head} & gone),
        models=tuple(
            replace(model, layers=tuple(_without_places(layer, unknown) for layer in model.layers))
            for model in instance.models
        ),
        meta={},
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


def _without_places(layer: Layer, names: set[str]) -> Layer:
    """The layer without places of these names, in `times_s` and `tiers`."""
    if names.isdisjoint((*layer.times_s, *(layer.tiers or ()))):
        return layer
    tiers = layer.tiers
    return replace(
        layer,
        times_s={place: own for place, own in layer.times_s.items() if place not in names},
        tiers=None if tiers is None else tuple(place for place in tiers if place not in names),
    )
