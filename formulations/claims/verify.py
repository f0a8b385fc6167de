"""Whether what a plan claims is true: every number recomputed, without any solver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isclose
from typing import Any

from msgspec import to_builtins

from splitfog.formulations.audit import audit_claims
from splitfog.formulations.claims.audit_form import audit_defects, is_amount
from splitfog.formulations.claims.progress_form import progress_defects
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.throughput import carrying
from splitfog.formulations.decision import Decision
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import RATES, Objective, flipped, objective_for
from splitfog.formulations.plan import OPTIMALITY_GAP, Plan, PlanError, decision_of, gap_of
from splitfog.formulations.plan_file import LinkLoad, PlanFile, TaskEntry
from splitfog.formulations.tolerances import EQUAL, ROUNDING
from splitfog.instances.defects import shown
from splitfog.instances.instance import Instance


def false_claims(
    instance: Instance, plan: PlanFile, audit: Mapping[str, Any] | None = None
) -> list[str]:
    """What is false in a plan, as sentences (`value = 0.2, must be 0.131`); empty = all true.

    The broken rules of docs/costs.md if the decision breaks one; else every claim that differs from
    its recomputation. Claims that the plan does not make (absent or null) are not asked for, and
    what only a solver can know (that there is no plan, how long it took) is believed.

    Parameters
    ----------
    instance, plan
        The plan and what it is said to be for.
    audit
        The recomputed audit, where the caller has one; None: the plan's audit is not checked.
    """
    audited = audit_claims(plan.audit)
    claims = [*_identity(instance, plan), *audit_defects(audited, plan.objective.name)]
    if plan.status in ("infeasible", "unknown", "error"):
        return claims + list(_emptiness(plan))
    try:
        decision = decision_of(instance, plan)
        objective = objective_for(instance, plan.objective)
        broken = decision_violations(instance, decision, objective)
        if broken:
            return claims + broken
        truth = describe(instance, decision, objective)
        truth = _with_flows(instance, decision, objective, plan, truth)
    except PlanError as error:
        return claims + error.defects
    except ValueError as error:  # the objective is not defined for this instance or plan
        return [*claims, str(error)]
    claims += _compared(plan.value, truth.value, "value")
    claims += _proof(plan, truth.value)
    claims += _tasks(plan, truth)
    claims += _nodes(plan, truth)
    claims += _links(instance, plan, truth)
    if audit is not None and audited is not None:
        claims += _compared(audited, dict(audit), "audit", _noise(truth))
    return claims


def _identity(instance: Instance, plan: PlanFile) -> Iterator[str]:
    """It is a plan for this instance, and its run could have happened."""
    if plan.instance is not None and plan.instance != instance.name:
        yield _must("instance", plan.instance, instance.name)
    if plan.instance_sha256 is not None and plan.instance_sha256 != instance.sha256:
        yield _must("instance_sha256", plan.instance_sha256, instance.sha256)
    for name in ("runtime_s", "seed"):
        if (claim := getattr(plan, name)) is not None and not 0 <= claim < inf:
            yield f"{name} = {claim!r}, must be >= 0"
    yield from progress_defects(plan)


def _emptiness(plan: PlanFile) -> Iterator[str]:
    """A plan without a decision claims nothing that needs one."""
    because = f"as status = {shown(plan.status)}"
    for name in ("value", "gap", "audit"):
        if getattr(plan, name) is not None:
            yield f"{name} = {shown(getattr(plan, name))}, must be null {because}"
    if plan.tasks:
        yield f"tasks has {len(plan.tasks)} entries, must be [] {because}"
    for name in ("nodes", "links"):
        if getattr(plan, name):
            yield f"{name} has {len(getattr(plan, name))} entries, must be empty {because}"
    for name in ("lower_bound", "upper_bound"):
        if plan.status == "infeasible" and getattr(plan, name) is not None:
            yield f"{name} = {getattr(plan, name)!r}, must be null {because}"
    yield from _proven_over(plan)


def _proof(plan: PlanFile, value: float | None) -> Iterator[str]:
    """The value is beyond no bound, and gap and status follow from both."""
    yield from _proven_over(plan)
    name, bound = _bound(plan)
    cost, least = flipped(plan.objective.name, value), flipped(plan.objective.name, bound)
    if cost is not None and least is not None and least > cost + EQUAL * abs(cost):
        side = ">=" if plan.objective.name in RATES else "<="
        yield f"{name} = {bound!r}, must be {side} the value {value!r}"
        return
    claimed = flipped(plan.objective.name, plan.value)
    gap = gap_of(cost if claimed is None else claimed, least)
    if plan.gap is not None and (gap is None or not isclose(plan.gap, gap, abs_tol=ROUNDING)):
        yield _must("gap", plan.gap, gap)
    if plan.status == "optimal" and (gap is None or gap > OPTIMALITY_GAP + EQUAL):
        known = _WITHOUT[name] if gap is None else f"with the gap {gap!r}"
        yield f'status = "optimal", must be "feasible" {known}'
    if plan.status == "feasible" and gap is not None and gap < OPTIMALITY_GAP - EQUAL:
        yield f'status = "feasible", must be "optimal" with the gap {gap!r}'


def _proven_over(plan: PlanFile) -> Iterator[str]:
    """The bound is a number of its kind, and for plans of which this is one."""
    name, bound = _bound(plan)
    over = plan.proven_over
    other = "lower_bound" if name == "upper_bound" else "upper_bound"
    if getattr(plan, other) is not None:
        kind = plan.objective.name
        yield f"{other} = {getattr(plan, other)!r}, must be null: {kind} has {name}"
    if bound is not None and not is_amount(bound):
        yield f"{name} = {bound!r}, must be >= 0"
    if over is not None and bound is None and plan.status != "infeasible":
        yield f'proven_over = "{over}", must be null {_WITHOUT[name]}'
    if over in ("placements", "contiguous") and any(entry.stages for entry in plan.tasks):
        yield f'proven_over = "{over}", but the plan has stages'


_WITHOUT = {"lower_bound": "without a lower_bound", "upper_bound": "without an upper_bound"}


def _with_flows(
    instance: Instance, decision: Decision, objective: Objective, plan: PlanFile, truth: Plan
) -> Plan:
    """The truth with the flows that a plan says its replicas carry, if one of the largest has them:
    there may be several."""
    said = [own.flow for entry in plan.tasks for own in entry.replicas or ()]
    known = [own.flow for entry in truth.tasks for own in entry.replicas or ()]
    pairs = list(zip(said, known))
    if not pairs or all(_same(own, right, 0.0) for own, right in pairs if own is not None):
        return truth
    if not all(is_amount(flow or 0) for flow in said):
        return truth
    cost = carrying(instance, decision, objective, said)
    if cost is None or cost.carried is None or truth.value is None:
        return truth
    if cost.carried.rate < truth.value * (1 - 2 * EQUAL):
        return truth
    return describe(instance, decision, objective, cost)


def _bound(plan: PlanFile) -> tuple[str, float | None]:
    """The name of the bound that the objective has, and what the plan says of it."""
    return ("upper_bound" if plan.objective.name in RATES else "lower_bound"), plan.bound


def _tasks(plan: PlanFile, truth: Plan) -> Iterator[str]:
    right, noise = {entry.task: entry for entry in truth.tasks}, _noise(truth)
    for i, entry in enumerate(plan.tasks):
        at = f"tasks[{i}]"
        for name in ("latency_s", "compute_s", "transfer_s", "wait_s", "deadline_met"):
            claim, figure = getattr(entry, name), getattr(right[entry.task], name)
            yield from _compared(claim, figure, f"{at}.{name}", noise)
        claimed, true = (_passes(own) for own in (entry, right[entry.task]))
        yield from _compared(claimed, true, f"{at}.passes", noise)
        yield from _replicas(entry, right[entry.task], f"{at}.replicas", noise)
        claim, schedule = _schedule(entry), _schedule(right[entry.task])
        yield from _compared(claim, schedule, f"{at}.schedule", noise)


def _passes(entry: TaskEntry) -> Any:
    """What is said of the passes, as plain data; what is not said is left out."""
    if entry.passes is None:
        return None
    return {name: to_builtins(one) for name, one in entry.passes.items()}


def _replicas(entry: TaskEntry, right: TaskEntry, at: str, noise: float) -> Iterator[str]:
    """The flows of replicas; their nodes and layers are the decision itself."""
    for i, (own, true) in enumerate(zip(entry.replicas or (), right.replicas or ())):
        yield from _compared(own.flow, true.flow, f"{at}[{i}].flow", noise)


def _schedule(entry: TaskEntry) -> Any:
    """The schedule as plain data, its transfers by name, so that their order does not matter."""
    if entry.schedule is None:
        return None
    transfers: dict[str, tuple[float, float]] = {}
    for tensor, tail, head, start_s, end_s in entry.schedule.transfers:
        hop = f"{tensor} from {tail} to {head}"
        while hop in transfers:
            hop += " again"
        transfers[hop] = (start_s, end_s)
    return {"layers": entry.schedule.layers, "transfers": transfers}


def _nodes(plan: PlanFile, truth: Plan) -> Iterator[str]:
    for name, load in plan.nodes.items():
        if name not in truth.nodes:
            yield f"nodes.{name}: {name} is not a node of the instance"
            continue
        right = truth.nodes[name]
        yield from _compared(load.busy_s, right.busy_s, f"nodes.{name}.busy_s", _noise(truth))
        for field in ("utilisation", "memory_bytes", "state_bytes"):
            claim, figure = getattr(load, field), getattr(right, field)
            yield from _compared(claim, figure, f"nodes.{name}.{field}")
        if load.queue is not None and plan.objective.name != "batch":
            yield f"nodes.{name}.queue must be null: only batch has queues"


def _links(instance: Instance, plan: PlanFile, truth: Plan) -> Iterator[str]:
    """If links are listed, all that carry anything are."""
    if not plan.links:
        return
    names = [node.name for node in instance.nodes]
    idle = {(names[link.tail], names[link.head]): (0.0, 0.0) for link in instance.directed_links}
    right = idle | {(link.tail, link.head): (link.bytes, link.busy_s) for link in truth.links}
    for i, link in enumerate(plan.links):
        if (link.tail, link.head) not in right:
            yield f"links[{i}]: the instance has no link from {link.tail} to {link.head}"
            continue
        num_bytes, busy_s = right[link.tail, link.head]
        yield from _compared(link.bytes, num_bytes, f"links[{i}].bytes")
        yield from _compared(link.busy_s, busy_s, f"links[{i}].busy_s")
    yield from _missing_links(plan.links, truth.links)


def _missing_links(claimed: tuple[LinkLoad, ...], carrying: tuple[LinkLoad, ...]) -> Iterator[str]:
    seen = [(link.tail, link.head) for link in claimed]
    for pair in dict.fromkeys(pair for pair in seen if seen.count(pair) > 1):
        yield f"links has the link from {pair[0]} to {pair[1]} more than once"
    for link in carrying:
        if (link.tail, link.head) not in seen:
            yield (
                f"links lacks the link from {link.tail} to {link.head}, which carries "
                f"{link.bytes:.6g} bytes"
            )


def _noise(truth: Plan) -> float:
    """Seconds that may stand where none should."""
    return ROUNDING * (truth.value or 0.0)


def _compared(claim: Any, right: Any, path: str, absolute: float = 0.0) -> Iterator[str]:
    """Where a claim differs from what is right; None claims nothing."""
    if claim is None:
        return
    if isinstance(claim, Mapping) and isinstance(right, Mapping):
        for key in dict.fromkeys([*claim, *right]):
            if key not in claim or key not in right:
                yield f"{path}.{key} {'is missing' if key in right else 'must not be there'}"
            else:
                yield from _compared(claim[key], right[key], f"{path}.{key}", absolute)
    elif isinstance(claim, list | tuple) and isinstance(right, list | tuple):
        if len(claim) != len(right):
            yield f"{path} has {len(claim)} entries, must have {len(right)}"
        for i, (entry, true_entry) in enumerate(zip(claim, right)):
            yield from _compared(entry, true_entry, f"{path}[{i}]", absolute)
    elif not _same(claim, right, absolute):
        yield _must(path, claim, right)


def _same(claim: Any, right: Any, absolute: float) -> bool:
    if isinstance(claim, bool) or isinstance(right, bool) or right is None:
        return claim is right
    if isinstance(claim, int | float) and isinstance(right, int | float):
        if isinstance(claim, int) and isinstance(right, int):  # counts
            return claim == right
        if right == 0:
            return abs(claim) <= absolute
        return isclose(claim, right, rel_tol=EQUAL)
    return bool(claim == right)


def _must(path: str, claim: Any, right: Any) -> str:
    return f"{path} = {_brief(claim)}, must be {_brief(right)}"


def _brief(value: Any) -> str:
    """A value as JSON; whole where `shown` would cut a text that only differs at its end."""
    return f'"{value}"' if isinstance(value, str) else shown(value)
