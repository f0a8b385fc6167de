"""`offload-ilp`: the exact least `mean-latency` of given subtasks, waits included."""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.audit import Audit
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.deadline import TimeIsUp
from splitfog.formulations.games.audit import given_audit
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.compact_program import offload_program
from splitfog.formulations.offloading.lone_slices import written, written_assignments
from splitfog.formulations.offloading.node_sets import offer_count
from splitfog.instances.arrays import Integers
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.dina.answer import timely_audit
from splitfog.solvers.dina.given import Given, given_subtasks
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.offloading.columns import BestAssignment, solve_by_columns
from splitfog.solvers.offloading.start import search_assignment

MOST_OFFERS = 20_000
"""Parts of visits, over all nodes, that the sets of columns are made of."""
MOST_PLACES = 2_000
"""Pairs of subtask and node of the compact program."""


def solve_offload_ilp(request: Request) -> Answer:
    """The best assignment of given subtasks, and what is proven about it.

    The subtasks are those of the plan in option `stages`, else of DINA-P's first pass, else whole
    tasks. Option `formulation`: "columns" (see `columns`; up to `MOST_OFFERS` parts of visits;
    beyond, compact) or "compact" (see `compact_program`; declines above `MOST_PLACES`).

    A stage of one slice that ends at its home is written unsliced, and costs what that
    does; one of several stays a stage, with a visit of its own, even where all end at its home.

    Returns
    -------
    Answer
        `audit.given_subtasks` has the bound for these subtasks, its gap, and whether it is
        proven (gap <= 1e-6). With `stages` they are the problem, and `lower_bound` is that bound;
        else the door's, which holds for every partition of the tasks: others may do better than
        the best assignment of these.

    Raises
    ------
    SolverDeclined
        Above `MOST_PLACES`.
    """
    given = given_subtasks(request)
    if (stuck := np.flatnonzero(np.isinf(given.subtasks.base_s))).size:
        name = request.instance.tasks[int(stuck[0])].name
        return Answer(None, reason=f"{given.origin} leave layers of task {name} without a route")
    assignments = written_assignments(given.subtasks)
    compact, note = _formulation(request, assignments)
    first = given.subtasks.assignment()
    start, value = search_assignment(assignments, first, request.seed, deadline=request.part(0.3))
    if start is not None:
        request.offer(written(given.subtasks.decision(start)))
    solve = _by_program if compact else solve_by_columns
    try:
        found = (
            solve(assignments, start, value, request) if value > 0 else BestAssignment(None, 0.0)
        )
    except TimeIsUp:
        found = BestAssignment(None, -inf, "time limit")
    best = _better(assignments, start, found.assignment)
    return _answer(request, given, best, found, note)


def _formulation(request: Request, assignments: Assignments) -> tuple[bool, str]:
    """Whether to take the compact program, and why if it was not asked for."""
    offers, places = (
        offer_count(assignments),
        int(np.isfinite(assignments.subtasks.alone_s()).sum()),
    )
    asked = request.options.get("formulation", "columns") == "compact"
    if not asked and offers <= MOST_OFFERS:
        return False, ""
    if places > MOST_PLACES:
        reason = (
            f"{len(assignments.subtasks.keys)} subtasks have {places} places to be, more than "
            f"{MOST_PLACES}"
        )
        raise SolverDeclined("offload-ilp", reason, "dina")
    note = f"{offers:g} parts of visits are more than {MOST_OFFERS}: the compact program instead"
    return True, "" if asked else note


def _by_program(
    assignments: Assignments, start: Integers | None, value: float, request: Request
) -> BestAssignment:
    """The compact program; without a start there is no bound on waits, so it finds nothing."""
    if start is None:
        return BestAssignment(None, -inf)
    built = offload_program(assignments, value, request.deadline)
    result = solve_program(
        built.program,
        time_limit_s=request.remaining_s,
        relative_gap=1e-7,
        start=built.encode(start),
        seed=request.seed,
    )
    bound = value if result.infeasible else min(result.bound * built.unit_s, value)
    if result.values is None:
        return BestAssignment(None, bound, result.stopped_by)
    return BestAssignment(built.decode(result.values), bound, result.stopped_by)


def _better(
    assignments: Assignments, start: Integers | None, found: Integers | None
) -> Integers | None:
    """The better of two assignments; rounding may have made the second one impossible."""
    if found is None or (found < 0).any():
        return start
    cost = assignments.cost(found)
    if not assignments.obeys(found, cost):
        return start
    return found if start is None or cost.value < assignments.cost(start).value else start


def _answer(
    request: Request,
    given: Given,
    best: Integers | None,
    found: BestAssignment,
    note: str,
) -> Answer:
    """The plan with its audit, and the bound of these subtasks."""
    if best is None:
        reason = f"no assignment of {given.origin} was found"
        return Answer(None, stopped_by=found.stopped_by, reason=reason)
    decision = written(given.subtasks.decision(best))
    if faults := decision_violations(request.instance, decision, request.objective):
        reason = f"{given.origin}, in what they leave in place: {faults[0]}"
        return Answer(None, stopped_by=found.stopped_by, reason=reason)
    value = request.value_of(decision)  # what `verify` will hold the gap against, to the last bit
    bound = min(found.bound, value) if found.bound > -inf else None
    proof = given_audit(value, bound)
    request.offer(decision)  # an interrupt while it is audited loses nothing
    game = timely_audit(request, decision) or Audit()
    parts = [f"best assignment of {given.origin}" + ("" if proof.proven else " found"), note]
    if given.chosen:
        parts.append("lower_bound is for these subtasks")
    else:
        parts.append("audit has the bound for these subtasks; lower_bound is for all partitions")
    return Answer(
        decision,
        bound if given.chosen else None,
        stopped_by=found.stopped_by,
        reason="; ".join(part for part in parts if part),
        audit=changed(game, given_subtasks=proof),
        proven_over="given" if given.chosen else None,
    )
