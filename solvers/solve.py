"""The door: choose a solver, run it, and hold its answer to the reference cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import inf
from typing import Any

import numpy as np

from splitfog.formulations.bounds.choice import only_placement
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.objective import RATES, Objective, flipped, objective_for
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import (
    OPTIMALITY_GAP,
    GivenPlan,
    Plan,
    Status,
    Step,
    decision_of,
    gap_of,
)
from splitfog.formulations.stage_bounds.best_bound import best_mean_latency_bound
from splitfog.instances.arguments import number, whole, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined, WrongAnswer, is_strict
from splitfog.solvers.claims import (
    BEYOND_FLOATS,
    NOTHING_FLOWS,
    Claim,
    audited,
    claim_of,
    declared_over,
    held_to,
    reservation,
    strengthened,
)
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.functions import Function, function_info
from splitfog.solvers.progress import Listener, ListenerFailed
from splitfog.solvers.registry import load_solver, parse_options, solver_info
from splitfog.solvers.second_opinion import seek_second_opinion

BOUND_SHARE = 0.25
"""Of the time limit, what a bound on mean latencies may take before the solver begins."""

ONLY_PLACEMENT = "there is one placement to choose from"


def solve(
    instance: GivenInstance,
    solver: str | Function | SolverInfo | None = None,
    objective: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
    time_limit_s: float | None = None,
    seed: int = 0,
    start: GivenPlan | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Listener | None = None,
    *,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool = False,
) -> Plan:
    """The plan a solver finds, its cost recomputed and its feasibility checked.

    Parameters
    ----------
    instance
        What to solve, or the path of its file; it is not changed.
    solver
        A name of `splitfog.solvers()`; None: chosen as `auto` explains in the plan's `reason`.
        Or a function (instance, objective) -> {task: {layer: node}} or a Plan, whose answer is
        recomputed and checked as any other; seed and time limit do not reach it. Or what a solver
        declares that is not registered.
    objective, transfers, monotone
        What is minimised (docs/costs.md); None: `latency`, for two tasks or more `mean-latency`.
    time_limit_s
        Seconds after which a solver stops with its best; with 1 s or more the call ends at most
        0.3 s later. What cannot be interrupted: the routes of an instance and the check of a plan
        (together 2 s at 1,000 nodes and tasks), a polynomial solver that is nearly done, and one
        step of an engine on a large program.
    seed
        Of everything random; the same seed gives the same plan.
    start
        A plan for the same instance to start from, the path of its file, or placements by task; the
        answer is never worse.
    options
        The solver's own options.
    on_progress
        Called with (value, bound, seconds) whenever the best plan becomes better or the bound
        rises, each None where there is none yet. What it raises ends the call, KeyboardInterrupt
        with the best so far.
    pass_name
        The pass of the models of which one execution counts; None: a whole request.
    contiguous : "line", "ring" or None
        Whether a task's layers on one node must follow one another, as in `Objective`.
    partial
        Of `throughput`: whether replicas may take over within their ranges, as in `Objective`.

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
    instance = instance_of(instance)
    objective = objective_for(
        instance, objective, transfers, monotone, pass_name, contiguous, partial
    )
    if time_limit_s is not None:
        time_limit_s = number("time_limit_s", time_limit_s, above=0, endless=True)
    seed = whole("seed", seed, low=0)
    if on_progress is not None and not callable(on_progress):
        raise wrong("on_progress", on_progress, "a function of (value, bound, seconds)")
    info = info_of("auto" if solver is None else solver)
    if objective.name not in info.objectives:
        raise SolverDeclined(info.name, _wrong_objective(info, objective, instance), "auto")
    request = Request(
        of_pass(instance, objective.pass_name),
        changed(objective, pass_name=None),
        time_limit_s=time_limit_s,
        seed=seed,
        options=parse_options(info, {} if options is None else options),
        started=started,
    )
    request.found.progress.listener = _in_its_units(on_progress, objective.name)
    try:
        if start is not None:
            request = request.told(start=_start(request, start))
        with np.errstate(over="ignore"):  # what is beyond floats is inf, and loses
            return _of_request(instance, objective, _answered(info, request))
    except ListenerFailed as failed:
        raise failed.error from failed.error.__cause__


def _in_its_units(listener: Listener | None, objective: str) -> Listener | None:
    """A listener that is told rates of an objective that is one."""
    if listener is None or objective not in RATES:
        return listener
    return lambda value, bound, seconds: listener(
        flipped(objective, value), flipped(objective, bound), seconds
    )


def _of_request(instance: Instance, objective: Objective, plan: Plan) -> Plan:
    """The plan, made for one pass, as one for the instance with all of them."""
    if of_pass(instance, objective.pass_name) is instance and objective == plan.objective:
        return plan
    if not plan.tasks:
        return changed(plan, objective=objective)
    full = describe(instance, decision_of(instance, plan), objective)
    parts = {name: getattr(full, name) for name in ("objective", "tasks", "nodes", "links")}
    return changed(plan, **parts)


def _answered(info: SolverInfo, request: Request) -> Plan:
    """The plan of what the solver answers."""
    answer = _run(info, request)
    try:
        return finished_plan(request, info.name, answer)
    except KeyboardInterrupt:  # it came while the answer was being checked: nothing is lost
        return finished_plan(request, info.name, changed(answer, stopped_by="interrupted"))


def info_of(solver: str | Function | SolverInfo) -> SolverInfo:
    """What a solver declares, by its name, or what is known of a function."""
    if isinstance(solver, SolverInfo):
        return solver
    return solver_info(solver) if isinstance(solver, str) else function_info(solver)


def finished_plan(request: Request, solver: str, answer: Answer, bounded: bool = True) -> Plan:
    """The plan of an answer: checked, recomputed, never worse than the best decision offered; and
    if it is to be `bounded`, with the bounds and proofs that the instance itself gives."""
    who = answer.solver or solver
    if answer.faults:
        return _refused(request, solver, who, answer, answer.faults)
    claim = claim_of(answer, who)
    cost = None if answer.decision is None else request.verdicts.cost(answer.decision)
    value = inf if cost is None else float(cost)
    haste = answer.stopped_by == "interrupted"
    if not (haste or request.is_late) and claim.is_proof_of(min(value, request.incumbent_value)):
        for failed in seek_second_opinion(request, who):
            claim = claim.noted(failed)
    is_empty = answer.decision is None and request.incumbent is None
    if is_empty and not request.is_late and _offer_only_placement(request):
        answer = changed(answer, reason=ONLY_PLACEMENT)
    own = request.incumbent is None or request.incumbent_value >= value
    decision = answer.decision if own else request.incumbent
    if decision is None:
        return _plan_without_decision(request, who, answer, claim, haste)
    cost = request.verdicts.cost(decision)
    if faults := request.faults_of(decision):
        return _refused(request, solver, who, answer, faults)
    if cost == inf:
        return _plan_without_decision(
            request, who, answer, claim.noted(_why_endless(request)), haste
        )
    claim = held_to(request, claim, decision, float(cost), own)
    if bounded:
        claim = _strengthened(request, claim, decision, float(cost), haste)
    if claim.over == "placements" and claim.is_proof_of(float(cost)):
        claim = claim.noted(reservation(None if answer.solver else request.objective))
    hasty = haste or request.is_late or not bounded
    audit = audited(request, answer.audit if own else None, hasty)
    claims = _claims(request, who, answer, claim) | {"audit": audit}
    plan = describe(request.instance, decision, request.objective, cost, **claims)
    return _timed(request, _with_bound(plan, claim))


def _why_endless(request: Request) -> str:
    """Why a plan that keeps the rules has no value."""
    return NOTHING_FLOWS if request.objective.name in RATES else BEYOND_FLOATS


def _offer_only_placement(request: Request) -> bool:
    """Where nothing is to be chosen, no solver ends without the one plan that there is.

    It does not answer where the caller has given the subtasks to be matched. Whether it does.
    """
    if request.objective.name != "latency" and request.options.get("stages") is not None:
        return False
    decision = only_placement(request.instance, request.objective)
    return decision is not None and request.offer(decision)


def _strengthened(
    request: Request, claim: Claim, decision: Decision | None, value: float, haste: bool
) -> Claim:
    """The claim strengthened; in haste only where that takes a moment, and until Ctrl-C again."""
    try:
        in_haste = (haste and not request.is_small) or request.is_late
        return strengthened(request, claim, decision, value, in_haste)
    except KeyboardInterrupt:
        if not haste:
            raise
        return strengthened(request, claim, decision, value, in_haste=True)


def _run(info: SolverInfo, request: Request) -> Answer:
    try:
        _bounded_early(request)
        answer = load_solver(info)(request)
        if answer.proven_over is None and answer.solver is None:
            answer = changed(answer, proven_over=declared_over(info))
        return answer
    except KeyboardInterrupt:
        return Answer(
            request.incumbent,
            request.lower_bound,
            stopped_by="interrupted",
            proven_over="placements",
        )


def _bounded_early(request: Request) -> None:
    """Have a bound on mean latencies made and kept while there is time, if it takes little of it:
    a solver may leave none at its end."""
    limit = request.time_limit_s
    if request.objective.name == "mean-latency" and limit is not None:
        deadline = Deadline(request.started + BOUND_SHARE * limit, request.clock)
        with suppress(TimeIsUp):
            best_mean_latency_bound(request.instance, deadline)


def _wrong_objective(info: SolverInfo, objective: Objective, instance: Instance) -> str:
    """What a solver is for, and how to ask for that, or why that cannot be asked for here."""
    possible, excluded = [], []
    for name in info.objectives:
        try:
            objective_for(
                instance,
                name,
                objective.transfers,
                objective.monotone,
                objective.pass_name,
                objective.contiguous,
                objective.partial and name in RATES,
            )
            possible.append(name)
        except ValueError as error:
            excluded.append(str(error))
    hint = f"--objective {' or '.join(possible)} asks for that" if possible else "; ".join(excluded)
    aim = "maximises" if set(info.objectives) <= set(RATES) else "minimises"
    return f"it {aim} {', '.join(info.objectives)}, not {objective.name} ({hint})"


def _start(request: Request, given: GivenPlan) -> Decision:
    """The decision of a start plan, offered as the first incumbent."""
    plan = as_plan(request.instance, given, request.objective, name="start")
    if plan.instance_sha256 not in (None, request.instance.sha256):
        raise ValueError(
            "the start plan is for another instance: "
            f"instance_sha256 = {plan.instance_sha256}, must be {request.instance.sha256}"
        )
    decision = decision_of(request.instance, plan)
    if faults := request.faults_of(decision):
        raise ValueError(f"the start plan is infeasible: {faults[0]}")
    request.offer(decision)
    return decision


def _plan_without_decision(
    request: Request, who: str, answer: Answer, claim: Claim, haste: bool
) -> Plan:
    """Infeasible, proven over all plans, or unknown."""
    claim = _strengthened(request, claim, None, inf, haste)
    if answer.infeasible and answer.stopped_by != "interrupted":
        for why in _proofs(request, haste):
            is_said = why in (answer.reason or "") or why in claim.notes
            claim = claim if is_said else claim.noted(why)
    status: Status = "infeasible" if claim.infeasible else "unknown"
    claims = _claims(request, who, answer, claim)
    over = claim.over if claim.infeasible or claim.lower_bound is not None else None
    bound = _stated_bound(
        request.objective.name, flipped(request.objective.name, claim.lower_bound)
    )
    plan = _empty_plan(request, status, **claims, **bound, proven_over=over)
    return _timed(request, plan)


def _proofs(request: Request, haste: bool) -> Iterator[str]:
    """Why there is no plan, for who has to change that: what is missing, and rules in conflict."""
    from splitfog.solvers.exact.conflict import conflict_sentence  # it loads an engine

    counted = None if haste else impossibility(request.instance, request.objective)
    if counted is not None:
        yield counted
    named = conflict_sentence(
        request.instance, request.objective, request.deadline, counted is not None
    )
    if named is not None:
        yield named


def _refused(
    request: Request, solver: str, who: str, answer: Answer, faults: tuple[str, ...]
) -> Plan:
    """An infeasible answer is an error, and an exception where answers are held strictly."""
    if is_strict():
        raise WrongAnswer(f"{solver}: {'; '.join(faults)}")
    claims = {**_claims(request, who, answer), "reason": "; ".join(faults)}
    return changed(_empty_plan(request, "error", **claims), runtime_s=request.elapsed_s)


def _claims(
    request: Request, who: str, answer: Answer, claim: Claim | None = None
) -> dict[str, Any]:
    """The fields of a plan that say how it came about."""
    notes = [] if claim is None else list(claim.notes)
    said = [answer.reason] if answer.reason is not None else []
    return {
        "solver": who,
        "seed": request.seed,
        "stopped_by": answer.stopped_by,
        "reason": "; ".join(dict.fromkeys([*said, *notes])) or None,
    }


def _with_bound(plan: Plan, claim: Claim) -> Plan:
    """The plan with its bound, gap and status, and over which plans they hold."""
    bound, name = claim.lower_bound, plan.objective.name
    cost = flipped(name, plan.value)
    if bound is None or cost is None or plan.value is None:
        return changed(plan, status="feasible")
    bound = float(min(max(bound, 0.0), cost))
    gap = gap_of(cost, bound)
    optimal = gap is not None and gap <= OPTIMALITY_GAP
    status: Status = "optimal" if optimal else "feasible"
    stated = _stated_bound(name, plan.value if bound == cost else flipped(name, bound))
    return changed(plan, **stated, gap=gap, status=status, proven_over=claim.over)


def _stated_bound(objective: str, bound: float | None) -> dict[str, float | None]:
    """The field of a plan that holds the bound."""
    return {"upper_bound" if objective in RATES else "lower_bound": bound}


def _timed(request: Request, plan: Plan) -> Plan:
    """The plan with how the search got on, and how long it all took."""
    progress, name = request.found.progress, plan.objective.name
    value, bound = flipped(name, plan.value), flipped(name, plan.bound)
    progress.note(value, bound)
    steps: list[Step] = list(progress.closed(value, bound))
    if name in RATES:
        steps = [(seconds, flipped(name, v), flipped(name, b)) for seconds, v, b in steps]
        steps[-1:] = [(seconds, plan.value, plan.bound) for seconds, _, _ in steps[-1:]]
    return changed(plan, progress=tuple(steps), runtime_s=request.elapsed_s)


def _empty_plan(request: Request, status: Status, **claims: Any) -> Plan:
    return Plan(
        instance=request.instance.name,
        instance_sha256=request.instance.sha256,
        objective=request.objective,
        status=status,
        tasks=(),
        **claims,
    )
