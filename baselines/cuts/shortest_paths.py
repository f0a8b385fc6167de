"""Shortest paths through (block, node): JointDNN, IONN and AAIoT."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import (
    Placement,
    each_task,
    home_node,
    remote_nodes,
    transfer_table,
)
from splitfog.baselines.cuts.chain_of_blocks import BlockChain, block_chain, shortest_path
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.solvers.base import Answer, Request

NO_PATH = "no placement of whole blocks respects tiers, groups, routes and monotone"


def solve_jointdnn(request: Request) -> Answer:
    """The shortest path between the source and the best remote node, block by block.

    After A. Eshratifar, M. Abrishami and M. Pedram, JointDNN, arXiv 1801.08618: the layers of a
    chain, run on the mobile or in the cloud, as a shortest path. Ours: a DAG is its chain of
    blocks (`BlockChain`); every node that the source reaches is tried as the cloud; data comes
    back only without `monotone`.

    Exact on chains without groups and memory limits, with two nodes. O(N B).
    """
    return each_task(request, lambda arrays: _best_remote(arrays, request.objective, None))


def solve_ionn(request: Request) -> Answer:
    """As `jointdnn`, but a block on the remote node also pays for the upload of its weights.

    After H.-J. Jeong et al., IONN: Incremental offloading of neural network computations from
    mobile devices to edge servers, SoCC 2018: a shortest path that weighs uploading layers against
    running them. Ours: the upload is divided by the option `queries`, over how many inferences it
    pays off (1: it must pay within one; the more, the closer to `jointdnn`), and the uploads
    go to one server, all at once. The upload only steers the decision: the plan's value is the
    reference cost, without it.

    O(N B).
    """
    queries = float(request.options["queries"])
    return each_task(request, lambda arrays: _best_remote(arrays, request.objective, queries))


def solve_aaiot(request: Request) -> Answer:
    """The cheapest way through devices in a row, every block on one of them, never back.

    After J. Zhou et al., AAIoT: Accelerating artificial intelligence in IoT systems, IEEE
    Wireless Communications Letters 2019: dynamic program over layers and the devices of a chain,
    where data moves on device by device. Ours: a DAG is its chain of blocks; the devices are the
    source and, of every higher tier with a node that the source reaches, that of least total time.

    Exact on chains with one node a tier in a line, monotone, without groups and memory limits.
    O(B K) for B blocks and K devices.
    """
    return each_task(request, lambda arrays: _along_devices(arrays, request.objective))


def _best_remote(
    arrays: TaskArrays, objective: Objective, queries: float | None
) -> Placement | str:
    """The cheapest shortest path over all remote nodes; uploads count where `queries` is given."""
    chain, home = block_chain(arrays, objective), home_node(arrays)
    best, found = inf, None
    for remote in remote_nodes(arrays, home, objective.monotone) or [home]:
        nodes = [home, remote]
        upload = 0.0 if queries is None else _uploads(chain, home, remote) / queries
        cost, path = shortest_path(chain, nodes, upload)
        if cost < best:
            best, found = cost, chain.placement(path)
    return NO_PATH if found is None else found


def _uploads(chain: BlockChain, home: int, remote: int) -> NDArray[np.float64]:
    """[blocks, 2]: seconds to send every block's weights from home to the remote node, if any.

    Weights that blocks share are sent with the last of them: once, where all that follows a remote
    block is remote too (as with `monotone`).
    """
    ends = np.array([home]), np.array([remote])
    seconds = np.zeros((chain.num_blocks, 2))
    for block, weights in enumerate(chain.weight_bytes.tolist()):
        if weights > 0 and home != remote:
            seconds[block, 1] = transfer_table(chain.arrays, weights, *ends)[0, 0]
    return seconds


def _along_devices(arrays: TaskArrays, objective: Objective) -> Placement | str:
    chain, devices = block_chain(arrays, objective), _devices(arrays)
    costs = chain.costs_s[:, devices]
    if not chain.num_blocks:
        return chain.placement([])
    best, parents = costs[0].tolist(), []
    for block in range(1, chain.num_blocks):
        hops = np.diagonal(chain.step(block - 1, devices), 1).tolist()
        arrived, parent = list(best), list(range(len(devices)))
        for at, hop in enumerate(hops):
            if arrived[at] + hop < arrived[at + 1]:
                arrived[at + 1], parent[at + 1] = arrived[at] + hop, parent[at]
        best = [a + cost for a, cost in zip(arrived, costs[block].tolist())]
        parents.append(parent)
    if min(best) == inf:
        return NO_PATH
    path = [best.index(min(best))]
    for parent in reversed(parents):
        path.append(parent[path[-1]])
    return chain.placement([devices[at] for at in reversed(path)])


def _devices(arrays: TaskArrays) -> list[int]:
    """The source and, tier by tier, the reached node of least total time."""
    home, rank = home_node(arrays), arrays.instance.node_rank
    reached = np.isfinite(routes_of(arrays.instance).latency_s[home])
    total = arrays.times_s.sum(axis=0)
    devices = [home]
    for tier in range(int(rank[home]) + 1, len(arrays.instance.tiers)):
        there = np.flatnonzero(reached & (rank == tier))
        if len(there):
            devices.append(int(there[total[there].argmin()]))
    return devices
