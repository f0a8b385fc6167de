"""Reverse tile calculation (docs/slices.md): what every slice of a stage reads, computes and holds.

The idea is that of D3's vertical separation and of DeepThings' fused tiles (Zhao et al., 2018):
walk the stage from its output to its input and enlarge each slice's rectangle by every window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.tiles.grids import (
    cover_defects,
    grid,
    parts,
    rectangle_array,
    rectangles_of,
)
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of, stage_shape_defects
from splitfog.instances.arguments import record
from splitfog.instances.arrays import frozen

__all__ = [
    "Regions",
    "StageGeometry",
    "cover_defects",
    "geometry_of",
    "grid",
    "parts",
    "rectangles_of",
    "regions",
    "stage_shape_defects",
]

# Start of an empty rectangle during the walk (its end is the negative): no minimum or maximum
# with a true rectangle takes it up, and times a stride below 2^31 it stays within 64 bits.
_NOWHERE = 1 << 31


@dataclass(frozen=True, eq=False)
class Regions:
    """What T slices of a stage read and compute; rectangles are (r0, r1, c0, c1), half open.

    Attributes
    ----------
    geometry : the stage.
    boxes : int64 [layers + 1, T, 4], the rectangle of every slot of the geometry; an empty one is
        (0, 0, 0, 0).
    """

    geometry: StageGeometry
    boxes: NDArray[np.int64]

    @property
    def layers(self) -> NDArray[np.int64]:
        """[layers, T, 4]: of every layer's output, the rectangle that a slice computes."""
        return self.boxes[:-1]

    @property
    def input(self) -> NDArray[np.int64]:
        """[T, 4]: of the stage's input tensor, the rectangle that a slice reads."""
        box: NDArray[np.int64] = self.boxes[-1]
        return box

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        """[layers + 1, T]: rows x columns of every rectangle."""
        ends, starts = self.boxes[..., 1::2], self.boxes[..., ::2]
        sizes = ends - starts
        return frozen(sizes[..., 0] * sizes[..., 1])

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """[layers + 1, T]: part of every whole tensor, 0 to 1."""
        return frozen(self.areas / np.prod(self.geometry.shapes[:, 1:], axis=1)[:, None])

    @cached_property
    def elements(self) -> NDArray[np.int64]:
        """[layers, T]: elements that a slice computes."""
        return frozen(self.areas[:-1] * self.geometry.shapes[:-1, :1])

    @cached_property
    def overlap(self) -> NDArray[np.int64]:
        """[layers]: elements computed again, each further time counted. O(T + H W) a layer.

        All elements computed, less those computed at all. (A stride may leave some elements of
        a layer out altogether, so comparing with the whole would hide recomputing.)
        """
        again = [self._again(slot) for slot in range(len(self.geometry.layers))]
        return frozen(np.array(again, np.int64) * self.geometry.shapes[:-1, 0])

    @cached_property
    def halo_bytes(self) -> float:
        """Bytes of the input tensor that more than one slice reads, each further time counted."""
        _, height, width = self.geometry.shapes[-1].tolist()
        again = self._again(len(self.geometry.layers))
        return float(again / (height * width) * self.geometry.tensor_bytes[-1])

    @cached_property
    def tensor_bytes(self) -> NDArray[np.float64]:
        """[layers + 1, T]: bytes of every rectangle, `output_bytes` x its share."""
        return frozen(self.shares * self.geometry.tensor_bytes[:, None])

    @property
    def input_bytes(self) -> NDArray[np.float64]:
        """[T]: bytes of the input that a slice reads."""
        num_bytes: NDArray[np.float64] = self.tensor_bytes[-1]
        return num_bytes

    @property
    def output_bytes(self) -> NDArray[np.float64]:
        """[T]: bytes of the output that a slice owns."""
        num_bytes: NDArray[np.float64] = self.tensor_bytes[-2]
        return num_bytes

    @cached_property
    def peak_memory_bytes(self) -> NDArray[np.float64]:
        """[T]: the most that a slice needs at once on its node.

        The weights of all layers, held throughout, and the largest total over the steps of the
        tensors alive. A step computes one layer, in the geometry's order. Alive are the layer's
        own rectangle, those computed (or received) before that it or a later layer reads, and
        nothing else: a rectangle is freed after its last reader. Scratch space is not counted.
        """
        geometry, tensor_bytes = self.geometry, self.tensor_bytes
        last_read = {slot: step for step, slots in enumerate(geometry.reads) for slot in slots}
        alive = tensor_bytes[-1].copy()
        peak = alive.copy()
        for step, slots in enumerate(geometry.reads):
            alive += tensor_bytes[step]
            np.maximum(peak, alive, out=peak)
            for slot in slots:
                if last_read[slot] == step:
                    alive -= tensor_bytes[slot]
        return frozen(peak + geometry.weight_bytes)

    def _again(self, slot: int) -> int:
        """Map positions covered again, each further time counted."""
        _, height, width = self.geometry.shapes[slot].tolist()
        r0, r1, c0, c1 = self.boxes[slot].T
        steps = np.zeros((height + 1, width + 1), np.int64)
        for rows, columns, sign in ((r0, c0, 1), (r0, c1, -1), (r1, c0, -1), (r1, c1, 1)):
            np.add.at(steps, (rows, columns), sign)
        times = steps.cumsum(0).cumsum(1)
        return int(times.sum()) - int(np.count_nonzero(times))


def regions(geometry: StageGeometry, rectangles: ArrayLike) -> Regions:
    """The rectangle of every tensor of a stage that each slice needs (docs/slices.md).

    For output rows [a, b) a window needs input rows [a S - P, (b - 1) S - P + (F - 1) D + 1)
    clipped to the map, columns alike; other layers pass the rectangle through; a tensor with
    several readers needs the bounding box. A box may hold elements that nobody reads (between
    dilated taps, between strides longer than the kernel, between two readers' needs). An empty
    need is ignored in boxes; it arises where an output element reads only padding.

    Parameters
    ----------
    geometry : the stage.
    rectangles : int [T, 4], (r0, r1, c0, c1) of the stage's output for every slice. They may
        overlap and need not cover the output (see `cover_defects`); empty ones stay empty.

    Returns
    -------
    Regions
        `boxes` of every tensor and slice, and what follows from them: bytes, overlap, peak memory.

    Raises
    ------
    ValueError
        For rectangles of another shape, or outside the output.

    Notes
    -----
    O(layers x T), vectorised over T.
    """
    record("geometry", geometry, StageGeometry, "what sf.tiles.geometry gives")
    tiles = _checked(rectangles, geometry.height, geometry.width)
    num_layers = len(geometry.layers)
    boxes = np.empty((num_layers + 1, 2, 2, len(tiles)), np.int64)  # slot, axis, start/end, tile
    boxes[num_layers - 1] = tiles.T.reshape(2, 2, -1)
    some_empty = _mark_empty(boxes[num_layers - 1])
    written = {num_layers - 1}
    scratch = np.empty_like(boxes[0])
    for layer in reversed(range(num_layers)):
        reach = geometry.reaches[layer]
        for slot in geometry.reads[layer]:
            need = boxes[layer] if reach is None else scratch if slot in written else boxes[slot]
            if reach is not None:
                _look_back(reach.stride, reach.first, boxes[layer, :, 0], need[:, 0])
                _look_back(reach.stride, reach.last, boxes[layer, :, 1], need[:, 1])
                np.maximum(need[:, 0], 0, out=need[:, 0])
                np.minimum(need[:, 1], reach.limit, out=need[:, 1])
                if some_empty or reach.may_miss:
                    some_empty |= _mark_empty(need)
            if slot in written:
                np.minimum(boxes[slot, :, 0], need[:, 0], out=boxes[slot, :, 0])
                np.maximum(boxes[slot, :, 1], need[:, 1], out=boxes[slot, :, 1])
            elif reach is None:
                boxes[slot] = need
            written.add(slot)
    if some_empty:
        boxes *= (boxes[:, :, :1] < boxes[:, :, 1:]).all(axis=1, keepdims=True)
    return Regions(geometry, frozen(boxes.reshape(num_layers + 1, 4, -1).transpose(0, 2, 1)))


def _checked(rectangles: ArrayLike, height: int, width: int) -> NDArray[np.int64]:
    tiles = rectangle_array(rectangles)
    wrong = np.flatnonzero(
        (tiles < 0).any(axis=1)
        | (tiles[:, 0] > tiles[:, 1])
        | (tiles[:, 2] > tiles[:, 3])
        | (tiles[:, 1] > height)
        | (tiles[:, 3] > width)
    )
    if len(wrong):
        raise ValueError(
            f"rectangles[{wrong[0]}] = {tiles[wrong[0]].tolist()}, must be (r0, r1, c0, c1) with "
            f"0 <= r0 <= r1 <= {height} and 0 <= c0 <= c1 <= {width}"
        )
    return tiles


def _look_back(
    stride: NDArray[np.int64],
    shift: NDArray[np.int64],
    border: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """`border x stride + shift`, for both axes of all tiles."""
    np.multiply(border, stride, out=out)
    np.add(out, shift, out=out)


def _mark_empty(box: NDArray[np.int64]) -> bool:
    """Move what is empty in either axis, of [axis, start/end, tile], to nowhere; was there any?"""
    empty = (box[:, 0] >= box[:, 1]).any(axis=0)
    if not empty.any():
        return False
    box[:, 0, empty], box[:, 1, empty] = _NOWHERE, -_NOWHERE
    return True
