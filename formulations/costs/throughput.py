"""The rate of executions that replicas carry: a maximum flow over routes (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from splitfog.formulations.chain import chain_layers, tensor_bytes
from splitfog.formulations.costs.ledger import Carried, Cost, Ledger, TaskCost
from splitfog.formulations.costs.replicas import has_rate, replicas_of, stage_rate
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision
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
    layers = chain_layers(model)
    at = {layer: position for position, layer in enumerate(layers)}
    spans = [(own.node, at[own.layers[0]], at[own.layers[-1]] + 1) for own in replicas]
    ways = ways_between(instance, task, layers, spans, objective.partial)
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


def ways_between(
    instance: Instance,
    task: Task,
    layers: Sequence[int],
    spans: Sequence[tuple[int, int, int]],
    partial: bool,
) -> list[Way]:
    """Who may send to whom: the source to all that begin, ends to beginnings, last ones out.

    Parameters
    ----------
    instance, task
        Of one chain.
    layers
        The chain's, without its input, by position in the model.
    spans
        [node, start, end) of every replica, counted in the chain.
    partial
        Whether a replica takes over anywhere within its range.

    Returns
    -------
    list of Way
        Between replicas, by position, over the links of the routes of their nodes.
    """
    model, routes = instance.model_of(task), routes_of(instance)
    sizes = [8 * num_bytes for num_bytes in tensor_bytes(model)]
    has_input = len(model.layers) > len(layers)
    source = None if task.source is None else instance.node_index[task.source]
    target = None if task.results_to is None else instance.node_index[task.results_to]
    ways: list[Way] = []

    def add(tail: int | None, head: int | None, ends: tuple[int, int], load: float) -> None:
        """A way between two nodes, if there is a route."""
        if (path := routes.path(*ends)) is not None:
            ways.append(Way(tail, head, tuple(path), load))

    beginning: dict[int, list[int]] = {}
    for j, (_, begin, last) in enumerate(spans):
        for layer in range(begin, last if partial else begin + 1):
            beginning.setdefault(layer, []).append(j)
    for i, (node, start, end) in enumerate(spans):
        if start == 0 and has_input and source is not None:
            add(None, i, (source, node), sizes[0])
        elif start == 0:
            ways.append(Way(None, i))
        if end == len(layers) and target is not None:
            add(i, None, (node, target), sizes[-1])
        elif end == len(layers):
            ways.append(Way(i, None))
        for j in beginning.get(end, ()):
            add(i, j, (node, spans[j][0]), sizes[end])
    return ways
