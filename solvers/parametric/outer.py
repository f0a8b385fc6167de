"""The least of all planes over a polytope, known through an oracle only (outer approximation)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

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


@dataclass(frozen=True)
class Asked(Generic[Thing]):
    """What an oracle found at a point: a plane that is least there, whose it is, and a bound.

    `row` is [1 + dimensions]: seconds at the point (1, coordinates). `bound` is a valid lower bound
    of the least value there; None: none is known.
    """

    row: Floats
    thing: Thing
    bound: float | None


@dataclass
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

    def gap(self) -> float | None:
        """By how much, relative, the least plane may be above the optimum anywhere; None: unknown.

        The least plane is furthest above what the bounds at the points asked imply at a vertex of
        its hypograph; of a finished search all vertices were asked.
        """
        if not self.points or None in self.bounds:
            return None
        points, bounds = np.array(self.points), np.array(self.bounds, float)
        if self.stopped_by != "finished":
            vertices = hypograph_vertices(self)
            implied = _implied(points, bounds, vertices, self.low, self.high)
            points, bounds = np.concatenate([points, vertices]), np.append(bounds, implied)
        values = self.least(points)
        above = values > bounds
        return float(((values - bounds)[above] / values[above]).max(initial=0.0))


def outer_approximation(
    ask: Callable[[Floats, float | None], Asked[Thing]],
    outer: Outer[Thing],
    *,
    epsilon: float = 0.0,
    deadline: Deadline = NEVER,
) -> None:
    """Ask until the least of the planes is within `epsilon` of the optimum everywhere.

    Parameters
    ----------
    ask
        The oracle: what is least at a point, given the least value known there.
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
            _ask(ask, outer, (outer.low + outer.high) / 2, None)
        while len(outer.low) and _ask_vertices(ask, outer, epsilon, deadline):
            pass
    except KeyboardInterrupt:
        outer.stopped_by = "interrupted"
    except TimeIsUp:
        outer.stopped_by = "time limit"


def _ask_vertices(
    ask: Callable[[Floats, float | None], Asked[Thing]],
    outer: Outer[Thing],
    epsilon: float,
    deadline: Deadline,
) -> bool:
    """Ask at the vertices of the planes known; whether there may be more."""
    vertices = hypograph_vertices(outer)
    vertices = vertices[_unasked(vertices, outer.points)]
    listed = outer.least(vertices)
    most, before = max(BATCH, SHARE * len(outer.rows)), len(outer.rows)
    for at, vertex in enumerate(vertices):
        deadline.check("the plan table")
        known = float(outer.least(vertex[None])[0])
        if known < listed[at] * (1 - ROUNDING):
            continue  # cut off by a plane found meanwhile: it is no vertex any more
        found = ask(vertex, known)
        outer.points.append(vertex)
        outer.bounds.append(found.bound)
        if _is_lower(found, vertex, known, epsilon):
            outer.rows.append(found.row)
            outer.things.append(found.thing)
            if len(outer.rows) - before >= most:
                return True
    return len(outer.rows) > before


def _ask(
    ask: Callable[[Floats, float | None], Asked[Thing]],
    outer: Outer[Thing],
    point: Floats,
    known: float | None,
) -> None:
    found = ask(point, known)
    outer.points.append(point)
    outer.bounds.append(found.bound)
    outer.rows.append(found.row)
    outer.things.append(found.thing)


def _is_lower(found: Asked[Thing], vertex: Floats, known: float, epsilon: float) -> bool:
    """Whether a plane is to be added: it is lower at the vertex, and that matters."""
    value = float(found.row[0] + found.row[1:] @ vertex)
    if value >= known * (1 - ROUNDING):
        return False
    return epsilon == 0 or found.bound is None or known > found.bound * (1 + epsilon)


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


def _implied(points: Floats, bounds: Floats, wanted: Floats, low: Floats, high: Floats) -> Floats:
    """[n]: what the optimum is at least elsewhere, given its bounds at points.

    Between points as a concave function is: by linear interpolation in a triangulation. Anywhere,
    since the optimum is a least of sums with no negative term: at x it is at least the least of 1
    and of all x_i / s_i times what it is at s.
    """
    ratios = (wanted[:, None] / points).min(axis=2, initial=1.0)
    anywhere = (ratios * bounds).max(axis=1)
    return np.asarray(np.fmax(anywhere, _between(points, bounds, wanted, low, high)))


def _between(points: Floats, bounds: Floats, wanted: Floats, low: Floats, high: Floats) -> Floats:
    """[n]: the interpolation; nan outside of all triangles."""
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    unit, at = (points - low) / (high - low), (wanted - low) / (high - low)
    if len(low) == 1:
        order = np.argsort(unit[:, 0])
        ends = {"left": np.nan, "right": np.nan}
        return np.asarray(np.interp(at[:, 0], unit[order, 0], bounds[order], **ends))
    try:
        return np.asarray(LinearNDInterpolator(unit, bounds)(at))
    except QhullError:  # too few points, or all in a plane
        return np.full(len(wanted), np.nan)
