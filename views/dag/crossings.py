"""Which tensors of a placement cross from node to node, with bytes and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import TaskDecision
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A tensor that goes from its producer's node to another.

    `tensor`, `tail` and `head` are positions of the layer and the nodes; `seconds` is what its
    whole route takes by itself (inf: there is none); `result`: it goes there as a result only.
    """

    tensor: int
    tail: int
    head: int
    num_bytes: float
    seconds: float
    result: bool


def crossings_of(instance: Instance, task: Task, decision: TaskDecision) -> list[Crossing]:
    """Every (tensor, node it goes to) of a task, once each, in topological order."""
    model, routes = instance.model_of(task), routes_of(instance)
    place = decision.placement.tolist()
    crossings = []
    for tensor in model.order.tolist():
        if not model.sends[tensor]:
            continue
        home, num_bytes = place[tensor], float(model.output_bytes[tensor])
        heads = {place[reader]: False for reader in model.consumers[tensor]}
        if task.results_to is not None and model.results[tensor]:
            heads.setdefault(instance.node_index[task.results_to], True)
        for head in sorted(set(heads) - {home}):
            seconds = routes.transfer(home, head, num_bytes, float(model.sends[tensor]))
            crossings.append(
                Crossing(
                    tensor=tensor,
                    tail=home,
                    head=head,
                    num_bytes=num_bytes,
                    seconds=seconds,
                    result=heads[head],
                )
            )
    return crossings
