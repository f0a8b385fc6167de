"""Where the boxes and lines of a DAG go on paper: its levels, folded into columns.

Long networks are folded into columns, all read downwards, so that the picture keeps a handy shape.
A line into another column goes below its own, up beside it and in from above, on a lane of its own:
lines that keep their order from left to right do not cross.
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
TURN = 0.25  # above and below the columns, for lines that turn into the next
MOST_COLUMNS = 40

Point = tuple[float, float]


@dataclass(frozen=True)
class Leg:
    """A line from one level into the next, downwards; `way` are its corners into another column."""

    start: Point
    end: Point
    way: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Places in inches, y downwards.

    Attributes
    ----------
    centres
        Of every box.
    lines
        Legs of every edge.
    """

    centres: tuple[Point, ...]
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
    lanes = _lanes(graph, places)
    lines = tuple(
        tuple(folding.leg(places[t], places[h], lanes.get(t)) for t, h in pairwise(route))
        for route in graph.routes
    )
    return Layout(
        tuple(place.centre for place in places[: len(sizes)]),
        lines,
        folding.width,
        folding.height + 2 * folding.turn,
    )


@dataclass(frozen=True)
class _Place:
    """Centre of a vertex, how far its ends are from the centre, and the column that it is in."""

    centre: Point
    reach: float
    column: int


def _lanes(graph: Levels, places: list[_Place]) -> dict[int, float]:
    """For vertices with lines into other columns, the lane of these: from left (0) to right (1)."""
    turning: dict[int, set[int]] = {}
    for route in graph.routes:
        for tail, head in pairwise(route):
            if places[tail].column != places[head].column:
                turning.setdefault(places[tail].column, set()).add(tail)
    lanes: dict[int, float] = {}
    for tails in turning.values():
        ordered = sorted(tails, key=lambda tail: (places[tail].centre[0], tail))
        lanes |= {tail: (i + 1) / (len(ordered) + 1) for i, tail in enumerate(ordered)}
    return lanes


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
            places |= self._column(number, x)
            x += right - left + GUTTER
        return [places[vertex] for vertex in range(len(places))]

    def _column(self, number: int, x: float) -> dict[int, _Place]:
        graph, column = self.graph, self.columns[number]
        left, _ = self.bounds(column)
        y, places = self.turn, {}
        for level in range(*column):
            depth = _depth(graph, graph.rows[level])
            for vertex in graph.rows[level]:
                centre = (x + graph.across[vertex] - left, y + depth / 2)
                reach = (graph.sizes[vertex].height or depth) / 2
                places[vertex] = _Place(centre, reach, number)
            y += self.steps[level]
        return places

    def leg(self, tail: _Place, head: _Place, lane: float | None) -> Leg:
        """The line from one vertex to the next; `lane` is that of its way into another column."""
        start = (tail.centre[0], tail.centre[1] + tail.reach)
        end = (head.centre[0], head.centre[1] - head.reach)
        if lane is None or tail.column == head.column:
            return Leg(start, end)
        columns = self.columns[: tail.column + 1]
        spans = [right - left for left, right in map(self.bounds, columns)]
        beside = sum(spans) + GUTTER * (len(spans) - 1) + GUTTER * (1 - lane)
        below = self.turn + self.column_height(columns[-1]) + self.turn * (1 - lane)
        above = self.turn * (1 - lane)
        corners = ((start[0], below), (beside, below), (beside, above), (end[0], above))
        return Leg(start, end, corners)


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
