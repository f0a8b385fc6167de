"""What slices of stages need at least, by their size: for all stages with one last unit at once.

A slice of h x w elements of a stage's output needs of every tensor at least the product of what
runs of h rows and of w columns need, wherever they lie. What it needs per element falls with its
size in each of the tables: `caps` are sizes, and a slice of no more than that has at least the
needs beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from splitfog.formulations.latency_bounds.reach import Span, StageReach
from splitfog.instances.arrays import Floats, Integers

GROWTH = 1.15
"""Of lengths from one class to the next."""

STEPS = 20
"""Sizes in a table."""

LEAST_SHARE = 1 / 32
"""Of the output: smaller slices have a step of their own."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Needs:
    """Of B stages, in shares of the whole output: `areas` and `caps` [B, steps] from the least
    slice of a step to its largest, and per share, for slices of a step, `input_share` [B, steps] of
    the input, and `work` [B, steps, columns] of the seconds or FLOP given.

    `elements` [B] of the output.
    """

    areas: Floats
    caps: Floats
    input_share: Floats
    work: Floats
    elements: Floats

    @classmethod
    def joined(cls, parts: Sequence[Needs]) -> Needs:
        """Those of all of them, one after another."""
        return cls(
            areas=np.concatenate([part.areas for part in parts]),
            caps=np.concatenate([part.caps for part in parts]),
            input_share=np.concatenate([part.input_share for part in parts]),
            work=np.concatenate([part.work for part in parts]),
            elements=np.concatenate([part.elements for part in parts]),
        )


def chain_needs(units: Sequence[StageReach], work: Sequence[Floats]) -> Needs:
    """The needs of the stages from each of U units to the last, [U].

    Each unit reads the tensor that the one before makes. `work` has for every unit [layers,
    columns] what its layers take in all. O(layers x classes^2).
    """
    spans, known = _seen_from_the_end(units)
    sizes = np.concatenate([unit.sizes for unit in units])
    height, width = (int(size) for size in units[-1].sizes[len(units[-1].layers) - 1])
    table = _Sizes.of(height, width)
    ratios = [
        _least_ratios(spans[:, axis], sizes[:, axis], known, classes, (height, width)[axis])
        for axis, classes in enumerate(table.classes)
    ]
    ends = np.cumsum([len(unit.layers) + 1 for unit in units])
    inputs = ends - 1
    made = np.setdiff1d(np.arange(len(sizes)), inputs)
    taken = np.concatenate(list(work))
    firsts = np.concatenate([[0], np.cumsum([len(unit.layers) for unit in units])[:-1]])
    both = ratios[0][made][:, :, None] * ratios[1][made][:, None, :]
    both = both.reshape(len(made), -1)[:, table.order]
    each = np.add.reduceat(both[:, :, None] * taken[:, None, :], firsts, axis=0)
    summed = np.cumsum(each[::-1], axis=0)[::-1]
    read = (ratios[0][inputs][:, :, None] * ratios[1][inputs][:, None, :]).reshape(len(units), -1)
    read, below = read[:, table.order], table.below
    count = len(units)
    return Needs(
        areas=np.tile(table.areas, (count, 1)),
        caps=np.tile(table.caps, (count, 1)),
        input_share=np.minimum.accumulate(read, axis=1)[:, below],
        work=np.minimum.accumulate(summed, axis=1)[:, below],
        elements=np.full(count, float(height * width)),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sizes:
    """Of slices of an output: `classes` of lengths by axis, their pairs in `order` of area, and the
    steps: `areas` and `caps` in shares, and of each the last pair `below` the next."""

    classes: tuple[Integers, Integers]
    order: Integers
    below: Integers
    areas: Floats
    caps: Floats

    @staticmethod
    @lru_cache(maxsize=1024)
    def of(height: int, width: int) -> _Sizes:
        """Those of a map of so many rows and columns."""
        classes, elements = (_classes(height), _classes(width)), height * width
        area = np.multiply.outer(classes[0][:-1], classes[1][:-1]).ravel()
        order = np.argsort(area, kind="stable")
        steps, below = _steps(area[order], elements)
        return _Sizes(
            classes=classes,
            order=order,
            below=below,
            areas=steps / elements,
            caps=np.append(steps[1:] - 1, elements) / elements,
        )


def _seen_from_the_end(units: Sequence[StageReach]) -> tuple[Integers, Integers]:
    """[tensors, axes, 4] spans of all units' tensors by the last unit's output, and which hold."""
    rows, columns = units[-1].sizes[len(units[-1].layers) - 1].tolist()
    reached = (Span(1, 0, 0, int(rows)), Span(1, 0, 0, int(columns)))
    holds, outer, flags = True, [], []
    for unit in reversed(units):
        outer.append(reached)
        flags.append(holds)
        reached = (unit.input[0].behind(reached[0]), unit.input[1].behind(reached[1]))
        holds = holds and bool(unit.known[-1])
    counts = [len(unit.layers) + 1 for unit in units]
    inner = np.concatenate([unit.spans for unit in units])
    known = np.concatenate([unit.known for unit in units]) & np.repeat(flags[::-1], counts)
    other = np.repeat(np.array(outer[::-1]), counts, axis=0)
    stride, before, after, most = np.moveaxis(inner, -1, 0)
    far, back, on, limit = np.moveaxis(other, -1, 0)
    seen = [stride * far, stride * back + before, stride * on + after]
    seen.append(np.minimum(most, stride * limit + after))
    return np.stack(seen, axis=-1), known


def _least_ratios(
    spans: Integers, sizes: Floats, known: Integers, classes: Integers, size: int
) -> Floats:
    """[tensors, classes]: the least share of a tensor's rows per share of the output's, for runs of
    every class. A run's length is concave in its place and its ratio quasi-concave in how long it
    is, so the least are at the ends."""
    stride, before, after, most = (column[:, None, None] for column in spans.T)
    run = np.stack([classes[:-1], classes[1:] - 1])
    least = np.full((len(spans), *run.shape), np.inf)
    for start in (np.zeros_like(run), size - run):
        ends = np.minimum(most, stride * (start + run) + after)
        length = ends - np.maximum(stride * start - before, 0)
        least = np.minimum(least, length)
    ratio = np.maximum(least, 0) / run * (size / sizes[:, None, None])
    return np.where(known[:, None], ratio.min(axis=1), 0.0)


def _classes(size: int) -> Integers:
    """Where classes of lengths begin, from 1 to at most `size`, and `size` + 1."""
    starts = [1]
    while (following := max(starts[-1] + 1, int(starts[-1] * GROWTH))) <= size:
        starts.append(following)
    return np.array([*starts, size + 1], np.int64)


def _steps(area: Integers, elements: int) -> tuple[Integers, Integers]:
    """At most `STEPS` of the ascending areas at which classes begin, from the least, and of each
    the last area before the next."""
    found = np.unique(area)
    if len(found) > STEPS:
        marks = np.geomspace(max(1.0, LEAST_SHARE * elements), elements, STEPS - 1)
        at = np.searchsorted(found, marks, side="right") - 1
        found = np.unique(np.append(found[0], found[at]))
    below = np.searchsorted(area, np.append(found[1:], elements + 1), side="left") - 1
    pad = (0, STEPS - len(found))
    return np.pad(found, pad, mode="edge"), np.pad(below, pad, mode="edge")
