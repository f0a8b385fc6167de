"""Vertices of polytopes given by their sides, by qhull in coordinates scaled to the unit box."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.parametric.planes import Floats

THIN = 1e-12
"""A polytope whose largest ball has a smaller radius, in the unit box, has no inside."""


def polytope_vertices(rows: Floats, low: Floats, high: Floats) -> Floats | None:
    """The vertices of the part of a box where every row is >= 0; None where it has no inside.

    Parameters
    ----------
    rows
        [sides, 1 + dimensions]: offsets and normals.
    low, high
        [dimensions]: of the box.

    Returns
    -------
    float64 array, [vertices, dimensions], or None
    """
    if len(low) == 1:
        return _interval(rows, float(low[0]), float(high[0]))
    from scipy.spatial import HalfspaceIntersection

    scaled = scaled_rows(rows, low, high)
    inside = interior(scaled)
    if inside is None:
        return None
    corners = HalfspaceIntersection(-np.roll(scaled, -1, axis=1), inside).intersections
    unit = np.unique(np.clip(corners, 0.0, 1.0), axis=0)
    return np.asarray(low + unit * (high - low))


def scaled_rows(rows: Floats, low: Floats, high: Floats) -> Floats:
    """The rows in coordinates of the unit box, of length 1, and after them the box's own sides."""
    scaled = np.column_stack([rows[:, 0] + rows[:, 1:] @ low, rows[:, 1:] * (high - low)])
    lengths = np.linalg.norm(scaled[:, 1:], axis=1, keepdims=True)
    scaled /= np.where(lengths > 0, lengths, 1.0)
    return np.concatenate([scaled, unit_box(len(low))])


def unit_box(dimensions: int) -> Floats:
    """[2 dimensions, 1 + dimensions]: the sides of the unit box."""
    eye = np.eye(dimensions)
    below = np.column_stack([np.zeros(dimensions), eye])
    return np.concatenate([below, np.column_stack([np.ones(dimensions), -eye])])


def interior(scaled: Floats) -> Floats | None:
    """The centre of the largest ball inside rows of length 1; None where it is next to nothing."""
    from scipy.optimize import linprog

    dimensions = scaled.shape[1] - 1
    cost = np.zeros(dimensions + 1)
    cost[-1] = -1.0
    limits = np.column_stack([-scaled[:, 1:], np.ones(len(scaled))])
    found = linprog(cost, A_ub=limits, b_ub=scaled[:, 0], bounds=[(0, 1)] * dimensions + [(0, 1)])
    if found.x is None or found.x[-1] < THIN:
        return None
    return np.asarray(found.x[:-1])


def _interval(rows: Floats, low: float, high: float) -> Floats | None:
    for offset, slope in rows.tolist():
        if slope > 0:
            low = max(low, -offset / slope)
        elif slope < 0:
            high = min(high, -offset / slope)
        elif offset < 0:
            return None
    return np.array([[low], [high]]) if low < high * (1 - THIN) else None
