"""What slices of a stage need at least, by their size: of every tensor, per share of the output.

Ours. Slices cover the output exactly once, so they cover a part of it exactly once too, and a slice
needs at least what its rectangle within the part needs. In the middle of a map no border saves a
slice any of its halo, so the middle alone may say more than the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry
from splitfog.instances.arrays import Floats, Integers, frozen
from splitfog.instances.kept import kept

GROWTH = 1.12
"""Of lengths from one class to the next."""

MOST_STEPS = 24
"""Steps of the tables over the area."""

Span = tuple[int, int]
"""Begin and end of a run of rows, or of columns."""

Part = tuple[Span, Span] | None
"""Rows and columns of an output; None: all of it, of which the last layer's work alone is known."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PartNeeds:
    """Needs of rectangles within a part of `elements` elements, `share` of a stage's output.

    Step k holds for rectangles of `area[k]` elements up to the next step's. `lengths` list what
    rows and columns may need, [classes, slots] each, of which the products are shares of whole
    tensors per share of the part; those below `below[k]` in `order`, which ascends by area, are no
    larger than step k's.
    """

    elements: int
    share: float
    area: Floats
    lengths: tuple[Floats, Floats]
    order: Integers
    below: Integers

    def least(self, weights: Floats) -> Floats:
        """[steps, columns]: the least of tensors' shares by weight, [slots, columns], per share."""
        rows, columns = self.lengths
        needs = columns @ (rows[:, :, None] * (weights * self.elements))
        needs = needs.reshape(-1, weights.shape[1])[self.order]
        return np.asarray(np.minimum.accumulate(needs, axis=0)[self.below])


class HaloNeeds:
    """The needs of a stage, and of all stages that end as it does and begin later.

    Such a stage's tensors have no readers in the longer stage but its own, so its needs are the
    longer one's.
    """

    def __init__(self, geometry: StageGeometry) -> None:
        self.geometry = geometry
        self._axes = _axes(geometry)
        self._found: dict[Part, PartNeeds] = {}

    def part(self, slots: list[int], depth: float) -> Part:
        """Of a stage of these tensors all of the output, at depth 0, its middle, at 1, or between.

        Where an output element may read nothing but padding, nothing is known of the layers before
        the last: None.
        """
        reaches = self.geometry.reaches
        own = [reaches[slot] for slot in slots if slot < len(reaches)]
        if any(reach is not None and reach.may_miss for reach in own):
            return None
        if depth == 0:
            return (0, self.geometry.height), (0, self.geometry.width)
        rows, columns = (axis.inner(slots, depth) for axis in self._axes)
        return rows, columns

    def needs(self, part: Part) -> PartNeeds:
        """Of rectangles within a part. O(H^2 slots) for maps of H rows where layers share tensors,
        else O(H slots)."""
        if part not in self._found:
            self._found[part] = self._last_layer_only() if part is None else self._within(*part)
        return self._found[part]

    def _within(self, rows: Span, columns: Span) -> PartNeeds:
        height, width = rows[1] - rows[0], columns[1] - columns[0]
        area, order, below = _areas(height, width)
        return PartNeeds(
            elements=height * width,
            share=height * width / (self.geometry.height * self.geometry.width),
            area=area,
            lengths=(self._axes[0].per_element(*rows), self._axes[1].per_element(*columns)),
            order=order,
            below=below,
        )

    def _last_layer_only(self) -> PartNeeds:
        """All of the output, where nothing is known of the layers before its own."""
        geometry = self.geometry
        elements = geometry.height * geometry.width
        own = np.zeros((1, len(geometry.layers) + 1))
        own[0, -2] = 1.0
        return PartNeeds(
            elements=elements,
            share=1.0,
            area=np.ones(1),
            lengths=(own, own / elements),
            order=np.zeros(1, np.int64),
            below=np.zeros(1, np.int64),
        )


@kept()
def halo_needs(geometry: StageGeometry) -> HaloNeeds:
    """The needs of a stage, kept with it."""
    return HaloNeeds(geometry)


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
    found: dict[Span, Floats] = field(default_factory=dict)

    def inner(self, slots: list[int], depth: float) -> Span:
        """From the first to the last of the elements that need most of these tensors, or less
        deep inside."""
        total = (self.high - self.low)[:, slots].sum(axis=1)
        widest = np.flatnonzero(total == total.max())
        low, high = int(widest[0]), int(widest[-1]) + 1
        return int(depth * low), self.size - int(depth * (self.size - high))

    def per_element(self, low: int, high: int) -> Floats:
        """[classes, slots]: the least need of runs within a span, by classes of lengths, as shares
        of whole tensors per element."""
        if (low, high) not in self.found:
            need = self._least(low, high) / np.arange(1, high - low + 1)[:, None] / self.full
            begins = np.array(_classes(high - low)) - 1
            self.found[low, high] = np.minimum.reduceat(need, begins, axis=0)
        return self.found[low, high]

    def _least(self, low: int, high: int) -> Floats:
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


def _axes(geometry: StageGeometry) -> tuple[_Axis, _Axis]:
    """Rows and columns of a stage's output; the same for both, where they need the same."""
    sizes = (geometry.height, geometry.width)
    rectangles = np.empty((sum(sizes), 4), np.int64)
    rectangles[:] = (0, geometry.height, 0, geometry.width)
    alone = (slice(0, sizes[0]), slice(sizes[0], None))
    for axis, own in enumerate(alone):
        rectangles[own, 2 * axis] = np.arange(sizes[axis])
        rectangles[own, 2 * axis + 1] = np.arange(sizes[axis]) + 1
    boxes, is_chain = regions(geometry, rectangles).boxes, _is_chain(geometry)
    rows, columns = (
        _Axis(
            size=sizes[axis],
            full=geometry.shapes[:, 1 + axis],
            low=boxes[:, own, 2 * axis].T,
            high=boxes[:, own, 2 * axis + 1].T,
            ends_only=is_chain,
        )
        for axis, own in enumerate(alone)
    )
    same = all(
        np.array_equal(getattr(rows, name), getattr(columns, name))
        for name in ("full", "low", "high")
    )
    return rows, rows if same else columns


def _is_chain(geometry: StageGeometry) -> bool:
    """Whether every layer reads one tensor, and every tensor has one reader."""
    reads = geometry.reads
    return all(len(own) == 1 for own in reads) and len({own[0] for own in reads}) == len(reads)


@lru_cache(maxsize=1024)
def _areas(height: int, width: int) -> tuple[Floats, Integers, Integers]:
    """The areas [steps] at which classes of rectangles begin, some of them; the order of all
    classes by area; and of every step the last place there that is no larger."""
    area = np.multiply.outer(_classes(height), _classes(width)).ravel()
    order = np.argsort(area, kind="stable")
    area = area[order]
    steps = _steps(area)
    below = np.searchsorted(area, np.append(steps[1:], height * width + 1), side="left") - 1
    return frozen(steps.astype(float)), frozen(order), frozen(below)


@lru_cache(maxsize=1024)
def _classes(size: int) -> tuple[int, ...]:
    """Where classes of lengths begin, from 1 to at most `size`."""
    starts = [1]
    while (following := max(starts[-1] + 1, int(starts[-1] * GROWTH))) <= size:
        starts.append(following)
    return tuple(starts)


def _steps(area: Integers) -> Integers:
    """Some of the areas at which classes begin, ascending from the least."""
    found = np.unique(area)
    if len(found) <= MOST_STEPS:
        return found
    marks = np.geomspace(found[0], found[-1], MOST_STEPS).clip(found[0], found[-1])
    at = np.searchsorted(found, marks, side="left").clip(0, len(found) - 1)
    return np.unique(found[at])
