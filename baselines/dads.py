"""DADS: two tiers by minimum cut, for latency (DSL) and, on scaled costs, for period (DSH)."""

from __future__ import annotations

from math import inf

from splitfog.baselines.per_task import Placement, each_task, fits_memory, home_node
from splitfog.baselines.two_nodes import two_node_network
from splitfog.formulations.arrays import TaskArrays
from splitfog.formulations.objective import Objective
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.min_cut import least_cut


def solve_dads(request: Request) -> Answer:
    """The least cut between the source and the best remote node.

    After C. Hu et al., Dynamic adaptive DNN surgery for inference acceleration on the edge,
    INFOCOM 2019: layers are vertices of a minimum cut between two tiers, with one auxiliary
    vertex for every tensor with several readers. Its "edge" is our source, its "cloud" our
    remote node. Ours: infinite links from a layer back to its inputs (without them the published
    gadget under-counts where some layers are faster at the source's side); without `monotone` a
    second auxiliary vertex for the way down; every node is tried as the remote one; plans that
    break a memory limit are passed over.

    Exact with two nodes where no memory limit binds. One maximum flow a remote node.
    """
    return each_task(request, lambda arrays: _best_cut(arrays, request))


def _best_cut(arrays: TaskArrays, request: Request) -> Placement | str:
    home = home_node(arrays)
    best, found = inf, None
    reason = "no placement on two nodes respects tiers, groups, routes, monotone and memory"
    others = [node for node in range(len(arrays.instance.nodes)) if node != home]
    for remote in others or [home]:
        cut = two_node_cut(arrays, home, remote, request.objective)
        if isinstance(cut, str):
            reason = cut
        elif cut is not None and cut[0] < best and fits_memory(arrays, cut[1]):
            best, found = cut
        if request.out_of_time and found is not None:
            break
    return reason if found is None else found


def two_node_cut(
    arrays: TaskArrays, home: int, remote: int, objective: Objective
) -> tuple[float, Placement] | str | None:
    """Value and placement of the least cut; None if nothing is feasible, or why it has no cut.

    With `remote` the same as `home`, the placement with nothing remote.
    """
    built = two_node_network(arrays, home, remote, objective)
    if isinstance(built, str):
        return built
    line, network = built
    cut = least_cut(network)
    return None if cut is None else (network.value(cut.tiers), line.nodes[cut.tiers])
