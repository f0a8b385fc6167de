"""Where a model may be cut into stages: chains of blocks, one tensor between two blocks.

A block is all that lies between two tensors of a chain through which everything passes. Blocks
in a row can be fused into one stage. Inside a block (an Inception module, a residual branch) the
branches are chains again, so that stages may also be formed there while the block stays whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from splitfog.formulations.tiles.stage_shape import (
    ELEMENTWISE,
    WINDOWED,
    geometry_of,
    stage_shape_defects,
)
from splitfog.instances.kept import kept
from splitfog.instances.records import Model

DEPTH = 8
"""Blocks nested deeper than this are taken apart no further."""


@dataclass(frozen=True)
class Block:
    """Layers between two tensors of a chain, in topological order; the last makes the second.

    `inner` are the chains of its branches. `may_slice`: the layers may form a stage in which
    every output element reads more than padding.
    """

    layers: tuple[int, ...]
    inner: tuple[Chain, ...]
    may_slice: bool

    @property
    def end(self) -> int:
        """The layer whose tensor leaves the block."""
        return self.layers[-1]


@dataclass(frozen=True)
class Chain:
    """Blocks one after another."""

    blocks: tuple[Block, ...]


@kept()
def chains_of(model: Model) -> tuple[Chain, ...]:
    """The chains of a model, kept with it; nested ones stand in their blocks.

    A tensor divides a chain if nothing after it reads anything before it (nor what the chain reads
    from outside). `norm`, `activation` and `identity` layers join the block before them. Where no
    tensor divides a part of the model, its plain paths (one reader, one input) are the chains.
    O(V + E) a level of nesting, and O(V) for every block that may be sliced.
    """
    layers = [i for i in model.order.tolist() if model.layers[i].op != "input"]
    return tuple(_chains(model, layers, DEPTH))


def likeness(model: Model, blocks: Sequence[Block]) -> tuple[Hashable, ...]:
    """A key that is equal for runs of blocks whose slices cost the same on any nodes."""
    layers = [layer for block in blocks for layer in block.layers]
    slots = {layer: slot for slot, layer in enumerate(layers)}
    weights: dict[int, int] = {}
    outside = {tail for layer in layers for tail in model.inputs[layer]} - slots.keys()
    tensors = [(model.layers[t].output_shape, model.layers[t].output_bytes) for t in outside]
    alike: list[Hashable] = [tuple(len(block.layers) for block in blocks), *tensors]
    for position in layers:
        own = model.layers[position]
        shared = weights.setdefault(int(model.weight_owner[position]), len(weights))
        alike.append(
            (
                tuple(slots.get(tail, -1) for tail in model.inputs[position]),
                (
                    own.op,
                    own.window,
                    own.flops,
                    own.traffic_bytes,
                    own.weight_bytes,
                    shared,
                    own.group,
                ),
                (own.output_shape, own.output_bytes, own.tiers, tuple(own.times_s.items())),
            )
        )
    return tuple(alike)


def _chains(model: Model, layers: Sequence[int], depth: int) -> Iterator[Chain]:
    """The chains of layers in topological order, one connected part after another."""
    for part in _connected(model, layers):
        points = _points(model, part) if depth else []
        if not points:
            yield from (_chain(model, path) for path in _paths(model, part))
            continue
        spans = [(first, last) for first, last in zip([-1, *points], points)]
        blocks = [
            (part[first + 1 : last + 1], tuple(_chains(model, part[first + 1 : last], depth - 1)))
            for first, last in spans
        ]
        yield _chain(model, blocks)
        yield from _chains(model, part[points[-1] + 1 :], depth - 1)


def _chain(model: Model, parts: Sequence[tuple[Sequence[int], tuple[Chain, ...]]]) -> Chain:
    blocks: list[Block] = []
    for layers, inner in parts:
        block = Block(tuple(layers), inner, _may_slice(model, layers))
        if blocks and _joins(model, blocks[-1], block):
            before = blocks.pop()
            block = Block((*before.layers, *block.layers), before.inner, True)
        blocks.append(block)
    return Chain(tuple(blocks))


def _joins(model: Model, before: Block, block: Block) -> bool:
    """Whether a block is one elementwise layer that belongs to the block before."""
    op = model.layers[block.end].op
    plain = len(block.layers) == 1 and op in ("norm", "activation", "identity")
    both = before.may_slice and block.may_slice
    return plain and both and not model.results[before.end]


def _may_slice(model: Model, layers: Sequence[int]) -> bool:
    for layer in layers:
        entry = model.layers[layer]
        if entry.op not in WINDOWED | ELEMENTWISE or entry.output_shape is None:
            return False
    if stage_shape_defects(model, layers):
        return False
    reaches = geometry_of(model, tuple(layers)).reaches
    return not any(reach is not None and reach.may_miss for reach in reaches)


def _points(model: Model, part: Sequence[int]) -> list[int]:
    """Positions in `part` of the layers whose tensor divides it."""
    position = {layer: at for at, layer in enumerate(part)}
    reach = max(
        (at for at, layer in enumerate(part) if not position.keys() >= set(model.inputs[layer])),
        default=0,
    )
    points = []
    for at, layer in enumerate(part):
        if reach <= at:
            points.append(at)
        readers = [position.get(reader, len(part)) for reader in model.consumers[layer]]
        reach = max([reach, *readers]) if readers else len(part)
    return points


def _connected(model: Model, layers: Sequence[int]) -> list[list[int]]:
    """Layers by connected part of the DAG, each in the order given."""
    inside = set(layers)
    owner: dict[int, int] = {}
    for root in layers:
        stack = [] if root in owner else [root]
        owner.setdefault(root, root)
        while stack:
            layer = stack.pop()
            for other in (*model.inputs[layer], *model.consumers[layer]):
                if other in inside and other not in owner:
                    owner[other] = root
                    stack.append(other)
    parts: dict[int, list[int]] = {}
    for layer in layers:
        parts.setdefault(owner[layer], []).append(layer)
    return list(parts.values())


def _paths(
    model: Model, part: Sequence[int]
) -> list[list[tuple[Sequence[int], tuple[Chain, ...]]]]:
    """Maximal runs in which every layer but the last has one reader that reads nothing else."""
    inside = set(part)
    path_of: dict[int, list[int]] = {}
    for layer in part:
        tails = set(model.inputs[layer])
        tail = tails.pop() if len(tails) == 1 else None
        if tail is not None and tail in inside and model.consumers[tail] == (layer,):
            path_of[layer] = path_of[tail]
        else:
            path_of[layer] = []
        path_of[layer].append(layer)
    paths = {id(path): path for path in path_of.values()}
    return [[((layer,), ()) for layer in path] for path in paths.values()]
