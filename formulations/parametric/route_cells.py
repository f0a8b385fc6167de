"""The parts of a box of figures within which no route changes (routes are by bandwidth).

A route's seconds per byte are linear in the figures' coordinates, so a route is best on a convex
part of the box, bounded by hyperplanes where another is as good. A route that is best at every
corner of a cell is best in all of it: its lead over the best is a convex function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from splitfog.formulations.costs.routes import keep_routes, routes_of
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.planes import Floats, Side
from splitfog.formulations.parametric.polytope import polytope_vertices
from splitfog.formulations.parametric.route_flips import travelling_pairs
from splitfog.formulations.parametric.vary import at_figures, swept_links
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.instance import Instance

MOST_CELLS = 500
"""Beyond them a table is refused: every cell has cuts or programs of its own."""

CLOSE = 1e-14
"""Relative to the largest lead of a route in the box: how exactly a cell's corners are known."""

Path = tuple[int, ...]


@dataclass(frozen=True)
class RouteCell:
    """A part of the box, and an instance inside it: with its routes at any figures.

    `wavering` names two nodes between which two routes tie throughout, told apart by the rounding
    of their sums only; None: there are none.
    """

    sides: tuple[Side, ...]
    instance: Instance
    wavering: tuple[str, str] | None = None

    def at(self, figures: Sequence[Figure], values: Sequence[float]) -> Instance:
        """The instance at figures, with the cell's routes."""
        return keep_routes(at_figures(self.instance, figures, values), routes_of(self.instance))


class TooManyCells(ValueError):
    """Routes flip in more parts of the box than a table can hold."""


def route_cells(instance: Instance, figures: Sequence[Figure]) -> list[RouteCell]:
    """The cells of a box, which they fill.

    A cell is halved along a hyperplane at which a route between two nodes changes, until none is
    left; only pairs between which a tensor may travel count. A tie belongs to the cell of the route
    that `Routes` prefers: of less latency, then fewer links, then lesser node positions.

    Raises
    ------
    TooManyCells
        Where there are more than `MOST_CELLS`.
    """
    split = _Split(instance, figures)
    cells: list[RouteCell] = []
    stack: list[tuple[Side, ...]] = [()]
    while stack:
        sides = stack.pop()
        found = split.look_at(sides)
        if isinstance(found, RouteCell):
            cells.append(found)
        elif found is not None:
            stack += [(*sides, side) for side in found]
        if len(cells) + len(stack) > MOST_CELLS:
            raise TooManyCells(
                f"routes flip in more than {MOST_CELLS} parts of the box, vary fewer bandwidths "
                "or keep the routes"
            )
    return cells


class _Split:
    """The box, by the figures that are bandwidths: only they move routes."""

    def __init__(self, instance: Instance, figures: Sequence[Figure]) -> None:
        self.instance, self.figures = instance, figures
        self.links = [at for at, figure in enumerate(figures) if figure.link is not None]
        self.pairs = list(travelling_pairs(instance))
        swept = [set(swept_links(instance, figures[at])) for at in self.links]
        self.rows = np.zeros((len(instance.directed_links), 1 + len(self.links)))
        """[directed links, 1 + bandwidths]: seconds per byte of a link in the coordinates."""
        for at, link in enumerate(instance.directed_links):
            axis = next((axis for axis, ends in enumerate(swept) if at in ends), None)
            if axis is None:
                self.rows[at, 0] = 8 / link.bandwidth_bps
            else:
                self.rows[at, 1 + axis] = 8.0
        ends = [sorted((1 / figures[at].low, 1 / figures[at].high)) for at in self.links]
        self.low, self.high = np.array(ends).reshape(-1, 2).T

    def look_at(self, sides: tuple[Side, ...]) -> RouteCell | tuple[Side, Side] | None:
        """A cell, or the two halves of what is none yet; None for a part without inside."""
        corners = self._corners(sides)
        if corners is None:
            return None
        centre = corners.mean(axis=0)
        inside = self._instance(centre)
        routes = routes_of(inside)
        paths = {pair: routes.path(*pair) for pair in self.pairs}
        for corner in corners:
            there = routes_of(self._instance(corner))
            for pair, path in paths.items():
                if path is None or there.path(*pair) == path:
                    continue
                halves = self._halves(path, there.path(*pair), corner)
                if halves is not None and not set(halves) & set(sides):
                    return halves
        return RouteCell(sides, inside, self._wavering(paths, corners, centre))

    def _corners(self, sides: tuple[Side, ...]) -> Floats | None:
        """[corners, bandwidths]: of a part of the box."""
        if not sides:
            return np.array(list(product(*zip(self.low, self.high, strict=True))))
        rows = np.array([[side.offset, *np.array(side.normal)[self.links]] for side in sides])
        return polytope_vertices(rows, self.low, self.high)

    def _instance(self, point: Floats) -> Instance:
        """The instance with the bandwidths of a point."""
        varied = [self.figures[at] for at in self.links]
        values = [
            min(max(1 / x, figure.low), figure.high)
            for x, figure in zip(point.tolist(), varied, strict=True)
        ]
        return at_figures(self.instance, varied, values)

    def _halves(self, path: Path, other: Path | None, corner: Floats) -> tuple[Side, Side] | None:
        """The sides of a path and of one that is better at a corner; None where none is."""
        assert other is not None
        lead = self.rows[list(other)].sum(axis=0) - self.rows[list(path)].sum(axis=0)
        point = np.concatenate([[1.0], corner])
        most = np.abs(lead) @ np.concatenate([[1.0], self.high])
        if lead @ point >= -ROUNDING * (self.rows[list(path)].sum(axis=0) @ point) - CLOSE * most:
            return None
        first = self._rank(path) < self._rank(other)
        return self._side(lead, first), self._side(-lead, not first)

    def _rank(self, path: Path) -> tuple[float, int, tuple[int, ...]]:
        """Of two routes that take equally long per byte that of less rank is taken."""
        links = [self.instance.directed_links[at] for at in path]
        return sum(link.lag_s for link in links), len(links), tuple(one.head for one in links)

    def _side(self, row: Floats, closed: bool) -> Side:
        normal = np.zeros(len(self.figures))
        normal[self.links] = row[1:]
        return Side(offset=float(row[0]), normal=tuple(normal.tolist()), closed=closed)

    def _wavering(
        self, paths: dict[tuple[int, int], Path | None], corners: Floats, centre: Floats
    ) -> tuple[str, str] | None:
        for corner in corners:
            there = routes_of(self._instance((corner + centre) / 2))
            for (u, v), path in paths.items():
                if there.path(u, v) != path:
                    return self.instance.nodes[u].name, self.instance.nodes[v].name
        return None
