"""The door: choose a solver, run it, and hold its answer to the reference cost."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace as with_fields
from typing import Any

from msgspec.structs import replace

from splitfog.formulations.cost import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.feasibility import decision_violations
from splitfog.formulations.impossible import impossibility
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.offload_bound import mean_latency_bound
from splitfog.formulations.plan import OPTIMALITY_GAP, Plan, Status, decision_of, gap_of
from splitfog.formulations.report import Placements, as_plan, describe
from splitfog.instances.model import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined, SolverInfo, WrongAnswer
from splitfog.solvers.registry import load_solver, parse_options, solver_info

NOISE = 1e-9
"""Relative rounding by which a valid bound may exceed the value recomputed in floats."""


def solve(
    instance: Instance,
    solver: str | None = None,
    objective: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
    time_limit_s: float | None = None,
    seed: int = 0,
    start: Plan | Placements | None = None,
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan a solver finds, its cost recomputed and its feasibility checked.

    Parameters
    ----------
    instance
        What to solve; it is not changed.
    solver
        A name of `splitfog.solvers()`; None: chosen as `auto` explains in the plan's `reason`.
    objective, transfers, monotone
        What is minimised (SPEC section 3); None: `latency`, for two tasks or more `mean-latency`.
    time_limit_s
        Seconds after which an anytime solver stops with its best.
    seed
        Of everything random; the same seed gives the same plan.
    start
        A plan for the same instance to start from, or placements by task; the answer is never
        worse.
    options
        The solver's own options.

    Returns
    -------
    Plan
        With `status` infeasible or unknown instead of an exception where there is no plan, and
        `stopped_by` "interrupted" with the best so far after Ctrl-C.

    Raises
    ------
    SolverDeclined
        Where the solver does not apply, with one that does.
    ValueError, LookupError
        For arguments that make no sense.
    """
    started = time.perf_counter()
    if not isinstance(objective, Objective):
        objective = objective_for(instance, objective, transfers, monotone)
    if time_limit_s is not None and not time_limit_s > 0:
        raise ValueError(f"time limit = {time_limit_s} s, must be > 0")
    info = solver_info(solver or "auto")
    if objective.name not in info.objectives:
        raise SolverDeclined(info.name, _wrong_objective(info, objective), "auto")
    request = Request(instance, objective, time_limit_s, seed, None, {}, started)
    request.options = parse_options(info, options or {})
    if start is not None:
        request.start = _start(request, start)
    answer = _run(info, request)
    try:
        return finished_plan(request, info.name, answer)
    except KeyboardInterrupt:  # it came while the answer was being checked, and loses nothing
        return finished_plan(request, info.name, with_fields(answer, stopped_by="interrupted"))


def finished_plan(request: Request, solver: str, answer: Answer) -> Plan:
    """The plan of an answer: checked, recomputed, never worse than the best decision offered."""
    decision = _best(request, answer)
    if decision is None and not answer.infeasible and request.objective.name == "mean-latency":
        proof = impossibility(request.instance, request.objective)
        if proof is not None:
            answer = with_fields(answer, infeasible=True, reason=proof, lower_bound=None)
    if decision is not None and _beyond(answer.solver or solver, decision):
        answer = with_fields(answer, lower_bound=None, infeasible=False)
    if answer.lower_bound is None and request.objective.name == "mean-latency":
        answer = with_fields(answer, lower_bound=_bound(request, answer))
    claims: dict[str, Any] = {
        "solver": answer.solver or solver,
        "seed": request.seed,
        "stopped_by": answer.stopped_by,
        "reason": answer.reason,
    }
    if decision is None:
        status: Status = "infeasible" if answer.infeasible else "unknown"
        plan = _empty_plan(request, status, **claims, lower_bound=answer.lower_bound)
        return replace(plan, runtime_s=request.elapsed_s)
    cost = decision_cost(request.instance, decision, request.objective)
    if faults := _faults(request, answer, decision, cost):
        if os.environ.get("SPLITFOG_STRICT"):
            raise WrongAnswer(f"{solver}: {'; '.join(faults)}")
        plan = _empty_plan(request, "error", **{**claims, "reason": "; ".join(faults)})
    else:
        claims["audit"] = answer.audit
        plan = describe(request.instance, decision, request.objective, cost, **claims)
        plan = _with_bound(plan, answer.lower_bound)
    return replace(plan, runtime_s=request.elapsed_s)


def _bound(request: Request, answer: Answer) -> float | None:
    """What no plan's mean latency is below, for solvers that know no bound of their own.

    None for a large interrupted one: who waits for its plan waits no longer.
    """
    interrupted = answer.stopped_by == "interrupted"
    if answer.infeasible or (interrupted and not request.is_small):
        return None
    try:
        return mean_latency_bound(request.instance)
    except KeyboardInterrupt:
        if interrupted:
            return None
        raise


def _run(info: SolverInfo, request: Request) -> Answer:
    try:
        return load_solver(info)(request)
    except KeyboardInterrupt:
        return Answer(request.incumbent, request.lower_bound, stopped_by="interrupted")


def _wrong_objective(info: SolverInfo, objective: Objective) -> str:
    return f"it minimises {', '.join(info.objectives)}, not {objective.name}"


def _start(request: Request, given: Plan | Placements) -> Decision:
    """The decision of a start plan, offered as the first incumbent."""
    if not isinstance(given, Plan | Mapping):
        raise ValueError(f"start = {given!r}, must be a Plan or {{task: {{layer: node}}}}")
    plan = as_plan(request.instance, given, request.objective)
    if plan.instance_sha256 not in (None, request.instance.sha256):
        raise ValueError(
            "the start plan is for another instance: "
            f"instance_sha256 = {plan.instance_sha256}, must be {request.instance.sha256}"
        )
    decision = decision_of(request.instance, plan)
    if faults := decision_violations(request.instance, decision, request.objective):
        raise ValueError(f"the start plan is infeasible: {faults[0]}")
    request.offer(decision)
    return decision


def _best(request: Request, answer: Answer) -> Decision | None:
    """The answer's decision, unless a better one was offered on the way."""
    if answer.decision is None or request.incumbent is None:
        return answer.decision or request.incumbent
    value = decision_cost(request.instance, answer.decision, request.objective)
    return request.incumbent if request.incumbent_value < value else answer.decision


def _beyond(solver: str, decision: Decision) -> bool:
    """Whether a decision (a start's) has stages, but the solver's proofs are for placements."""
    sliced = any(task.stages for task in decision.tasks)
    return sliced and solver_info(solver).answers == "placements"


def _faults(request: Request, answer: Answer, decision: Decision, value: float) -> list[str]:
    """What is wrong with an answer, whoever gave it."""
    faults = decision_violations(request.instance, decision, request.objective)
    bound = answer.lower_bound
    if answer.infeasible:
        faults.append("claimed infeasible beside a feasible plan")
    if bound is not None and bound > value + NOISE * abs(value):
        faults.append(f"claimed the lower bound {bound!r} above the value {float(value)!r}")
    return faults


def _with_bound(plan: Plan, bound: float | None) -> Plan:
    if bound is not None and plan.value is not None:
        bound = float(min(max(bound, 0.0), plan.value))
    gap = gap_of(plan.value, bound)
    optimal = gap is not None and gap <= OPTIMALITY_GAP
    return replace(plan, lower_bound=bound, gap=gap, status="optimal" if optimal else "feasible")


def _empty_plan(request: Request, status: Status, **claims: Any) -> Plan:
    return Plan(
        instance=request.instance.name,
        instance_sha256=request.instance.sha256,
        objective=request.objective,
        status=status,
        tasks=(),
        **claims,
    )
