"""The sum of layer times and transfers, and the longest busy time (docs/costs.md)."""

from __future__ import annotations

from math import inf

from splitfog.formulations.costs.ledger import (
    Booked,
    Cost,
    Ledger,
    TaskCost,
    crossings,
    layer_times,
)
from splitfog.formulations.costs.stages import book_stage
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance


def latency(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The unweighted mean over tasks of computing plus transfers."""
    ledger = Ledger.of(instance)
    tasks = tuple(
        _task_latency(instance, position, decision, objective.transfers, ledger)
        for position in range(len(instance.tasks))
    )
    return Cost(sum(task.latency_s for task in tasks) / len(tasks), tasks, ledger.closed())


def period(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The longest busy time of any node or directed link, for one inference of every task.

    A node with `overlap: false` is also busy with every tensor that crosses a link at it.
    """
    if any(task.stages for task in decision.tasks):
        raise ValueError("period is defined for unsliced plans only")
    cost = latency(instance, decision, objective)
    value = (
        inf if cost == inf else max([*occupied(instance, cost.ledger), *cost.ledger.link_busy_s])
    )
    return Cost(value, cost.tasks, cost.ledger)


def occupied(instance: Instance, ledger: Booked) -> list[float]:
    """Seconds for which every node can do nothing else: with `overlap: false` transfers, too."""
    busy_s = list(ledger.node_busy_s)
    for link, seconds in zip(instance.directed_links, ledger.link_busy_s, strict=True):
        for node in (link.tail, link.head):
            if not instance.nodes[node].overlap:
                busy_s[node] += seconds
    return busy_s


def _task_latency(
    instance: Instance, position: int, decision: Decision, transfers: str, ledger: Ledger
) -> TaskCost:
    task, answer = instance.tasks[position], decision.tasks[position]
    compute_s = 0.0
    for _, node, seconds in layer_times(instance, task, answer):
        ledger.node_busy_s[node] += seconds
        compute_s += seconds
    for stage in answer.stages:
        compute_s += book_stage(instance, task, stage, ledger)
    transfer_s = transfer_time(instance, position, decision, transfers, ledger)
    return TaskCost(compute_s + transfer_s, compute_s, transfer_s)


def transfer_time(
    instance: Instance, position: int, decision: Decision, transfers: str, ledger: Ledger
) -> float:
    """Seconds of all hops of a task's tensors, booked link by link; inf without a route."""
    task, answer = instance.tasks[position], decision.tasks[position]
    sends = instance.model_of(task).sends
    total = 0.0
    for layer, link, num_bytes, seconds in crossings(instance, task, answer, transfers):
        if link is not None:
            busy_s = instance.directed_links[link].busy_seconds(num_bytes, float(sends[layer]))
            ledger.cross(link, num_bytes, busy_s, task)
        total += seconds
    return total
