"""Instances small enough to work out by hand, and the optimum of any small one by enumeration."""

from __future__ import annotations

from itertools import pairwise, product
from math import inf
from typing import Any

import numpy as np

from splitfog import Instance, Layer, Link, Model, Node, Task
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed


def best_of_all(instance: Instance, objective: Objective) -> float:
    """The least cost of all placements (in the default order); inf if none is feasible."""
    sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
    best = inf
    for nodes in product(range(len(instance.nodes)), repeat=sum(sizes)):
        decision = placed(*np.split(np.array(nodes), np.cumsum(sizes)[:-1]))
        if not decision_violations(instance, decision, objective):
            best = min(best, float(decision_cost(instance, decision, objective)))
    return best


def from_lowest(instance: Instance, results_to: str | None = None) -> Instance:
    """The same with the data of its one task at the first node, of the lowest tier."""
    task = changed(instance.tasks[0], source=instance.nodes[0].name, results_to=results_to)
    return changed(instance, tasks=(task,))


def network(
    layers: list[Layer],
    nodes: list[Node] | None = None,
    links: list[Link] | None = None,
    **task: Any,
) -> Instance:
    """One task on nodes of 1, 10 and 100 GFLOP/s in a line, 1 MB/s and 4 MB/s, without latency."""
    nodes = nodes or [node("d", 1e9, "device"), node("e", 10e9, "edge"), node("c", 100e9, "cloud")]
    if links is None:
        ends = list(pairwise(nodes))
        links = [link(a.name, b.name, 8e6 * 4**i) for i, (a, b) in enumerate(ends)]
    return Instance(
        name="small",
        tiers=("device", "edge", "cloud"),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(**{"name": "t", "model": "m", "source": "d", **task}),),
    )


def node(name: str, speed: float, tier: str, **rest: Any) -> Node:
    """A node."""
    return Node(name=name, tier=tier, speed_flops=speed, **rest)


def link(tail: str, head: str, bandwidth: float, **rest: Any) -> Link:
    """A link."""
    return Link(tail=tail, head=head, bandwidth_bps=bandwidth, **rest)


def layer(name: str, gigaflop: float, megabytes: float, *inputs: str, **rest: Any) -> Layer:
    """A layer; `input` where its name begins so."""
    op = "input" if name.startswith("in") else "other"
    return Layer(
        name=name,
        op=rest.pop("op", op),
        flops=gigaflop * 1e9,
        output_bytes=megabytes * 1e6,
        inputs=inputs,
        **rest,
    )


def chain(*figures: tuple[float, float]) -> list[Layer]:
    """A chain of layers a, b, ... of (GFLOP, MB out) after an input of the first's MB."""
    layers = [layer("in", 0, figures[0][1])]
    for position, (work, size) in enumerate(figures[1:]):
        layers.append(layer("abcdefgh"[position], work, size, layers[-1].name))
    return layers


def places(instance: Instance, plan: Any, task: str = "t") -> str:
    """The nodes of a plan's layers in file order, one letter each."""
    placement = plan.placement(task)
    model = instance.model_of(next(t for t in instance.tasks if t.name == task))
    return "".join(placement[layer.name][0] for layer in model.layers)
