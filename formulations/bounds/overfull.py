"""Why weights and state fit into no nodes, where a sum or a count shows it: no search.

Ours, but the counts are those of bin packing: S. Martello and P. Toth's bound L2 (Knapsack
Problems, 1990), with a node's own room in place of the common size, and items that exclude each
other in pairs. It holds for placements and stages alike: the weights of a layer are on a node that
may have it, sliced or not, and those of a `group` together on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model

MOST_ITEMS = 400
"""Heaviest weights that are looked at in pairs."""
MOST_SETS = 100
"""Sets of nodes that are counted on."""
MOST_STARTS = 8
"""Weights from which sets of such that exclude each other are grown."""


@dataclass(frozen=True)
class Item:
    """Weights that lie together on at least one of the nodes `may` [nodes]."""

    name: str
    num_bytes: float
    may: Flags


def overfull(instance: Instance, possible: Sequence[Flags]) -> str | None:
    """A sentence that proves that some weights fit nowhere; None where no count shows it.

    Parameters
    ----------
    instance
        Its tasks, nodes and what these hold.
    possible
        For every task [layers, nodes]: where each layer by itself may be computed.

    Notes
    -----
    O(items^2 nodes) for at most `MOST_ITEMS` items, and O(items (items + nodes)) for every one of
    at most `MOST_SETS` sets of nodes that items are confined to.
    """
    room = memory_room(instance)
    if np.isinf(room).all():
        return None
    if not (items := sorted(_items(instance, possible), key=lambda item: -item.num_bytes)):
        return None
    for item in items:
        if item.num_bytes > (most := float(room[item.may].max(initial=0.0))):
            return (
                f"whatever the plan, no node that may have {item.name} holds its "
                f"{item.num_bytes:.6g} bytes, must be <= {most:.6g}, "
                f"so {item.num_bytes - most:.6g} bytes are missing"
            )
    may = np.array([item.may for item in items]).reshape(len(items), len(room))
    every = np.array([item.num_bytes for item in items])
    for inside in _sets(items):
        sizes = every[~(may & ~inside).any(axis=1)]
        if (why := _too_much(sizes, room[inside]) or _too_many(sizes, room[inside])) is not None:
            where, them = _named(instance, inside), "them" if inside.sum() > 1 else "it"
            return f"whatever the plan, {where} cannot hold what is confined to {them}: {why}"
    return _exclusive(items[:MOST_ITEMS], room)


def _items(instance: Instance, possible: Sequence[Flags]) -> Iterator[Item]:
    """All weights of all models, each once: groups first, then what is in none."""
    for model in instance.models:
        tables = [
            open_to
            for task, open_to in zip(instance.tasks, possible, strict=True)
            if task.model == model.name
        ]
        if not tables:
            continue
        counted: set[int] = set()
        for layers in _together(model):
            owners = set(model.weight_owner[layers].tolist()) - counted
            counted |= owners
            size = sum(model.layers[owner].weight_bytes for owner in owners)
            state = float(model.state_bytes[layers].sum())
            name = f"layer {model.layers[layers[0]].name}"
            if len(layers) > 1:
                name = f"the group of {name}"
            name = f"{name} of {model.name}"
            places = np.array([table[layers].all(axis=0) for table in tables])
            if len(tables) == 1:  # the state of one task lies where the weights do
                size, state = size + state, 0.0
            if size > 0:
                fewest = int(places.sum(axis=1).argmin())
                yield Item(name, size, places[fewest])
            if state > 0:
                yield from (Item(f"the state of {name}", state, own) for own in places)


def _together(model: Model) -> list[list[int]]:
    """Layers that share a node: every group, then every layer without one."""
    alone = [[i] for i, layer in enumerate(model.layers) if layer.group is None]
    return [*map(list, model.groups.values()), *alone]


def _sets(items: Sequence[Item]) -> Iterator[Flags]:
    """Sets of nodes to count on: each that an item is confined to, and their growing unions."""
    distinct = {item.may.tobytes(): item.may for item in items}
    by_size = sorted(distinct.values(), key=np.count_nonzero)
    unions = list(accumulate(by_size, np.logical_or))
    every = {mask.tobytes(): mask for mask in [*reversed(unions), *by_size]}
    yield from list(every.values())[:MOST_SETS]


def _named(instance: Instance, inside: Flags) -> str:
    names = [node.name for node, there in zip(instance.nodes, inside, strict=True) if there]
    if len(names) == len(instance.nodes) > 1:
        return "all nodes together"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    together = " together" if len(names) > 1 else ""
    return f"{', '.join(names[:3])}{more}{together}"


def _too_much(sizes: Floats, room: Floats) -> str | None:
    """Whether sizes, small ones left out and large ones counted as a whole node, exceed the room.

    With t <= C / 2, C the largest room: a node that holds an item above C - t holds nothing else
    of at least t. So it is as if that item had size C, if the node has room for it at all.
    """
    largest = float(room.max(initial=0.0))
    if not np.isfinite(largest):
        return None
    for least in [0.0, *np.unique(sizes[sizes <= largest / 2]).tolist()]:
        big = sizes > largest - least if least else np.zeros(len(sizes), bool)
        worth = np.where(big, largest, np.where(sizes >= least, sizes, 0.0))
        smallest = sizes[big].min(initial=np.inf)
        has = np.where(room >= smallest, largest, room)
        if worth.sum() > has.sum() * (1 + BOUND_SLACK):
            if not least:
                missing = worth.sum() - has.sum()
                return (
                    f"{worth.sum():.6g} bytes, must be <= {has.sum():.6g}, "
                    f"so {missing:.6g} bytes are missing"
                )
            return (
                f"{int(big.sum())} of more than {largest - least:.6g} bytes leave too little room "
                f"for the others of {least:.6g} or more"
            )
    return None


def _too_many(sizes: Floats, room: Floats) -> str | None:
    """Whether of the m largest, for some m, nodes hold fewer than m, even if each has the least.

    `sizes` are falling.
    """
    below = np.concatenate([[0.0], sizes.cumsum()])
    for count in range(1, len(sizes) + 1):
        left = below[count] * (1 - BOUND_SLACK) - room
        most = int((count - np.searchsorted(below[: count + 1], left)).sum())
        if most < count:
            return (
                f"of the {count} of {sizes[count - 1]:.6g} bytes or more at most {most} fit beside "
                "each other"
            )
    return None


def _exclusive(items: Sequence[Item], room: Floats) -> str | None:
    """Whether items no two of which fit on one node together find too few nodes of their own."""
    sizes = np.array([item.num_bytes for item in items])
    may = np.array([item.may for item in items]).reshape(len(items), len(room))
    may &= sizes[:, None] <= room
    most_room = np.array([np.where(own & may, room, -1.0).max(axis=1) for own in may])
    apart = sizes[:, None] + sizes > most_room * (1 + BOUND_SLACK)
    for first in range(min(len(items), MOST_STARTS)):
        chosen: list[int] = [first]
        for item in range(len(items)):
            if item != first and apart[item, chosen].all():
                chosen.append(item)
        if (matched := _matched(may[chosen])) < len(chosen):
            return (
                f"whatever the plan, {len(chosen)} weights no two of which fit on one node, "
                f"{items[chosen[0]].name} among them, find {matched} nodes"
            )
    return None


def _matched(may: Flags) -> int:
    """How many rows find a column of their own."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    return int((maximum_bipartite_matching(csr_array(may), perm_type="column") >= 0).sum())
