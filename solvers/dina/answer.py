"""What the offloading solvers give back: checked and audited."""

from __future__ import annotations

from splitfog.formulations.audit import Audit
from splitfog.formulations.deadline import TimeIsUp
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.games.audit import audit_of
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request


def tidied(answer: TaskDecision) -> TaskDecision:
    """The answer with stages that are wholly at their home written unsliced (docs/slices.md)."""
    away = tuple(
        stage for stage in answer.stages if any(part.node != stage.home for part in stage.slices)
    )
    return answer if len(away) == len(answer.stages) else changed(answer, stages=away)


def tidied_decision(decision: Decision) -> Decision:
    """All answers `tidied`."""
    return Decision(tuple(tidied(answer) for answer in decision.tasks))


def finished_answer(
    request: Request,
    decision: Decision,
    *,
    stopped_by: StoppedBy = "finished",
    reason: str | None = None,
    consent: Consent = "total",
    swaps: int = 0,
    given: Decision | None = None,
) -> Answer:
    """The answer of a decision with its audit; without one where it is not feasible, and after an
    interrupt where the instance is large: who waits for the plan waits no longer.

    Where a decision offered before (the start) costs less, that one is answered and audited; where
    there is none and this one is not feasible, `given`, from which its subtasks were taken.
    """
    instance, objective = request.instance, request.objective
    faults = request.faults_of(decision)
    value = None if faults else Loads.of(instance, objective, decision).value()[1]
    offered, offered_value = request.incumbent, request.incumbent_value
    if not faults:
        request.offer(decision)  # an interrupt while it is audited loses nothing
    if offered is not None and (value is None or offered_value < value):
        decision, faults, swaps = offered, (), 0
        reason = f"the start is better than what was found{'' if reason is None else f': {reason}'}"
    if faults and given is not None and not request.faults_of(given):
        reason = f"the plan that the subtasks are of, as the matching is infeasible: {faults[0]}"
        decision, faults, swaps = given, (), 0
        request.offer(decision)
    if faults:
        said = f"no feasible plan was found: {faults[0]}"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return Answer(None, stopped_by=stopped_by, reason=said + more)
    if stopped_by == "interrupted" and not request.is_small:
        return Answer(decision, stopped_by=stopped_by, reason=reason)
    audit = timely_audit(request, decision, consent, swaps)
    if audit is None and request.closing.is_over:
        unsaid = "not audited: the time was over"
        reason = unsaid if reason is None else f"{reason}; {unsaid}"
    return Answer(decision, stopped_by=stopped_by, reason=reason, audit=audit)


def timely_audit(
    request: Request, decision: Decision, consent: Consent = "total", swaps: int = 0
) -> Audit | None:
    """The audit of a decision (`audit_of`), None where there is none or no time for it."""
    instance, objective = request.instance, request.objective
    try:
        return audit_of(instance, decision, objective, consent, swaps, request.closing)
    except TimeIsUp:
        return None
