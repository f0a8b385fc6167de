"""`unsplittable`: subtasks with sizes and nodes with memory, after Dean, Goemans and Immorlica.

B. C. Dean, M. X. Goemans and N. Immorlica, The unsplittable stable marriage problem (2006): with
sizes instead of counts a stable matching need not exist, but deferred acceptance ends in one that
is stable and in which each machine is overfull by less than one job, its least preferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.answer import finished_answer, tidied_decision
from splitfog.solvers.dina.given import given_subtasks

MOST_RHO = 0.95
"""Load above which a node sends subtasks on."""


def solve_unsplittable(request: Request) -> Answer:
    """Given subtasks matched to nodes with memory; both sides prefer least transfers + service.

    Ours: a subtask's size is the bytes of its layers, which a node may in truth share; after the
    matching, nodes that are overfull, over their quota or above `MOST_RHO` let their least
    preferred subtasks go, and these propose on to nodes where they fit.
    """
    given = given_subtasks(request)
    assignments = Assignments(given.subtasks)
    jobs = jobs_of(assignments)
    places = unsplittable_matching(jobs.times, jobs.size, jobs.capacity)
    settled = propose_on(jobs, places)
    template = tidied_decision(given.subtasks.template)
    if (settled < 0).any():
        lost = given.subtasks.keys[int(np.flatnonzero(settled < 0)[0])][0]
        name = request.instance.tasks[lost].name
        reason = f"{given.origin}: a subtask of task {name} fits nowhere on its list"
        if decision_violations(request.instance, template, request.objective):
            return Answer(None, reason=reason)
        return finished_answer(request, template, reason=f"the plan itself, as of {reason}")
    moved = int((settled != places).sum())
    decision = tidied_decision(given.subtasks.decision(settled))
    reason = f"{given.origin}; {moved} subtasks had to propose on"
    return finished_answer(request, decision, reason=reason, given=template)


def unsplittable_matching(times: Floats, size: Floats, capacity: Floats) -> Integers:
    """[K]: the stable matching in which a machine is overfull by less than its last job.

    Parameters
    ----------
    times : [K, N]
        Jobs list machines by rising time, and machines jobs, ties by index; inf: not acceptable.
    size : [K]
    capacity : [N]

    Returns
    -------
    int [K]
        Machine of every job; -1 if all refused it. On every machine, the jobs without the least
        preferred one are less than its capacity, or there is none. O(K N log(K N)).
    """
    lists = [
        [int(n) for n in np.argsort(row, kind="stable") if np.isfinite(row[n])] for row in times
    ]
    following = [0] * len(lists)
    places = np.full(len(lists), -1)
    held: list[list[int]] = [[] for _ in capacity]
    load = np.zeros(len(capacity))
    free = list(range(len(lists)))[::-1]
    while free:
        job = free.pop()
        if following[job] == len(lists[job]):
            continue
        machine = lists[job][following[job]]
        following[job] += 1
        held[machine].append(job)
        load[machine] += size[job]
        places[job] = machine
        while held[machine]:
            last = max(held[machine], key=lambda k: (times[k, machine], k))
            if load[machine] - size[last] < capacity[machine] or load[machine] <= capacity[machine]:
                break
            held[machine].remove(last)
            load[machine] -= size[last]
            places[last] = -1
            free.append(last)
    return places


@dataclass(frozen=True, eq=False, kw_only=True)
class SizedJobs:
    """Subtasks as jobs: `times` [K, N], `size` [K], `load` (rho) and `guest` [K, N], and what
    nodes have left, [N]: `capacity` in bytes, `room` up to `MOST_RHO`, `quota` of guests.
    """

    times: Floats
    size: Floats
    load: Floats
    guest: NDArray[np.bool_]
    capacity: Floats
    room: Floats
    quota: Floats


def jobs_of(assignments: Assignments) -> SizedJobs:
    """The jobs of given subtasks, beside what stays where it is."""
    subtasks, nodes = assignments.subtasks, np.arange(assignments.num_nodes)
    times = subtasks.alone_s()
    service = np.where(np.isfinite(times), subtasks.service_s, 0.0)
    stays = np.zeros(assignments.num_nodes)
    local = subtasks.local_s > 0
    work = (assignments.rate * subtasks.local_s)[local]
    np.add.at(stays, assignments.task_source[local], work)
    memory = assignments.memory
    guest = (subtasks.source[:, None] != nodes) & (service > 0)
    return SizedJobs(
        times=times,
        size=subtasks.weight_bytes,
        load=subtasks.rate[:, None] * service,
        guest=guest,
        capacity=memory.limit - memory.base @ memory.weights,
        room=MOST_RHO - stays,
        quota=assignments.quota,
    )


def propose_on(jobs: SizedJobs, places: Integers) -> Integers:
    """[K]: the places after nodes that hold too much let go, -1 for who then fits nowhere.

    A node lets its least preferred subtask go until memory, quota and load are respected. Who was
    let go proposes to what follows on its list, and to nodes from the top if it was on none; it
    stays where it fits beside those there.
    """
    settled = places.copy()
    let_go: list[tuple[int, int]] = [(job, -1) for job in np.flatnonzero(places < 0).tolist()]
    for node in range(len(jobs.capacity)):
        held = np.flatnonzero(settled == node)
        held = held[np.lexsort((held, jobs.times[held, node]))].tolist()
        while held and not _fits(jobs, node, held):
            job = held.pop()
            settled[job] = -1
            let_go.append((job, node))
    for job, before in let_go:
        order = np.argsort(jobs.times[job], kind="stable").tolist()
        following = order[order.index(before) + 1 :] if before >= 0 else order
        for node in following:
            others = np.flatnonzero(settled == node).tolist()
            if jobs.times[job, node] < inf and _fits(jobs, node, [*others, job]):
                settled[job] = node
                break
    return settled


def _fits(jobs: SizedJobs, node: int, held: list[int]) -> bool:
    """Whether a node's memory, load and quota hold some jobs."""
    load = jobs.load[held, node].sum()
    return bool(
        jobs.size[held].sum() <= jobs.capacity[node]
        and (load <= jobs.room[node] or load == 0)
        and jobs.guest[held, node].sum() <= jobs.quota[node]
    )
