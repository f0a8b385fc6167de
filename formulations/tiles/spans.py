"""What rectangles need of a stage's tensors, axis by axis, as differences of two short tables.

Ours. Rows and columns are enlarged apart, the first row needed depends on where a slice begins
only, and the last on where it ends. So the share of a tensor that a rectangle needs is a product of
two differences, and thousands of rectangles are priced by look-ups. (Where an output reads nothing
but padding this is an estimate.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.kept import kept


@dataclass(frozen=True, eq=False)
class Span:
    """Of one axis of `size` elements: `begin` and `end`, [slots, size + 1].

    Elements [a, b) of the output need `end[:, b] - begin[:, a]` of the axis of every tensor.
    """

    begin: Floats
    end: Floats

    @property
    def size(self) -> int:
        """Of the output's axis."""
        return int(self.begin.shape[1]) - 1


@kept()
def spans_of(geometry: StageGeometry) -> tuple[Span, Span]:
    """The needs along rows and along columns, kept with the geometry. O(slots x map's side)."""
    return _span(geometry, 0), _span(geometry, 1)


def shares_of(spans: tuple[Span, Span], rectangles: Integers) -> Floats:
    """[slots, T]: the share of every tensor that rectangles [T, 4], not empty, need."""
    r0, r1, c0, c1 = np.asarray(rectangles, np.int64).reshape(-1, 4).T
    rows, columns = spans
    down = rows.end[:, r1] - rows.begin[:, r0]
    return np.asarray(down * (columns.end[:, c1] - columns.begin[:, c0]))


@kept()
def grid_shares(geometry: StageGeometry, most: int) -> Floats:
    """[most, slots]: shares of every tensor that all cells of a nearly square grid need together,
    of at least 1 to `most` cells: what cutting costs.
    """
    found = []
    for cells in range(1, most + 1):
        rows = int(cells**0.5)
        counts = (rows, -(-cells // rows))
        sums = []
        for span, count in zip(spans_of(geometry), counts, strict=True):
            cuts = np.unique(np.linspace(0, span.size, count + 1).round().astype(np.int64))
            sums.append((span.end[:, cuts[1:]] - span.begin[:, cuts[:-1]]).sum(axis=1))
        found.append(sums[0] * sums[1])
    return np.array(found)


def _span(geometry: StageGeometry, axis: int) -> Span:
    sizes = (geometry.height, geometry.width)
    inner = np.arange(sizes[axis])
    tiles = np.zeros((2, len(inner), 2, 2), np.int64)  # open on one side, slice, axis, begin/end
    tiles[:, :, 1 - axis, 1] = sizes[1 - axis]
    tiles[0, :, axis, 0], tiles[0, :, axis, 1] = inner, sizes[axis]
    tiles[1, :, axis, 1] = inner + 1
    boxes = regions(geometry, tiles.reshape(-1, 4)).boxes.reshape(-1, 2, len(inner), 2, 2)
    whole = geometry.shapes[:, 1 + axis][:, None]
    begin = np.concatenate([boxes[:, 0, :, axis, 0] / whole, np.ones((len(whole), 1))], axis=1)
    end = np.concatenate([np.zeros((len(whole), 1)), boxes[:, 1, :, axis, 1] / whole], axis=1)
    return Span(begin, end)
