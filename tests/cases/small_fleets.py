"""Small fleets for replicas, and the most that any of all their plans carries."""

from __future__ import annotations

from itertools import product

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Replica, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def random_fleet(seed: int) -> Instance:
    """Two or three nodes and layers, rates by a table or by times, links that bind or not."""
    rng = np.random.default_rng(seed)
    count, layers = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    names = [f"n{at}" for at in range(count)]
    nodes = tuple(
        Node(
            name=name,
            tier=str(rng.choice(["big", "small"])),
            speed_flops=float(rng.uniform(1, 4)),
            memory_bytes=float(rng.integers(1, layers + 2)) if rng.random() < 0.5 else None,
        )
        for name in names
    )
    chain = [Layer(name="in", op="input", output_bytes=float(rng.integers(0, 3)))]
    for at in range(layers):
        chain.append(
            Layer(
                name=f"l{at}",
                op="other",
                inputs=(chain[-1].name,),
                flops=float(rng.uniform(0.5, 2)),
                weight_bytes=1.0,
                output_bytes=float(rng.integers(0, 3)),
                tiers=("big",) if rng.random() < 0.1 else None,
            )
        )
    rates = {}
    if rng.random() < 0.6:
        rates = {
            place: tuple(float(rng.uniform(0.2, 3)) / (k + 1) for k in range(layers))
            for place in ("big", "small", "n0")
        }
    links = tuple(
        Link(tail=tail, head=head, bandwidth_bps=float(rng.uniform(2, 30)))
        for at, tail in enumerate(names)
        for head in names[:at]
        if rng.random() < 0.9
    )
    return Instance(
        name=f"fleet-{seed}",
        tiers=("big", "small"),
        nodes=nodes,
        links=links,
        models=(Model(name="m", layers=tuple(chain), stage_rates=rates),),
        tasks=(
            Task(
                name="job",
                model="m",
                source="n0",
                results_to=str(rng.choice(names)) if rng.random() < 0.5 else None,
            ),
        ),
        routing="direct" if rng.random() < 0.5 else "relay",
    )


def most_of_all(instance: Instance, partial: bool) -> float:
    """Executions per second of the best of all feasible plans, by the reference alone."""
    objective = Objective("throughput", partial=partial)
    count = len(instance.models[0].layers) - 1
    spans = [None, *((a, b) for a in range(count) for b in range(a + 1, count + 1))]
    most = 0.0
    for chosen in product(spans, repeat=len(instance.nodes)):
        replicas = tuple(
            Replica(node, tuple(range(span[0] + 1, span[1] + 1)))
            for node, span in enumerate(chosen)
            if span is not None
        )
        held = {layer for replica in replicas for layer in replica.layers}
        if len(held) < count:
            continue  # nothing flows
        answer = TaskDecision(np.zeros(count + 1, np.int64), replicas=replicas)
        decision = Decision((answer,))
        if not decision_violations(instance, decision, objective):
            most = max(most, 1 / float(decision_cost(instance, decision, objective)))
    return most
