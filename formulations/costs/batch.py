"""Many tasks at once: subtasks in queues and their mean latency (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from splitfog.formulations.costs.latency import transfer_time
from splitfog.formulations.costs.ledger import Cost, Ledger, TaskCost, layer_times
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stages import book_visits, stage_visits, stage_work
from splitfog.formulations.decision import Decision, Stage, Subtask, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model, changed

Queues = tuple[tuple[Subtask, ...], ...]


@dataclass(frozen=True)
class Job:
    """One subtask of `batch` where a decision has it; `transfer_s` counts both ways."""

    key: Subtask
    node: int
    transfer_s: float
    service_s: float


def batch_cost(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The mean over subtasks of transfers, the services before its own, and its own.

    A task's latency is the mean over its subtasks; its computing, transfers and waits are sums
    over them. A node serves in the order of `decision.queues`, without queues the shortest first
    (the best order; ties by task, stage and slice). inf where a subtask is in no queue of its
    node, or has no route. What is neither sliced nor run whole costs nothing here, but is booked.
    """
    ledger = Ledger.of(instance)
    jobs = []
    for position in range(len(instance.tasks)):
        _book(instance, position, decision, ledger)
        jobs += task_jobs(instance, position, decision)
    wait_s = job_waits(jobs, decision.queues or shortest_first(instance, jobs))
    tasks = [TaskCost() for _ in instance.tasks]
    counts = [0] * len(tasks)
    for job in jobs:
        task, waited = job.key[0], wait_s.get(job.key, inf)
        counts[task] += 1
        latency_s = job.transfer_s + waited + job.service_s
        tasks[task] += TaskCost(latency_s, job.service_s, job.transfer_s, waited)
    value = sum(cost.latency_s for cost in tasks) / max(len(jobs), 1)
    means = tuple(
        changed(cost, latency_s=cost.latency_s / max(count, 1))
        for cost, count in zip(tasks, counts, strict=True)
    )
    return Cost(value, means, ledger.closed())


def with_queues(instance: Instance, decision: Decision) -> Decision:
    """The decision with its queues written out: the shortest first where it names none."""
    if decision.queues is not None:
        return decision
    positions = range(len(instance.tasks))
    jobs = [job for task in positions for job in task_jobs(instance, task, decision)]
    return changed(decision, queues=shortest_first(instance, jobs))


def shortest_first(instance: Instance, jobs: list[Job]) -> Queues:
    """Every node's subtasks by rising service, ties as they come."""
    queues: list[list[Subtask]] = [[] for _ in instance.nodes]
    for job in sorted(jobs, key=lambda job: job.service_s):
        queues[job.node].append(job.key)
    return tuple(map(tuple, queues))


def job_waits(jobs: list[Job], queues: Queues) -> dict[Subtask, float]:
    """The services before every subtask that stands in its node's queue."""
    by_key = {job.key: job for job in jobs}
    wait_s: dict[Subtask, float] = {}
    for node, queue in enumerate(queues):
        before = 0.0
        for key in queue:
            if key in by_key and by_key[key].node == node:
                wait_s.setdefault(key, before)
                before += by_key[key].service_s
    return wait_s


def task_jobs(instance: Instance, task: int, decision: Decision) -> list[Job]:
    """A task's subtasks: the slices of its stages; without stages, the task as a whole."""
    answer = decision.tasks[task]
    if answer.stages:
        return [
            job
            for position, stage in enumerate(answer.stages)
            for job in _slice_jobs(instance, task, position, stage)
        ]
    node = whole_node(instance, task, answer)
    service_s = sum(
        seconds for _, _, seconds in layer_times(instance, instance.tasks[task], answer)
    )
    transfer_s = transfer_time(instance, task, decision, "once", Ledger.of(instance))
    return [Job((task, None, None), node, transfer_s, service_s)]


def whole_node(instance: Instance, task: int, answer: TaskDecision) -> int:
    """Where a whole task runs: the node of its first layer that is no input, else the source's."""
    model = instance.model_of(instance.tasks[task])
    return int(answer.placement[(_movable(model) or [0])[0]])


def queue_defects(instance: Instance, decision: Decision) -> list[str]:
    """What `batch` forbids: tasks torn apart, wrong queues, more guests than the quota."""
    defects = list(_torn(instance, decision))
    if defects:
        return defects
    positions = range(len(instance.tasks))
    jobs = [job for task in positions for job in task_jobs(instance, task, decision)]
    return [*_misplaced(instance, decision, jobs), *_overbooked(instance, jobs)]


def _torn(instance: Instance, decision: Decision) -> Iterator[str]:
    for position, (task, answer) in enumerate(zip(instance.tasks, decision.tasks, strict=True)):
        model, node = instance.model_of(task), whole_node(instance, position, answer)
        for layer in [] if answer.stages else _movable(model):
            place = int(answer.placement[layer])
            if place != node:
                yield (
                    f"task {task.name}: layer {model.layers[layer].name} is on "
                    f"{instance.nodes[place].name}, must be on {instance.nodes[node].name} with "
                    "the others: a task without stages is one subtask of batch"
                )
                break


def _misplaced(instance: Instance, decision: Decision, jobs: list[Job]) -> Iterator[str]:
    """Every subtask stands once, in the queue of its node."""
    if decision.queues is None:
        return
    node_of = {job.key: job.node for job in jobs}
    seen: set[Subtask] = set()
    for node, queue in zip(instance.nodes, decision.queues, strict=True):
        for key in queue:
            if key not in node_of:
                yield f"the queue of {node.name} names {_named(instance, key)}, which is no subtask"
            elif instance.nodes[node_of[key]].name != node.name:
                right = instance.nodes[node_of[key]].name
                yield (
                    f"{_named(instance, key)} is in the queue of {node.name}, must be in that of "
                    f"{right}"
                )
            elif key in seen:
                yield f"{_named(instance, key)} is in the queue of {node.name} more than once"
            seen.add(key)
    for key in node_of:
        if key not in seen:
            right = instance.nodes[node_of[key]].name
            yield f"{_named(instance, key)} is in no queue, must be in that of {right}"


def _overbooked(instance: Instance, jobs: list[Job]) -> Iterator[str]:
    guests = [0] * len(instance.nodes)
    for job in jobs:
        guests[job.node] += instance.nodes[job.node].name != instance.tasks[job.key[0]].source
    for node, count in zip(instance.nodes, guests, strict=True):
        if node.quota is not None and count > node.quota:
            yield f"node {node.name} serves {count} foreign subtasks, must be <= {node.quota}"


def _named(instance: Instance, key: Subtask) -> str:
    task, stage, piece = key
    name = f"task {instance.tasks[task].name}"
    return name if stage is None else f"{name}: slice {piece} of stage {stage}"


def _movable(model: Model) -> list[int]:
    return [layer for layer, own in enumerate(model.layers) if own.op != "input"]


def _slice_jobs(instance: Instance, task: int, position: int, stage: Stage) -> Iterator[Job]:
    work = stage_work(instance, instance.tasks[task], stage)
    transfer = routes_of(instance).transfer
    for piece, part in enumerate(stage.slices):
        moved = transfer(stage.home, part.node, float(work.input_bytes[piece]))
        moved += transfer(part.node, stage.home, float(work.output_bytes[piece]))
        yield Job((task, position, piece), part.node, moved, float(work.service_s[piece]))


def _book(instance: Instance, position: int, decision: Decision, ledger: Ledger) -> None:
    """Book all computing and transfers of a task, as for the other costs."""
    task, answer = instance.tasks[position], decision.tasks[position]
    for _, node, seconds in layer_times(instance, task, answer):
        ledger.node_busy_s[node] += seconds
    for stage in answer.stages:
        visits, idle = stage_visits(instance, task, stage), [0.0] * len(instance.nodes)
        book_visits(instance, task, stage, visits, idle, ledger)
    transfer_time(instance, position, decision, "once", ledger)
