"""`ilp`: `latency` and `period` on any nodes and links as a 0-1 program."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from splitfog.formulations.decision import placed
from splitfog.formulations.linear import PlacementProgram
from splitfog.formulations.linear_build import placement_program
from splitfog.formulations.symmetry import SymmetryBreaking, symmetry_breaking
from splitfog.formulations.units import task_units
from splitfog.instances.model import Instance
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.milp import MilpResult, solve_program
from splitfog.solvers.period_neighbourhoods import FREED, improve_period
from splitfog.solvers.period_search import offer_period_plans

RELATIVE_GAP = {"latency": 1e-9, "period": 1e-7}
"""At which the engine may stop: below the 1e-6 that counts as proven."""

PHASES = (0.2, 0.4)
"""Shares of the time left for the whole `period` program at first, and for small ones after it."""
TOLERANCE = 1e-6
"""Relative excess of a bound that rows and integers broken by rounding explain."""


def solve_ilp(request: Request) -> Answer:
    """The least latency or period of all placements, by CBC or HiGHS through PuLP.

    Any topology, memory (a layer of a model counts once per node, whichever tasks run it),
    groups, layer tiers, `results_to`, several tasks. Option `engine`: "highs" or "cbc".

    Returns
    -------
    Answer
        With the engine's dual bound, also on a time limit or after Ctrl-C.
    """
    if reason := homeless_layer(request.instance, request.objective.transfers):
        return Answer(None, infeasible=True, reason=reason)
    offer_simple_plans(request)
    is_period = request.objective.name == "period"
    if is_period:
        offer_period_plans(request)
    if is_period and request.time_limit_s is not None and len(request.instance.nodes) > FREED:
        answer = _in_phases(request)
    else:
        answer = _attempt(request, request.remaining_s)
    return answer


def _in_phases(request: Request) -> Answer:
    """The whole program for a while, small ones to improve the best plan, then the whole again."""
    limit = request.remaining_s
    answer = _attempt(request, PHASES[0] * limit)
    if answer.stopped_by != "time limit":
        return answer
    engine = request.options.get("engine", "highs")
    built = placement_program(request.instance, request.objective, request.incumbent_value)
    request.lower_bound = answer.lower_bound
    improve_period(request, built, engine, PHASES[1] * limit)
    again = _attempt(request, request.remaining_s)
    bounds = [bound for bound in (answer.lower_bound, again.lower_bound) if bound is not None]
    return replace(again, lower_bound=max(bounds, default=None))


def _attempt(request: Request, limit_s: float) -> Answer:
    """The program solved until it is proven or the time is over."""
    end_s = request.elapsed_s + limit_s
    is_period = request.objective.name == "period"
    built = placement_program(request.instance, request.objective, request.incumbent_value)
    kept = symmetry_breaking(built, request.incumbent_value if is_period else None)
    for breaking in kept:
        breaking.add_to(built)
    while True:
        result = _solve(request, built, kept, end_s - request.elapsed_s)
        if result.values is None:
            return _without_solution(request, built, result)
        decision = built.decode(result.values)
        request.offer(decision)
        if not built.exclude_overfull(decision):
            bound = _rounded(result.bound * built.unit_s, request.incumbent_value)
            return Answer(request.incumbent, bound, stopped_by=result.stopped_by)


def homeless_layer(instance: Instance, transfers: str) -> str | None:
    """A sentence on a layer (or its group) that no node may have; None if there is none."""
    for position, task in enumerate(instance.tasks):
        layers = instance.model_of(task).layers
        for layer in task_units(instance, position, transfers).forbidden():
            return (
                f"task {task.name}: no node may have layer {layers[layer].name} "
                "(its tiers, its group, the source, or no route to results_to)"
            )
    return None


def offer_simple_plans(request: Request) -> None:
    """Offer, for every node, the plan with all layers there that may be, others at their best."""
    instance, transfers = request.instance, request.objective.transfers
    units = [task_units(instance, task, transfers) for task in range(len(instance.tasks))]
    for node in range(len(instance.nodes)):
        if request.out_of_time:
            return
        placements = []
        for own in units:
            places = own.costs_s.argmin(axis=1)
            places[np.isfinite(own.costs_s[:, node])] = node
            placements.append(places[own.unit_of])
        request.offer(placed(*placements))


def _solve(
    request: Request, built: PlacementProgram, kept: list[SymmetryBreaking], limit_s: float
) -> MilpResult:
    start = None
    if request.incumbent is not None:
        known = request.incumbent
        for breaking in kept:
            known = breaking.relabelled(built, known)
        start = built.encode(known)
    return solve_program(
        built.program,
        request.options.get("engine", "highs"),
        time_limit_s=limit_s,
        relative_gap=RELATIVE_GAP[request.objective.name],
        start=start,
        seed=request.seed,
    )


def _rounded(bound: float, value: float) -> float | None:
    """The bound without what an engine's tolerance may have put on top of a feasible value."""
    if bound == -inf:
        return None
    return value if value < bound <= value * (1 + TOLERANCE) else bound


def _without_solution(request: Request, built: PlacementProgram, result: MilpResult) -> Answer:
    """Infeasible with the reason, or stopped before anything was found."""
    if not result.infeasible:
        bound = _rounded(result.bound * built.unit_s, request.incumbent_value)
        reason = None if request.incumbent else "the engine found no placement in time"
        return Answer(None, bound, stopped_by=result.stopped_by, reason=reason)
    return Answer(None, infeasible=True, reason=_why_infeasible(request))


def _why_infeasible(request: Request) -> str:
    """Which rule leaves no placement, found by leaving memory out."""
    reason = "no placement respects tiers, groups, routes"
    reason += " and monotone" if request.objective.monotone else ""
    if all(node.memory_bytes is None for node in request.instance.nodes):
        return reason
    loose = placement_program(request.instance, request.objective, memory=False)
    loose.program.cost[:] = [0.0] * loose.program.num_columns
    result = solve_program(loose.program, time_limit_s=request.remaining_s)
    if result.values is not None:
        return f"{reason} and memory: without the memory limits there is one"
    return reason if result.infeasible else f"{reason} and memory"
