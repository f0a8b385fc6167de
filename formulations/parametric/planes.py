"""Values of plans as planes over the figures that vary, cell by cell, and looking them up.

For a fixed unsliced plan, and as long as no route changes, `latency` is a plane over the
coordinates of the figures: 1 / bandwidth of a link, the load of a node. A cell is a part of the
box within which no route changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.records import NonNegative

TIE = 1e-14
"""Relative: two routes within it take equally long, and the cell that a tie belongs to has it."""

ROWS = 1 << 16
"""Points that are looked up at once."""

Floats = NDArray[np.float64]


class Plane(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a plan costs in a cell: `alpha_s` + the sum of `slopes` times the coordinates, seconds.

    `slopes` are bits that cross the link, or seconds on the node; `crossings` how often tensors
    cross each of the table's `links`. All are means over tasks.
    """

    alpha_s: NonNegative
    slopes: tuple[NonNegative, ...]
    crossings: tuple[NonNegative, ...] = ()


class Side(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where `offset` + the sum of `normal` times the coordinates is > 0, or 0 where `closed`."""

    offset: float
    normal: tuple[float, ...]
    closed: bool = True


class Cell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the box, by its sides, and the plane of every plan there; None: it may not run."""

    sides: tuple[Side, ...] = ()
    planes: tuple[Plane | None, ...] = ()


class Lookup:
    """Cells as arrays. Points are [n, 1 + figures]: 1 and the coordinates."""

    def __init__(self, cells: Sequence[Cell], num_figures: int) -> None:
        self.num_figures = num_figures
        self.planes = np.array([_planes(cell, num_figures) for cell in cells])
        """[cells, plans, 1 + figures]; alpha is inf where a plan may not run."""
        self.crossings = np.array([_crossings(cell) for cell in cells])
        """[cells, plans, links]."""
        sides = [side for cell in cells for side in (cell.sides or (EVERYWHERE,))]
        self.sides = np.array([_side(side, num_figures) for side in sides])
        counts = [len(cell.sides) or 1 for cell in cells]
        self.starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        self.only = self.planes[0] if len(cells) == 1 else None

    @property
    def num_plans(self) -> int:
        """How many plans there are, those that may not run included."""
        return int(self.planes.shape[1])

    def position_at(self, point: Sequence[float] | Floats) -> int:
        """The plan of least value at one point; of equal ones the first. Microseconds."""
        planes = self.only
        if planes is None:
            planes = self.planes[np.minimum.reduceat(self.sides.dot(point), self.starts).argmax()]
        return int(planes.dot(point).argmin())  # `@` takes longer where a point is a list

    def cells_at(self, points: Floats) -> NDArray[np.int64]:
        """[n]: the cell of every point."""
        if self.only is not None:
            return np.zeros(len(points), np.int64)
        least = np.minimum.reduceat(points @ self.sides.T, self.starts, axis=1)
        return np.asarray(least.argmax(axis=1))

    def values(self, points: Floats, more_s: Floats | None = None) -> Floats:
        """[n, plans]: seconds; `more_s` [n, links]: by how much a crossing takes longer."""
        values = np.empty((len(points), self.num_plans))
        cells = self.cells_at(points)
        for cell, planes in enumerate(self.planes):
            here = cells == cell
            values[here] = points[here] @ planes.T
            if more_s is not None and self.crossings.size:  # else no plan runs at all
                values[here] += more_s[here] @ self.crossings[cell].T
        return values

    def least(self, points: Floats) -> NDArray[np.int64]:
        """[n]: the plan of least value at every point, -1 where none may run."""
        found = np.empty(len(points), np.int64)
        for start in range(0, len(points), ROWS):
            values = self.values(points[start : start + ROWS])
            best = values.argmin(axis=1)
            lost = np.isinf(values[np.arange(len(values)), best])
            found[start : start + ROWS] = np.where(lost, -1, best)
        return found

    def without(self, out: NDArray[np.bool_]) -> Lookup:
        """The same without some plans, [cells, plans]."""
        other = copy(self)
        other.planes = self.planes.copy()
        other.planes[out] = [np.inf, *[0.0] * self.num_figures]
        other.only = other.planes[0] if len(other.planes) == 1 else None
        return other

    def interval(self, point: Floats, axis: int, low: float, high: float) -> tuple[float, float]:
        """How far one coordinate alone may move within its limits before the least plan changes.

        Parameters
        ----------
        point
            [1 + figures].
        axis
            Of the coordinate, counted from 0.
        low, high
            Its limits.

        Notes
        -----
        A plan is least on an interval of every line within a cell, since its lead over another is
        linear; where the interval reaches the cell's end the next cell is asked. O(cells plans).
        """
        best = self.position_at(point)
        start = float(point[1 + axis])
        pieces = []
        for cell, planes in enumerate(self.planes):
            inside = _between(self._sides_of(cell), point, axis, low, high)
            if inside is not None and np.isfinite(planes[best, 0]):
                kept = _between(planes - planes[best], point, axis, *inside)
                if kept is not None:
                    pieces.append(kept)
        return _around(pieces, start)

    def _sides_of(self, cell: int) -> Floats:
        end = self.starts[cell + 1] if cell + 1 < len(self.starts) else len(self.sides)
        return self.sides[self.starts[cell] : end]


EVERYWHERE = Side(offset=1.0, normal=())


def _planes(cell: Cell, num_figures: int) -> list[list[float]]:
    none = [np.inf, *[0.0] * num_figures]
    return [none if plane is None else [plane.alpha_s, *plane.slopes] for plane in cell.planes]


def _crossings(cell: Cell) -> list[tuple[float, ...]]:
    most = max((len(plane.crossings) for plane in cell.planes if plane), default=0)
    return [plane.crossings if plane else (0.0,) * most for plane in cell.planes]


def _side(side: Side, num_figures: int) -> Floats:
    """Coefficients whose sum is >= 0 inside: a tie is inside iff the side is closed."""
    row = np.array([side.offset, *side.normal, *[0.0] * (num_figures - len(side.normal))])
    return np.asarray(row + (TIE if side.closed else -TIE) * np.abs(row))


def _between(
    rows: Floats, point: Floats, axis: int, low: float, high: float
) -> tuple[float, float] | None:
    """Where on a line along an axis all rows are >= 0, within limits; None: nowhere."""
    slopes = rows[:, 1 + axis]
    others = np.delete(rows, 1 + axis, axis=1), np.delete(point, 1 + axis)
    rest = others[0] @ others[1]
    flat = slopes == 0
    if (rest[flat] < -ROUNDING * (np.abs(others[0][flat]) @ others[1])).any():
        return None
    roots = -rest[~flat] / slopes[~flat]
    slopes = slopes[~flat]
    low = max([low, *roots[slopes > 0]])
    high = min([high, *roots[slopes < 0]])
    return (float(low), float(high)) if low <= high else None


def _around(pieces: list[tuple[float, float]], start: float) -> tuple[float, float]:
    """The union of the pieces that touch one another, from `start` on to both sides."""
    low = high = start
    for piece in sorted(pieces):
        if piece[0] <= high * (1 + ROUNDING) and piece[1] >= start:
            high = max(high, piece[1])
    for piece in sorted(pieces, key=lambda one: -one[1]):
        if piece[1] >= low * (1 - ROUNDING) and piece[0] <= start:
            low = min(low, piece[0])
    return low, high
