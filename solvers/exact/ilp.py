"""`ilp`: `latency` and `period` on any nodes and links as a 0-1 program."""

from __future__ import annotations

from contextlib import suppress
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.units import task_units
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.deadline import TimeIsUp
from splitfog.formulations.decision import placed
from splitfog.formulations.holdings.period_bound import period_bounds
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.placement import PlacementProgram
from splitfog.formulations.programs.placement_build import num_pairs, placement_program
from splitfog.formulations.programs.symmetry import SymmetryBreaking, symmetry_breaking
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.engines.milp import MilpResult, solve_program
from splitfog.solvers.exact.period_neighbourhoods import FREED, improve_period
from splitfog.solvers.exact.period_search import offer_period_plans
from splitfog.solvers.starts.packed_plans import offer_packed_plans

RELATIVE_GAP = {"latency": 1e-9, "period": 1e-7}
"""At which the engine may stop: below the 1e-6 that counts as proven."""

BOUND_SHARE = 0.3
"""Of the time left for the bound of what nodes may hold, at most."""
PHASES = (0.2, 0.4)
"""Shares of the time left for the whole `period` program at first, and for small ones after it."""
SMALLER = 2.5
"""How many times smaller than its unit a value must be for the program to be scaled anew: below,
an engine's `DOUBT` of 3e-7 units and its gap are less than the 1e-6 that counts as proven."""
PAIR_S = 5e-6
"""Seconds that a pair of nodes takes to be written for an edge and handed to HiGHS (measured)."""
BOUND_EXCESS = 1e-6
"""Relative excess of a bound over the value that rounding explains."""


def solve_ilp(request: Request) -> Answer:
    """The least latency or period of all placements, by CBC or HiGHS through PuLP.

    Any topology, memory (weights of a model count once per node, whoever uses them),
    groups, layer tiers, `results_to`, several tasks. Option `engine`: "highs" or "cbc"; `gap`: the
    relative gap at which it may stop; `threads` of the engine (0: its own choice). HiGHS's better
    plans and bounds are offered while it runs, those of CBC at its end.

    For `period`, plans by exchanges between nodes and a bound on what every node may hold come
    first; where they meet no program is solved, else it starts from both.

    The program is written in units of the best value known: of what was offered to the request
    before, else of what the program finds without its costs. An engine's tolerances are absolute,
    so where a value several times smaller turns up the program is scaled and solved anew.

    Returns
    -------
    Answer
        With the engine's dual bound, also on a time limit or after Ctrl-C; `reason` has the bound
        at the root, before any branching, and how many nodes the tree came to.
    """
    if reason := homeless_layer(request.instance, request.objective.transfers):
        return Answer(None, infeasible=True, reason=reason)
    offer_simple_plans(request)
    offer_packed_plans(request)
    if request.incumbent is None and (reason := impossibility(request.instance, request.objective)):
        return Answer(None, infeasible=True, reason=reason)
    is_period = request.objective.name == "period"
    if is_period:
        offer_period_plans(request)
    if request.incumbent is None and (answer := _any_plan(request)) is not None:
        return answer
    if is_period:
        return _least_period(request)
    return _proven(request, request.remaining_s)


def _least_period(request: Request) -> Answer:
    """A bound of what nodes may hold, then the program where that leaves anything to be proven."""
    _raise_period_bound(request)
    bound, value = request.lower_bound, request.incumbent_value
    if bound is not None and value - bound <= RELATIVE_GAP["period"] * value:
        reason = "the bound on what nodes may hold proves it, no program was solved"
        return Answer(request.incumbent, bound, reason=reason)
    if request.time_limit_s is not None and len(request.instance.nodes) > FREED:
        answer = _in_phases(request)
    else:
        answer = _proven(request, request.remaining_s)
    return _no_weaker(answer, Answer(request.incumbent, request.lower_bound))


def _raise_period_bound(request: Request) -> None:
    """Raise the bound by what nodes may hold, as far as the time allows."""
    deadline = request.part(BOUND_SHARE)
    with suppress(TimeIsUp):
        for bound in period_bounds(request.instance, request.incumbent_value, deadline):
            request.raise_bound(bound)


def _any_plan(request: Request) -> Answer | None:
    """Offer a feasible decision; the answer where there is none, or none was found in time.

    The program has no times, so that none can blur the proof.
    """
    built = _program(request, _untimed(request.objective))
    built.program.cost[:] = [0.0] * built.program.num_columns
    while True:
        result = solve_program(
            built.program,
            request.options.get("engine", "highs"),
            time_limit_s=request.remaining_s,
            seed=request.seed,
        )
        if result.infeasible:
            reason = "no placement respects tiers, groups, routes, memory and monotone"
            return Answer(None, infeasible=True, reason=reason)
        if result.values is None:
            reason = "the engine found no placement in time"
            return Answer(None, stopped_by=result.stopped_by, reason=reason)
        decision = built.decode(result.values)
        if request.offer(decision):
            return None
        built.exclude(decision)


def _in_phases(request: Request) -> Answer:
    """The whole program for a while, small ones to improve the best plan, then the whole again."""
    limit = request.remaining_s
    answer = _proven(request, PHASES[0] * limit)
    if answer.stopped_by != "time limit":
        return answer
    engine = request.options.get("engine", "highs")
    built = _program(request, request.objective, request.incumbent_value)
    improve_period(request, built, engine, PHASES[1] * limit)
    again = _proven(request, request.remaining_s)
    return _no_weaker(again, answer)


def _proven(request: Request, limit_s: float) -> Answer:
    """Programs in units of the best value so far, until that has become no much smaller."""
    end_s = request.elapsed_s + limit_s
    answer = Answer(request.incumbent, 0.0)
    while request.incumbent_value > 0:
        unit_s, before = request.incumbent_value, answer
        answer = _no_weaker(_attempt(request, end_s), before)
        if answer.stopped_by != "finished" or request.incumbent_value * SMALLER > unit_s:
            return answer
    return Answer(request.incumbent, 0.0)


def _no_weaker(answer: Answer, before: Answer) -> Answer:
    """The answer with the better of its bound and that of one before."""
    bounds = [b for b in (answer.lower_bound, before.lower_bound) if b is not None]
    return changed(answer, lower_bound=max(bounds, default=None))


def _attempt(request: Request, end_s: float) -> Answer:
    """The program in units of the best value, solved, or left at one that is much smaller."""
    unit_s = request.incumbent_value
    is_period = request.objective.name == "period"
    built = _program(request, request.objective, unit_s)
    kept = symmetry_breaking(built, unit_s if is_period else None)
    for breaking in kept:
        breaking.add_to(built)
    if is_period and request.lower_bound is not None:
        least = request.lower_bound / unit_s
        built.program.add_row([(built.longest, 1.0)], lower=least, key=("at least",))
    target = 1 / SMALLER
    while True:
        result = _solve(request, built, kept, end_s - request.elapsed_s, target)
        if result.infeasible:  # the best plan is a solution: an engine that errs proves nothing
            return Answer(request.incumbent, reason="the engine lost the best plan that is known")
        if result.values is not None:
            decision = built.decode(result.values)
            request.offer(decision)
            if decision_violations(request.instance, decision, request.objective):
                built.exclude(decision)
                continue
            is_left = target > -inf and not result.optimal and result.stopped_by == "finished"
            if is_left and request.incumbent_value * SMALLER > unit_s:
                target = -inf  # the engine's value was its tolerance
                continue
        bound = _believed(result.bound * unit_s, request)
        if bound is not None:
            request.raise_bound(bound)
        reason = _tree(result, unit_s)
        return Answer(request.incumbent, bound, stopped_by=result.stopped_by, reason=reason)


def _tree(result: MilpResult, unit_s: float) -> str | None:
    """What the engine's tree was like: the bound at its root, and its size."""
    if result.root is None or result.root <= 0:
        return None
    nodes = f"{result.nodes} node{'' if result.nodes == 1 else 's'}"
    return f"bound at the root {result.root * unit_s:.6g} s, {nodes} in the tree"


def _program(
    request: Request, objective: Objective, at_most_s: float = inf, memory: bool = True
) -> PlacementProgram:
    """The program, or `TimeIsUp`: at once, where writing it takes more than the time left."""
    if request.time_limit_s is not None:
        pairs = num_pairs(request.instance, objective)
        if pairs * PAIR_S > request.remaining_s:
            raise TimeIsUp(f"a program of {pairs} pairs of places takes more than the time left")
    return placement_program(
        request.instance, objective, at_most_s, memory, deadline=request.deadline
    )


def _untimed(objective: Objective) -> Objective:
    """The objective with the same feasible decisions whose program has no rows with times."""
    return changed(objective, name="latency")


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
        if request.out_of_time and request.incumbent is not None:
            return
        placements = []
        for own in units:
            places = own.costs_s.argmin(axis=1)
            places[np.isfinite(own.costs_s[:, node])] = node
            placements.append(places[own.unit_of])
        request.offer(placed(*placements))


def _solve(
    request: Request,
    built: PlacementProgram,
    kept: list[SymmetryBreaking],
    limit_s: float,
    target: float,
) -> MilpResult:
    assert request.incumbent is not None
    known = request.incumbent
    for breaking in kept:
        known = breaking.relabelled(built, known)

    def watch(values: NDArray[np.float64] | None, bound: float) -> None:
        if values is not None:
            request.offer(built.decode(values))
        if bound > 0 and (believed := _believed(bound * built.unit_s, request)) is not None:
            request.raise_bound(believed)

    return solve_program(
        built.program,
        request.options.get("engine", "highs"),
        time_limit_s=limit_s,
        relative_gap=max(RELATIVE_GAP[request.objective.name], request.options.get("gap", 0.0)),
        start=built.encode(known),
        seed=request.seed,
        target=target,
        threads=request.options.get("threads", 0),
        watch=watch,
    )


def _believed(bound: float, request: Request) -> float | None:
    """The bound without what rounding may have put on top of the best value."""
    value = request.incumbent_value
    if bound == -inf:
        return None
    return value if value < bound <= value * (1 + BOUND_EXCESS) else bound
