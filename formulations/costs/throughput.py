"""The rate of executions that replicas carry: a maximum flow over routes (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from splitfog.formulations.chain import chain_layers
from splitfog.formulations.costs.ledger import Carried, Cost, Ledger, TaskCost
from splitfog.formulations.costs.replicas import has_rate, replicas_of, stage_rate
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, Replica
from splitfog.formulations.max_flow import Way, largest_flow
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task


def throughput(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """Seconds an execution, 1 / the largest flow; inf where nothing flows or a range is none.

    Nodes and links are busy with the share of their time that an execution takes on average.

    Raises
    ------
    ValueError
        For sliced plans.
    """
    cost = carrying(instance, decision, objective)
    assert cost is not None  # nothing has to flow
    return cost


def carrying(
    instance: Instance,
    decision: Decision,
    objective: Objective,
    said: Sequence[float | None] | None = None,
) -> Cost | None:
    """The cost of the largest flow in which the replicas carry what is said of them.

    Parameters
    ----------
    instance, decision, objective
        Of one task with a chain.
    said
        Executions per second, by replica, held to but for rounding; None: whatever it carries.

    Returns
    -------
    Cost or None
        None where there is no such flow.
    """
    if any(answer.stages for answer in decision.tasks):
        raise ValueError("throughput is defined for unsliced plans only")
    (task,), (answer,) = instance.tasks, decision.tasks
    model, replicas = instance.model_of(task), replicas_of(instance, task, answer)
    if not has_rate(instance, task, answer):
        return _cost(instance, Carried(0.0, (0.0,) * len(replicas)), Ledger.of(instance))
    rates = [stage_rate(model, instance.nodes[own.node], own.layers) or 0.0 for own in replicas]
    most, least = rates, None
    if said is not None:
        least = [0.0 if own is None else own * (1 - EQUAL) for own in said]
        most = [
            rate if own is None else min(rate, own * (1 + EQUAL))
            for rate, own in zip(rates, said, strict=True)
        ]
    ways = list(_ways(instance, task, replicas, objective.partial))
    rooms = [link.bandwidth_bps for link in instance.directed_links]
    flow = largest_flow(most, ways, rooms, least)
    if flow is None:
        return None
    carried, ledger = [0.0] * len(replicas), Ledger.of(instance)
    for way, amount in zip(ways, flow.over, strict=True):
        share = amount / flow.value if flow.value else 0.0
        if way.head is not None:
            carried[way.head] += amount
            node = replicas[way.head].node
            ledger.node_busy_s[node] += share / rates[way.head] if share else 0.0
        for link in way.links:
            ledger.cross(link, share * way.load / 8, share * way.load / rooms[link], task)
    return _cost(instance, Carried(flow.value, tuple(carried)), ledger)


def _cost(instance: Instance, carried: Carried, ledger: Ledger) -> Cost:
    compute_s, transfer_s = sum(ledger.node_busy_s), sum(ledger.link_busy_s)
    seconds = 1 / carried.rate if carried.rate > 0 else inf
    parts = (TaskCost(seconds, compute_s, transfer_s),)
    return Cost(seconds, parts, ledger.closed(), carried=carried)


def _ways(
    instance: Instance, task: Task, replicas: Sequence[Replica], partial: bool
) -> Iterator[Way]:
    """Who may send to whom: the source to all that begin, ends to beginnings, last ones out.

    With `partial` a replica takes over anywhere within its range.
    """
    model = instance.model_of(task)
    layers = chain_layers(model)
    at = {layer: position for position, layer in enumerate(layers)}
    spans = [(at[own.layers[0]], at[own.layers[-1]] + 1) for own in replicas]
    routes, size = routes_of(instance), model.output_bytes
    inputs = [layer for layer in model.order.tolist() if layer not in at]
    source = None if task.source is None else instance.node_index[task.source]
    target = None if task.results_to is None else instance.node_index[task.results_to]

    def way(
        tail: int | None, head: int | None, begins: int | None, ends: int | None, tensor: int
    ) -> Iterator[Way]:
        """The way of a tensor from a node to another, if there is a route."""
        if begins is None or ends is None:
            yield Way(tail, head)
        elif (path := routes.path(begins, ends)) is not None:
            yield Way(tail, head, tuple(path), 8 * float(size[tensor]))

    for i, (own, (first, end)) in enumerate(zip(replicas, spans, strict=True)):
        if first == 0:
            yield from way(None, i, source, own.node, inputs[0]) if inputs else [Way(None, i)]
        if end == len(layers):
            yield from way(i, None, own.node, target, layers[-1])
        for j, (other, (begin, last)) in enumerate(zip(replicas, spans, strict=True)):
            if begin == end or (partial and begin <= end < last):
                yield from way(i, j, own.node, other.node, layers[end - 1])
