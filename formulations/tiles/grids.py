"""Slices of a map as rectangles: equal grids, parts by shares, and whether they cover it once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def parts(length: int, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """A length cut into consecutive ranges in proportion to shares.

    Largest remainder: every range gets its quota rounded down, what is left goes one by one to
    the largest fractions, ties to the earlier. Ranges may be empty; equal shares differ by at
    most one.

    Parameters
    ----------
    length
        >= 0.
    shares : float [k]
        Not negative, not all 0.

    Returns
    -------
    int64 [k, 2]
        Half open ranges.

    Raises
    ------
    ValueError
        Unless the shares are non-negative, finite and not all 0, and the length is >= 0.
    """
    weights = np.asarray(shares, np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"shares = {shares}, must be a list of finite numbers >= 0")
    if length < 0 or not weights.sum() > 0:
        raise ValueError(f"length {length} with shares {shares}, must be >= 0 with a share > 0")
    quotas = length * weights / weights.sum()
    sizes = np.floor(quotas).astype(np.int64)
    left = length - int(sizes.sum())
    sizes[np.argsort(sizes - quotas, kind="stable")[:left]] += 1
    ends = np.cumsum(sizes)
    return np.stack([ends - sizes, ends], axis=1)


def rectangles_of(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every row range crossed with every column range, row by row.

    Parameters
    ----------
    rows, columns : int64 [k, 2] and [m, 2]
        Half open ranges, as of `parts`.

    Returns
    -------
    int64 [k m, 4]
        (r0, r1, c0, c1) of each.
    """
    down = np.repeat(rows, len(columns), axis=0)
    across = np.tile(columns, (len(rows), 1))
    return np.concatenate([down, across], axis=1)


def grid(height: int, width: int, num_rows: int, num_columns: int) -> NDArray[np.int64]:
    """The equal grid over a map; no rectangle is empty.

    Parameters
    ----------
    height, width
        Of the map.
    num_rows, num_columns
        Of the grid.

    Returns
    -------
    int64 [num_rows x num_columns, 4]
        (r0, r1, c0, c1) of each, row by row.

    Raises
    ------
    ValueError
        If the grid is finer than the map, or has no rows or columns.
    """
    if not (1 <= num_rows <= height and 1 <= num_columns <= width):
        raise ValueError(
            f"grid of {num_rows} x {num_columns}, must be from 1 x 1 to {height} x {width}"
        )
    return rectangles_of(parts(height, [1.0] * num_rows), parts(width, [1.0] * num_columns))


def cover_defects(height: int, width: int, rectangles: Sequence[Sequence[int]]) -> list[str]:
    """Why slices do not cover a map exactly once.

    Parameters
    ----------
    height, width
        Of the map.
    rectangles : int [T, 4]
        (r0, r1, c0, c1) of every slice.

    Returns
    -------
    list of str
        Sentences, slices named by position; [] means that they do.

    Notes
    -----
    O(T log T) comparisons, whatever the map's size.
    """
    defects = []
    for position, (r0, r1, c0, c1) in enumerate(rectangles):
        if r0 >= r1 or c0 >= c1:
            defects.append(f"slice {position} is empty (rows [{r0}, {r1}), columns [{c0}, {c1}))")
        elif r0 < 0 or c0 < 0 or r1 > height or c1 > width:
            defects.append(
                f"slice {position} (rows [{r0}, {r1}), columns [{c0}, {c1})) leaves the stage's "
                f"output of {height} x {width}"
            )
    if defects:
        return defects
    defects = [f"slices {a} and {b} overlap" for a, b in _overlaps(rectangles)]
    covered = sum((r1 - r0) * (c1 - c0) for r0, r1, c0, c1 in rectangles)
    if not defects and covered != height * width:
        defects.append(
            f"the slices cover {covered} of the {height * width} positions of the stage's output "
            f"of {height} x {width}"
        )
    return defects


def _overlaps(rectangles: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Pairs that overlap, at least one if there is any: a sweep over the rows.

    The column ranges of the slices that the sweep is in are kept sorted; one that meets a
    neighbour is reported and left out.
    """
    borders = [(r1, 0, i) for i, (_, r1, _, _) in enumerate(rectangles)]
    borders += [(r0, 1, i) for i, (r0, _, _, _) in enumerate(rectangles)]
    active: list[tuple[int, int, int]] = []
    pairs = []
    for _, opens, position in sorted(borders):
        _, _, c0, c1 = rectangles[position]
        here = (c0, c1, position)
        at = bisect_left(active, here)
        if not opens:
            del active[at : at + (active[at : at + 1] == [here])]
            continue
        near = [*active[max(at - 1, 0) : at], *active[at : at + 1]]
        met = [other for other in near if other[0] < c1 and c0 < other[1]]
        if met:
            first, second = sorted((position, met[0][2]))
            pairs.append((first, second))
        else:
            insort(active, here)
    return pairs
