"""DADS: two nodes by minimum cut, for latency (DSL) and, on scaled costs, for period (DSH)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf

import numpy as np

from splitfog.baselines.common import (
    Placement,
    checked,
    each_task,
    fits_memory,
    home_node,
    servers,
)
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut import CutNetwork, TierLine, cut_network
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.exact.min_cut import least_cut

NO_PLACE = "no placement on two nodes respects tiers, groups, routes, monotone and memory"


def solve_dads(request: Request) -> Answer:
    """The least cut between the source and the best remote node (`latency`), or DSH (`period`).

    After C. Hu et al., Dynamic adaptive DNN surgery for inference acceleration on the edge,
    INFOCOM 2019. Its "edge" is our source, its "cloud" our remote node.

    DSL, light load: layers are vertices of a minimum cut between two tiers, with one auxiliary
    vertex for every tensor with several readers. Ours: infinite links from a layer back to its
    inputs (without them the published gadget under-counts where some layers are faster at the
    source's side); without `monotone` a second auxiliary vertex for the way down; every node is
    tried as the remote one; plans that break a memory limit are passed over. Exact with two nodes
    where no memory limit binds. One maximum flow a remote node.

    Under `mean-latency` every task is cut by DSL as if it were alone, for least latency without
    waits: the state of the art that DINA is compared to. Remote nodes are then those of higher
    tiers, if there are any, less those that another one dominates. Where the plan overloads a
    node the answer is unknown and names it.

    DSH, heavy load: the least cut of every point of a grid of scaled costs (times at the source,
    times at the remote node, transfers), and of these cuts the one of least period. Ours: the
    factors are powers of two up to 2^`grid`, relative to the transfers'. The unscaled cut is on
    the grid, and a sum of three busy times is at most three times the longest of the best plan:
    so the period is at most 3 times the optimum of two nodes without `results_to`, monotone,
    without memory limits, one task. (2 `grid` + 1)^2 maximum flows a remote node.
    """
    if request.objective.name == "period":
        return _best_period(request)
    return each_task(request, lambda arrays: _best_cut(arrays, request))


def _best_cut(arrays: TaskArrays, request: Request) -> Placement | str:
    home = home_node(arrays)
    best, found, reason = inf, None, NO_PLACE
    for remote in _remotes(arrays, home, request.objective):
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


def _remotes(arrays: TaskArrays, home: int, objective: Objective) -> list[int]:
    """Nodes to try as the remote one."""
    if objective.name != "mean-latency":
        return _others(arrays, home)
    return undominated(arrays, home, servers(arrays, home)) or [home]


def undominated(arrays: TaskArrays, home: int, nodes: list[int]) -> list[int]:
    """Those of the nodes that no other is as good as in everything that a cut pays for.

    Times of all layers, routes both ways, and memory. Exact: a dominated node's least cut costs
    no less than that of the other. All are kept where results travel, for their way may share
    links with the tensors'.
    """
    if arrays.results_to is not None:
        return nodes
    routes, places = routes_of(arrays.instance), np.array(nodes, np.int64)
    pairs = ((home, places), (places, home))
    ways = [table[pair] for table in (routes.latency_s, routes.seconds_per_byte) for pair in pairs]
    room = memory_room(arrays.instance)[nodes]
    times = arrays.costs_s[:, places]
    figures = np.vstack([times, *ways, -room])
    kept: list[int] = []
    for position in np.argsort(times.sum(axis=0) + sum(ways), kind="stable").tolist():
        if not (figures[:, kept] <= figures[:, [position]]).all(axis=0).any():
            kept.append(position)
    return [nodes[position] for position in sorted(kept)]


def _others(arrays: TaskArrays, home: int) -> list[int]:
    others = [node for node in range(len(arrays.instance.nodes)) if node != home]
    return others or [home]


def _best_period(request: Request) -> Answer:
    """DSH: the best plan of the grid over all remote nodes; all tasks share one remote node."""
    best, answer = inf, Answer(None, reason=NO_PLACE)
    for remote in range(len(request.instance.nodes)):
        built = _networks(request, remote)
        if isinstance(built, str):
            answer = answer if answer.decision else Answer(None, reason=built)
            continue
        for placements in _grid_plans(request, built):
            decision = placed(*placements)
            cost = float(decision_cost(request.instance, decision, request.objective))
            if cost < best or answer.decision is None:
                found = checked(request, decision)
                if found.decision is not None or answer.decision is None:
                    answer, best = found, cost if found.decision is not None else best
            if request.out_of_time:
                return Answer(answer.decision, stopped_by="time limit", reason=answer.reason)
    return answer


def _networks(request: Request, remote: int) -> list[tuple[TierLine, CutNetwork]] | str:
    """Every task's network between its source and the remote node, or why one has none."""
    networks = []
    for position, task in enumerate(request.instance.tasks):
        arrays = task_arrays(request.instance, position)
        built = two_node_network(arrays, home_node(arrays), remote, request.objective)
        if isinstance(built, str):
            return f"task {task.name}: {built}"
        networks.append(built)
    return networks


def _grid_plans(
    request: Request, networks: list[tuple[TierLine, CutNetwork]]
) -> Iterator[list[Placement]]:
    """The different plans of all points of the grid, that of unscaled costs first."""
    steps = range(-int(request.options["grid"]), int(request.options["grid"]) + 1)
    seen: set[bytes] = set()
    for low, high in sorted(product(steps, steps), key=lambda p: (abs(p[0]) + abs(p[1]), p)):
        cuts = [least_cut(_scaled(network, 2.0**low, 2.0**high)) for _, network in networks]
        if any(cut is None for cut in cuts):
            return
        plan = [line.nodes[cut.tiers] for (line, _), cut in zip(networks, cuts) if cut]
        key = b"".join(placement.tobytes() for placement in plan)
        if key not in seen:
            seen.add(key)
            yield plan


def _scaled(network: CutNetwork, low: float, high: float) -> CutNetwork:
    """The network with the times of the lower and of the higher of its two nodes scaled."""
    factors = np.ones(len(network.costs))
    factors[network.tails == network.source] *= low
    factors[network.heads == network.sink] *= high
    return changed(network, costs=network.costs * factors)


def two_node_network(
    arrays: TaskArrays, home: int, remote: int, objective: Objective
) -> tuple[TierLine, CutNetwork] | str:
    """The line of two nodes, the lower tier first, and its network; or why there is none.

    With `remote` the same as `home`, a line of one node. The way between the two is the
    instance's route, whatever nodes lie on it. Between nodes of one tier data may go both ways,
    `monotone` or not.
    """
    rank = arrays.instance.node_rank
    nodes = np.array(sorted({home, remote}, key=lambda node: rank[node]), np.int64)
    below, above = nodes[:-1], nodes[1:]
    routes = routes_of(arrays.instance)
    line = TierLine(
        nodes,
        (routes.latency_s[below, above], routes.seconds_per_byte[below, above]),
        (routes.latency_s[above, below], routes.seconds_per_byte[above, below]),
    )
    either = changed(objective, monotone=False)
    network = cut_network(arrays, line, either if rank[home] == rank[remote] else objective)
    return network if isinstance(network, str) else (line, network)
