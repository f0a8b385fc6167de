"""The least of all plans by no other means than the reference, for instances of very few plans."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, permutations, product
from math import inf

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task
from tests.cases.enumeration.answers import Layers, stage_sets
from tests.cases.enumeration.slicings import covers


def plain_least(instance: Instance, objective: Objective, most: int) -> float | None:
    """The least value, inf: there is no plan; None: there are more than `most`."""
    each = []
    for task in instance.tasks:
        each.append(
            list(islice(_answers(instance, task, most, objective.name == "latency"), most + 1))
        )
    if np.prod([len(own) for own in each]) > most:
        return None
    least = inf
    for answers in product(*each):
        decision = Decision(answers)
        if not decision_violations(instance, decision, objective):
            least = min(least, float(decision_cost(instance, decision, objective)))
    return least


def _answers(instance: Instance, task: Task, most: int, ordered: bool) -> Iterator[TaskDecision]:
    """All there are, or more than `most`, feasible or not; input layers at the source."""
    model, nodes = instance.model_of(task), range(len(instance.nodes))
    for sets in stage_sets(model):
        inside = {layer for layers in sets for layer in layers}
        outside = [at for at in range(len(model.layers)) if at not in inside]
        each = (islice(_stages(instance, task, layers, ordered), most + 1) for layers in sets)
        for stages in product(*each):
            fixed = [task.source if model.layers[at].op == "input" else None for at in outside]
            choice = [nodes if at is None else [instance.node_index[at]] for at in fixed]
            for places in product(*choice):
                placement = np.zeros(len(model.layers), np.int64)
                placement[outside] = places
                for stage in stages:
                    placement[list(stage.layers)] = stage.home
                yield TaskDecision(frozen(placement), None, stages)


def _stages(instance: Instance, task: Task, layers: Layers, ordered: bool) -> Iterator[Stage]:
    """From every home, every cover on all nodes, in every order where it counts."""
    nodes, geometry = range(len(instance.nodes)), geometry_of(instance.model_of(task), layers)
    for home in nodes:
        for boxes in covers(geometry.height, geometry.width):
            for order in permutations(boxes) if ordered else [boxes]:
                for hosts in product(nodes, repeat=len(boxes)):
                    pairs = zip(hosts, order, strict=True)
                    yield Stage(layers, home, tuple(Slice(n, b[:2], b[2:]) for n, b in pairs))
