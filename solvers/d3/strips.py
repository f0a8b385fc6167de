"""Stages in strips of unequal rectangles: every node's as large as it manages in the time.

Ours. Beside the patterns, whose other axis is cut in fixed shares: here each rectangle of a strip
is as wide as its node is fast and near. Where ways share channels the strips are also made as if
transfers took longer; all are timed exactly by who asks.
"""

from __future__ import annotations

import numpy as np

from splitfog.formulations.tiles.spans import spans_of
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.formulations.tiles.strips import TINY, Cover, Members, strip_covers
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.d3.costs import RunCosts, Tile

LEVELS = 8
"""Times that are tried at once."""

NARROWINGS = 2
"""Of the range between the last time without strips and the first with them."""

RANGE = 2.5
"""Times what perfect balance would take: no time beyond is tried."""

LEAST_NODES = 3
"""With fewer nodes strips of unequal rectangles are among the patterns."""


def strips_of(costs: RunCosts, first: int, last: int, links: float = 1.0) -> list[Tile]:
    """The strips found for the stage of blocks `first` .. `last` - 1 in the least time.

    [] where none are found in `RANGE`, or nodes are too few. Every transfer takes `links` times as
    long. O(strips x heights x (layers + nodes) x width) for every time tried.
    """
    layers = [layer for block in costs.blocks[first:last] for layer in block.layers]
    fixed_s = costs.constants(last, first)[0]
    nodes = np.flatnonzero(np.isfinite(fixed_s))
    if len(nodes) < LEAST_NODES:
        return []
    geometry = geometry_of(costs.model, layers)
    members = _members(costs, geometry, nodes, fixed_s, links)
    alone_s = members.rate @ members.basis.sum(axis=1)
    order = np.argsort(members.start_s + alone_s, kind="stable")
    members = Members(start_s=members.start_s[order], rate=members.rate[order], basis=members.basis)
    low = _level(members.start_s, alone_s[order])
    cover = _least(geometry, members, low)
    if cover is None:
        return []
    hosts = nodes[order[cover.member]].tolist()
    return [(host, *box) for host, box in zip(hosts, cover.rectangles.tolist(), strict=True)]


def _members(
    costs: RunCosts, geometry: StageGeometry, nodes: Integers, fixed_s: Floats, links: float
) -> Members:
    """The nodes, with their layers' seconds, then the input, then the output."""
    team, count = costs.team, len(nodes)
    slope_s = team.slope_s[np.ix_(np.array(geometry.layers), nodes)]
    basis = np.zeros((count + 2, len(geometry.layers) + 1))
    basis[:-2, :-1] = slope_s.T
    basis[-2, -1], basis[-1, -2] = geometry.tensor_bytes[-1], geometry.tensor_bytes[-2]
    into, out = links * team.way_in[nodes], links * team.way_out[nodes]
    rate = np.concatenate([np.eye(count), into[:, 1:], out[:, 1:]], axis=1)
    return Members(start_s=fixed_s[nodes] + into[:, 0] + out[:, 0], rate=rate, basis=basis)


def _level(start_s: Floats, alone_s: Floats) -> float:
    """When all would end at once without halos, those left out that would begin after that."""
    active = np.ones(len(start_s), bool)
    while True:
        inverse = np.where(active, 1 / np.maximum(alone_s, TINY), 0.0)
        level = (1 + float(start_s @ inverse)) / float(inverse.sum())
        late = active & (start_s >= level)
        if not late.any():
            return level
        active &= ~late


def _least(geometry: StageGeometry, members: Members, low: float) -> Cover | None:
    """The cover of the least time found."""
    high, best = RANGE * low, None
    for _ in range(1 + NARROWINGS):
        levels = np.geomspace(low, high, LEVELS)
        covers = strip_covers(spans_of(geometry), members, levels)
        found = next((at for at, cover in enumerate(covers) if cover is not None), None)
        if found is None:
            return best
        best, high = covers[found], float(levels[found])
        if found == 0:
            return best
        low = float(levels[found - 1])
    return best
