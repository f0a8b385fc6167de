"""What every slice of a stage reads at least of a tensor, in closed form.

For rows [a, b) of the output a slice reads at least the rows from max(0, S a - P) to min(C, S b +
Q) of a tensor: on a chain of layers exactly these. Where a tensor is read several times the
widest need counts, which is less than their common box only where strides differ. The length is
concave in where the slice lies, and in how long it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from splitfog.formulations.tiles.stage_shape import Reach, geometry_of
from splitfog.instances.arrays import Flags, Floats, Integers, frozen
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


class Span(NamedTuple):
    """S, P, Q and C of a tensor's rows or columns."""

    stride: int
    before: int
    after: int
    most: int

    def behind(self, other: Span) -> Span:
        """The needs of a slice of which these are the needs of what `other` looks back from."""
        return Span(
            self.stride * other.stride,
            self.stride * other.before + self.before,
            self.stride * other.after + self.after,
            min(self.most, self.stride * other.most + self.after),
        )

    def with_reader(self, other: Span) -> Span:
        """What is needed at least where both are."""
        if self.stride != other.stride:
            return max(self, other)
        before = max(self.before, other.before)
        _, after, most = max((span.stride, span.after, span.most) for span in (self, other))
        return Span(self.stride, before, after, most)


Spans = tuple[Span, Span]
"""Of rows and of columns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StageReach:
    """The needs of L tensors of a stage and, last, of its `input`: `spans` [L + 1, axes, 4].

    `known` [L + 1]: False where an output element may read nothing but padding, and nothing is
    needed for certain. `sizes` [L + 1, axes] of the whole tensors; `source`
    is the layer that makes the input.
    """

    layers: tuple[int, ...]
    source: int
    input: Spans
    spans: Integers
    known: Flags
    sizes: Floats

    @property
    def complete(self) -> Flags:
        """[L + 1]: whether the elements of the output together need the whole of each tensor.

        From the first row on, to the last one, and with nothing between what neighbours need.
        """
        stride, before, after, most = np.moveaxis(self.spans, -1, 0)
        number = self.sizes[len(self.layers) - 1]
        first, end = np.maximum(-before, 0), np.minimum(most, stride * number + after)
        gaps = (before + after < 0) & (number > 1)
        return np.asarray(((end - first == self.sizes) & ~gaps).all(axis=1))


@kept()
def reach_of(model: Model, layers: tuple[int, ...]) -> StageReach:
    """The needs of a legal stage's tensors by its output. O(layers + edges)."""
    geometry = geometry_of(model, layers)
    count = len(geometry.layers)
    sizes = geometry.shapes[:, 1:]
    needs: list[Spans | None] = [None] * (count + 1)
    rows, columns = (Span(1, 0, 0, int(size)) for size in sizes[count - 1])
    needs[count - 1] = (rows, columns)
    for slot in reversed(range(count)):
        own, reach = needs[slot], geometry.reaches[slot]
        if own is None or (reach is not None and reach.may_miss):
            continue
        if reach is not None:
            rows, columns = (_back(reach, axis).behind(own[axis]) for axis in range(2))
            own = (rows, columns)
        for read in geometry.reads[slot]:
            other = needs[read]
            if other is not None:
                rows, columns = (own[axis].with_reader(other[axis]) for axis in range(2))
                needs[read] = (rows, columns)
            else:
                needs[read] = own
    nothing = (Span(0, 0, 0, 0), Span(0, 0, 0, 0))
    return StageReach(
        layers=geometry.layers,
        source=geometry.source,
        input=needs[-1] or nothing,
        spans=frozen(np.array([need or nothing for need in needs], np.int64)),
        known=frozen(np.array([need is not None for need in needs])),
        sizes=frozen(sizes.astype(float)),
    )


def _back(reach: Reach, axis: int) -> Span:
    """What one window looks back at."""
    stride, first, last, limit = (
        int(column[axis, 0]) for column in (reach.stride, reach.first, reach.last, reach.limit)
    )
    return Span(stride, -first, last, limit)
