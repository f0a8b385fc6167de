"""What an answer claims to prove, over which plans, and what becomes of it beside a better plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from splitfog.formulations.audit import Audit
from splitfog.formulations.bounds.choice import is_only_placement, only_placement, slices_matter
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import OPTIMALITY_GAP, ProvenOver
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.best_bound import best_mean_latency_bound
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, WrongAnswer, is_strict
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from splitfog.solvers.registry import solver_info
from splitfog.solvers.search.cheap_bounds import cheap_bound

NOTHING_FLOWS = "a plan keeps the rules, but nothing flows through it from the source to the end"
BEYOND_FLOATS = "a plan keeps the rules, but its value is beyond what floats hold (1.8e308 s)"

LOOKING = {
    "latency": "vsm and d3 look for one, with option helpers=all beyond a tier",
    "mean-latency": "dina looks for one",
}
"""Who looks for plans with slices."""


@dataclass(frozen=True)
class Claim:
    """A lower bound in seconds, or that no plan is feasible, over some kind of plans, by a solver.

    `notes` are sentences for the plan's reason.
    """

    lower_bound: float | None
    infeasible: bool
    over: ProvenOver
    solver: str
    notes: tuple[str, ...] = ()

    def is_proof_of(self, value: float) -> bool:
        """Whether nothing among the plans claimed is better than `value`, or feasible at all."""
        bound = self.lower_bound
        return self.infeasible or (bound is not None and bound >= value * (1 - OPTIMALITY_GAP))

    def speaks_of(self, decision: Decision, is_own: bool) -> bool:
        """Whether a decision is among the plans claimed; `is_own`: it is the claimant's."""
        if self.over == "placements":
            return not any(task.stages for task in decision.tasks)
        return self.over == "all" or is_own

    def noted(self, sentence: str) -> Claim:
        """The claim with one more sentence."""
        return changed(self, notes=(*self.notes, sentence))


def claim_of(answer: Answer, solver: str) -> Claim:
    """What an answer claims; by default over the plans among which its solver looks."""
    over = answer.proven_over or declared_over(solver_info(solver))
    bound = None if answer.infeasible else answer.lower_bound
    return Claim(bound, answer.infeasible, over, solver)


def declared_over(info: SolverInfo) -> ProvenOver:
    """For which plans the claims of a solver hold, unless it says so: those that it looks among."""
    return "placements" if info.answers == "placements" else "all"


def held_to(request: Request, claim: Claim, decision: Decision, value: float, own: bool) -> Claim:
    """What is left of a claim beside a feasible decision.

    Nothing where it does not speak of such plans. A claim that the decision refutes is replaced
    by a cheap bound of another origin, if that is sound, and a note says so.

    Raises
    ------
    WrongAnswer
        Under `SPLITFOG_STRICT`, where the claim is refuted.
    """
    if not claim.speaks_of(decision, own):
        return changed(claim, lower_bound=None, infeasible=False)
    bound = claim.lower_bound
    if claim.infeasible:
        fault = f"claimed that there is no plan, refuted by one of value {value!r}"
    elif bound is not None and bound > value + EQUAL * abs(value):
        fault = f"claimed the lower bound {bound!r} above the value {value!r} of a plan"
    else:
        return claim
    if is_strict():
        raise WrongAnswer(f"{claim.solver} {fault}")
    other = cheap_bound(request.instance, request.objective, request.closing)
    if other is not None and other > value * (1 + EQUAL):
        other = None
    corrected = changed(claim, lower_bound=other, infeasible=False, over="placements")
    return corrected.noted(f"{claim.solver} {fault}: its bound is corrected")


def strengthened(
    request: Request, claim: Claim, decision: Decision | None, value: float, in_haste: bool
) -> Claim:
    """A claim with what the instance itself proves.

    That no plan is feasible, by a count or as the only placement breaks a rule; that nothing costs
    less than 0; that the decision is the only placement; a bound on the mean latency of all plans,
    where none is larger, or on the latency, where a solver of slices has none; and that a proof
    over placements is one over all plans, where slices do not matter. `in_haste` only what is seen
    at once, on instances of any size.
    """
    instance, objective = request.instance, request.objective
    if decision is None:
        return _without_plan(request, claim, in_haste)
    if value == 0:
        claim = changed(claim, lower_bound=0.0, over="all")
    settled = claim.is_proof_of(value) or any(task.stages for task in decision.tasks)
    if not (settled or in_haste) and is_only_placement(instance, objective, decision):
        claim = changed(claim, lower_bound=value, over="placements")
    if objective.name == "mean-latency" and not (claim.over == "all" and claim.is_proof_of(value)):
        claim = _bounded(request, claim, in_haste)
    if objective.name == "latency" and claim.over == "all" and claim.lower_bound is None:
        claim = _bounded(request, claim, in_haste)
    bounded = claim.lower_bound is not None
    if bounded and claim.over == "placements" and not slices_matter(instance, objective):
        claim = changed(claim, over="all")
    return claim


def _bounded(request: Request, claim: Claim, in_haste: bool) -> Claim:
    """The claim with the bound on the objective over all plans, if that is kept or there is time,
    and its own is not larger."""
    instance, objective = request.instance, request.objective
    deadline = Deadline(-inf) if in_haste else request.closing
    try:
        if objective.name == "latency":
            bound = sliced_latency_bound(instance, objective, deadline)
        else:
            bound = best_mean_latency_bound(instance, deadline)
    except TimeIsUp as late:
        return claim.noted(f"no lower bound: {late}") if claim.lower_bound is None else claim
    own = claim.lower_bound
    if bound is None or (own is not None and own > bound):
        return claim
    return changed(claim, lower_bound=bound, over="all")


def audited(request: Request, audit: Audit | None, in_haste: bool) -> Audit | None:
    """An answer's audit with the bound over plans without stages, if there is time for it.

    Only for `mean-latency`; where nothing was audited it then holds that bound alone.
    """
    if request.objective.name != "mean-latency" or in_haste:
        return audit
    try:
        bound = bound_without_stages(request.instance, request.closing)
    except TimeIsUp:
        return audit
    return audit if bound is None else changed(audit or Audit(), bound_without_stages=bound)


def _without_plan(request: Request, claim: Claim, in_haste: bool) -> Claim:
    """Infeasible only if proven over all plans; a proof over placements leaves slices open."""
    instance, objective = request.instance, request.objective
    only = None if in_haste else only_placement(instance, objective)
    if only is not None and not decision_violations(instance, only, objective):
        claim = claim if request.value_of(only) < inf else claim.noted(BEYOND_FLOATS)
        return changed(claim, infeasible=False)
    if not claim.infeasible and only is not None:
        claim = changed(claim, lower_bound=None, infeasible=True, over="placements")
        claim = claim.noted("there is one placement to choose from, and it breaks a rule")
    if claim.infeasible and claim.over == "placements" and not slices_matter(instance, objective):
        claim = changed(claim, over="all")
    if claim.infeasible and claim.over == "all":
        return claim
    proof = None if in_haste else impossibility(instance, objective)
    if proof is not None:
        return changed(claim, lower_bound=None, infeasible=True, over="all").noted(proof)
    if not claim.infeasible:
        return claim
    return changed(claim, infeasible=False).noted(
        f"that holds for placements: a plan with slices is not ruled out{_look(objective)}"
    )


def reservation(objective: Objective | None) -> str:
    """What a proof over placements leaves open; with who looks further for an objective."""
    return f"optimal over placements: a plan with slices may be cheaper{_look(objective)}"


def _look(objective: Objective | None) -> str:
    """Who looks for plans with slices, in brackets."""
    who = LOOKING.get(objective.name) if objective is not None else None
    return f" ({who})" if who else ""
