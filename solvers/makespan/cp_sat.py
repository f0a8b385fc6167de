"""`cp-sat`: the least makespan over placements and orders, exact as docs/costs.md books it."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, inf
from sys import float_info

import numpy as np

from splitfog.formulations.arrays.segment_problem import Durations, durations, problem_of
from splitfog.formulations.arrays.series import Segment, series_segments
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.arrays.ticks import ticks_per_second
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import ROUNDING
from splitfog.formulations.weights import held_bytes
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.engines.cp_sat import SearchLimits
from splitfog.solvers.exact.min_cut import least_cut, line_network
from splitfog.solvers.makespan.quick_plans import NO_PLAN, quick_plan
from splitfog.solvers.makespan.segment_model import solve_segment
from splitfog.solvers.makespan.series_path import SeriesSearch, whole_decision
from splitfog.solvers.starts.packed_plans import plans_that_fit
from splitfog.solvers.starts.warm_starts import drawn, rivals

COARSE = 64.0
"""A makespan this many times below the one that the tick was chosen for has it chosen anew."""
LATE, LEAST_LATE_S = 0.05, 0.1
"""Of the time limit, what is kept for baselines and random placements at its end; and seconds, if
that is no more than half of it."""
LEAST_DRAWN_S = 0.01
"""For random placements in any case."""


def solve_cp_sat(request: Request) -> Answer:
    """The least makespan, with the bound proven so far when time runs out.

    The model is cut into segments in series (`series_segments`), each solved between the nodes of
    its ends by CP-SAT where critical-path bounds and quick plans do not meet, and all joined by a
    shortest path. Durations are whole ticks rounded down, so the bound is valid; the
    value is recomputed in seconds. A tick is the greatest common divisor of the durations where
    there is one, else 2^-32 of a known makespan; what a first search of a segment leaves open is
    then searched in fewer, coarser ticks before all of them. There the baselines are asked, too:
    none has a better plan. Where memory can bind, the segments are solved without it first, and all
    layers as one segment if that plan does not fit. With the same seed and number of workers the
    plan is the same unless time runs out.

    Without contention only the order on every node matters, with shared links or nodes without
    overlap one rank orders all (see `segment_model`); models with very many hops that can wait
    lose that rank, and their bound is one of a relaxation.
    """
    arrays = task_arrays(request.instance)
    seconds = durations(arrays, request.objective.monotone)
    _quick_start(request, seconds)
    if request.incumbent is None and (failed := _first_placement(request, seconds)) is not None:
        return failed
    while True:
        chosen_for = request.incumbent_value
        answer = _in_ticks(request, seconds)
        better = request.incumbent_value * COARSE < chosen_for
        if answer.stopped_by == "time limit":
            request.offer_all(drawn(request, max(request.remaining_s, LEAST_DRAWN_S)))
            return changed(answer, decision=request.incumbent)
        if not better or answer.stopped_by != "finished":
            return answer


def _quick_start(request: Request, seconds: Durations) -> None:
    """Offer the best quick plan: single nodes, list schedules, the start, the latency optimum."""
    problem = problem_of(seconds, _everything(seconds.arrays), with_memory=True)
    known = list(_known_placements(request))
    local = [[placement[layer] for layer in problem.layers] for placement in known]
    plan = quick_plan(problem, local)
    if plan.value < inf:
        request.offer(whole_decision([problem], [plan], [0]))
    for placement in known:
        request.offer(placed(placement))


def _known_placements(request: Request) -> Iterator[list[int]]:
    """Placements from elsewhere: the start's, packings, the least latency on tiers in a line."""
    if request.start is not None and not request.start.tasks[0].stages:
        yield request.start.tasks[0].placement.tolist()
    for decision in plans_that_fit(request):
        yield decision.tasks[0].placement.tolist()
    try:
        latency = Objective("latency", monotone=request.objective.monotone)
        line, network = line_network(task_arrays(request.instance), latency)
    except SolverDeclined:
        return
    cut = least_cut(network)
    if cut is not None:
        yield line.nodes[cut.tiers].tolist()


def _first_placement(request: Request, seconds: Durations) -> Answer | None:
    """Offer a baseline's plan or any that CP-SAT finds; the answer where there is none or no time.

    O(E N) and what CP-SAT needs.
    """
    if (reason := impossibility(request.instance, request.objective)) is not None:
        return Answer(None, infeasible=True, reason=reason)
    if request.offer_all(rivals(request)):
        return None
    horizon = min(_longest(seconds), float_info.max)
    scale = ticks_per_second(seconds.spans(horizon), horizon)
    table = durations(seconds.arrays, request.objective.monotone, scale)
    problem = problem_of(table, _everything(seconds.arrays), with_memory=True)
    limits = SearchLimits(deadline=request.deadline, seed=request.seed, first_only=True)
    found = solve_segment(problem, NO_PLAN, floor(horizon * scale) + 1, 0.0, limits)
    if found.plan.value < inf:
        request.offer(whole_decision([problem], [found.plan], [0]))
    if request.incumbent is not None:
        return None
    if found.infeasible:
        reason = "no placement respects tiers, groups, memory, routes and monotone"
        return Answer(None, infeasible=True, reason=reason)
    stopped: StoppedBy = "interrupted" if found.interrupted else "time limit"
    return Answer(None, stopped_by=stopped, reason="no feasible placement was found in time")


def _in_ticks(request: Request, seconds: Durations) -> Answer:
    """Solve with a tick chosen for the incumbent's makespan."""
    arrays, upper = seconds.arrays, request.incumbent_value
    if upper == 0:
        return Answer(request.incumbent, 0.0)
    scale = ticks_per_second(seconds.spans(upper), upper)
    limit = float(floor(upper * scale * (1 + ROUNDING)) + 1)
    table = durations(arrays, request.objective.monotone, scale, limit)
    whole = _everything(arrays)
    segments = series_segments(arrays) if request.options["decompose"] else (whole,)
    binds = _memory_binds(table)
    problems = [problem_of(table, segment, binds and segment == whole) for segment in segments]
    deadline = _last_look(request)
    path = SeriesSearch(request, problems, scale=scale, limit=limit, deadline=deadline)
    stopped = path.run()
    if stopped == "finished" and binds and len(problems) > 1:
        one = problem_of(table, whole, True)
        if path.placement is None or not one.fits(path.placement[list(one.layers)].tolist()):
            again = SeriesSearch(
                request, [one], scale=scale, limit=limit, bound=path.bound, deadline=deadline
            )
            stopped = again.run()
    return Answer(request.incumbent, request.lower_bound, stopped_by=stopped)


def _last_look(request: Request) -> Deadline:
    """When the search ends, so that others still have time for a plan of theirs."""
    limit = request.time_limit_s
    if limit is None:
        return NEVER
    late_s = min(max(LATE * limit, LEAST_LATE_S), limit / 2)
    return Deadline(request.deadline.moment - late_s, request.clock)


def _everything(arrays: TaskArrays) -> Segment:
    return Segment(None, tuple(arrays.model.order.tolist()), None)


def _memory_binds(table: Durations) -> bool:
    """Whether the layers that may be on some node do not all fit there."""
    arrays = table.arrays
    may = np.isfinite(table.times)
    return any(
        held_bytes(arrays.model, np.flatnonzero(may[:, node]).tolist()) > most
        for node, most in enumerate(memory_room(arrays.instance))
    )


def _longest(seconds: Durations) -> float:
    """More than any booked makespan: all layers at their slowest and every hop there could be."""
    finite = [np.where(np.isfinite(t), t, 0.0) for t in (seconds.times, seconds.hops)]
    return float(finite[0].max(axis=1).sum() + finite[1].sum())
