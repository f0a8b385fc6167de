"""What weights come to where layers share them: those of one name count once a node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.records import Model


def held_bytes(model: Model, layers: Iterable[int]) -> float:
    """Bytes of the weights of some layers together."""
    owners = dict.fromkeys(model.weight_owner[list(layers)].tolist())
    return float(sum(model.layers[owner].weight_bytes for owner in owners))


def added_bytes(model: Model, order: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """[len(order)]: bytes that every layer of an order brings that none before it has brought."""
    own = np.array([model.layers[layer].weight_bytes for layer in order], np.float64)
    return np.where(first_of(model.weight_owner[np.asarray(order, np.int64)]), own, 0.0)


def first_of(names: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[names]: whether a name stands here for the first time."""
    first = np.zeros(len(names), bool)
    first[np.unique(names, return_index=True)[1]] = True
    return first


def bytes_of(model: Model, present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[...]: bytes of the weights of the layers that are `present` [..., layers]."""
    held = present.copy()
    for layer, owner in enumerate(model.weight_owner.tolist()):
        if owner != layer:
            held[..., owner] |= held[..., layer]
            held[..., layer] = False
    return np.asarray(held @ np.array([layer.weight_bytes for layer in model.layers]))


def node_bytes(model: Model, placement: NDArray[np.int64], num_nodes: int) -> NDArray[np.float64]:
    """[nodes]: bytes of the weights that a placement of one task puts on every node."""
    return bytes_of(model, placement == np.arange(num_nodes)[:, None])
