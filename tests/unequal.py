"""Instances whose times spread widely: a Raspberry Pi beside GPU servers, with tight memory."""

from __future__ import annotations

import numpy as np

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def unequal_instance(
    rng: np.random.Generator, ratio: float, num_layers: int | None = None
) -> Instance:
    """A slow node and one to three others `ratio` times as fast, few layers, all in one tier.

    One in three has a table of times instead, each anywhere within `ratio`; then no node is fast
    at everything. Weights are whole numbers that mostly fill all memory but a little.
    """
    num_nodes, few_layers = int(rng.integers(2, 5)), int(rng.integers(3, 8))
    num_layers = num_layers or (min(few_layers, 5) if num_nodes == 4 else few_layers)
    names = [f"n{i}" for i in range(num_nodes)]
    tabled = bool(rng.random() < 1 / 3)
    weights = rng.integers(1, 4, num_layers).astype(float)
    tight = bool(rng.random() < 0.7)
    layers = [
        Layer(
            name=f"l{i}",
            op="other",
            inputs=_inputs(rng, i),
            flops=float(f"{10 ** rng.uniform(9, 11):.2g}"),
            weight_bytes=float(weights[i]),
            output_bytes=float(rng.choice([0.0, 1e3, 1e5, 1e7])),
            times_s=_times(rng, names, ratio) if tabled else {},
        )
        for i in range(num_layers)
    ]
    room = float(np.ceil(weights.sum() / num_nodes) + rng.integers(0, 3))
    speeds = [2e9, *(2e9 * ratio * float(rng.choice([1, 2, 4])) for _ in names[1:])]
    return Instance(
        name=f"unequal-{int(rng.integers(1_000_000))}",
        tiers=("fog",),
        nodes=tuple(
            Node(name=name, tier="fog", speed_flops=s, memory_bytes=room if tight else None)
            for name, s in zip(names, speeds, strict=True)
        ),
        links=_links(rng, names),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="t", model="m", source=None),),
    )


def _inputs(rng: np.random.Generator, i: int) -> tuple[str, ...]:
    count = min(i, int(rng.choice([0, 1, 1, 1, 2])))
    before = rng.choice(np.arange(max(0, i - 3), i), min(count, 3), replace=False) if count else ()
    return tuple(f"l{j}" for j in before)


def _times(rng: np.random.Generator, names: list[str], ratio: float) -> dict[str, float]:
    return {name: float(f"{1e-6 * ratio ** rng.uniform(0, 1):.3g}") for name in names}


def _links(rng: np.random.Generator, names: list[str]) -> tuple[Link, ...]:
    """All pairs, or a star around the slow node; a link in four is as slow as the slow node."""
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    if rng.random() < 1 / 3:
        pairs = [pair for pair in pairs if names[0] in pair]
    return tuple(
        Link(
            tail=a,
            head=b,
            bandwidth_bps=float(rng.choice([1e5, 1e9, 1e9, 1e12])),
            latency_s=float(rng.choice([0.0, 1e-4, 1e-4])),
            delay_s=1e-4 * (a == names[1]),
        )
        for a, b in pairs
    )
