"""Where requests pass by each plan, one thing at a time: nodes that work, links that carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.ledger import hops, layer_time
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of all plans, one plan after the other.

    Attributes
    ----------
    first
        [plans + 1]: where each plan's steps begin.
    place
        [steps]: positions of nodes, and after them of directed links.
    work
        [steps]: seconds on a node of load 1, bits over a link.
    lag_s
        [steps]: seconds that pass before a step, and occupy nothing.
    num_nodes
        The links' positions begin there.
    """

    first: NDArray[np.int64]
    place: NDArray[np.int64]
    work: NDArray[np.float64]
    lag_s: NDArray[np.float64]
    num_nodes: int

    def seconds(
        self,
        load: NDArray[np.float64],
        bandwidth_bps: NDArray[np.float64],
        latency_s: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """[steps]: how long each occupies its place, by loads [nodes] and figures of links."""
        pace = np.concatenate([load, 1 / bandwidth_bps])
        added = np.concatenate([np.zeros(self.num_nodes), latency_s])
        return np.asarray(added[self.place] + self.work * pace[self.place])


def plan_steps(instance: Instance, plans: Sequence[PlanFile], objective: Objective) -> Steps:
    """The steps of unsliced plans; a request of several tasks is theirs one after the other.

    Layers run in the file's order made topological; when one has run, its tensor travels. Layers
    on one node between two transfers are one step. O(V + E) a plan.
    """
    steps = [list(_steps(instance, decision_of(instance, plan), objective)) for plan in plans]
    flat = [step for own in steps for step in own]
    place = np.array([place for place, _ in flat], np.int64)
    lags = [0.0] * len(instance.nodes) + [link.delay_s for link in instance.directed_links]
    return Steps(
        frozen(np.cumsum([0, *map(len, steps)])),
        frozen(place),
        frozen(np.array([work for _, work in flat], np.float64)),
        frozen(np.array(lags)[place]),
        len(instance.nodes),
    )


def _steps(
    instance: Instance, decision: Decision, objective: Objective
) -> Iterator[tuple[int, float]]:
    """(place, work) of every step of a request."""
    node, seconds = -1, 0.0
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        for place, work in _visits(instance, task, answer, objective):
            if place == node:
                seconds += work
                continue
            if seconds:
                yield node, seconds
            node, seconds = -1, 0.0
            if place < len(instance.nodes):
                node, seconds = place, work
            else:
                yield place, work
    if seconds:
        yield node, seconds


def _visits(
    instance: Instance, task: Task, answer: TaskDecision, objective: Objective
) -> Iterator[tuple[int, float]]:
    """(place, work) of every layer, and of every hop of its tensor after it."""
    model = instance.model_of(task)
    sent: dict[int, list[int]] = {}
    for layer, link in hops(instance, task, answer, objective.transfers):
        if link is None:
            raise ValueError(f"task {task.name}: no route for layer {model.layers[layer].name}")
        sent.setdefault(layer, []).append(link)
    for layer in model.order.tolist():
        node = int(answer.placement[layer])
        if work := layer_time(model.layers[layer], instance.nodes[node]):
            yield node, work
        for link in sent.get(layer, ()):
            yield len(instance.nodes) + link, 8 * float(model.output_bytes[layer])
