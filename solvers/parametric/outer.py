"""The least of all planes over a polytope, known through an oracle only (outer approximation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import NEVER, Deadline, TimeIsUp
from splitfog.formulations.parametric.planes import Floats
from splitfog.formulations.parametric.polytope import interior, scaled_rows
from splitfog.formulations.tolerances import ROUNDING

Thing = TypeVar("Thing")

SAME = 1e-11
"""Relative distance of every coordinate within which two points are one: values differ by less."""

BATCH, SHARE = 8, 0.25
"""New vertices are looked for after so many new planes, or this share of the old ones."""


class Oracle(Protocol[Thing]):
    """What is known of the planes: which is least at a point, and what it is."""

    def ask(self, point: Floats, known: float | None) -> tuple[Thing, float | None]:
        """The thing whose plane is least at a point, and a valid lower bound of its value there.

        `known` is the least value that is known there; no bound known: None.
        """
        ...

    def row(self, thing: Thing) -> Floats:
        """[1 + dimensions]: the plane of a thing, seconds at (1, coordinates)."""
        ...


@dataclass(kw_only=True)
class Outer(Generic[Thing]):
    """A polytope, the planes so far, whose they are, and where the oracle was asked.

    `low`, `high` are the limits of a box, `sides` rows >= 0 inside the part of it that is meant.
    """

    low: Floats
    high: Floats
    sides: Floats
    rows: list[Floats] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    bounds: list[float | None] = field(default_factory=list)
    stopped_by: Literal["finished", "time limit", "interrupted"] = "finished"

    def least(self, points: Floats) -> Floats:
        """[n]: the least of the planes at points [n, dimensions]."""
        rows = np.array(self.rows)
        return np.asarray((rows[:, 0] + points @ rows[:, 1:].T).min(axis=1))

    def doubt(self, vertices: Floats) -> Floats:
        """[n]: how far the least plane may be above the optimum there, roughly: ask first there."""
        if not self.points or None in self.bounds:
            return np.zeros(len(vertices))
        rough = _implied(np.array(self.points), np.array(self.bounds, float), vertices)
        return _gaps(self.least(vertices), rough)

    def gap(self) -> float | None:
        """By how much, relative, the least plane may be above the optimum anywhere; None: unknown.

        The least plane is furthest above what the bounds at the points asked imply at a vertex of
        its hypograph; of a finished search all vertices were asked.
        """
        if not self.points or None in self.bounds:
            return None
        points, bounds = np.array(self.points), np.array(self.bounds, float)
        worst = _gaps(self.least(points), bounds).max(initial=0.0)
        if self.stopped_by != "finished":
            vertices = hypograph_vertices(self)
            worst = max(worst, _open_gap(points, bounds, vertices, self.least(vertices)))
        return float(worst)


def outer_approximation(
    oracle: Oracle[Thing],
    outer: Outer[Thing],
    *,
    epsilon: float = 0.0,
    deadline: Deadline = NEVER,
) -> None:
    """Ask until the least of the planes is within `epsilon` of the optimum everywhere.

    Parameters
    ----------
    oracle
        What is least at a point.
    outer
        The polytope, a box with further sides, and the planes known before; what is found is added.
        After Ctrl-C or at the deadline it holds what was found until then.
    epsilon
        Relative. 0: any plane that is lower than all others at a vertex is added.

    Notes
    -----
    The optimum V is the least of the planes of all plans, U that of the planes known: both are
    concave, and U >= V. The hypograph of U over the polytope is a polyhedron; if U <= (1 + epsilon)
    V at each of its vertices then everywhere, since on the part of the polytope where one plane is
    least U is linear and V concave, so that (1 + epsilon) V - U is least at a corner of that part,
    which is a vertex. As every new plane is of another plan, the search ends. Vertices are found
    by qhull in coordinates scaled to the unit box; whatever its rounding, an oracle is asked at
    the point that it names, so that every plane is exact; a vertex that differs from one asked by
    less than `SAME` in every coordinate counts as asked, since values, non-negative sums, then
    differ by less as well.
    """
    try:
        if not outer.rows:
            _ask(oracle, outer, (outer.low + outer.high) / 2, epsilon)
        while len(outer.low) and _ask_vertices(oracle, outer, epsilon, deadline):
            pass
    except KeyboardInterrupt:
        outer.stopped_by = "interrupted"
    except TimeIsUp:
        outer.stopped_by = "time limit"


def _ask_vertices(
    oracle: Oracle[Thing], outer: Outer[Thing], epsilon: float, deadline: Deadline
) -> bool:
    """Ask at the vertices of the planes known; whether there may be more."""
    vertices = hypograph_vertices(outer)
    vertices = vertices[_unasked(vertices, outer.points)]
    vertices = vertices[np.argsort(-outer.doubt(vertices), kind="stable")]
    listed = outer.least(vertices)
    most, before = max(BATCH, SHARE * len(outer.rows)), len(outer.rows)
    for at, vertex in enumerate(vertices):
        deadline.check("the plan table")
        if outer.least(vertex[None])[0] < listed[at] * (1 - ROUNDING):
            continue  # cut off by a plane found meanwhile: it is no vertex any more
        _ask(oracle, outer, vertex, epsilon)
        if len(outer.rows) - before >= most:
            return True
    return len(outer.rows) > before


def _ask(oracle: Oracle[Thing], outer: Outer[Thing], point: Floats, epsilon: float) -> None:
    """Ask at a point; add the plane found if it is lower there, and that matters."""
    known = float(outer.least(point[None])[0]) if outer.rows else None
    thing, bound = oracle.ask(point, known)
    outer.points.append(point)
    outer.bounds.append(bound)
    if known is not None and bound is not None and known <= bound * (1 + max(epsilon, ROUNDING)):
        return
    row = oracle.row(thing)
    if known is None or row[0] + row[1:] @ point < known * (1 - ROUNDING):
        outer.rows.append(row)
        outer.things.append(thing)


def hypograph_vertices(outer: Outer[Thing]) -> Floats:
    """[n, dimensions]: where the vertices of {(x, t): t <= every plane at x} stand.

    One per combination of planes and sides that meet in a point.
    """
    from scipy.spatial import HalfspaceIntersection

    span = outer.high - outer.low
    rows = np.array(outer.rows)
    offsets, slopes = rows[:, 0] + rows[:, 1:] @ outer.low, rows[:, 1:] * span
    top = float((offsets + slopes.sum(axis=1)).min()) or 1.0
    sides = scaled_rows(outer.sides, outer.low, outer.high)
    # qhull's form: [normal, offset] with normal . (x, t) + offset <= 0
    below = np.column_stack([-slopes / top, np.ones(len(rows)), -offsets / top])
    walls = np.column_stack([-sides[:, 1:], np.zeros(len(sides)), -sides[:, 0]])
    floor = np.array([[*np.zeros(len(span)), -1.0, -1.0]])
    inside = np.append(_centre(outer.sides, sides, len(span)), -0.5)
    halfspaces = np.concatenate([below, walls, floor])
    corners = HalfspaceIntersection(halfspaces, inside).intersections
    unit = np.clip(corners[corners[:, -1] > -0.5, :-1], 0.0, 1.0)
    return np.asarray(outer.low + np.unique(unit, axis=0) * span)


def _centre(own: Floats, sides: Floats, dimensions: int) -> Floats:
    """A point inside the polytope, in the unit box."""
    if not len(own):
        return np.full(dimensions, 0.5)
    inside = interior(sides)
    if inside is None:
        raise ArithmeticError("a cell of the plan table has no inside")
    return inside


def _unasked(vertices: Floats, points: Sequence[Floats]) -> NDArray[np.bool_]:
    """[n]: the vertices that are no point asked."""
    fresh = np.ones(len(vertices), bool)
    asked = np.array(points).reshape(-1, vertices.shape[1])
    for at, vertex in enumerate(vertices):
        fresh[at] = not (np.abs(asked - vertex) <= SAME * vertex).all(axis=1).any()
    return fresh


def _gaps(values: Floats, bounds: Floats) -> Floats:
    """How far values are above bounds, relative; 0 where they are not."""
    above = values > bounds
    return np.where(above, (values - bounds) / np.where(above, values, 1.0), 0.0)


def _implied(points: Floats, bounds: Floats, wanted: Floats) -> Floats:
    """[n]: what the optimum is at least at points wanted, given its bounds at others.

    It is a least of sums with no negative term: at x at least what it is at s times the least of 1
    and of all x_i / s_i.
    """
    ratios = [(one / points).min(axis=1, initial=1.0) for one in wanted]
    return np.asarray((np.array(ratios).reshape(-1, len(points)) * bounds).max(axis=1))


def _open_gap(points: Floats, bounds: Floats, vertices: Floats, values: Floats) -> float:
    """The largest gap at vertices, given bounds of the optimum at other points.

    The optimum is concave, and so at least any mean of bounds at points whose mean x is: that of
    the corners around it in a triangulation, and, where these say least, the greatest, which a
    linear program finds.
    """
    implied = _implied(points, bounds, vertices)
    if points.shape[1] in TRIANGULATED:
        implied = np.fmax(implied, _between(points, bounds, vertices))
    rough = _gaps(values, implied)
    worst = 0.0
    for count, at in enumerate(np.argsort(-rough)):
        if rough[at] <= worst or count == PROGRAMS:
            return max(worst, float(rough[at]))
        better = max(implied[at], _mean_bound(points, bounds, vertices[at]))
        worst = max(worst, float(_gaps(values[at], better)))
    return worst


TRIANGULATED = (2, 3)
"""Dimensions in which a triangulation of a thousand points takes a second or less."""

PROGRAMS = 100
"""Linear programs, of milliseconds, that a search that was stopped is judged by at most."""


def _between(points: Floats, bounds: Floats, wanted: Floats) -> Floats:
    """[n]: bounds interpolated in a triangulation of the points; nan outside of it."""
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    try:
        return np.asarray(
            LinearNDInterpolator((points - low) / span, bounds)((wanted - low) / span)
        )
    except QhullError:  # too few points, or all in a plane
        return np.full(len(wanted), np.nan)


def _mean_bound(points: Floats, bounds: Floats, wanted: Floats) -> float:
    """The greatest mean of bounds at points whose mean is the point wanted; 0 where none is.

    Less what the program's tolerances may have added.
    """
    from scipy.optimize import linprog

    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    rows = np.column_stack([(points - low) / span, np.ones(len(points))]).T
    right = np.append((wanted - low) / span, 1.0)
    most = bounds.max() or 1.0
    found = linprog(-bounds / most, A_eq=rows, b_eq=right, bounds=(0, None))
    return max(0.0, -found.fun - LOOSE) * most if found.status == 0 else 0.0


LOOSE = 1e-6
"""Of the greatest bound: more than the tolerances of 1e-7 of a program can be worth."""
