"""`offload-assignment`: the best nodes and orders of given subtasks for `batch`.

The p-th subtask from the end of a node's queue makes itself and the p - 1 after it wait for its
service, so it costs `transfer + p * service`: a linear assignment of subtasks to slots (node, p)
(J. Bruno, E. G. Coffman and R. Sethi, 1974, for parallel machines).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import quotas
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.formulations.plan import ProvenOver
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Integers, Seconds
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.given import given_subtasks

MOST_COLUMNS = 150_000
"""Of the 0-1 program where quotas count only some of a node's subtasks."""

FAR = 0.25
"""A 0-1 program is solved again where it finds less than this part of its unit."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """J subtasks on N nodes: seconds of transfers and service [J, N], inf where not allowed.

    `foreign` [J, N] marks what counts for `quota` [N] (inf: none).
    """

    transfer_s: Seconds
    service_s: Seconds
    foreign: NDArray[np.bool_]
    quota: Seconds

    @property
    def capacity(self) -> Seconds:
        """[N]: how many subtasks a node takes, where its quota counts all or none of them."""
        own = (np.isfinite(self.service_s) & ~self.foreign).any(axis=0)
        return np.where(own, inf, self.quota)

    def closed(self) -> Jobs:
        """The same with guests kept away from nodes of quota 0."""
        shut = self.foreign & (self.quota == 0)
        return Jobs(self.transfer_s, np.where(shut, inf, self.service_s), self.foreign, self.quota)

    def value(self, assignment: Integers) -> float:
        """Sum of all latencies, the shortest first on every node."""
        rows = np.arange(len(assignment))
        service = self.service_s[rows, assignment]
        order = np.lexsort((-service, assignment))
        first = np.searchsorted(assignment[order], assignment[order])
        from_end = np.arange(len(order)) - first + 1
        transfers = self.transfer_s[rows, assignment].sum()
        return float(transfers + (from_end * service[order]).sum())

    def overbooked(self, assignment: Integers) -> NDArray[np.bool_]:
        """[N]: whether a node has more guests than its quota."""
        guests = self.foreign[np.arange(len(assignment)), assignment]
        counts = np.bincount(assignment[guests], minlength=len(self.quota))
        return np.asarray(counts > self.quota)


def solve_offload_assignment(request: Request) -> Answer:
    """The least mean latency of given subtasks in queues, with nodes and orders both free.

    The subtasks are whole tasks, or those of the plan in option `stages`. The bound is for these
    subtasks: a mean over other ones says nothing about it. Exact, except where a node with a
    quota above 0 is also the source of subtasks (its quota counts the others alone, which no
    longer is an assignment problem): then by a 0-1 program, and beyond `MOST_COLUMNS` columns by
    repair, with the assignment's value as the bound.
    """
    given = given_subtasks(request)
    jobs = batch_jobs(given.subtasks)
    constant = _constant(given.subtasks)
    count = len(jobs.service_s) + constant[1]
    found = assign(jobs, request)
    if found is None:
        reason = f"{given.origin}: no assignment respects tiers, routes and quotas"
        return Answer(None, reason=reason)
    assignment, bound = found
    decision = given.subtasks.decision(assignment)
    if faults := decision_violations(request.instance, decision, request.objective):
        return Answer(None, reason=f"{given.origin}, in what they leave in place: {faults[0]}")
    bound = (bound + constant[0]) / count * (1 - BOUND_SLACK)
    reason = f"best nodes and orders of {given.origin}; the bound is for these subtasks"
    over: ProvenOver = "given" if given.chosen else "placements"
    return Answer(decision, bound, reason=reason, proven_over=over)


def batch_jobs(subtasks: Subtasks) -> Jobs:
    """The subtasks of `batch` as jobs."""
    quota = quotas(subtasks.instance)
    transfer = subtasks.transfer_in_s + subtasks.transfer_out_s
    service = np.where(np.isfinite(transfer), subtasks.service_s, inf)
    fixed = np.where(subtasks.is_run, subtasks.base_s[subtasks.task], 0.0)
    foreign = subtasks.source[:, None] != np.arange(len(quota))
    return Jobs(transfer + fixed[:, None], service, foreign, quota)


def assign(jobs: Jobs, request: Request | None = None) -> tuple[Integers, float] | None:
    """Node of every job with the least sum of latencies, and a bound; None if there is none."""
    jobs = jobs.closed()
    if not len(jobs.service_s):
        return np.empty(0, np.int64), 0.0
    relaxed = _by_slots(jobs, jobs.capacity)
    if relaxed is None:
        return None
    bound = jobs.value(relaxed)
    if not jobs.overbooked(relaxed).any():
        return relaxed, bound
    repaired = _repaired(jobs, relaxed)
    slots = _slot_counts(jobs, len(relaxed))
    if np.isfinite(jobs.service_s).sum(axis=0) @ slots > MOST_COLUMNS:
        return None if repaired is None else (repaired, bound)
    return _by_program(jobs, slots, repaired, bound, request)


def _by_slots(jobs: Jobs, capacity: Seconds) -> Integers | None:
    """The assignment of jobs to slots, as many a node as matter; None if there is none.

    If a node does not use its last slot, that slot's price is 0, and so is that of all behind it,
    which cost more. Once this holds for every node, the optimum is that of all slots; until then
    the nodes that use their last one get more. Longest jobs first: fewer augmentations.

    What alone costs more than an assignment that is known is left out, so that rounding is that
    of the optimum's size; where greedy finds none, what is found first shows what is too dear.
    """
    count = len(jobs.service_s)
    most = np.minimum(capacity, count).astype(np.int64)
    order = np.argsort(-np.where(np.isfinite(jobs.service_s), jobs.service_s, 0.0).max(axis=1))
    transfer, service = jobs.transfer_s[order], jobs.service_s[order]
    slots, value = _guess(transfer, service, most)
    found = _matched(transfer, service, np.minimum(slots, most), most, value)
    if found is None:
        return None
    assignment = np.empty(count, np.int64)
    assignment[order] = found
    if value == inf and (seconds := jobs.value(assignment)) < np.nanmax(
        np.where(np.isfinite(service), service, 0.0)
    ):
        found = _matched(transfer, service, np.minimum(slots, most), most, seconds)
        assignment[order] = assignment[order] if found is None else found
    return assignment


def _matched(
    transfer: Seconds, service: Seconds, slots: Integers, most: Integers, value: float
) -> Integers | None:
    """The nodes of jobs in an assignment to slots of at most `value`; None if there is none."""
    from scipy.optimize import linear_sum_assignment

    count, num_nodes = service.shape
    while True:
        node = np.repeat(np.arange(num_nodes), slots)
        rank = np.arange(len(node)) - np.repeat(np.cumsum(slots) - slots, slots) + 1
        cost = transfer[:, node] + rank * service[:, node]
        cost[cost > value * (1 + BOUND_SLACK)] = inf
        used = slots.copy()
        try:
            _, chosen = linear_sum_assignment(cost)
        except ValueError:  # infeasible with these slots
            chosen = np.empty(0, np.int64)
        if len(chosen) == count:
            used[:] = 0
            np.maximum.at(used, node[chosen], rank[chosen])
        short = (used == slots) & (slots < most)
        if not short.any():
            break
        slots = np.where(short, np.minimum(2 * slots + 2, most), slots)
    return None if len(chosen) < count else np.asarray(node[chosen])


def _guess(transfer: Seconds, service: Seconds, most: Integers) -> tuple[Integers, float]:
    """[N]: slots that will probably do: what greedy uses, longest jobs first, and a sixth more;
    and what its assignment costs, inf where it leaves one out."""
    used, value = np.zeros(len(most), np.int64), 0.0
    for into, own in zip(transfer, service, strict=True):
        cost = np.where(used < most, into + (used + 1) * own, inf)
        node = int(cost.argmin())
        value += float(cost[node])
        used[node] += bool(cost[node] < inf)
    return used + used // 6 + 4, value


def _repaired(jobs: Jobs, relaxed: Integers) -> Integers | None:
    """An assignment within the quotas: a node over its quota keeps the guests best off there."""
    service = jobs.service_s.copy()
    alone = jobs.transfer_s + service
    mixed = np.isinf(jobs.capacity) & np.isfinite(jobs.quota)
    for node in np.flatnonzero(mixed).tolist():
        guests = np.flatnonzero(jobs.foreign[:, node] & np.isfinite(alone[:, node]))
        others = np.delete(alone, node, axis=1).min(axis=1)[guests]
        order = np.lexsort((alone[guests, node] - others, relaxed[guests] != node))
        kept = guests[order[: int(jobs.quota[node])]]
        service[np.setdiff1d(guests, kept), node] = inf
    return _by_slots(Jobs(jobs.transfer_s, service, jobs.foreign, jobs.quota), jobs.capacity)


def _slot_counts(jobs: Jobs, count: int) -> Integers:
    """[N]: slots that an optimum may need: no more than jobs that may go there, or the capacity."""
    allowed = np.isfinite(jobs.service_s).sum(axis=0)
    most: Integers = np.minimum(np.minimum(allowed, jobs.capacity), count).astype(np.int64)
    return most


def _by_program(
    jobs: Jobs,
    slots: Integers,
    start: Integers | None,
    bound: float,
    request: Request | None,
) -> tuple[Integers, float] | None:
    """The same with quotas that count guests only, by 0-1 programs in units of what is known."""
    best, least = start, bound
    while True:
        value = inf if best is None else jobs.value(best)
        if value <= bound:
            return (best, bound) if best is not None else None
        found, seconds = _by_units(jobs, slots, best, value if value < inf else bound, request)
        least = max(least, seconds)
        if found is None or (best is not None and jobs.value(found) >= value):
            break
        best = found
        if jobs.value(best) > FAR * value:
            break
    return None if best is None else (best, min(jobs.value(best), least))


def _by_units(
    jobs: Jobs,
    slots: Integers,
    start: Integers | None,
    unit: float,
    request: Request | None,
) -> tuple[Integers | None, float]:
    """The best of a 0-1 program over all slots that cost no more than a start, and its bound."""
    from splitfog.solvers.engines.milp import solve_program

    unit = unit or 1.0
    program, columns = _slot_program(jobs, slots, unit, inf if start is None else unit)
    limit = inf if request is None else request.remaining_s
    given = None if start is None else _start(jobs, columns, start)
    result = solve_program(program, time_limit_s=limit, start=given)
    if result.values is None:
        return None, result.bound * unit
    places = np.empty(len(jobs.service_s), np.int64)
    for (job, node, _), column in columns.items():
        if result.values[column] > 0.5:
            places[job] = node
    return places, result.bound * unit


def _slot_program(
    jobs: Jobs, slots: Integers, unit: float, most_s: float
) -> tuple[LinearProgram, dict[tuple[int, int, int], int]]:
    """Jobs in slots that cost at most `most_s` alone; its columns by job, node and slot."""
    program = LinearProgram()
    columns: dict[tuple[int, int, int], int] = {}
    for job, node in np.argwhere(np.isfinite(jobs.service_s)).tolist():
        for rank in range(1, int(slots[node]) + 1):
            cost = jobs.transfer_s[job, node] + rank * jobs.service_s[job, node]
            if cost <= most_s * (1 + BOUND_SLACK):
                columns[job, node, rank] = program.add_column(cost / unit, is_binary=True)
    of_job: dict[int, list[int]] = {}
    of_slot: dict[tuple[int, int], list[int]] = {}
    guests: dict[int, list[int]] = {}
    for (job, node, rank), column in columns.items():
        of_job.setdefault(job, []).append(column)
        of_slot.setdefault((node, rank), []).append(column)
        if jobs.foreign[job, node] and jobs.quota[node] < inf:
            guests.setdefault(node, []).append(column)
    for own in of_job.values():
        program.add_row([(column, 1.0) for column in own], 1.0, 1.0)
    for own in of_slot.values():
        program.add_row([(column, 1.0) for column in own], upper=1.0)
    for node, own in guests.items():
        program.add_row([(column, 1.0) for column in own], upper=float(jobs.quota[node]))
    return program, columns


def _start(
    jobs: Jobs, columns: dict[tuple[int, int, int], int], assignment: Integers
) -> dict[int, float]:
    """The program's columns at an assignment, the shortest first."""
    start = dict.fromkeys(columns.values(), 0.0)
    service = jobs.service_s[np.arange(len(assignment)), assignment]
    rank = np.zeros(len(jobs.quota), int)
    for job in np.argsort(-service, kind="stable").tolist():
        node = int(assignment[job])
        rank[node] += 1
        start[columns[job, node, int(rank[node])]] = 1.0
    return start


def _constant(subtasks: Subtasks) -> tuple[float, int]:
    """Latencies and number of whole tasks that have nothing to move: inputs alone."""
    moving = set(subtasks.task.tolist())
    rest = [t for t, answer in enumerate(subtasks.template.tasks) if t not in moving]
    rest = [task for task in rest if not subtasks.template.tasks[task].stages]
    return float(subtasks.base_s[rest].sum()), len(rest)
