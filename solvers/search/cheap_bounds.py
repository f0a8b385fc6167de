"""Lower bounds that cost little beside a search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.critical_path import heads, tails
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline, TimeIsUp
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.instance import Instance
from splitfog.solvers.exact.chain_dp import chain_bound
from splitfog.solvers.exact.min_cut import latency_bound

ROUNDS = 200
"""Of updating the weights of a Lagrangian bound."""

MOST_TABLE = 20_000_000
"""Entries [layers, nodes, nodes] up to which a longest path is sought."""

MOST_PATHS = 200_000_000
"""Tasks times layers times nodes^2 up to which chains are bounded by shortest paths."""


def cheap_bound(
    instance: Instance, objective: Objective, deadline: Deadline = NEVER
) -> float | None:
    """A lower bound of an objective in seconds; None where no cheap one is known, or in time.

    `latency`, and `mean-latency` where nothing has a rate: the tasks' least cuts where min-cut
    applies, their shortest paths where they are chains, else every layer on its fastest node.
    `mean-latency` of streams: `mean_latency_bound`, which holds for plans with slices too, so that
    gaps of all solvers are to one bound. `makespan`: the longest path with every layer on its
    best node. `period`: see `load_bound`.
    """
    if objective.name == "makespan":
        return path_bound(task_arrays(instance, 0), objective.monotone)
    if objective.name == "period":
        return load_bound(instance)
    if objective.name == "mean-latency" and any(task.arrivals_per_s for task in instance.tasks):
        return mean_latency_bound_by(instance, deadline)
    bounds = []
    for task in range(len(instance.tasks)):
        if deadline.is_over:
            return None
        bounds.append(_latency_bound(instance, objective, task))
    if not np.isfinite(bounds).all():
        return None
    return float(np.mean(bounds)) * (1 - ROUNDING)


def mean_latency_bound_by(instance: Instance, deadline: Deadline) -> float | None:
    """`mean_latency_bound`, None where the deadline comes first."""
    try:
        return mean_latency_bound(instance, deadline)
    except TimeIsUp:
        return None


def _latency_bound(instance: Instance, objective: Objective, task: int) -> float:
    """A task's least cut, its shortest path, or its layers' least times; inf if impossible."""
    found = latency_bound(instance, objective, task)
    arrays, nodes = task_arrays(instance, task), len(instance.nodes)
    if found is None and len(instance.tasks) * arrays.costs_s.size * nodes <= MOST_PATHS:
        found = chain_bound(instance, objective, task)
    return float(arrays.costs_s.min(axis=1).sum()) if found is None else found


def path_bound(arrays: TaskArrays, monotone: bool) -> float | None:
    """The longest path of a task, each pair of neighbours on the best nodes; O(E N^2)."""
    instance, count = arrays.instance, len(arrays.instance.nodes)
    order = arrays.model.order.tolist()
    if len(order) * count * count > MOST_TABLE:
        return None
    rank_of = {layer: at for at, layer in enumerate(order)}
    model, routes = arrays.model, routes_of(instance)
    reach = np.isfinite(routes.latency_s)
    per_byte = np.where(reach, routes.seconds_per_byte, 0.0)
    ways = routes.latency_s + arrays.output_bytes[order][:, None, None] * per_byte
    last = np.zeros((len(order), count))
    if arrays.results_to is not None:
        last[model.results[order]] = ways[model.results[order], :, arrays.results_to]
    if monotone:
        ways[:, instance.node_rank[:, None] > instance.node_rank] = np.inf
    inputs = [[rank_of[tail] for tail in dict.fromkeys(model.inputs[layer])] for layer in order]
    readers = [[rank_of[reader] for reader in model.consumers[layer]] for layer in order]
    times = arrays.costs_s[order]
    through = heads(times, ways, inputs) + times + tails(times, ways, readers, last)
    bound = float(through.min(axis=1).max())
    return bound * (1 - ROUNDING) if np.isfinite(bound) else None


def load_bound(instance: Instance) -> float | None:
    """A period that no placement falls below, by layer times alone.

    The longest busy time is at least any weighted mean of the nodes' busy times, whose least
    value is a sum over layers: a Lagrangian bound of the best balance. Weights by multiplicative
    updates (Y. Freund and R. Schapire, 1997), 200 rounds of O(L N).
    """
    costs = np.concatenate([task_arrays(instance, t).costs_s for t in range(len(instance.tasks))])
    if not np.isfinite(costs).any(axis=1).all():
        return None
    single = float(costs.min(axis=1).max())
    return max(single, _balanced(costs)) * (1 - ROUNDING)


def _balanced(costs: NDArray[np.float64]) -> float:
    usable = np.flatnonzero(np.isfinite(costs).any(axis=0))
    costs = costs[:, usable]
    log_weight, best = np.zeros(len(usable)), 0.0
    finite = np.isfinite(costs)
    for turn in range(ROUNDS):
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        weighted = np.where(finite, np.where(finite, costs, 0.0) * weight, np.inf)
        choice = weighted.argmin(axis=1)
        rows = np.arange(len(costs))
        best = max(best, float(weighted[rows, choice].sum()))
        loads = np.bincount(choice, costs[rows, choice], minlength=len(usable))
        if not loads.max() > 0:
            break
        log_weight += loads / loads.max() * 2 / np.sqrt(1 + turn)
    return best
