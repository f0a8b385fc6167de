"""Tiny random chains: groups, shared weights, links that are missing, nodes that are alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def tiny_chain(seed: int, halting: bool = False) -> Instance:
    """Two to four layers on two or three nodes, which hold 0.3 to 0.8 of the need each or all.

    Parameters
    ----------
    halting
        Whether some nodes cannot compute while they send or receive.
    """
    rng = np.random.default_rng(seed)
    count, size = int(rng.integers(2, 4)), int(rng.integers(2, 5))
    has_input = bool(rng.random() < 0.8)
    layers = _layers(rng, size, has_input)
    need = sum(layer.weight_bytes for layer in layers)
    same = bool(rng.random() < 0.2)
    speeds, rooms = rng.uniform(1, 9, count), rng.uniform(0.3, 0.8, count)
    limited, halts = rng.random(count) < 0.7, rng.random(count) < 0.4
    nodes = tuple(
        Node(
            name=f"n{at}",
            tier="t",
            speed_flops=float(speeds[0 if same else at]) * 1e9,
            memory_bytes=need * float(rooms[0 if same else at]) if limited[at] or same else None,
            overlap=not (halting and halts[at]),
        )
        for at in range(count)
    )
    links = tuple(
        Link(
            tail=f"n{one}",
            head=f"n{other}",
            bandwidth_bps=1e8 if same else float(rng.uniform(1, 9)) * 1e8,
            latency_s=0.0 if same else float(rng.uniform(0, 3)) * 1e-3,
            delay_s=0.0 if same else float(rng.choice([0.0, 2e-3])),
        )
        for one in range(count)
        for other in range(one + 1, count)
        if same or rng.random() < 0.85
    )
    target = (None, "n0", f"n{count - 1}")[int(rng.integers(3))]
    source = "n0" if has_input else None
    return Instance(
        name=f"chain-{seed}",
        tiers=("t",),
        nodes=nodes,
        links=links,
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="job", model="m", source=source, results_to=target),),
        routing="direct",
    )


def _layers(rng: np.random.Generator, size: int, has_input: bool) -> list[Layer]:
    """Layers of which two may have to be together, and the ends may share weights."""
    weights = rng.uniform(1, 4, size) * 1e6
    grouped = set(rng.choice(size, 2, replace=False).tolist()) if rng.random() < 0.3 else set()
    tied = bool(rng.random() < 0.3)
    weights[-1] = weights[0] if tied else weights[-1]
    layers = []
    if has_input:
        sent = float(rng.choice([0.0, 1e3, 1e5]))
        layers.append(Layer(name="x", op="input", output_bytes=sent))
    for at in range(size):
        layers.append(
            Layer(
                name=f"b{at}",
                op="other",
                inputs=(layers[-1].name,) if layers else (),
                flops=float(rng.uniform(1, 9)) * 1e7,
                weight_bytes=float(weights[at]),
                state_bytes=float(rng.choice([0.0, 1e6])),
                output_bytes=float(rng.choice([0.0, 1e4, 1e6])),
                group="g" if at in grouped else None,
                weights="w" if tied and at in (0, size - 1) else None,
            )
        )
    return layers


def placements(instance: Instance) -> Iterator[Decision]:
    """Every node for every layer, the input at the source."""
    layers = instance.models[0].layers
    places = [range(1 if layer.op == "input" else len(instance.nodes)) for layer in layers]
    return (placed(np.array(nodes, np.int64)) for nodes in product(*places))


def least(instance: Instance, objective: Objective) -> float:
    """Seconds of the best placement by trying all; inf: there is none."""
    values = [
        float(decision_cost(instance, decision, objective))
        for decision in placements(instance)
        if not decision_violations(instance, decision, objective)
    ]
    return min(values, default=inf)
