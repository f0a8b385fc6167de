"""A good assignment of subtasks to start from: greedy, moves and swaps while they help, shakes."""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Integers
from splitfog.solvers.offloading.shake import shaken

MOST_WORK = 20_000
"""Assignments that one search evaluates at most."""


def search_assignment(
    assignments: Assignments,
    start: Integers | None = None,
    seed: int = 0,
    restarts: int = 3,
    deadline: Deadline = NEVER,
) -> tuple[Integers | None, float]:
    """The best feasible assignment that local searches find, and its value; None, inf if none.

    The first search starts from `start` or from greedy, the others from what random moves make
    of the best, while there is time. O(`MOST_WORK`) evaluations in all, and where subtasks have
    many places those of `shaken`; no guarantee.
    """
    rng = np.random.default_rng(seed)
    budget = [MOST_WORK]
    best, value = _descend(assignments, _greedy(assignments, rng), budget, deadline)
    if start is not None:
        best, value = min(
            (best, value), _descend(assignments, start, budget, deadline), key=lambda p: p[1]
        )
    for _ in range(restarts):
        if not len(best) or budget[0] <= 0 or deadline.is_over:
            break
        other = best.copy()
        chosen = rng.random(len(best)) < 0.3
        other[chosen] = _allowed_nodes(assignments, rng)[chosen]
        other, other_value = _descend(assignments, other, budget, deadline)
        if other_value < value:
            best, value = other, other_value
    if value == inf:
        return None, inf
    best = shaken(assignments, best, seed, deadline)
    return best, assignments.cost(best).value


def _allowed_nodes(assignments: Assignments, rng: np.random.Generator) -> Integers:
    """[K]: a random node where each subtask may be."""
    alone = assignments.subtasks.alone_s()
    draws = np.where(np.isfinite(alone), rng.random(alone.shape), inf)
    return np.asarray(draws.argmin(axis=1))


def _greedy(assignments: Assignments, rng: np.random.Generator) -> Integers:
    """Subtask by subtask, the heaviest first, to the node where it adds least to all waits."""
    subtasks = assignments.subtasks
    alone, service, rate = subtasks.alone_s(), subtasks.service_s, subtasks.rate
    rho, second = np.zeros(assignments.num_nodes), np.zeros(assignments.num_nodes)
    places = np.zeros(len(rate), np.int64)
    work = rate * np.where(np.isfinite(service), service, 0.0).max(axis=1)
    guests = np.zeros(assignments.num_nodes)
    for k in np.argsort(-work, kind="stable").tolist():
        finite = np.isfinite(alone[k])
        own = np.where(finite, service[k], 0.0)
        load, moment = rho + rate[k] * own, second + rate[k] * own**2
        foreign = (subtasks.source[k] != np.arange(len(rho))) & (own > 0)
        ok = finite & (load < 0.999) & ~(foreign & (guests >= assignments.quota))
        before, after = wait_seconds(second, rho), wait_seconds(moment, load, overload_s=0.0)
        cost = np.where(ok, (rate[k] or 1.0) * (alone[k] + after), inf)
        cost += np.where(ok, rho * np.maximum(after - before, 0.0), 0.0)
        if not ok.any():
            cost = np.where(finite, load, inf)
        node = int(cost.argmin())
        places[k] = node
        rho[node], second[node] = min(load[node], 0.999), moment[node]
        guests[node] += foreign[node]
    return places


def _descend(
    assignments: Assignments, start: Integers, budget: list[int], deadline: Deadline
) -> tuple[Integers, float]:
    """Moves and swaps, each taken at once if it lowers (violations, value), until none does."""
    may = np.isfinite(assignments.subtasks.alone_s())
    count, places, best = len(start), start.copy(), _key(assignments, start)
    moves = [(k, -1, node) for k in range(count) for node in np.flatnonzero(may[k]).tolist()]
    changes = moves + [(k, j, -1) for k in range(count) for j in range(k)]
    since, at = 0, 0
    while since < len(changes) and budget[0] > 0 and not deadline.is_over:
        k, j, node = changes[at]
        at, since = (at + 1) % len(changes), since + 1
        here, there = int(places[k]), node if j < 0 else int(places[j])
        if here == there or (j >= 0 and not (may[k, there] and may[j, here])):
            continue
        other = places.copy()
        other[k] = there
        if j >= 0:
            other[j] = here
        budget[0] -= 1
        key = _key(assignments, other)
        if key < best:
            places, best, since = other, key, 0
    return places, best[1]


def _key(assignments: Assignments, places: Integers) -> tuple[float, float]:
    """How far from feasible, then the value."""
    cost = assignments.cost(places)
    if assignments.obeys(places, cost):
        return 0.0, cost.value
    excess = np.maximum(cost.rho - 0.999, 0).sum() + np.maximum(cost.link_load - 0.999, 0).sum()
    excess += np.maximum(cost.guests - assignments.quota, 0).sum()
    return 1e-6 + float(excess), inf
