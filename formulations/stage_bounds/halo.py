"""What slices of a stage need at least, by their size: of every tensor, per share of the output.

Ours. Slices cover the output exactly once, so they cover a part of it exactly once too, and a slice
needs at least what its rectangle within the part needs. In the middle of a map no border saves a
slice any of its halo, so the middle alone may say more than the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry
from splitfog.instances.arrays import Floats, Integers

GROWTH = 1.12
"""Of lengths from one class to the next."""

MOST_STEPS = 24
"""Steps of the tables over the area."""

Span = tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class PartNeeds:
    """Needs of rectangles within a part of `elements` elements, `share` of a stage's output.

    Step k holds for rectangles of `area[k]` elements up to the next step's. `ratios` [classes,
    slots] lists what rectangles may need together, as shares of whole tensors per share of the
    part; those below `below[k]`, ascending by area, are no larger than step k's.
    """

    elements: int
    share: float
    area: Floats
    ratios: Floats
    below: Integers

    def least(self, weights: Floats) -> Floats:
        """[steps, columns]: the least of tensors' shares by weight, [slots, columns], per share."""
        return np.asarray(np.minimum.accumulate(self.ratios @ weights, axis=0)[self.below])


class HaloNeeds:
    """The needs of a stage, and of all stages that end as it does and begin later.

    Such a stage's tensors have no readers in the longer stage but its own, so its needs are the
    longer one's.
    """

    def __init__(self, geometry: StageGeometry) -> None:
        self.geometry = geometry
        self._axes = [_Axis.of(geometry, axis) for axis in range(2)]
        self._found: dict[tuple[Span, Span], PartNeeds] = {}

    def parts(self, slots: list[int]) -> tuple[PartNeeds, ...]:
        """Within all of the output, within the middle of a stage of these tensors, and halfway.

        Where an output element may read nothing but padding only the last layer counts. O(H^2
        slots) for maps of H rows where layers share tensors, else O(H slots).
        """
        reaches = self.geometry.reaches
        if any(
            reach is not None and reach.may_miss
            for reach in (reaches[slot] for slot in slots if slot < len(reaches))
        ):
            return (self._last_layer_only(),)
        middle = [axis.middle(slots) for axis in self._axes]
        found: dict[tuple[Span, Span], PartNeeds] = {}
        for depth in (0.0, 0.5, 1.0):
            rows, columns = (
                (int(depth * low), axis.size - int(depth * (axis.size - high)))
                for axis, (low, high) in zip(self._axes, middle, strict=True)
            )
            if (rows, columns) not in self._found:
                self._found[rows, columns] = _part(self._axes, (rows, columns))
            found[rows, columns] = self._found[rows, columns]
        return tuple(found.values())

    def _last_layer_only(self) -> PartNeeds:
        """All of the output, where nothing is known of the layers before its own."""
        geometry = self.geometry
        ratios = np.zeros((1, len(geometry.layers) + 1))
        ratios[0, -2] = 1.0
        return PartNeeds(
            elements=geometry.height * geometry.width,
            share=1.0,
            area=np.ones(1),
            ratios=ratios,
            below=np.zeros(1, np.int64),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Axis:
    """Rows or columns: where what element i needs begins, `low[i]`, and ends, `high[i]`, [slots].

    A run needs from its first's begin to its last's end. `full` [slots]: lengths of whole tensors.
    """

    size: int
    full: Integers
    low: Integers
    high: Integers
    ends_only: bool

    @classmethod
    def of(cls, geometry: StageGeometry, axis: int) -> _Axis:
        """Of a stage's output."""
        size = (geometry.height, geometry.width)[axis]
        rectangles = np.empty((size, 4), np.int64)
        rectangles[:] = (0, geometry.height, 0, geometry.width)
        rectangles[:, 2 * axis] = np.arange(size)
        rectangles[:, 2 * axis + 1] = np.arange(size) + 1
        boxes = regions(geometry, rectangles).boxes
        return cls(
            size=size,
            full=geometry.shapes[:, 1 + axis],
            low=boxes[:, :, 2 * axis].T,
            high=boxes[:, :, 2 * axis + 1].T,
            ends_only=_is_chain(geometry),
        )

    def middle(self, slots: list[int]) -> Span:
        """From the first to the last of the elements that need most of these tensors."""
        total = (self.high - self.low)[:, slots].sum(axis=1)
        widest = np.flatnonzero(total == total.max())
        return int(widest[0]), int(widest[-1]) + 1

    def least(self, low: int, high: int) -> Floats:
        """[lengths, slots]: the least need of every length within a span.

        On a chain of layers what a run begins to read is convex in its place, what it ends with
        concave: so the least is at either end of the span.
        """
        begins, ends = self.low[low:high], self.high[low:high]
        if self.ends_only:
            at_either = ends - begins[0], (ends[-1] - begins)[::-1]
            return np.asarray(np.minimum(*at_either), float)
        count = high - low
        least = [(ends[length:] - begins[: count - length]).min(axis=0) for length in range(count)]
        return np.array(least, float)


def _is_chain(geometry: StageGeometry) -> bool:
    """Whether every layer reads one tensor, and every tensor has one reader."""
    reads = geometry.reads
    return all(len(own) == 1 for own in reads) and len({own[0] for own in reads}) == len(reads)


def _part(axes: list[_Axis], spans: tuple[Span, Span]) -> PartNeeds:
    """The table of a part; lengths go in classes, each with its least need per element."""
    starts, ratio = [], []
    for axis, (low, high) in zip(axes, spans, strict=True):
        first = _classes(high - low)
        need = axis.least(low, high) / np.arange(1, high - low + 1)[:, None] / axis.full
        starts.append(first)
        ratio.append(np.minimum.reduceat(need, first - 1, axis=0))
    elements = (spans[0][1] - spans[0][0]) * (spans[1][1] - spans[1][0])
    area = np.multiply.outer(*starts).ravel()
    order = np.argsort(area, kind="stable")
    area = area[order]
    ratios = (ratio[0][:, None] * ratio[1][None, :]).reshape(len(area), -1)[order] * elements
    steps = _steps(area)
    below = np.searchsorted(area, np.append(steps[1:], elements + 1), side="left") - 1
    return PartNeeds(
        elements=elements,
        share=elements / (axes[0].size * axes[1].size),
        area=steps.astype(float),
        ratios=ratios,
        below=below,
    )


def _classes(size: int) -> Integers:
    """Where classes of lengths begin, from 1 to at most `size`."""
    starts = [1]
    while (following := max(starts[-1] + 1, int(starts[-1] * GROWTH))) <= size:
        starts.append(following)
    return np.array(starts, np.int64)


def _steps(area: Integers) -> Integers:
    """Some of the areas at which classes begin, ascending from the least."""
    found = np.unique(area)
    if len(found) <= MOST_STEPS:
        return found
    marks = np.geomspace(found[0], found[-1], MOST_STEPS).clip(found[0], found[-1])
    at = np.searchsorted(found, marks, side="left").clip(0, len(found) - 1)
    return np.unique(found[at])
