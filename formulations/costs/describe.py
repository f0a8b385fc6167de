"""From a decision to a plan: every number of the plan file recomputed by the reference cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from splitfog.formulations.chain import chain_layers
from splitfog.formulations.costs.batch import with_queues
from splitfog.formulations.costs.feasibility import (
    decision_violations,
    has_cost,
    memory_bytes,
    state_bytes,
)
from splitfog.formulations.costs.latency import latency
from splitfog.formulations.costs.ledger import Carried, Cost, TaskCost
from splitfog.formulations.costs.mean_latency import utilisation
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.replicas import replicas_of
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.objective import OF_PASSES, RATES, Objective, Transfers, objective_for
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import (
    GivenPlan,
    NodeLoad,
    Plan,
    PlanError,
    TaskPlan,
    decision_of,
    plan_of,
)
from splitfog.formulations.plan_file import (
    LinkLoad,
    PassEntry,
    PlanFile,
    PlanReplica,
    PlanSchedule,
    PlanSlice,
    PlanStage,
    TaskEntry,
)
from splitfog.instances.arguments import whole_numbers
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task, changed

Placements = dict[str, dict[str, str]]


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


def as_plan(
    instance: Instance,
    plan: GivenPlan,
    objective: str | Objective | None = None,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
    *,
    name: str = "plan",
) -> PlanFile:
    """What is placed, with the objective asked for; what is not asked for is the plan's own.

    Another objective than the plan's counts transfers `once` unless they are asked for, and no
    pass where it knows none. `name` is that of the argument, for errors.
    """
    given = plan_of(name, plan)
    own = given.objective if isinstance(given, PlanFile) else Objective("latency")
    if isinstance(given, PlanFile) and objective is None:
        objective = own.name
    if not isinstance(objective, Objective):
        same = isinstance(objective, str) and objective == own.name
        counted = (own.transfers if same else "once") if transfers is None else transfers
        limited = own.monotone if monotone is None else monotone
        named = objective if isinstance(objective, str) else "latency"
        if pass_name is None and named in OF_PASSES:
            pass_name = own.pass_name
        held = own.contiguous if contiguous is None else contiguous
        within = (own.partial and named in RATES) if partial is None else partial
        objective = objective_for(instance, objective, counted, limited, pass_name, held, within)
    if isinstance(given, PlanFile):
        return changed(given, objective=objective)
    tasks = tuple(TaskEntry(task=name, placement=dict(p)) for name, p in given.items())
    return PlanFile(objective=objective, tasks=tasks)


def describe(
    instance: Instance,
    decision: Decision,
    objective: Objective,
    cost: Cost | None = None,
    **claims: Any,
) -> Plan:
    """The plan of a decision; `claims` are the fields that no recomputation yields.

    `cost` spares computing the reference cost again where it is at hand.
    """
    if cost is None:
        cost = decision_cost(instance, decision, objective)
    if cost.carried is not None:
        return _describe_replicas(instance, decision, objective, cost, cost.carried, claims)
    if objective.name == "batch":
        decision = with_queues(instance, decision)
    elif decision.queues is not None:
        decision = changed(decision, queues=None)
    return Plan(
        instance=instance.name,
        instance_sha256=instance.sha256,
        objective=objective,
        value=cost.value if cost < inf else None,
        tasks=tuple(
            _task_plan(instance, task, answer, part, cost, passes)
            for task, answer, part, passes in zip(
                instance.tasks,
                decision.tasks,
                cost.tasks,
                _passes(instance, decision, objective.transfers),
                strict=True,
            )
        ),
        nodes=_node_loads(of_pass(instance, objective.pass_name), decision, cost),
        links=_link_loads(instance, cost),
        **claims,
    )


def _describe_replicas(
    instance: Instance,
    decision: Decision,
    objective: Objective,
    cost: Cost,
    carried: Carried,
    claims: dict[str, Any],
) -> Plan:
    """The plan of replicas, or of the ranges that a placement of a chain is."""
    (task,), (answer,), (part,) = instance.tasks, decision.tasks, cost.tasks
    replicas = replicas_of(instance, task, answer)
    model, names = instance.model_of(task), [node.name for node in instance.nodes]
    at = {layer: position for position, layer in enumerate(chain_layers(model))}
    places = {
        layer.name: names[place]
        for position, (layer, place) in enumerate(
            zip(model.layers, answer.placement.tolist(), strict=True)
        )
        if position not in at or any(position in own.layers for own in replicas)
    }
    entries = tuple(
        PlanReplica(
            node=names[own.node], layers=(at[own.layers[0]], at[own.layers[-1]] + 1), flow=flow
        )
        for own, flow in zip(replicas, carried.flows, strict=True)
    )
    told = TaskPlan(
        task=task.name,
        placement=places,
        latency_s=None,
        compute_s=part.compute_s,
        transfer_s=part.transfer_s,
        wait_s=None,
        deadline_met=None,
        replicas=entries,
    )
    return Plan(
        instance=instance.name,
        instance_sha256=instance.sha256,
        objective=objective,
        value=carried.rate,
        tasks=(told,),
        nodes=_node_loads(instance, decision, cost),
        links=_link_loads(instance, cost),
        **claims,
    )


def _task_plan(
    instance: Instance,
    task: Task,
    answer: TaskDecision,
    part: TaskCost,
    cost: Cost,
    passes: dict[str, PassEntry] | None,
) -> TaskPlan:
    layers = instance.model_of(task).layers
    places = [instance.nodes[node].name for node in answer.placement.tolist()]
    deadline = task.deadline_s
    return TaskPlan(
        task=task.name,
        placement={layer.name: place for layer, place in zip(layers, places, strict=True)},
        order=None if answer.order is None else tuple(layers[i].name for i in answer.order),
        stages=tuple(_plan_stage(instance, task, stage) for stage in answer.stages),
        schedule=_plan_schedule(instance, task, cost),
        latency_s=_finite(part.latency_s),
        compute_s=part.compute_s,
        transfer_s=_finite(part.transfer_s),
        wait_s=_finite(part.wait_s),
        deadline_met=None if deadline is None else part.latency_s <= deadline,
        passes=passes,
    )


def _passes(
    instance: Instance, decision: Decision, transfers: Transfers
) -> list[dict[str, PassEntry] | None]:
    """For every task, of every pass of its model the count and the latency of one execution."""
    models = [instance.model_of(task) for task in instance.tasks]
    alone = {
        one.name: latency(of_pass(instance, one.name), decision, Objective("latency", transfers))
        for model in models
        for one in model.passes or ()
    }
    return [
        None
        if model.passes is None
        else {
            one.name: PassEntry(
                count=one.count, latency_s=_finite(alone[one.name].tasks[position].latency_s)
            )
            for one in model.passes
        }
        for position, model in enumerate(models)
    ]


def _finite(seconds: float) -> float | None:
    return seconds if seconds < inf else None


def _plan_stage(instance: Instance, task: Task, stage: Stage) -> PlanStage:
    layers, nodes = instance.model_of(task).layers, instance.nodes
    slices = tuple(PlanSlice(nodes[s.node].name, s.rows, s.columns) for s in stage.slices)
    return PlanStage(tuple(layers[i].name for i in stage.layers), nodes[stage.home].name, slices)


def _plan_schedule(instance: Instance, task: Task, cost: Cost) -> PlanSchedule | None:
    if cost.schedule is None:
        return None
    layers, nodes = instance.model_of(task).layers, instance.nodes
    return PlanSchedule(
        {layers[i].name: times for i, times in cost.schedule.layers.items()},
        tuple(
            (layers[tensor].name, nodes[tail].name, nodes[head].name, start, end)
            for tensor, tail, head, start, end in cost.schedule.transfers
        ),
    )


def _node_loads(instance: Instance, decision: Decision, cost: Cost) -> dict[str, NodeLoad]:
    memory, rho = memory_bytes(instance, decision), cost.utilisation
    has_state = any(instance.model_of(task).state_bytes.any() for task in instance.tasks)
    state = state_bytes(instance, decision) if has_state else None
    if rho is None and any(task.arrivals_per_s is not None for task in instance.tasks):
        rho = utilisation(instance, decision)
    return {
        node.name: NodeLoad(
            busy_s=cost.ledger.node_busy_s[i],
            utilisation=None if rho is None else rho[i],
            memory_bytes=memory[i],
            queue=_queue(instance, decision, i),
            state_bytes=None if state is None else state[i],
        )
        for i, node in enumerate(instance.nodes)
    }


def _queue(
    instance: Instance, decision: Decision, node: int
) -> tuple[tuple[str, int | None, int | None], ...] | None:
    if decision.queues is None:
        return None
    return tuple(
        (instance.tasks[t].name, stage, piece) for t, stage, piece in decision.queues[node]
    )


def _link_loads(instance: Instance, cost: Cost) -> tuple[LinkLoad, ...]:
    """The directed links that anything crosses."""
    names = [node.name for node in instance.nodes]
    ledger = cost.ledger
    return tuple(
        LinkLoad(
            tail=names[link.tail],
            head=names[link.head],
            bytes=ledger.link_bytes[i],
            busy_s=ledger.link_busy_s[i],
        )
        for i, link in enumerate(instance.directed_links)
        if ledger.link_busy_s[i] > 0
    )
