"""Stages by rule, for a given placement: what published tilings do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.decision import TaskDecision
from splitfog.solvers.d3.chains import Block, Chain, chains_of
from splitfog.solvers.d3.patterns import Deal, equal_deals, intervals, speeds_of, strip_deals
from splitfog.solvers.d3.reach import reach_of
from splitfog.solvers.d3.search import Slicer, stage_of, with_stages
from splitfog.solvers.d3.team import Team

Shares = NDArray[np.float64]
ShareRule = Callable[[Slicer, Team, Block], Shares]
"""[N]: the part of a block's output rows that every node of the team gets."""


def layer_by_layer(
    slicer: Slicer, placement: NDArray[np.int64], share_rule: ShareRule
) -> TaskDecision:
    """Every single sliceable layer its own stage, in rows by a rule.

    A convolution or pool has the `norm`, `activation` and `identity` layers that follow it with
    it, as papers count layers; `add` and `concat` read several tensors and stay whole, as does a
    layer that the rule leaves to the home alone.
    """
    stages = []
    for block in _single_layers(chains_of(slicer.arrays.model)):
        places = set(placement[list(block.layers)].tolist())
        if len(places) > 1 or slicer.arrays.divides_group(block.layers):
            continue
        team = slicer.team(places.pop())
        rows, columns = reach_of(slicer.arrays.model, block).sizes
        shares = share_rule(slicer, team, block)
        if len(team.nodes) < 2 or not shares.sum() > 0:
            continue
        cut = intervals(rows, tuple(shares.tolist()))
        tiles = [(n, a, b, 0, columns) for n, (a, b) in enumerate(cut) if a < b]
        if any(n != team.at_home for n, *_ in tiles):
            stages.append(stage_of((block,), team, tiles))
    return with_stages(slicer.arrays, placement, stages)


def speed_shares(slicer: Slicer, team: Team, block: Block) -> Shares:
    """Rows in proportion to the nodes' speeds."""
    return speeds_of(team, block.layers)


def balanced_shares(slicer: Slicer, team: Team, block: Block) -> Shares:
    """Rows that end at the same time, transfers included; nodes too slow to help get none.

    The linear program min T with a_n + b_n x_n <= T for the nodes in use and sum x = 1, where a_n
    are latencies and overheads and b_n the whole layer's transfers and computing on n. Its optimum
    is closed: T = (1 + sum a / b) / sum (1 / b); nodes with x <= 0 are dropped until none is left.
    """
    reach, listed = reach_of(slicer.arrays.model, block), list(block.layers)
    fixed = team.fixed_s[listed].sum(axis=0) + team.way_in[:, 0] + team.way_out[:, 0]
    slope = team.slope_s[listed].sum(axis=0)
    slope = slope + team.way_in[:, 1] * reach.input_bytes + team.way_out[:, 1] * reach.output_bytes
    used: NDArray[np.bool_] = np.asarray(team.allowed[listed].all(axis=0))
    shares = np.zeros(len(team.nodes))
    if np.any(slope[used] <= 0):
        return np.where(used & (slope <= 0), 1.0, 0.0)
    while used.any():
        level = (1 + (fixed[used] / slope[used]).sum()) / (1 / slope[used]).sum()
        shares = np.where(used, (level - fixed) / slope, 0.0)
        if np.all(shares[used] > 0):
            break
        used = used & (shares > 0)
    return shares


def dealt_grids(grid: int) -> Callable[[Team, list[int]], tuple[Deal, ...]]:
    """The pattern rule of equal grids up to `grid` by `grid`, tiles dealt in file order."""
    return lambda team, layers: tuple(equal_deals(team, layers, grid))


def fused_strips(team: Team, layers: list[int]) -> tuple[Deal, ...]:
    """The pattern rule of rows for every node, equal or by speed."""
    return tuple(strip_deals(team, layers))


def _single_layers(chains: Sequence[Chain]) -> Iterator[Block]:
    for chain in chains:
        for block in chain.blocks:
            if block.inner:
                yield from _single_layers(block.inner)
            elif block.may_slice:
                yield block
