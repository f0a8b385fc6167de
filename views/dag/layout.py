"""Where the boxes and lines of a DAG go on paper: its levels, folded into columns.

Long networks are folded into columns read down, up, down (boustrophedon), so that the picture
keeps a handy shape and lines into the next column stay short. A column that is read upwards is
turned by 180 degrees, so that these lines do not cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log

import numpy as np

from splitfog.views.dag.levels import Levels, Size, levels_of

LEVEL_GAP = 0.22  # between levels
GUTTER = 0.4  # between columns
TURN = 0.35  # above and below the columns, for lines that turn into the next
MOST_COLUMNS = 40

Point = tuple[float, float]


@dataclass(frozen=True)
class Leg:
    """A line from one level into the next; its ends run along the flow: 1 down, -1 up."""

    start: Point
    start_flow: int
    end: Point
    end_flow: int


@dataclass(frozen=True)
class Layout:
    """Places in inches, y downwards.

    Attributes
    ----------
    centres
        Of every box.
    flow
        Of every box: 1 where its column is read downwards, -1 where upwards.
    lines
        Legs of every edge.
    """

    centres: tuple[Point, ...]
    flow: tuple[int, ...]
    lines: tuple[tuple[Leg, ...], ...]
    width: float
    height: float


def layout_of(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], aspect: float = 1.3
) -> Layout:
    """A layout of boxes given in topological order, with edges from earlier to later ones.

    `aspect` is the width over height to aim at.
    """
    graph = levels_of(sizes, edges)
    folding = _Folding.best(graph, aspect)
    places = folding.places()
    lines = tuple(
        tuple(_leg(places[tail], places[head]) for tail, head in pairwise(route))
        for route in graph.routes
    )
    boxes = places[: len(sizes)]
    return Layout(
        tuple(place.centre for place in boxes),
        tuple(place.flow for place in boxes),
        lines,
        folding.width,
        folding.height + 2 * folding.turn,
    )


@dataclass(frozen=True)
class _Place:
    """Centre of a vertex, which way it is read, and how far its ends are from the centre."""

    centre: Point
    flow: int
    reach: float


def _leg(tail: _Place, head: _Place) -> Leg:
    start = (tail.centre[0], tail.centre[1] + tail.flow * tail.reach)
    return Leg(
        start, tail.flow, (head.centre[0], head.centre[1] - head.flow * head.reach), head.flow
    )


@dataclass(frozen=True)
class _Folding:
    """Levels cut into columns: column i holds the levels [cuts[i], cuts[i + 1])."""

    graph: Levels
    steps: list[float]  # inches from the start of every level to that of the next
    cuts: tuple[int, ...]

    @classmethod
    def best(cls, graph: Levels, aspect: float) -> _Folding:
        """The folding whose shape comes nearest to the aspect."""
        most, steps = min(len(graph.rows), MOST_COLUMNS), _steps(graph)
        tried = [cls(graph, steps, _cuts(graph, steps, columns)) for columns in range(1, most + 1)]
        return min(tried, key=lambda fold: abs(log(fold.width / fold.height / aspect)))

    @property
    def columns(self) -> list[tuple[int, int]]:
        """First level, and the one after the last, of every column."""
        return list(pairwise(self.cuts))

    @property
    def width(self) -> float:
        """Inches of all columns."""
        spans = [right - left for left, right in map(self.bounds, self.columns)]
        return sum(spans) + GUTTER * (len(spans) - 1)

    @property
    def height(self) -> float:
        """Inches of the highest column."""
        return max(self.column_height(column) for column in self.columns)

    @property
    def turn(self) -> float:
        """Inches above, and below, for the lines from column to column."""
        return TURN if len(self.columns) > 1 else 0.0

    def bounds(self, column: tuple[int, int]) -> tuple[float, float]:
        """Least and greatest x in a column."""
        graph = self.graph
        inside = [v for row in graph.rows[slice(*column)] for v in row]
        return (
            min(graph.across[v] - graph.sizes[v].width / 2 for v in inside),
            max(graph.across[v] + graph.sizes[v].width / 2 for v in inside),
        )

    def column_height(self, column: tuple[int, int]) -> float:
        """Inches of a column."""
        return sum(self.steps[slice(*column)]) - LEVEL_GAP

    def places(self) -> list[_Place]:
        """Where every vertex goes."""
        places: dict[int, _Place] = {}
        x = 0.0
        for number, column in enumerate(self.columns):
            left, right = self.bounds(column)
            places |= self._column(column, x, 1 if number % 2 == 0 else -1)
            x += right - left + GUTTER
        return [places[vertex] for vertex in range(len(places))]

    def _column(self, column: tuple[int, int], x: float, flow: int) -> dict[int, _Place]:
        graph = self.graph
        left, right = self.bounds(column)
        depths = [_depth(graph, row) for row in graph.rows]
        y, full = self.turn, self.height
        spare = 0.0  # columns but the last are stretched to one height
        if column[1] < len(graph.rows) and column[1] - column[0] > 1:
            spare = (full - self.column_height(column)) / (column[1] - column[0] - 1)
        places = {}
        for level in range(*column):
            middle = y + depths[level] / 2
            for vertex in graph.rows[level]:
                at = graph.across[vertex]
                centre = (x + at - left, middle)
                if flow == -1:
                    centre = (x + right - at, full + 2 * self.turn - middle)
                reach = (graph.sizes[vertex].height or depths[level]) / 2
                places[vertex] = _Place(centre, flow, reach)
            y += self.steps[level] + spare
        return places


def _depth(graph: Levels, row: list[int]) -> float:
    return max(graph.sizes[vertex].height for vertex in row)


def _steps(graph: Levels) -> list[float]:
    """Inches from the start of every level to that of the next."""
    labels = [max(graph.sizes[vertex].label for vertex in row) for row in graph.rows]
    return [
        _depth(graph, row) + label + LEVEL_GAP
        for row, label in zip(graph.rows, labels, strict=True)
    ]


def _bundles(graph: Levels, row: list[int]) -> int:
    """Starts, or if they are fewer ends, of the lines that leave a level."""
    heads = [graph.below[vertex] for vertex in row]
    return min(sum(map(bool, heads)), len({v for below in heads for v in below}))


def _cuts(graph: Levels, steps: list[float], columns: int) -> tuple[int, ...]:
    """Levels where columns begin, and the end: about equal heights, cut where few lines run."""
    down = np.cumsum(steps)
    lines = [_bundles(graph, row) for row in graph.rows]
    part = down[-1] / columns
    cuts = [0]
    for column in range(1, columns):
        goal = column * part
        off = np.abs(down[:-1] - goal)
        near = np.flatnonzero(off <= max(0.2 * part, off.min(initial=inf)))
        cut = 1 + min(near.tolist(), key=lambda i: (lines[i], off[i]), default=-1)
        if cut > cuts[-1]:
            cuts.append(cut)
    return (*cuts, len(graph.rows))
