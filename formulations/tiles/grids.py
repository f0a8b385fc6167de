"""Slices of a map as rectangles: equal grids, parts by shares, and whether they cover it once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.instances.arguments import numbers, whole, whole_numbers, wrong

SHARES = "a list of finite numbers >= 0"


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
    whole("length", length, low=0)
    weights = numbers("shares", shares, SHARES).astype(np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any():
        raise wrong("shares", shares, SHARES)
    if not weights.sum() > 0:
        raise wrong("shares", shares, "with a share > 0")
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
    rows, columns = _ranges("rows", rows), _ranges("columns", columns)
    down = np.repeat(rows, len(columns), axis=0)
    across = np.tile(columns, (len(rows), 1))
    return np.concatenate([down, across], axis=1)


def _ranges(name: str, given: NDArray[np.int64]) -> NDArray[np.int64]:
    ranges = whole_numbers(name, given, "whole numbers [k, 2]")
    if ranges.ndim != 2 or ranges.shape[1] != 2:
        raise ValueError(f"{name} has shape {ranges.shape}, must be whole numbers [k, 2]")
    return ranges


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
    for name, value in (
        ("height", height),
        ("width", width),
        ("num_rows", num_rows),
        ("num_columns", num_columns),
    ):
        whole(name, value)
    if not (1 <= num_rows <= height and 1 <= num_columns <= width):
        raise ValueError(
            f"grid of {num_rows} x {num_columns}, must be from 1 x 1 to {height} x {width}"
        )
    return rectangles_of(parts(height, [1.0] * num_rows), parts(width, [1.0] * num_columns))


def rectangle_array(rectangles: ArrayLike) -> NDArray[np.int64]:
    """Rectangles (r0, r1, c0, c1) as int64 [T, 4]; `ValueError` where they are none."""
    tiles = whole_numbers("rectangles", rectangles, "whole numbers [T, 4]")
    if tiles.size == 0:
        return np.empty((0, 4), np.int64)
    if tiles.ndim != 2 or tiles.shape[1] != 4:
        raise ValueError(f"rectangles of shape {tiles.shape}, must be whole numbers [T, 4]")
    return tiles.astype(np.int64, copy=False)


def cover_defects(height: int, width: int, rectangles: ArrayLike) -> list[str]:
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
    whole("height", height, low=1)
    whole("width", width, low=1)
    defects = []
    tiles = rectangle_array(rectangles).tolist()
    for position, (r0, r1, c0, c1) in enumerate(tiles):
        if r0 >= r1 or c0 >= c1:
            defects.append(f"slice {position} is empty (rows [{r0}, {r1}), columns [{c0}, {c1}))")
        elif r0 < 0 or c0 < 0 or r1 > height or c1 > width:
            defects.append(
                f"slice {position} (rows [{r0}, {r1}), columns [{c0}, {c1})) leaves the stage's "
                f"output of {height} x {width}"
            )
    if defects:
        return defects
    defects = [f"slices {a} and {b} overlap" for a, b in _overlaps(tiles)]
    covered = sum((r1 - r0) * (c1 - c0) for r0, r1, c0, c1 in tiles)
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
