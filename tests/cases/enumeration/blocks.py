"""Tiny chains of identical blocks, as language models are."""

from __future__ import annotations

import numpy as np

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def blocks(
    seed: int, triangle: bool = True, ends: bool = True, back: bool = False, target: str = "n0"
) -> Instance:
    """Three nodes, all linked, whose memory holds a little more than an embedding, four blocks and
    a head; the token comes from n0 and goes back there, with `back` from where the embedding is."""
    rng = np.random.default_rng(seed)
    size, count = 1e5, (3 if back else 4) if ends else 5
    names = [*["embed"] * ends, *[f"b{i}" for i in range(count)], *["head"] * ends]
    names += ["next"] * back
    layers = [Layer(name="x", op="input", output_bytes=4.0)]
    for name in names:
        work = {"embed": 1e6, "head": 5e7, "next": 1e6}.get(name, 3e7)
        weight = {"embed": 2e6, "head": 2.5e6, "next": 1e5}.get(name, 1e6)
        layers.append(
            Layer(
                name=name,
                op="other",
                inputs=(layers[-1].name,),
                flops=work,
                weight_bytes=weight,
                state_bytes=2e5 if name.startswith("b") else 0.0,
                output_bytes=size if name not in (names[-1], "head") else 4.0,
                group="ends" if back and name in ("embed", "next") else None,
            )
        )
    need = sum(layer.weight_bytes + layer.state_bytes for layer in layers)
    nodes = tuple(
        Node(
            name=f"n{i}",
            tier="t",
            speed_flops=float(rng.uniform(1, 9)) * 1e9,
            memory_bytes=need * float(rng.uniform(0.3, 0.7)),
        )
        for i in range(3)
    )
    lags = rng.uniform(1e-3, 1.9e-3 if triangle else 2e-2, 3)
    links = tuple(
        Link(
            tail=f"n{one}",
            head=f"n{other}",
            bandwidth_bps=1e9,
            latency_s=float(lag),
            delay_s=float(rng.choice([0.0, 1e-5])),
        )
        for (one, other), lag in zip([(0, 1), (1, 2), (0, 2)], lags, strict=True)
    )
    model = Model(name="m", layers=tuple(layers))
    task = Task(name="chat", model="m", source="n0", results_to=target)
    return Instance(
        name=f"blocks-{seed}",
        tiers=("t",),
        nodes=nodes,
        links=links,
        models=(model,),
        tasks=(task,),
        routing="direct",
    )
