"""Makespan: branches overlap, and everything is booked in one pass (docs/costs.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from splitfog.formulations.costs.latency import latency
from splitfog.formulations.costs.ledger import Cost, Schedule, TaskCost, destinations, layer_time
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.read_only import ReadOnly


@dataclass
class _Clock:
    """When every node, shared link and half-duplex end is free next, and what has been booked."""

    node: list[float]
    link: list[float]
    layers: dict[int, tuple[float, float]] = field(default_factory=dict)
    transfers: list[tuple[int, int, int, float, float]] = field(default_factory=list)

    def schedule(self) -> Schedule:
        """What has been booked."""
        return Schedule(ReadOnly(self.layers), tuple(self.transfers))


def makespan(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The latest end of a layer or arrival of a result, booked in the order of the decision."""
    (task,), (answer,) = instance.tasks, decision.tasks
    if answer.stages:
        raise ValueError("makespan is defined for unsliced plans only")
    sums = latency(instance, decision, objective)
    if sums == inf:
        return sums
    model = instance.model_of(task)
    placement = answer.placement.tolist()
    clock = _Clock([0.0] * len(instance.nodes), [0.0] * len(instance.directed_links))
    arrival: list[dict[int, float]] = [{} for _ in model.layers]  # of a tensor at a node
    end = 0.0
    for layer in model.order.tolist() if answer.order is None else answer.order:
        node = placement[layer]
        finish = 0.0
        if model.layers[layer].op != "input":
            ready = max([arrival[tensor][node] for tensor in model.inputs[layer]], default=0.0)
            start = max(ready, clock.node[node])
            finish = start + layer_time(model.layers[layer], instance.nodes[node])
            clock.node[node] = finish
            clock.layers[layer] = (start, finish)
        leaves = set(destinations(instance, task, answer, layer))
        arrival[layer] = _send(instance, clock, layer, node, finish, leaves)
        end = max(end, finish)
        if task.results_to is not None and model.results[layer]:
            end = max(end, arrival[layer][instance.node_index[task.results_to]])
    task_cost = TaskCost(end, sums.tasks[0].compute_s, sums.tasks[0].transfer_s)
    return Cost(end, (task_cost,), sums.ledger, schedule=clock.schedule())


def _send(
    instance: Instance, clock: _Clock, tensor: int, home: int, ready: float, leaves: set[int]
) -> dict[int, float]:
    """When a tensor is at each node of its tree; books its hops, which take `delay_s` longer than
    they occupy links and half-duplex ends."""
    at = {home: ready}
    num_bytes = float(instance.model_of(instance.tasks[0]).output_bytes[tensor])
    for position in routes_of(instance).tree(home, leaves) or ():
        link = instance.directed_links[position]
        half = [n for n in (link.tail, link.head) if not instance.nodes[n].overlap]
        start = max([at[link.tail], *(clock.node[n] for n in half)])
        if link.shared:
            start = max(start, clock.link[position])
        sent, finish = start + link.busy_seconds(num_bytes), start + link.seconds(num_bytes)
        if link.shared:
            clock.link[position] = sent
        for node in half:
            clock.node[node] = sent
        at[link.head] = finish
        clock.transfers.append((tensor, link.tail, link.head, start, finish))
    return at
