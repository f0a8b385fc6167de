"""`device-only`, `edge-only` and `cloud-only`: every layer of a task on one node."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.baselines.simple.prices import PRICES, Bundle, Crossing
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.ledger import hops
from splitfog.formulations.decision import TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.solvers.base import Answer, Request, SolverDeclined


def solve_device_only(request: Request) -> Answer:
    """Every layer on the task's source; without a source, on the best node of the first tier.

    Unknown where a layer may not be there. O(V + E) a task.
    """
    lowest = int(request.instance.node_rank.min())

    def nodes(arrays: TaskArrays) -> list[int]:
        if arrays.source is not None:
            return [arrays.source]
        return np.flatnonzero(request.instance.node_rank == lowest).tolist()

    return _best_nodes(request, [nodes(a) for a in _all_arrays(request)])


def solve_edge_only(request: Request) -> Answer:
    """Every layer but inputs on the best node of the tiers between the first and the last.

    Raises
    ------
    SolverDeclined
        Where no node is in such a tier.
    """
    rank = request.instance.node_rank
    between = np.flatnonzero((rank > 0) & (rank < len(request.instance.tiers) - 1))
    if not len(between):
        reason = "no node is in a tier between the first and the last"
        raise SolverDeclined("edge-only", reason, "cloud-only")
    return _best_nodes(request, [between.tolist()] * len(request.instance.tasks))


def solve_cloud_only(request: Request) -> Answer:
    """Every layer but inputs on the best node of the last tier that has nodes."""
    rank = request.instance.node_rank
    last = np.flatnonzero(rank == rank.max())
    return _best_nodes(request, [last.tolist()] * len(request.instance.tasks))


def single_node_placement(arrays: TaskArrays, node: int) -> NDArray[np.int64]:
    """[layers]: everything on one node but the inputs, which are at the source."""
    placement = np.full(len(arrays.model.layers), node)
    placement[arrays.is_input] = -1 if arrays.source is None else arrays.source
    return placement


def _all_arrays(request: Request) -> Iterator[TaskArrays]:
    return (task_arrays(request.instance, i) for i in range(len(request.instance.tasks)))


def _best_nodes(request: Request, candidates: list[list[int]]) -> Answer:
    """The best candidate of every task, tasks in file order, given those before.

    The price of a candidate is what it adds to the objective (`PRICES`); with one task that is the
    objective. O(N (V + E)) a task.
    """
    instance, objective = request.instance, request.objective
    if objective.name == "makespan":
        return _earliest(request, candidates[0])
    prices = PRICES[objective.name](instance, objective)
    placements: list[NDArray[np.int64]] = []
    for arrays, nodes, task in zip(_all_arrays(request), candidates, instance.tasks):
        bundle = _whole_task(arrays, len(placements), nodes, objective)
        chosen = prices.cheapest(bundle, nodes)
        if chosen is None:
            return Answer(None, reason=f"task {task.name}: {_why(arrays, nodes, bundle)}")
        prices.place(bundle, chosen)
        placements.append(single_node_placement(arrays, chosen))
    return checked(request, placed(*placements))


def _earliest(request: Request, nodes: list[int]) -> Answer:
    """The candidate of least makespan; inputs and results may travel side by side."""
    arrays = task_arrays(request.instance)
    best, answer = inf, Answer(None)
    for node in nodes:
        decision = placed(single_node_placement(arrays, node))
        found = checked(request, decision)
        cost = request.value_of(decision)
        if answer.decision is None and answer.reason is None:
            answer = found
        if found.decision is not None and cost < best:
            best, answer = cost, found
    return answer


def _whole_task(
    arrays: TaskArrays, position: int, nodes: list[int], objective: Objective
) -> Bundle:
    """All layers of a task as one bundle, priced on the candidates only."""
    transfers = np.full(len(arrays.instance.nodes), np.inf)
    crossings: dict[int, Crossing] = {}
    links = arrays.instance.directed_links
    for node in nodes:
        if (sent := _crossing(arrays, node, objective)) is not None:
            crossings[node] = [(link, links[link].busy_seconds(*own)) for link, own in sent]
            transfers[node] = sum(links[link].seconds(*own) for link, own in sent)
    costs = np.where(arrays.is_input[:, None], 0.0, arrays.costs_s)
    layers = tuple(range(len(arrays.model.layers)))
    return Bundle(position, layers, costs.sum(axis=0), transfers, crossings.__getitem__)


def _crossing(
    arrays: TaskArrays, node: int, objective: Objective
) -> list[tuple[int, tuple[float, float]]] | None:
    """(directed link, (bytes, sends)) that cross with everything on a node; None without a route or
    against `monotone`."""
    placement = single_node_placement(arrays, node)
    rank = arrays.instance.node_rank[placement]
    edges = arrays.model.edges
    if objective.monotone and bool(np.any(rank[edges[:, 0]] > rank[edges[:, 1]])):
        return None
    crossing = []
    decision = TaskDecision(placement)
    for layer, link in hops(arrays.instance, arrays.task, decision, objective.transfers):
        if link is None:
            return None
        crossing.append((link, (float(arrays.output_bytes[layer]), float(arrays.sends[layer]))))
    return crossing


def _why(arrays: TaskArrays, nodes: list[int], bundle: Bundle) -> str:
    """Why none of the candidates will do, as far as tiers and routes say it."""
    names = ", ".join(arrays.instance.nodes[node].name for node in nodes[:4])
    barred = ~arrays.allowed & ~arrays.is_input[:, None]
    if all(barred[:, node].any() for node in nodes):
        layer = arrays.model.layers[int(barred[:, nodes[0]].argmax())]
        return f"layer {layer.name} may not be on {names}"
    if not np.isfinite(bundle.transfer_s[nodes]).any():
        return f"data cannot go from its source to {names}, or results back from there"
    return f"no room by memory, quota or load (rho < 1) on {names}, or on links to it"
