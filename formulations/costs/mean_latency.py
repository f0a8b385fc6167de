"""Many streams of requests: nodes as M/G/1 queues and the mean latency (docs/costs.md)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from splitfog.formulations.costs.latency import transfer_time
from splitfog.formulations.costs.ledger import Cost, Ledger, TaskCost, layer_times
from splitfog.formulations.costs.stages import StageVisit, book_visits, stage_visits
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task


@dataclass(frozen=True)
class TaskVisits:
    """A task's visits: service of its unsliced layers by node, and its stages' visits."""

    unsliced: dict[int, float]
    stages: tuple[tuple[StageVisit, ...], ...]

    def services(self) -> list[tuple[int, float]]:
        """(node, service_s) of every visit that loads its node."""
        pairs = list(self.unsliced.items())
        pairs += [(visit.node, visit.service_s) for stage in self.stages for visit in stage]
        return [(node, seconds) for node, seconds in pairs if seconds > 0]


def task_visits(instance: Instance, task: Task, answer: TaskDecision) -> TaskVisits:
    """The visits of a task: one per node for its unsliced layers, one per stage and node."""
    seconds: dict[int, float] = {}
    for _, node, time in layer_times(instance, task, answer):
        seconds[node] = seconds.get(node, 0.0) + time
    stages = tuple(stage_visits(instance, task, stage) for stage in answer.stages)
    return TaskVisits(seconds, stages)


def utilisation(instance: Instance, decision: Decision) -> tuple[float, ...]:
    """rho of every node, whatever is minimised: rates times seconds of service, 1 or more too."""
    pairs = zip(instance.tasks, decision.tasks, strict=True)
    visits = [task_visits(instance, task, answer) for task, answer in pairs]
    return tuple(waits(instance, visits)[0])


def waits(instance: Instance, visits: list[TaskVisits]) -> tuple[list[float], list[float]]:
    """rho and the Pollaczek-Khinchine wait of every node; inf where rho >= 1.

    `W = sum lambda s^2 / (2 (1 - rho))` for Poisson arrivals and deterministic services per
    class (L. Kleinrock, Queueing Systems I, 1975, section 5.6).
    """
    rho = [0.0] * len(instance.nodes)
    second = [0.0] * len(instance.nodes)
    for task, own in zip(instance.tasks, visits, strict=True):
        rate = task.arrivals_per_s or 0.0
        for node, service in own.services():
            rho[node] += rate * service
            second[node] += rate * service * service  # inf, where ** would raise
    return rho, [q / (2 * (1 - r)) if r < 1 else inf for r, q in zip(rho, second, strict=True)]


def mean_latency(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The mean of the tasks' latencies weighted by their rates (all 1 if none has one)."""
    ledger = Ledger.of(instance)
    visits = [
        task_visits(instance, task, answer)
        for task, answer in zip(instance.tasks, decision.tasks, strict=True)
    ]
    rho, wait_s = waits(instance, visits)
    tasks = []
    for position, own in enumerate(visits):
        transfer_s = transfer_time(instance, position, decision, objective.transfers, ledger)
        cost = _book_unsliced(own, transfer_s, wait_s, ledger)
        for stage, parts in zip(decision.tasks[position].stages, own.stages, strict=True):
            cost += book_visits(instance, instance.tasks[position], stage, parts, wait_s, ledger)
        tasks.append(cost)
    rates = [task.arrivals_per_s for task in instance.tasks]
    rated = any(rate is not None for rate in rates)
    weights = [rate or 0.0 for rate in rates] if rated else [1.0] * len(tasks)
    possible = max([*rho, *ledger.link_load]) < 1 and all(cost.latency_s < inf for cost in tasks)
    terms = (w * cost.latency_s for w, cost in zip(weights, tasks, strict=True))
    value = sum(terms) / sum(weights) if possible else inf
    return Cost(value, tuple(tasks), ledger.closed(), tuple(rho) if rated else None)


def _book_unsliced(
    visits: TaskVisits, transfer_s: float, wait_s: list[float], ledger: Ledger
) -> TaskCost:
    """Book the visits of a task's unsliced layers; what they and the transfers cost."""
    computed = waited = 0.0
    for node, seconds in visits.unsliced.items():
        ledger.node_busy_s[node] += seconds
        computed += seconds
        waited += wait_s[node] if seconds > 0 else 0.0
    return TaskCost(computed + transfer_s + waited, computed, transfer_s, waited)
