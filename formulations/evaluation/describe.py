"""From a decision to a plan: every number of the plan file recomputed by the reference cost."""

from __future__ import annotations

from math import inf
from typing import Any

from splitfog.formulations.chain import chain_layers
from splitfog.formulations.costs.batch import with_queues
from splitfog.formulations.costs.feasibility import memory_bytes, state_bytes
from splitfog.formulations.costs.latency import latency
from splitfog.formulations.costs.ledger import Carried, Cost, TaskCost
from splitfog.formulations.costs.mean_latency import utilisation
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.replicas import replicas_of
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.objective import Objective, Transfers
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import NodeLoad, Plan, TaskPlan
from splitfog.formulations.plan_file import (
    LinkLoad,
    PassEntry,
    PlanReplica,
    PlanSchedule,
    PlanSlice,
    PlanStage,
)
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task, changed


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
