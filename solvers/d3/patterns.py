"""How the output of a stage may be cut: free strips and bands, and equal grids that are dealt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.tiles.grids import parts
from splitfog.formulations.tolerances import EQUAL
from splitfog.solvers.d3.team import Team


@dataclass(frozen=True)
class Bands:
    """Cuts along one axis that are chosen freely, the other axis cut in fixed shares.

    `steps[band][part]` is the index in the team of the node that gets a band's part; a band may
    be empty. With one part these are strips, one a node.
    """

    axis: int
    shares: tuple[float, ...]
    steps: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Deal:
    """A fixed grid by shares, its tiles dealt to nodes (indices in the team) in turn, row by row.

    Tiles that come out empty are left out, their turn is not passed on.
    """

    rows: tuple[float, ...]
    columns: tuple[float, ...]
    nodes: tuple[int, ...]

    def tiles(self, sizes: tuple[int, int]) -> list[tuple[int, tuple[int, int, int, int]]]:
        """(turn, (r0, r1, c0, c1)) of every tile on a map of `sizes`."""
        rows, columns = intervals(sizes[0], self.rows), intervals(sizes[1], self.columns)
        boxes = [(*row, *column) for row in rows for column in columns]
        return [(t, box) for t, box in enumerate(boxes) if box[0] < box[1] and box[2] < box[3]]

    def fits(self, sizes: tuple[int, int]) -> bool:
        """Whether a map is no coarser than the grid: a row and a column for every share above 0."""
        return all(
            sum(share > 0 for share in shares) <= size
            for shares, size in zip((self.rows, self.columns), sizes)
        )


Pattern = Bands | Deal


def patterns_of(
    team: Team, layers: list[int], grid: int, axes: tuple[int, ...] = (0, 1)
) -> tuple[Pattern, ...]:
    """The patterns of a team for stages among some layers.

    Strips in file order and with the home in the middle; bands of A x B nodes with 2 <= A, B and
    A B at most the nodes, the home first and then by speed, the other axis in equal parts or in
    proportion to the speed of each part's nodes; equal grids of up to `grid` by `grid`, dealt in
    file order; where ways share channels also `strip_deals`. `axes` are those cut freely.
    """
    speeds = speeds_of(team, layers)
    members = list(range(len(team.nodes)))
    others = [n for n in members if n != team.at_home]
    middle = [*others[: len(others) // 2], team.at_home, *others[len(others) // 2 :]]
    ranked = [team.at_home, *sorted(others, key=lambda n: (-speeds[n], n))]
    found: list[Pattern] = []
    for axis in axes:
        for order in dict.fromkeys((tuple(members), tuple(middle))):
            found.append(Bands(axis, (1.0,), tuple((n,) for n in order)))
        found += _grids(axis, ranked, speeds)
    found += equal_deals(team, layers, grid)
    if not team.independent:
        found += strip_deals(team, layers)
    return tuple(found)


def equal_deals(team: Team, layers: Sequence[int], grid: int) -> list[Deal]:
    """Equal grids of up to `grid` by `grid` tiles, but for 1 x 1; none finer than every map."""
    shapes = [team.arrays.model.layers[layer].output_shape or () for layer in layers]
    most = [min(grid, max((shape[axis] for shape in shapes), default=1)) for axis in (1, 2)]
    nodes = tuple(range(len(team.nodes)))
    return [
        Deal((1.0,) * rows, (1.0,) * columns, nodes)
        for rows in range(1, most[0] + 1)
        for columns in range(1, most[1] + 1)
        if rows * columns > 1
    ]


def strip_deals(team: Team, layers: Sequence[int]) -> list[Deal]:
    """Rows for every node in file order, equal or in proportion to its speed.

    Nodes that a layer's `tiers` shut out get none. As stages have some of the layers only, the
    nodes that are left are those open to all layers and, apart, those open to each one.
    """
    members, rows = tuple(range(len(team.nodes))), team.allowed[list(layers)]
    speeds = _speeds(team, layers)
    deals = []
    for open_to in dict.fromkeys(map(tuple, np.vstack([rows.all(axis=0), rows]).tolist())):
        for shares in (np.array(open_to, float), np.where(open_to, speeds, 0.0)):
            if (shares > 0).any():
                deals.append(Deal(tuple(shares.tolist()), (1.0,), members))
    return list(dict.fromkeys(deals))


def speeds_of(team: Team, layers: Sequence[int]) -> NDArray[np.float64]:
    """[N]: speed on some layers, overheads apart, relative to the fastest node's.

    Equal where there is no work; 0 on a node that may not run one of the layers, maybe on all.
    """
    return np.where(team.allowed[list(layers)].all(axis=0), _speeds(team, layers), 0.0)


def _speeds(team: Team, layers: Sequence[int]) -> NDArray[np.float64]:
    """[N]: 1 / seconds of the layers, allowed or not, relative to the fastest node.

    Where some node needs no time all are equal.
    """
    seconds = team.slope_s[list(layers)].sum(axis=0)
    if not seconds.min(initial=1.0) > 0:
        return np.ones(len(seconds))
    return np.asarray(seconds.min() / seconds)


def _grids(axis: int, ranked: list[int], speeds: NDArray[np.float64]) -> list[Bands]:
    grids = []
    for width in range(2, len(ranked) // 2 + 1):
        for bands in range(2, len(ranked) // width + 1):
            table = np.array(ranked[: bands * width]).reshape(bands, width)
            steps = tuple(tuple(row) for row in table.tolist())
            equal = (1.0,) * width
            fair = tuple(np.maximum(speeds[table].sum(axis=0), 1e-9).tolist())
            level = max(fair) <= min(fair) * (1 + EQUAL)
            grids += [Bands(axis, shares, steps) for shares in [equal, *([] if level else [fair])]]
    return grids


@lru_cache(maxsize=4096)
def intervals(length: int, shares: tuple[float, ...]) -> tuple[tuple[int, int], ...]:
    """Ranges of a length in proportion to shares; empty ones left as they are."""
    return tuple((a, b) for a, b in parts(length, shares).tolist())
