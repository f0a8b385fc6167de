"""`min-cut`: the exact latency on tiers in a line by one maximum flow (`programs.cut`)."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, frexp, inf
from sys import float_info

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut import CutNetwork, TierLine, cut_network, tier_line
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined

PRECISION_BITS = 46
"""Capacities are scaled so that an upper bound of the value becomes about 2^46."""


@dataclass(frozen=True)
class CutAnswer:
    """A least cut: tier of every layer, and a valid lower bound of its value in seconds."""

    tiers: NDArray[np.int64]
    lower_bound: float


def solve_min_cut(request: Request) -> Answer:
    """The least latency where the usable nodes form a line; tasks are independent.

    Exact for `once` and `per-edge`, monotone or not, with any latencies, `tiers`, groups and
    `results_to`. Finite memory is not part of the cut: where the cut's plan breaks it the answer
    is unknown, with the cut's value as a lower bound.

    Raises
    ------
    SolverDeclined
        Where the nodes form no line: `ilp` applies.
    """
    instance, objective = request.instance, request.objective
    placements, bounds = [], []
    for position, task in enumerate(instance.tasks):
        arrays = task_arrays(instance, position)
        line, network = line_network(arrays, objective)
        cut = least_cut(network)
        if cut is None:
            reason = f"task {task.name}: no placement respects tiers, groups, routes and monotone"
            return Answer(None, infeasible=True, reason=reason)
        placements.append(line.nodes[cut.tiers])
        bounds.append(cut.lower_bound)
    decision, bound = placed(*placements), sum(bounds) / len(bounds)
    limited = limits_memory(instance)
    if limited and (faults := decision_violations(instance, decision, objective)):
        return Answer(None, bound, reason=f"the cut ignores memory, and {faults[0]}; try ilp")
    return Answer(decision, bound)


def line_network(arrays: TaskArrays, objective: Objective) -> tuple[TierLine, CutNetwork]:
    """A task's line of tiers and its network, or `SolverDeclined` with the reason."""
    line = tier_line(arrays)
    if isinstance(line, str):
        raise SolverDeclined("min-cut", line, "ilp")
    network = cut_network(arrays, line, objective)
    if isinstance(network, str):
        raise SolverDeclined("min-cut", network, "ilp")
    return line, network


def latency_bound(instance: Instance, objective: Objective, task: int) -> float | None:
    """A lower bound of one task's latency by its least cut; None where min-cut does not apply."""
    try:
        _, network = line_network(task_arrays(instance, task), objective)
    except SolverDeclined:
        return None
    cut = least_cut(network)
    return None if cut is None else cut.lower_bound


def least_cut(network: CutNetwork, at_most: float | None = None) -> CutAnswer | None:
    """The least cut of a network; None if every cut is infinite.

    Costs become integers floor(cost * S), S a power of two such that a known upper bound of the
    value, `at_most` where it is given, becomes about 2^46; an upper bound that proves loose is
    replaced by the value found.
    """
    if network.num_tiers == 0:  # no node that a layer may be on
        return None
    if network.num_tiers == 1:
        cost = network.value(np.zeros(network.num_layers, np.int64))
        return None if cost == inf else CutAnswer(np.zeros(network.num_layers, np.int64), cost)
    if at_most:
        bound = at_most
    else:
        bound, tiers = _easy_placement(network)
        if bound == 0:
            return CutAnswer(tiers, 0.0)
    if bound == inf:
        with np.errstate(over="ignore"):
            total = float(network.costs[np.isfinite(network.costs)].sum())
        bound = min(total, float_info.max)
    while True:
        scale = _scale(bound)
        limit = floor(bound * scale)
        flow, side = _maximum_flow(network, scale, limit + 1)
        if flow > limit:
            return None
        tiers = network.tiers(side)
        value = network.value(tiers)
        if value * 64 >= bound:
            return CutAnswer(tiers, flow / scale)
        bound = value


def _easy_placement(network: CutNetwork) -> tuple[float, NDArray[np.int64]]:
    """The best of: every layer on one tier, or on its lowest where that tier is forbidden."""
    finite = np.isfinite(network.tier_costs)
    lowest = finite.argmax(axis=1)
    easy = [np.where(column, tier, lowest) for tier, column in enumerate(finite.T)]
    values = [network.value(tiers) for tiers in easy]
    best = int(np.argmin(values))
    return values[best], easy[best]


def _scale(bound: float) -> float:
    """The largest power of two S with bound * S <= 2^46; 1 for a bound of 0."""
    if bound == 0:
        return 1.0
    mantissa, exponent = frexp(bound)
    return 2.0 ** min(PRECISION_BITS - exponent + (mantissa == 0.5), 1023)


def _maximum_flow(
    network: CutNetwork, scale: float, infinity: int
) -> tuple[int, NDArray[np.bool_]]:
    """The maximum flow in units of 1 / scale, and the source side of its minimum cut."""
    from ortools.graph.python import max_flow

    capacities = np.minimum(np.floor(network.costs * scale), float(infinity)).astype(np.int64)
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(network.tails, network.heads, capacities)
    solver.add_arc_with_capacity(network.sink, network.source, 0)  # both ends exist, arcs or none
    status = solver.solve(network.source, network.sink)
    if status != solver.OPTIMAL:
        raise ArithmeticError(f"maximum flow stopped with status {status}")
    side = np.zeros(network.num_vertices, bool)
    side[np.array(solver.get_source_side_min_cut(), np.int64)] = True
    return solver.optimal_flow(), side
