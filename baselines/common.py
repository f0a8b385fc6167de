"""What baselines share: solving task by task, and answers that are checked before they leave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays, way_seconds
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.weights import node_bytes
from splitfog.solvers.base import Answer, Request

Placement = NDArray[np.int64]
PlaceTask = Callable[[TaskArrays], Placement | str]
"""Places one task's layers, or says why it found no placement."""


def each_task(request: Request, place: PlaceTask) -> Answer:
    """Every task placed by itself; unknown where one finds no place or they do not fit together.

    Tasks meet under `latency` only in the memory of nodes, which is checked at the end. Out of time
    before the last task, there is no plan.
    """
    placements: list[Placement] = []
    for position, task in enumerate(request.instance.tasks):
        if placements:
            request.deadline.check("the placement of every task")
        found = place(task_arrays(request.instance, position))
        if isinstance(found, str):
            return Answer(None, reason=f"task {task.name}: {found}")
        placements.append(found)
    return checked(request, placed(*placements))


def checked(request: Request, decision: Decision) -> Answer:
    """A heuristic's answer: unknown, with the first violation, if the decision is not allowed."""
    faults = request.faults_of(decision)
    return Answer(None, reason=faults[0]) if faults else Answer(decision)


def home_node(arrays: TaskArrays) -> int:
    """The task's source; without one, the node of the first tier with the least total time.

    Ties go to the first in the file; the first tier is the lowest that has a node.
    """
    if arrays.source is not None:
        return arrays.source
    rank = arrays.instance.node_rank
    lowest = np.flatnonzero(rank == rank.min())
    return int(lowest[arrays.times_s[:, lowest].sum(axis=0).argmin()])


def remote_nodes(arrays: TaskArrays, home: int, monotone: bool) -> list[int]:
    """Nodes that `home` can send to, in file order; `monotone`: none of a lower tier."""
    rank = arrays.instance.node_rank
    reached = np.isfinite(routes_of(arrays.instance).latency_s[home])
    allowed = rank >= rank[home] if monotone else np.ones(len(rank), bool)
    return [node for node in np.flatnonzero(reached & allowed).tolist() if node != home]


def servers(arrays: TaskArrays, home: int) -> list[int]:
    """Nodes of a higher tier than `home` that it reaches; where there are none, all others.

    Where a thousand users have a stream each, these are what a rival of the literature would send
    to: not the other users' devices.
    """
    reached = remote_nodes(arrays, home, monotone=False)
    rank = arrays.instance.node_rank
    return [node for node in reached if rank[node] > rank[home]] or reached


def inputs_first(arrays: TaskArrays) -> NDArray[np.int64]:
    """The file's order made topological, with all input layers moved to its front."""
    order = arrays.model.order
    is_input = arrays.is_input[order]
    return np.concatenate([order[is_input], order[~is_input]])


def transfer_table(
    arrays: TaskArrays,
    num_bytes: float,
    tails: NDArray[np.int64],
    heads: NDArray[np.int64],
    sends: float = 1.0,
) -> NDArray[np.float64]:
    """[tails, heads]: seconds to send that many bytes between nodes, in so many transfers; inf
    without a route."""
    routes, pairs = routes_of(arrays.instance), np.ix_(tails, heads)
    return way_seconds(sends, num_bytes, routes.latency_s[pairs], routes.seconds_per_byte[pairs])


def result_seconds(arrays: TaskArrays) -> NDArray[np.float64]:
    """[layers, nodes]: a result's own way from a node to `results_to`; 0 for what is no result."""
    paid = np.zeros(arrays.times_s.shape)
    target = arrays.results_to
    if target is None:
        return paid
    routes = routes_of(arrays.instance)
    results = arrays.model.results
    sent = arrays.sends[results, None], arrays.output_bytes[results, None]
    ways = routes.latency_s[:, target], routes.seconds_per_byte[:, target]
    paid[results] = way_seconds(*sent, *ways)
    return paid


def fits_memory(arrays: TaskArrays, placement: Placement) -> bool:
    """Whether the weights and the state of this task alone fit in every node's memory."""
    room = memory_room(arrays.instance)
    state = np.bincount(placement, arrays.state_bytes, minlength=len(room))
    return bool(np.all(node_bytes(arrays.model, placement, len(room)) + state <= room))
