"""What slices of a stage need at least, by their size: inputs and work per share of the output.

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
from splitfog.instances.kept import kept

GROWTH = 1.12
"""Of lengths from one class to the next."""

MOST_STEPS = 24
"""Steps of the tables over the area."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PartNeeds:
    """Needs of rectangles within a part of `elements` elements, `share` of a stage's output.

    Step k holds for rectangles of `area[k]` elements up to the next step's: per share of the part
    that such a slice computes, or that several of at most so many elements do, it reads at least
    `input_share[k]` of the input; `classes` [k, layers] lists what rectangles may do together:
    `least_work` minimises over those below each step.
    """

    elements: int
    share: float
    area: Floats
    input_share: Floats
    ratios: Floats
    below: Integers

    @property
    def largest(self) -> Floats:
        """[steps]: the most elements within every step."""
        return np.append(self.area[1:] - 1, self.elements)

    def least_work(self, slopes_s: Floats) -> Floats:
        """[steps, columns]: the least seconds per share; `slopes_s` [layers, columns] for all."""
        least = np.minimum.accumulate(self.ratios @ slopes_s, axis=0)
        return np.asarray(least[self.below])


@kept()
def part_needs(geometry: StageGeometry) -> tuple[PartNeeds, ...]:
    """The needs within all of the output, within its middle, and halfway between.

    Where an output element may read nothing but padding only its own layer counts. O(H^2 L) for
    maps of H rows where layers share tensors, else O(H L).
    """
    if any(reach is not None and reach.may_miss for reach in geometry.reaches):
        return (_own_layer_only(geometry),)
    axes = [_Axis.of(geometry, axis) for axis in range(2)]
    found: dict[tuple[int, ...], PartNeeds] = {}
    for depth in (0.0, 0.5, 1.0):
        spans = [axis.span(depth) for axis in axes]
        key = (*spans[0], *spans[1])
        if key not in found:
            found[key] = _part(geometry, axes, spans)
    return tuple(found.values())


def _own_layer_only(geometry: StageGeometry) -> PartNeeds:
    """All of the output, where nothing is known of the layers before its own."""
    ratios = np.zeros((1, len(geometry.layers)))
    ratios[0, -1] = 1.0
    elements = geometry.height * geometry.width
    return PartNeeds(
        elements=elements,
        share=1.0,
        area=np.ones(1),
        input_share=np.zeros(1),
        ratios=ratios,
        below=np.zeros(1, np.int64),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Axis:
    """Rows or columns: `need` [starts, lengths, slots], `starts` and `lengths` in elements."""

    size: int
    full: Integers
    start: Integers
    length: Integers
    need: Integers
    ends_only: bool
    middle: tuple[int, int]
    geometry: StageGeometry
    axis: int

    @classmethod
    def of(cls, geometry: StageGeometry, axis: int) -> _Axis:
        """The needs of all runs of an axis, or where its ends tell, of none yet."""
        size = (geometry.height, geometry.width)[axis]
        single = np.arange(size)
        need = _lengths(geometry, axis, single, single + 1)
        total = need.sum(axis=1)
        widest = np.flatnonzero(total == total.max())
        middle = (int(widest[0]), int(widest[-1]) + 1)
        start, stop = np.nonzero(np.triu(np.ones((size, size), bool)))
        plain = _is_chain(geometry)
        if not plain:
            need = _lengths(geometry, axis, start, stop + 1)
        return cls(
            size=size,
            full=geometry.shapes[:, 1 + axis],
            start=start,
            length=stop + 1 - start,
            need=need,
            ends_only=plain,
            middle=middle,
            geometry=geometry,
            axis=axis,
        )

    def span(self, depth: float) -> tuple[int, int]:
        """From all, at 0, to the middle, at 1."""
        low, high = self.middle
        return int(depth * low), self.size - int(depth * (self.size - high))

    def least(self, low: int, high: int) -> Floats:
        """[lengths, slots]: the least need of every length within a span.

        On a chain of layers what a run begins to read is convex in its place, what it ends with
        concave: so the least is at either end of the span.
        """
        lengths = np.arange(1, high - low + 1)
        if self.ends_only:
            at_low = _lengths(self.geometry, self.axis, np.full(len(lengths), low), low + lengths)
            at_high = _lengths(
                self.geometry, self.axis, high - lengths, np.full(len(lengths), high)
            )
            return np.minimum(at_low, at_high).astype(float)
        inside = (self.start >= low) & (self.start + self.length <= high)
        least = np.full((len(lengths), self.need.shape[1]), np.inf)
        np.minimum.at(least, self.length[inside] - 1, self.need[inside].astype(float))
        return least


def _is_chain(geometry: StageGeometry) -> bool:
    """Whether every layer reads one tensor, and every tensor has one reader."""
    reads = geometry.reads
    return all(len(own) == 1 for own in reads) and len({own[0] for own in reads}) == len(reads)


def _lengths(geometry: StageGeometry, axis: int, low: Integers, high: Integers) -> Integers:
    """[runs, slots]: how much of every tensor runs of one axis of the output need."""
    rectangles = np.empty((len(low), 4), np.int64)
    rectangles[:] = (0, geometry.height, 0, geometry.width)
    rectangles[:, 2 * axis], rectangles[:, 2 * axis + 1] = low, high
    boxes = regions(geometry, rectangles).boxes
    return (boxes[:, :, 2 * axis + 1] - boxes[:, :, 2 * axis]).T


def _part(geometry: StageGeometry, axes: list[_Axis], spans: list[tuple[int, int]]) -> PartNeeds:
    """The tables of a part; lengths go in classes, each with its least need per element."""
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
    least_input = np.minimum.accumulate(ratios[:, -1])[below]
    share = elements / (geometry.height * geometry.width)
    return PartNeeds(
        elements=elements,
        share=share,
        area=steps.astype(float),
        input_share=least_input,
        ratios=ratios[:, :-1],
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
    marks = np.geomspace(found[0], found[-1], MOST_STEPS)
    return np.unique(
        found[
            np.searchsorted(found, marks.clip(found[0], found[-1]), side="left").clip(
                0, len(found) - 1
            )
        ]
    )
