"""Scission: every contiguous split of the chain of blocks over the tiers in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from math import comb, inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement, each_task, home_node
from splitfog.baselines.cuts.chain_of_blocks import block_chain
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.solvers.base import Answer, Request, SolverDeclined

MAX_SPLITS = 20_000_000
"""Splits it enumerates at most, over all choices of nodes."""


def solve_scission(request: Request) -> Answer:
    """The cheapest contiguous split of the chain of blocks over the tiers in order.

    After L. Lockhart et al., Scission: Performance-driven and context-aware cloud-edge
    distribution of deep neural networks, 2020, as recalled: all splits of the sequence of blocks
    into a device, an edge and a cloud part are enumerated. Ours: blocks as in `BlockChain`; any
    number of tiers, each of which may be left out; one node of each tier (the source in its own),
    all choices enumerated; vectorised.

    Exact on chains with one node a tier, monotone, without groups and memory limits.
    O(B^(K-1)) splits of B blocks over K tiers.

    Raises
    ------
    SolverDeclined
        Above `MAX_SPLITS` splits.
    """
    return each_task(request, lambda arrays: _best_split(arrays, request))


def _best_split(arrays: TaskArrays, request: Request) -> Placement | str:
    chain = block_chain(arrays, request.objective)
    if not chain.num_blocks:
        return chain.placement([])
    choices = list(_choices(arrays))
    count = sum(comb(chain.num_blocks - 1, len(nodes) - 1) for nodes in choices)
    arrays_held = chain.num_blocks ** (max(map(len, choices)) - 1)
    if max(count, arrays_held) > MAX_SPLITS:
        reason = f"{count:.3g} splits of {chain.num_blocks} blocks, at most {MAX_SPLITS:.3g}"
        raise SolverDeclined("scission", reason, "aaiot")
    used = sorted({node for nodes in choices for node in nodes})
    steps = np.empty((chain.num_blocks - 1, len(used), len(used)))
    for block in range(chain.num_blocks - 1):
        steps[block] = chain.step(block, used)
    best, found = inf, None
    for nodes in choices:
        places = [used.index(node) for node in nodes]
        cost, ends = _cheapest(chain.costs_s[:, nodes], steps[:, places[:-1], places[1:]])
        if cost < best:
            best, found = cost, np.repeat(nodes, np.diff([0, *ends, chain.num_blocks]))
    if found is None:
        return "no contiguous split of its blocks respects tiers, groups and routes"
    return chain.placement(found)


def _choices(arrays: TaskArrays) -> Iterator[tuple[int, ...]]:
    """Every choice of at least one tier from the source's on, and of one node of each."""
    rank, home = arrays.instance.node_rank, home_node(arrays)
    tiers = [[home]]
    for tier in range(int(rank[home]) + 1, len(arrays.instance.tiers)):
        tiers.append(np.flatnonzero(rank == tier).tolist())
    tiers = [nodes for nodes in tiers if nodes]
    for size in range(1, len(tiers) + 1):
        for used in combinations(tiers, size):
            yield from product(*used)


def _cheapest(
    costs: NDArray[np.float64], steps: NDArray[np.float64]
) -> tuple[float, tuple[int, ...]]:
    """The least cost of consecutive parts, none empty, and where all but the last end.

    `costs` [blocks, parts] on each part's node; `steps` [blocks - 1, parts - 1] to the next
    part's. Axis a of the array of all sums is the place of the cut after part a, minus 1.
    """
    count, cuts = len(costs), costs.shape[1] - 1
    total = np.zeros((count - 1,) * cuts)
    for part in range(cuts + 1):
        total = total + _part(costs[:, part], part, cuts)
        if part < cuts:
            total = total + _along(steps[:, part], part, cuts)
    if not total.size:
        return inf, ()
    least = np.unravel_index(int(total.argmin()), total.shape)
    return float(total[least]), tuple(int(place) + 1 for place in least)


def _part(costs: NDArray[np.float64], part: int, cuts: int) -> NDArray[np.float64]:
    """Cost of the part between cuts `part` - 1 and `part`, by the axes of these two cuts."""
    if cuts == 0:
        return np.asarray(costs.sum())
    if part == 0:
        return _along(np.cumsum(costs)[:-1], 0, cuts)
    if part == cuts:
        return _along(np.cumsum(costs[::-1])[::-1][1:], cuts - 1, cuts)
    return _between(costs).reshape(
        (1,) * (part - 1) + (len(costs) - 1,) * 2 + (1,) * (cuts - part - 1)
    )


def _between(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """[i, j]: cost of blocks i + 1 to j, inf unless i < j and all are allowed."""
    forbidden = np.isinf(costs)
    sums = np.cumsum(np.where(forbidden, 0.0, costs))[:-1]
    bans = np.cumsum(forbidden)[:-1]
    places = np.arange(len(sums))
    allowed = (bans[:, None] == bans) & (places[:, None] < places)
    return np.where(allowed, sums - sums[:, None], inf)


def _along(values: NDArray[np.float64], axis: int, axes: int) -> NDArray[np.float64]:
    return values.reshape((1,) * axis + (-1,) + (1,) * (axes - axis - 1))
