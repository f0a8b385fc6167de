"""What every cost is made of: layer times, the hops of tensors, and where they are booked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import NoReturn, Self

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import TaskDecision
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Model, Node, Task, figure_in


@dataclass(frozen=True)
class Booked:
    """Busy seconds of nodes and directed links and bytes over links, of one inference.

    `link_load` is the share of time a link is busy: rate times busy seconds.
    """

    node_busy_s: tuple[float, ...]
    link_busy_s: tuple[float, ...]
    link_bytes: tuple[float, ...]
    link_load: tuple[float, ...]


@dataclass(frozen=True)
class Ledger:
    """What is booked, while it is: the lists of `Booked`, which `closed` gives."""

    node_busy_s: list[float]
    link_busy_s: list[float]
    link_bytes: list[float]
    link_load: list[float]

    @classmethod
    def of(cls, instance: Instance) -> Ledger:
        """An empty ledger."""
        links = len(instance.directed_links)
        return cls([0.0] * len(instance.nodes), [0.0] * links, [0.0] * links, [0.0] * links)

    def cross(self, link: int, num_bytes: float, busy_s: float, task: Task) -> None:
        """Book a transfer of a task over a directed link, which it occupies for `busy_s`."""
        self.link_bytes[link] += num_bytes
        self.link_busy_s[link] += busy_s
        self.link_load[link] += (task.arrivals_per_s or 0.0) * busy_s

    def closed(self) -> Booked:
        """What was booked."""
        lists = (self.node_busy_s, self.link_busy_s, self.link_bytes, self.link_load)
        return Booked(*map(tuple, lists))


@dataclass(frozen=True)
class TaskCost:
    """One task's term of the objective, and its sums of computing, transfers and waits."""

    latency_s: float = 0.0
    compute_s: float = 0.0
    transfer_s: float = 0.0
    wait_s: float = 0.0

    def __add__(self, other: TaskCost) -> TaskCost:
        """Both together."""
        return TaskCost(
            self.latency_s + other.latency_s,
            self.compute_s + other.compute_s,
            self.transfer_s + other.transfer_s,
            self.wait_s + other.wait_s,
        )


@dataclass(frozen=True)
class Schedule:
    """When things happen under `makespan`: [start_s, end_s] by layer, and every hop.

    A hop is (tensor, tail node, head node, start_s, end_s).
    """

    layers: Mapping[int, tuple[float, float]]
    transfers: tuple[tuple[int, int, int, float, float], ...]


@dataclass(frozen=True)
class Carried:
    """Executions per second: of the whole, and through every replica."""

    rate: float
    flows: tuple[float, ...]


class Cost(float):
    """An objective's value in seconds (inf: impossible), with what it is made of, unchangeable.

    `ledger` is of one inference of every task; `utilisation` is rho of every node, None where no
    task has a rate; `schedule` is for `makespan` only. `carried` is for `throughput` only, of which
    the number is the seconds an execution, or as `evaluate` gives it the rate.
    """

    __slots__ = ("carried", "ledger", "schedule", "tasks", "utilisation")

    tasks: tuple[TaskCost, ...]
    ledger: Booked
    utilisation: tuple[float, ...] | None
    schedule: Schedule | None
    carried: Carried | None

    def __new__(
        cls,
        value: float,
        tasks: tuple[TaskCost, ...],
        ledger: Booked,
        utilisation: tuple[float, ...] | None = None,
        schedule: Schedule | None = None,
        carried: Carried | None = None,
    ) -> Self:
        """A number that remembers its parts."""
        cost = super().__new__(cls, value)
        parts = (carried, ledger, schedule, tasks, utilisation)
        for name, part in zip(cls.__slots__, parts, strict=True):
            object.__setattr__(cost, name, part)
        return cost

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: what was found to be the cost stays what it is."""
        raise AttributeError(f"a cost is not changed: {name} is what it was found to be")

    def __reduce__(self) -> tuple[object, ...]:
        parts = (self.tasks, self.ledger, self.utilisation, self.schedule, self.carried)
        return Cost, (self.value, *parts)

    @property
    def value(self) -> float:
        """The cost as a plain number."""
        return float(self)


def layer_time(layer: Layer, node: Node, execution: int | None = None) -> float:
    """Seconds that a layer takes on a node (docs/costs.md), in one execution.

    `execution` is the position of the pass; None: of the only one.
    """
    if layer.op == "input":
        return 0.0
    flops, is_plain = layer.flops, type(layer.output_bytes) is float and not layer.times_s
    if is_plain and type(flops) is float and node.memory_bytes_per_s is None:
        return node.overhead_s + flops / node.speed_flops  # what follows says the same, but slower
    if isinstance(layer.output_bytes, tuple) and figure_in(layer.output_bytes, execution) is None:
        return 0.0
    if node.name in layer.times_s:
        return figure_in(layer.times_s[node.name], execution)
    if node.tier in layer.times_s:
        return figure_in(layer.times_s[node.tier], execution)
    return node.overhead_s + work_time(layer, node, execution)


def work_time(layer: Layer, node: Node, execution: int | None = None) -> float:
    """Seconds that a layer's work keeps a node busy, its overhead apart: the roofline.

    It takes as long as the FLOP need at the node's speed, or the traffic at that of its memory.
    """
    seconds = figure_in(layer.flops, execution) / node.speed_flops
    if node.memory_bytes_per_s is None:
        return seconds
    return max(seconds, figure_in(layer.traffic_bytes, execution) / node.memory_bytes_per_s)


def follows_flops(layers: Iterable[Layer], nodes: Iterable[Node]) -> bool:
    """Whether the layers take what their FLOP need on every node: nothing measured, no traffic."""
    fast = all(node.memory_bytes_per_s is None for node in nodes)
    return not any(layer.times_s or (layer.traffic_bytes and not fast) for layer in layers)


def request_time(model: Model, layer: int, node: Node) -> float:
    """Seconds that a request keeps a node busy with a layer: all executions of every pass."""
    own = model.layers[layer]
    if model.passes is None:
        return layer_time(own, node)
    return sum(
        count * layer_time(own, node, execution) for execution, count in enumerate(model.counts)
    )


def destinations(instance: Instance, task: Task, decision: TaskDecision, layer: int) -> list[int]:
    """Node of every edge that leaves a layer (repeats kept), then where its result goes."""
    model = instance.model_of(task)
    nodes = [int(decision.placement[consumer]) for consumer in model.reads[layer]]
    if task.results_to is not None and model.results[layer]:
        nodes.append(instance.node_index[task.results_to])
    return nodes


def hops(
    instance: Instance, task: Task, decision: TaskDecision, transfers: str
) -> Iterator[tuple[int, int | None]]:
    """Every (layer, directed link) that a tensor of a task crosses; link None: no route.

    `once`: the links of the tree of routes from the producer to all destinations; `per-edge`: the
    whole route of every edge and of every result.
    """
    routes, places = routes_of(instance), decision.placement.tolist()
    for layer in _leaving(instance, task, decision):
        home = places[layer]
        nodes = destinations(instance, task, decision, layer)
        for leaves in [set(nodes)] if transfers == "once" else [{node} for node in nodes]:
            tree = () if leaves <= {home} else routes.tree(home, leaves)
            for link in [None] if tree is None else tree:
                yield layer, link


def _leaving(instance: Instance, task: Task, decision: TaskDecision) -> list[int]:
    """Layers that send and have a destination elsewhere: of the others nothing crosses a link."""
    model, places = instance.model_of(task), decision.placement
    tails, heads = model.edges.T
    leaves = np.zeros(len(places), bool)
    leaves[tails[places[tails] != places[heads]]] = True
    if task.results_to is not None:
        leaves |= model.results & (places != instance.node_index[task.results_to])
    if model.passes is not None:
        leaves &= model.sends > 0
    return [int(layer) for layer in np.flatnonzero(leaves)]


def layer_times(
    instance: Instance, task: Task, decision: TaskDecision
) -> Iterator[tuple[int, int, float]]:
    """(layer, node, seconds) of every layer of a task that is in no stage."""
    model, places = instance.model_of(task), decision.placement.tolist()
    layers = None if model.passes is not None else model.layers
    for layer in unsliced(decision):
        node = places[layer]
        if layers is None:
            yield layer, node, request_time(model, layer, instance.nodes[node])
        else:  # nearly always, and a call less
            yield layer, node, layer_time(layers[layer], instance.nodes[node])


def crossings(
    instance: Instance, task: Task, decision: TaskDecision, transfers: str
) -> Iterator[tuple[int, int | None, float, float]]:
    """(layer, directed link, bytes, seconds) of all `hops`; inf seconds where there is no route.

    Bytes and seconds are those of all executions that a request makes.
    """
    model = instance.model_of(task)
    for layer, link in hops(instance, task, decision, transfers):
        num_bytes, seconds = float(model.output_bytes[layer]), inf
        if link is not None:
            sends = float(model.sends[layer])
            seconds = instance.directed_links[link].seconds(num_bytes, sends)
        yield layer, link, num_bytes, seconds


def unsliced(decision: TaskDecision) -> list[int]:
    """Layers of a task that are in no stage."""
    if not decision.stages:
        return list(range(len(decision.placement)))
    sliced = {layer for stage in decision.stages for layer in stage.layers}
    return [layer for layer in range(len(decision.placement)) if layer not in sliced]
