"""What of a run of `hpa-plain` depends on the model alone: its decisions and what they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import distinct_inputs, levels_of
from splitfog.instances.arrays import frozen
from splitfog.instances.kept import kept
from splitfog.instances.records import Model
from splitfog.solvers.d3.hpa import siblings_of

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """Layers of one level that are decided together, as some share an input tensor.

    `siblings`: those that are reconsidered together. `rows`, `edges`, `steps`, `members` and
    `tensors` are the block's part of the arrays of `RunShape`.
    """

    level: int
    layers: list[int]
    siblings: list[list[int]]
    inputs: list[int]
    rows: slice
    edges: slice
    steps: slice
    members: slice
    tensors: slice


@dataclass(frozen=True, eq=False, kw_only=True)
class RunShape:
    """The decisions of a run, block after block, level after level.

    A row is a layer's decision: `layers` [rows]; its inputs are `tails` [edges], from
    `first_edge` [readers] on for the row `reader` [readers]. A step is that of some siblings:
    `members` [members] are rows, from `first_member` [steps] on; `tensors` [tensors] what
    they read, from `first_tensor` [steps] on. `block_of_row`, `block_of_step`: positions in
    `blocks`; `block_of`, `level_of` by layer.
    """

    blocks: list[Block]
    layers: Integers
    tails: Integers
    reader: Integers
    first_edge: Integers
    members: Integers
    first_member: Integers
    tensors: Integers
    first_tensor: Integers
    block_of_row: Integers
    block_of_step: Integers
    block_of: list[int]
    level_of: list[int]


@kept()
def run_shape(model: Model, once: bool) -> RunShape:
    """The shape of a model's run, kept with it; per edge no layers are reconsidered. O(V + E)."""
    inputs = distinct_inputs(model)
    reads = inputs if once else list(model.inputs)
    level_of, block_of = [0] * len(inputs), [0] * len(inputs)
    drafts: list[tuple[list[int], list[list[int]]]] = []
    for level, layers in enumerate(levels_of(model)):
        groups = siblings_of(inputs, layers) if once else []
        for block in _components(layers, groups):
            for layer in block:
                block_of[layer], level_of[layer] = len(drafts), level
            drafts.append((block, []))
        for group in groups:
            drafts[block_of[group[0]]][1].append(group)
    blocks: list[Block] = []
    ends = _Ends()
    for layers, siblings in drafts:
        before, ends = ends, ends.after(reads, layers, siblings)
        spans = zip(_Ends._fields, before, ends, strict=True)
        parts = {name: slice(begin, end) for name, begin, end in spans}
        inputs_read = _read(inputs, layers)
        level = level_of[layers[0]]
        blocks.append(
            Block(level=level, layers=layers, siblings=siblings, inputs=inputs_read, **parts)
        )
    decided = [layer for layers, _ in drafts for layer in layers]
    steps = [group for _, siblings in drafts for group in siblings]
    row_of = {layer: row for row, layer in enumerate(decided)}
    read = [row for row, layer in enumerate(decided) if reads[layer]]
    tensors = [_read(inputs, group) for group in steps]
    return RunShape(
        blocks=blocks,
        layers=_integers(decided),
        tails=_integers(p for layer in decided for p in reads[layer]),
        reader=_integers(read),
        first_edge=_starts(len(reads[decided[row]]) for row in read),
        members=_integers(row_of[layer] for group in steps for layer in group),
        first_member=_starts(map(len, steps)),
        tensors=_integers(p for group in tensors for p in group),
        first_tensor=_starts(map(len, tensors)),
        block_of_row=_integers(block_of[layer] for layer in decided),
        block_of_step=_integers(block_of[group[0]] for group in steps),
        block_of=block_of,
        level_of=level_of,
    )


class _Ends(NamedTuple):
    """How many of the entries of a shape's arrays belong to the blocks so far."""

    rows: int = 0
    edges: int = 0
    steps: int = 0
    members: int = 0
    tensors: int = 0

    def after(
        self, reads: Sequence[Sequence[int]], layers: list[int], siblings: list[list[int]]
    ) -> _Ends:
        """With another block."""
        return _Ends(
            self.rows + len(layers),
            self.edges + sum(len(reads[layer]) for layer in layers),
            self.steps + len(siblings),
            self.members + sum(map(len, siblings)),
            self.tensors + sum(len(_read(reads, group)) for group in siblings),
        )


def _read(reads: Sequence[Sequence[int]], layers: list[int]) -> list[int]:
    """The tensors that some layers read, each once."""
    return list(dict.fromkeys(p for layer in layers for p in reads[layer]))


def _components(layers: list[int], groups: list[list[int]]) -> list[list[int]]:
    """The layers of a level, apart where no groups connect them; each in the given order."""
    owner = {layer: layer for layer in layers}

    def root(layer: int) -> int:
        while owner[layer] != layer:
            owner[layer] = layer = owner[owner[layer]]
        return layer

    for first, *others in groups:
        for other in others:
            owner[root(other)] = root(first)
    parts: dict[int, list[int]] = {}
    for layer in layers:
        parts.setdefault(root(layer), []).append(layer)
    return list(parts.values())


def _integers(values: Iterable[int]) -> Integers:
    return frozen(np.fromiter(values, np.int64))


def _starts(sizes: Iterable[int]) -> Integers:
    """Where each of consecutive runs of these sizes starts."""
    return frozen(np.array([0, *accumulate(sizes)][:-1], np.int64))
