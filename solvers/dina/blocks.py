"""The blocks that DINA-P may offload of a model: between small tensors, with their halos tabled.

Ours: the work of a slice of full width (or height) of a stage is a difference of two tables of
length H + 1 (`tiles/spans`), and thousands of candidate slices are priced by look-ups. (Where an
output reads nothing but padding this is an estimate; what is chosen in the end is always priced by
the reference geometry.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.series import series_cuts
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.stages import layer_rates, node_rates
from splitfog.formulations.tiles.spans import spans_of
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of, stage_shape_defects
from splitfog.instances.arrays import Integers, Seconds, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Layer

MAX_BORDERS = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks:
    """A model's borders, and its sliceable blocks between any two of them.

    A border is a number of layers, inputs not counted, in topological order; `borders` runs from
    0 to all. A block is a pair of positions in `borders`; b of them can be sliced, with `length`
    [b] rows (columns where `by_column`) of output, `across` [b] the other way.

    The slice [x, y) of block i on a node of class c has the work
    `end_work[c, i, y] - begin_work[c, i, x]`, times the node's `scale`, plus `fixed_s`, in
    seconds; it reads `end_bytes[i, y] - begin_bytes[i, x]` and writes `row_bytes[i] (y - x)`.
    `node_class` [N] and `scale` [N] are the nodes'; `fixed_s` is [b, N]. `class_work` is that of
    whole layers, [classes, layers].
    `allowed` [b, N] says whether the block's `tiers` admit a node; none where a group is divided.
    """

    borders: Integers
    pairs: tuple[tuple[int, int], ...]
    layers: tuple[tuple[int, ...], ...]
    by_column: NDArray[np.bool_]
    length: Integers
    across: Integers
    begin_work: Seconds
    end_work: Seconds
    begin_bytes: Seconds
    end_bytes: Seconds
    row_bytes: Seconds
    class_work: Seconds
    node_class: Integers
    scale: Seconds
    fixed_s: Seconds
    allowed: NDArray[np.bool_]

    @cached_property
    def whole_s(self) -> Seconds:
        """[b, N]: seconds of a block as one slice."""
        rows = np.arange(len(self.pairs))
        work = self.end_work[:, rows, self.length] - self.begin_work[:, rows, 0]
        return frozen(np.asarray(work[self.node_class].T * self.scale + self.fixed_s))

    @cached_property
    def steps(self) -> tuple[tuple[Integers, Integers], ...]:
        """By border, the blocks that begin there, and the borders where they end."""
        begun: list[list[tuple[int, int]]] = [[] for _ in self.borders]
        for block, (first, last) in enumerate(self.pairs):
            begun[first].append((block, last))
        both = (np.array(own, np.int64).reshape(-1, 2).T for own in begun)
        return tuple((frozen(blocks), frozen(ends)) for blocks, ends in both)

    def whole_bytes(self) -> tuple[Seconds, Seconds]:
        """[b] and [b]: bytes in and out of a block as one slice."""
        rows = np.arange(len(self.pairs))
        into = self.end_bytes[rows, self.length] - self.begin_bytes[rows, 0]
        return into, self.row_bytes * self.length


def border_cuts(arrays: TaskArrays) -> list[int]:
    """Borders of a task's model, as numbers of layers, inputs not counted: start, cuts, end.

    Of the tensors through which everything passes (`series_cuts`), those that are local minima in
    bytes. Ours: a run of equal tensors counts as its first; it is a minimum if the tensor before
    is larger and either it has more than one member or the tensor after is larger too. Of more
    than six the six smallest, ties to the earlier.
    """
    model = arrays.model
    order = model.order
    before = np.cumsum(~arrays.is_input[order]).tolist()  # layers up to and with each position
    cuts = [at for at in series_cuts(arrays) if before[at] < before[-1]]
    runs = [
        (size, [before[at] for at in equal])
        for size, equal in groupby(cuts, lambda at: float(arrays.output_bytes[order[at]]))
    ]
    sizes = [-inf if not cuts or before[cuts[0]] > 0 else inf, *(size for size, _ in runs), inf]
    minima = [
        (size, members[0])
        for i, (size, members) in enumerate(runs, start=1)
        if members[0] > 0 and sizes[i - 1] > size and (len(members) > 1 or sizes[i + 1] > size)
    ]
    return [0, *sorted(at for _, at in sorted(minima)[: MAX_BORDERS - 2]), before[-1]]


def model_and_end(instance: Instance, task: int) -> tuple[str, bool]:
    """What the blocks of a task depend on: its model, and whether its results go nowhere."""
    owner = instance.tasks[task]
    return owner.model, owner.results_to is None


@kept(by=model_and_end)
def blocks_of(instance: Instance, task: int) -> Blocks:
    """The blocks of a task's model, kept with the instance."""
    arrays = task_arrays(instance, task)
    model = arrays.model
    movable = model.order[~arrays.is_input[model.order]].tolist()
    borders = border_cuts(arrays)
    pairs, layers, geometries = [], [], []
    for i, j in combinations(range(len(borders)), 2):
        inside = tuple(movable[borders[i] : borders[j]])
        if inside and not stage_shape_defects(model, inside):
            geometry = geometry_of(model, inside)
            if max(geometry.height, geometry.width) > 0:
                pairs.append((i, j))
                layers.append(inside)
                geometries.append(geometry)
    classes = _Classes.of(instance, arrays)
    num_blocks, top = len(pairs), max([max(g.height, g.width) for g in geometries], default=0)
    begin_work = np.zeros((len(classes.work), num_blocks, top + 1))
    end_work = begin_work.copy()
    begin_bytes, end_bytes = np.zeros((num_blocks, top + 1)), np.zeros((num_blocks, top + 1))
    for i, geometry in enumerate(geometries):
        begin, end = _border_shares(geometry)
        length = begin.shape[1]
        work = classes.work[:, list(geometry.layers)]
        begin_work[:, i, :length], end_work[:, i, :length] = work @ begin[:-1], work @ end[:-1]
        size = geometry.tensor_bytes[-1]
        begin_bytes[i, :length], end_bytes[i, :length] = begin[-1] * size, end[-1] * size
    tall = np.array([g.height >= g.width for g in geometries], bool)
    length = np.array([max(g.height, g.width) for g in geometries], np.int64)
    overhead = [node_rates(_layers_of(g), instance.nodes)[0] for g in geometries]
    num_nodes = len(instance.nodes)
    allowed = [
        np.isfinite(arrays.costs_s[list(g.layers)]).all(axis=0) & ~arrays.divides_group(g.layers)
        for g in geometries
    ]
    size_out = np.array([g.tensor_bytes[-2] for g in geometries])
    return Blocks(
        borders=np.array(borders, np.int64),
        pairs=tuple(pairs),
        layers=tuple(layers),
        by_column=~tall,
        length=length,
        across=np.array([min(g.height, g.width) for g in geometries], np.int64),
        begin_work=frozen(begin_work),
        end_work=frozen(end_work),
        begin_bytes=frozen(begin_bytes),
        end_bytes=frozen(end_bytes),
        row_bytes=size_out / np.maximum(length, 1),
        class_work=frozen(classes.work),
        node_class=classes.of_node,
        scale=classes.scale,
        fixed_s=np.array(overhead).reshape(num_blocks, num_nodes),
        allowed=np.array(allowed, bool).reshape(num_blocks, num_nodes),
    )


def _layers_of(geometry: StageGeometry) -> list[Layer]:
    return [geometry.model.layers[layer] for layer in geometry.layers]


def _border_shares(geometry: StageGeometry) -> tuple[Seconds, Seconds]:
    """[slots, H + 1] twice: share of every tensor before a slice's begin, and before its end.

    Along the larger dimension, the whole of the other. Share of [x, y) = end[y] - begin[x].
    """
    along, across = spans_of(geometry)[:: 1 if geometry.height >= geometry.width else -1]
    whole = (across.end[:, -1] - across.begin[:, 0])[:, None]
    return along.begin * whole, along.end * whole


@dataclass(frozen=True, eq=False)
class _Classes:
    """Nodes whose layer times are the same but for a factor: `work` [classes, layers]."""

    work: Seconds
    of_node: Integers
    scale: Seconds

    @classmethod
    def of(cls, instance: Instance, arrays: TaskArrays) -> _Classes:
        layers = arrays.model.layers
        flops = arrays.model.flops
        work, of_node, scale = [flops], [], []
        known: dict[bytes, int] = {}
        measured = {key for layer in layers for key in layer.times_s}
        has_traffic = any(layer.traffic_bytes for layer in layers)
        for node in instance.nodes:
            slowed = node.memory_bytes_per_s is not None and has_traffic
            if not slowed and not measured & {node.name, node.tier}:
                of_node.append(0)
                scale.append(1 / node.speed_flops)
                continue
            slope = layer_rates(layers, node)[1]
            at = known.setdefault(slope.tobytes(), len(work))
            if at == len(work):
                work.append(slope)
            of_node.append(at)
            scale.append(1.0)
        return cls(np.array(work), np.array(of_node, np.int64), np.array(scale))
