"""What a plan's cost is the sum of, by names: computing, transfers, waits and stages.

The costs add up the same layer times, hops, waits and stages that are listed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Literal

from msgspec import Struct
from msgspec import field as renamed

from splitfog.formulations.costs.batch import job_waits, shortest_first, task_jobs
from splitfog.formulations.costs.feasibility import has_cost
from splitfog.formulations.costs.ledger import Ledger, crossings, layer_times
from splitfog.formulations.costs.mean_latency import task_visits, waits
from splitfog.formulations.costs.stages import book_stage, book_visits
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.objective import RATES, Objective
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import GivenPlan, decision_of
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task, changed


class Term(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A summand of a task's cost.

    Attributes
    ----------
    task, kind
        Whose, and what: `compute`, `transfer`, `wait` or `stage`.
    layer
        What is computed; of a stage the layer whose tensor leaves it. Else None.
    tensor
        Of a transfer: the layer whose output crosses the link.
    node
        Where a layer is computed, a visit or a subtask waits, a stage has its home (under `batch`:
        a slice of it its node). Else None.
    tail, head
        The link of a transfer (`from` and `to` in files); `head` None where there is no route.
    bytes
        That cross links in it, all hops of its slices for a stage.
    seconds
        None where it is impossible: no route, or a node that never catches up.
    """

    task: str
    kind: Literal["compute", "transfer", "wait", "stage"]
    layer: str | None = None
    tensor: str | None = None
    node: str | None = None
    tail: str | None = renamed(name="from", default=None)
    head: str | None = renamed(name="to", default=None)
    bytes: float
    seconds: float | None


def terms(
    instance: GivenInstance,
    plan: GivenPlan,
    objective: str | Objective | None = None,
    *,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
) -> tuple[Term, ...]:
    """What a plan's cost is the sum of, task by task.

    O(layers + hops), and the timelines of stages.

    Parameters
    ----------
    instance
        What is placed, or the path of its file.
    plan
        Where; or the path of its file, or {task: {layer: node}}.
    objective, transfers, monotone, pass_name, contiguous, partial
        As for `evaluate`.

    Returns
    -------
    tuple of Term
        Under `latency` and `mean-latency` the seconds of a task's terms add up to its `latency_s`;
        under the others, whose parts overlap or are averages, to its `compute_s` + `transfer_s` +
        `wait_s`. Empty where a stage is no stage, or `makespan`'s order none: there is no cost. And
        under `throughput`, which is no sum.

    Raises
    ------
    PlanError
        Where names of the plan and the instance do not fit together.
    """
    instance = instance_of(instance)
    described = as_plan(
        instance, plan, objective, transfers, monotone, pass_name, contiguous, partial
    )
    decision = decision_of(instance, described)
    if described.objective.name in RATES or not has_cost(instance, decision, described.objective):
        return ()
    instance = of_pass(instance, described.objective.pass_name)
    kind = _KINDS[described.objective.name]
    return tuple(kind(instance, decision, described.objective.transfers))


def _summed(instance: Instance, decision: Decision, transfers: str) -> Iterator[Term]:
    """Of `latency`, and what `period` and `makespan` lay side by side."""
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        names = _Names(instance, task)
        yield from _layers(names, answer)
        for stage in answer.stages:
            ledger = Ledger.of(instance)
            seconds = book_stage(instance, task, stage, ledger)
            yield names.stage(stage, stage.home, sum(ledger.link_bytes), seconds)
        yield from _transfers(names, answer, transfers)


def _queued(instance: Instance, decision: Decision, transfers: str) -> Iterator[Term]:
    """Of `mean-latency`: visits wait, and a stage is one of visits."""
    pairs = list(zip(instance.tasks, decision.tasks, strict=True))
    visits = [task_visits(instance, task, answer) for task, answer in pairs]
    _, wait_s = waits(instance, visits)
    for (task, answer), own in zip(pairs, visits, strict=True):
        names = _Names(instance, task)
        yield from _layers(names, answer)
        for node, seconds in own.unsliced.items():
            if seconds > 0:
                yield from names.wait(node, wait_s[node])
        for stage, parts in zip(answer.stages, own.stages, strict=True):
            ledger = Ledger.of(instance)
            cost = book_visits(instance, task, stage, parts, wait_s, ledger)
            yield names.stage(stage, stage.home, sum(ledger.link_bytes), cost.latency_s)
        yield from _transfers(names, answer, transfers)


def _batched(instance: Instance, decision: Decision, transfers: str) -> Iterator[Term]:
    """Of `batch`: subtasks, each a whole task or a slice, of which the latter is a stage here."""
    positions = range(len(instance.tasks))
    jobs = [task_jobs(instance, position, decision) for position in positions]
    everyone = [job for own in jobs for job in own]
    wait_s = job_waits(everyone, decision.queues or shortest_first(instance, everyone))
    for task, answer, own in zip(instance.tasks, decision.tasks, jobs, strict=True):
        names = _Names(instance, task)
        for job in own:
            _, position, piece = job.key
            if position is None or piece is None:
                yield from _layers(names, answer)
                yield from _transfers(names, answer, transfers)
            else:
                stage, ledger = answer.stages[position], Ledger.of(instance)
                alone = changed(stage, slices=(stage.slices[piece],))
                book_stage(instance, task, alone, ledger)
                moved = sum(ledger.link_bytes)
                yield names.stage(stage, job.node, moved, job.transfer_s + job.service_s)
            yield from names.wait(job.node, wait_s.get(job.key, inf))


_KINDS = {
    "latency": _summed,
    "period": _summed,
    "makespan": _summed,
    "mean-latency": _queued,
    "batch": _batched,
}


def _layers(names: _Names, answer: TaskDecision) -> Iterator[Term]:
    for layer, node, seconds in layer_times(names.instance, names.task, answer):
        yield names.compute(layer, node, seconds)


def _transfers(names: _Names, answer: TaskDecision, transfers: str) -> Iterator[Term]:
    for layer, link, num_bytes, seconds in crossings(names.instance, names.task, answer, transfers):
        yield names.transfer(layer, int(answer.placement[layer]), link, num_bytes, seconds)


class _Names:
    """The terms of a task, by the names of what is known by positions."""

    def __init__(self, instance: Instance, task: Task) -> None:
        self.instance, self.task = instance, task
        self.model = instance.model_of(task)

    def compute(self, layer: int, node: int, seconds: float) -> Term:
        return Term(
            task=self.task.name,
            kind="compute",
            layer=self.model.layers[layer].name,
            node=self._node(node),
            bytes=0.0,
            seconds=_finite(seconds),
        )

    def transfer(
        self, tensor: int, home: int, link: int | None, num_bytes: float, seconds: float
    ) -> Term:
        way = None if link is None else self.instance.directed_links[link]
        return Term(
            task=self.task.name,
            kind="transfer",
            tensor=self.model.layers[tensor].name,
            tail=self._node(home if way is None else way.tail),
            head=None if way is None else self._node(way.head),
            bytes=num_bytes,
            seconds=_finite(seconds),
        )

    def wait(self, node: int, seconds: float) -> Iterator[Term]:
        """The term of a wait, if there is any."""
        if seconds > 0:
            yield Term(
                task=self.task.name,
                kind="wait",
                node=self._node(node),
                bytes=0.0,
                seconds=_finite(seconds),
            )

    def stage(self, stage: Stage, node: int, num_bytes: float, seconds: float) -> Term:
        geometry = geometry_of(self.model, stage.layers)
        return Term(
            task=self.task.name,
            kind="stage",
            layer=self.model.layers[geometry.layers[-1]].name,
            node=self._node(node),
            bytes=num_bytes,
            seconds=_finite(seconds),
        )

    def _node(self, position: int) -> str:
        return self.instance.nodes[position].name


def _finite(seconds: float) -> float | None:
    return seconds if seconds < inf else None
