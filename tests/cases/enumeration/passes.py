"""Small random instances whose models have passes, with tensors that are not always sent."""

from __future__ import annotations

from typing import Literal

import numpy as np

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Pass, Task

Network = Literal["line", "mesh", "direct"]


def with_passes(
    seed: int,
    network: Network,
    *,
    chain: bool = True,
    layers: int = 5,
    roomy: bool = True,
    idle: bool = True,
) -> Instance:
    """A task on three nodes: a line of tiers, one tier whose nodes relay, or one that does not.

    Parameters
    ----------
    chain
        Whether every layer reads the one before it only.
    roomy
        Whether no memory limit binds; else all nodes together hold 1.5 times what is needed.
    idle
        Whether some layer does not run in the second pass.
    """
    rng = np.random.default_rng(seed)
    model = _model(rng, chain, layers, idle)
    need = sum(layer.weight_bytes + layer.state_bytes for layer in model.layers)
    tiers = ("t0", "t1", "t2") if network == "line" else ("t",)
    nodes = tuple(
        Node(
            name=f"n{i}",
            tier=tiers[i % len(tiers)],
            speed_flops=float(rng.uniform(1, 9)) * 1e9,
            memory_bytes_per_s=float(rng.uniform(1, 9)) * 1e8,
            overhead_s=float(rng.choice([0.0, 1e-3])),
            memory_bytes=None if roomy else need * float(rng.uniform(0.4, 0.6)),
            overlap=bool(rng.random() < 0.7),
        )
        for i in range(3)
    )
    ends = [(0, 1), (1, 2)] + ([(0, 2)] if network != "line" and rng.random() < 0.6 else [])
    links = tuple(
        Link(
            tail=f"n{one}",
            head=f"n{other}",
            bandwidth_bps=float(rng.uniform(1, 9)) * 1e7,
            latency_s=float(rng.uniform(0, 3)) * 1e-3,
            delay_s=float(rng.choice([0.0, 2e-3])),
        )
        for one, other in ends
    )
    return Instance(
        name=f"passes-{network}-{seed}",
        tiers=tiers,
        nodes=nodes,
        links=links,
        models=(model,),
        tasks=(
            Task(
                name="job",
                model="m",
                source="n0",
                results_to=str(rng.choice(["n0", "n1"])) if rng.random() < 0.6 else None,
            ),
        ),
        routing="direct" if network == "direct" else "relay",
    )


def _model(rng: np.random.Generator, chain: bool, count: int, idle: bool) -> Model:
    """A first layer of input, then layers with figures of two passes."""
    without = int(rng.integers(0, count)) if idle else -1
    layers = [Layer(name="x", op="input", output_bytes=_pair(rng, 1e4, without == 0))]
    for i in range(1, count):
        inputs = [layers[i - 1].name]
        if not chain and i > 1 and rng.random() < 0.6:
            inputs.append(layers[int(rng.integers(0, i - 1))].name)
        layers.append(
            Layer(
                name=f"b{i}",
                op="other",
                inputs=tuple(inputs),
                flops=tuple(float(x) for x in rng.uniform(1e6, 1e8, 2)),
                traffic_bytes=tuple(float(x) for x in rng.uniform(1e5, 1e7, 2)),
                output_bytes=_pair(rng, 1e5, without == i),
                weight_bytes=float(rng.uniform(1, 4)) * 1e6,
                state_bytes=float(rng.uniform(0, 2)) * 1e6,
                times_s={"n2": (0.01, 0.004)} if rng.random() < 0.2 else {},
            )
        )
    passes = (Pass(name="prefill"), Pass(name="decode", count=int(rng.integers(2, 9))))
    return Model(name="m", layers=tuple(layers), passes=passes)


def _pair(rng: np.random.Generator, size: float, is_idle: bool) -> tuple[float | None, ...]:
    first, second = (float(x) for x in rng.uniform(0.1, 1, 2) * size)
    return (first, None if is_idle else second)
