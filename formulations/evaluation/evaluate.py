"""What a plan, or a placement by names, costs and breaks, recomputed by the reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from splitfog.formulations.costs.feasibility import decision_violations, has_cost
from splitfog.formulations.costs.ledger import Cost
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.evaluation.given import Placements, as_plan
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import GivenPlan, Plan, PlanError, TaskPlan, decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import whole_numbers
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance


def evaluate(
    instance: GivenInstance,
    plan: GivenPlan,
    objective: str | Objective | None = None,
    *,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
) -> Cost:
    """The cost of a plan, or of {task: {layer: node}}, recomputed by the reference.

    Parameters
    ----------
    instance, plan
        What is placed, and where; or the paths of their files.
    objective
        Its name, or an `Objective`; by default the plan's own.
    transfers, monotone, pass_name, contiguous, partial
        As for `solve`; by default the plan's own, too, though `once` under another objective.

    Returns
    -------
    Cost
        A float, in seconds, with its breakdown: `tasks`, `ledger`, `utilisation` and, for
        `makespan`, `schedule`. inf where it is impossible. Of `throughput` executions per second,
        0 where it is impossible or nothing flows, with `carried`.

    Raises
    ------
    PlanError
        Where names of the plan and the instance do not fit together.
    ValueError
        For arguments that make no sense.
    """
    instance = instance_of(instance)
    described = as_plan(
        instance, plan, objective, transfers, monotone, pass_name, contiguous, partial
    )
    decision = decision_of(instance, described)
    cost = decision_cost(instance, decision, described.objective)
    if cost.carried is None:
        return cost
    return Cost(cost.carried.rate, cost.tasks, cost.ledger, carried=cost.carried)


def plan(
    instance: GivenInstance,
    placement: GivenPlan | ArrayLike,
    objective: str | Objective | None = None,
    *,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
) -> Plan:
    """The full plan, with its cost, of a placement made by hand.

    Parameters
    ----------
    instance
        What is placed, or the path of its file.
    placement
        {task: {layer: node}}; or a row of `BatchCost`, a node index for every layer, task by task
        in file order; or a plan, or what a file says of one (or its path), whose figures are then
        computed anew.
    objective, transfers, monotone, pass_name, contiguous, partial
        As for `evaluate`.

    Returns
    -------
    Plan
        Of status feasible, with `value` in seconds. One that breaks a rule has no status, and its
        `reason` says which; one that has no cost (no route, a load of 1, a stage that is none) has
        no `value` either.

    Raises
    ------
    PlanError
        Where names of the placement and the instance do not fit together.
    ValueError
        For a row of another length, or with what is no node's index.
    """
    instance = instance_of(instance)
    if isinstance(placement, Sequence | np.ndarray) and not isinstance(placement, str):
        placement = _named(instance, placement)
    given = as_plan(
        instance,
        placement,  # type: ignore[arg-type]
        objective,
        transfers,
        monotone,
        pass_name,
        contiguous,
        partial,
        name="placement",
    )
    decision = decision_of(instance, given)
    faults = decision_violations(instance, decision, given.objective)
    reason = "; ".join(faults) or None
    if not has_cost(instance, decision, given.objective):
        return _without_figures(instance, given, reason)
    cost = decision_cost(instance, decision, given.objective)
    status = "feasible" if not faults and (cost < inf or cost.carried is not None) else None
    return describe(instance, decision, given.objective, cost, status=status, reason=reason)


def _without_figures(instance: Instance, given: PlanFile, reason: str | None) -> Plan:
    """What is placed where, of a plan that has no cost."""
    figures: dict[str, Any] = dict.fromkeys(("latency_s", "transfer_s", "wait_s", "deadline_met"))
    return Plan(
        instance=instance.name,
        instance_sha256=instance.sha256,
        objective=given.objective,
        reason=reason,
        tasks=tuple(
            TaskPlan(
                task=own.task,
                placement=own.placement,
                order=own.order,
                stages=own.stages,
                replicas=own.replicas,
                compute_s=inf,
                **figures,
            )
            for own in given.tasks
        ),
    )


def _named(instance: Instance, row: ArrayLike) -> Placements:
    """By names what a row of node indices places."""
    indices = whole_numbers("placement", row, "{task: {layer: node}} or a row of whole numbers")
    names = [node.name for node in instance.nodes]
    models = [instance.model_of(task) for task in instance.tasks]
    width = sum(len(model.layers) for model in models)
    if indices.shape != (width,):
        raise ValueError(
            f"placement has shape {indices.shape}, must be "
            f"{{task: {{layer: node}}}} or a row of {width} whole numbers, one for every layer"
        )
    for index in indices.tolist():
        if not 0 <= index < len(names):
            raise ValueError(f"placement has the node index {index}, must be 0 to {len(names) - 1}")
    places = iter(indices.tolist())
    return {
        task.name: {layer.name: names[next(places)] for layer in model.layers}
        for task, model in zip(instance.tasks, models, strict=True)
    }


def violations(
    instance: GivenInstance,
    plan: GivenPlan,
    objective: str | Objective | None = None,
    *,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
) -> list[str]:
    """Every rule of docs/costs.md that a plan, or {task: {layer: node}}, breaks.

    Parameters
    ----------
    instance, plan, objective, transfers, monotone, pass_name, contiguous, partial
        As for `evaluate`.

    Returns
    -------
    list of str
        One sentence each, names that do not fit among them; [] means feasible.
    """
    instance = instance_of(instance)
    described = as_plan(
        instance, plan, objective, transfers, monotone, pass_name, contiguous, partial
    )
    try:
        decision = decision_of(instance, described)
    except PlanError as error:
        return error.defects
    return decision_violations(instance, decision, described.objective)
