"""What slices need of every tensor, axis by axis, for all slices and all stages at once.

The reverse tile calculation (docs/slices.md) treats rows and columns apart, the first row needed
depends on the slice's first row only, and the last on its last. So two short tables a tensor and
axis hold the needs of every slice there is, and those of a fused stage follow from its blocks'
by looking one table up in the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.instances.kept import kept
from splitfog.instances.records import Model
from splitfog.solvers.d3.chains import Block

Table = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockReach:
    """Needs of a block's layers, and in the last row of its input, for slices of its output.

    Attributes
    ----------
    layers : positions in the model, in the order of the tables.
    starts, ends : per axis [layers + 1, size]: `starts[l, a]` is the first row of tensor l needed
        by slices that begin at a, `ends[l, b - 1]` the row behind the last by those that end at b.
    areas : [layers + 1], rows x columns of every whole tensor.
    sizes : rows and columns of the output.
    input_bytes, output_bytes : of the whole tensors.
    """

    layers: tuple[int, ...]
    starts: tuple[Table, Table]
    ends: tuple[Table, Table]
    areas: NDArray[np.float64]
    sizes: tuple[int, int]
    input_bytes: float
    output_bytes: float


@kept(by=lambda model, block: block.layers)
def reach_of(model: Model, block: Block) -> BlockReach:
    """The tables of a block that may be sliced, kept with the model. O(layers x map's side)."""
    geometry = geometry_of(model, block.layers)
    tables = [_axis_tables(geometry, axis) for axis in range(2)]
    return BlockReach(
        layers=geometry.layers,
        starts=(tables[0][0], tables[1][0]),
        ends=(tables[0][1], tables[1][1]),
        areas=np.prod(geometry.shapes[:, 1:], axis=1).astype(np.float64),
        sizes=(geometry.height, geometry.width),
        input_bytes=float(geometry.tensor_bytes[-1]),
        output_bytes=float(geometry.tensor_bytes[-2]),
    )


def _axis_tables(geometry: StageGeometry, axis: int) -> tuple[Table, Table]:
    count = len(geometry.layers)
    size = int(geometry.shapes[count - 1, 1 + axis])
    starts = np.full((count + 1, size), np.iinfo(np.int64).max)
    ends = np.zeros((count + 1, size), np.int64)
    starts[count - 1] = np.arange(size)
    ends[count - 1] = np.arange(1, size + 1)
    for slot in reversed(range(count)):
        reach = geometry.reaches[slot]
        first, last = starts[slot], ends[slot]
        if reach is not None:
            stride = int(reach.stride[axis, 0])
            first = np.maximum(first * stride + int(reach.first[axis, 0]), 0)
            last = np.minimum(last * stride + int(reach.last[axis, 0]), int(reach.limit[axis, 0]))
        for read in geometry.reads[slot]:
            np.minimum(starts[read], first, out=starts[read])
            np.maximum(ends[read], last, out=ends[read])
    return starts, ends
