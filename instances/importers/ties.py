"""Layers that run as one where they were measured, and so stay together."""

from __future__ import annotations

from collections.abc import Mapping

from splitfog.instances.records import Model, changed


def tied(model: Model, ties: Mapping[str, str]) -> Model:
    """The model with a `group` for every tie.

    A group that a tie shares a layer with becomes one with it, and keeps its name.

    Parameters
    ----------
    model
        Whose layers they are.
    ties
        Name of the tie by layer. Input layers are where their data are, and not tied.

    Returns
    -------
    Model
    """
    group = {layer.name: layer.group for layer in model.layers if layer.op != "input"}
    members: dict[str, list[str]] = {}
    for layer, tie in ties.items():
        if layer in group:
            members.setdefault(tie, []).append(layer)
    for tie, layers in members.items():
        touched = list(dict.fromkeys(own for x in layers if (own := group[x]) is not None))
        name = touched[0] if touched else tie
        for layer, own in group.items():
            if layer in layers or own in touched:
                group[layer] = name
    return changed(
        model,
        layers=tuple(
            [changed(layer, group=group.get(layer.name, layer.group)) for layer in model.layers]
        ),
    )
