"""`nearest`, `random-match`, `greedy-match`: rivals that match subtasks to nodes one by one."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.baselines.offloading.occupancy import Occupancy
from splitfog.formulations.offloading.lone_slices import written
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.formulations.offloading.templates import subtask_template
from splitfog.instances.arrays import Seconds
from splitfog.solvers.base import Answer, Request

Preference = Callable[[Occupancy, int], Seconds]
"""How much a subtask dislikes every node [N]; inf: it does not go there."""


def solve_nearest(request: Request) -> Answer:
    """Every subtask on the server of least transfer time, there and back, that has room.

    Ours: servers are the nodes of a higher tier than the own node (all others where none is
    higher), so that nobody is sent to another user's device; the own node, whose transfer time is
    0, comes last: there a subtask stays that no server has room for. Room: allowed, reached,
    rho < 1, quota, links and memory, with what is placed so far (tasks in file order). Unknown
    where a subtask finds no room. O(K N log N).
    """

    def preference(occupancy: Occupancy, subtask: int) -> Seconds:
        subtasks = occupancy.subtasks
        with np.errstate(invalid="ignore"):
            moved = subtasks.transfer_in_s[subtask] + subtasks.transfer_out_s[subtask]
        seconds = np.where(_wanted(occupancy, subtask), moved, inf)
        return _own_last(seconds, int(occupancy.source[subtask]))

    return _matched(request, preference)


def solve_random_match(request: Request) -> Answer:
    """Every subtask on a random node with room, the same for the same seed.

    Uniform over the own node and the servers (as for `nearest`, and so is room). Unknown where a
    subtask finds none. O(K N log N).
    """
    rng = np.random.default_rng(request.seed)

    def preference(occupancy: Occupancy, subtask: int) -> Seconds:
        drawn = rng.random(len(request.instance.nodes))
        return np.where(_wanted(occupancy, subtask), drawn, inf)

    return _matched(request, preference)


def solve_greedy_match(request: Request) -> Answer:
    """Every subtask where its own visit is shortest, waits included, given what is placed.

    A visit takes transfers in, wait, service and transfers out (docs/costs.md), with the slices of
    the same stage that are there already. Tasks in file order; it does not mind what it costs the
    others. Room as for `nearest`. Unknown where a subtask finds none. O(K N log N).
    """
    return _matched(request, lambda occupancy, subtask: occupancy.visit_s(subtask))


def _wanted(occupancy: Occupancy, subtask: int) -> NDArray[np.bool_]:
    """[N]: whether a node is the own one or a server, and has room."""
    source = int(occupancy.source[subtask])
    rank = occupancy.subtasks.instance.node_rank
    servers = rank > rank[source] if source >= 0 else np.ones(len(rank), bool)
    if not servers.any():
        servers[:] = True
    if source >= 0:
        servers[source] = True
    return servers & (occupancy.visit_s(subtask) < inf)


def _own_last(preference: Seconds, source: int) -> Seconds:
    """The same preferences, but the own node behind all others."""
    if source >= 0 and preference[source] < inf:
        finite = preference[np.isfinite(preference)]
        preference[source] = 1 + 2 * float(finite.max())
    return preference


def _matched(request: Request, preference: Preference) -> Answer:
    """The subtasks of `--option stages=PLAN`, else whole tasks, placed in order by preference."""
    instance = request.instance
    template = subtask_template(instance, request.options["stages"])
    subtasks = subtasks_of(instance, template, request.objective)
    occupancy = Occupancy(subtasks)
    nodes = []
    for subtask in range(len(subtasks.keys)):
        if request.out_of_time:
            return Answer(None, stopped_by="time limit", reason="out of time while placing")
        node = occupancy.first_fit(subtask, preference(occupancy, subtask))
        if node is None:
            return Answer(None, reason=f"{_name(subtasks, subtask)} finds no node with room")
        occupancy.place(subtask, node)
        nodes.append(node)
    return checked(request, written(subtasks.decision(nodes)))


def _name(subtasks: Subtasks, subtask: int) -> str:
    task, stage, piece = subtasks.keys[subtask]
    name = f"task {subtasks.instance.tasks[task].name}"
    return name if stage is None else f"slice {piece} of stage {stage} of {name}"
