"""Small random instances for `latency`, wider than `sliced_case`: more branches, strides that step
over rows, paddings beyond the map, three tiers with links across two, work and ways of one size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.stage_shape import window_output
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window

TIERS = ("device", "edge", "cloud")

SIZES = ((1, 1), (2, 1), (4, 1), (1, 4), (2, 2), (3, 1), (6, 1), (5, 1), (3, 2))


def wide_case(rng: np.random.Generator) -> tuple[Instance, Objective]:
    """One to three nodes, one task or two of a model of up to six layers."""
    count = int(rng.choice([1, 2, 2, 2, 3]))
    scale = float(rng.choice([1e-1, 1, 1, 10]))
    nodes = tuple(_node(rng, at) for at in range(count))
    links = _links(rng, count)
    model = _model(rng, count, scale)
    tasks = [Task(name="t", model="m", source=_any(rng, count), results_to=_due(rng, count))]
    if rng.random() < 0.15:
        tasks.append(Task(name="t2", model="m", source=_any(rng, count)))
    instance = Instance(
        name="wide",
        tiers=TIERS,
        nodes=nodes,
        links=links,
        models=(model,),
        tasks=tuple(tasks),
        routing="direct" if rng.random() < 0.15 else "relay",
    )
    transfers: Any = "once" if rng.random() < 0.6 else "per-edge"
    return instance, Objective("latency", transfers, bool(rng.random() < 0.5))


def _any(rng: np.random.Generator, count: int) -> str:
    return f"n{int(rng.integers(count))}"


def _due(rng: np.random.Generator, count: int) -> str | None:
    return _any(rng, count) if rng.random() < 0.3 else None


def _node(rng: np.random.Generator, at: int) -> Node:
    return Node(
        name=f"n{at}",
        tier=TIERS[min(at, 2)] if rng.random() < 0.5 else TIERS[int(rng.integers(3))],
        speed_flops=float(rng.choice([1, 2, 4, 16])),
        overhead_s=float(rng.choice([0, 0, 0.1, 1])),
        radio="serial" if rng.random() < 0.4 else "parallel",
        overlap=bool(rng.random() < 0.8),
    )


def _links(rng: np.random.Generator, count: int) -> tuple[Link, ...]:
    links = []
    for low in range(count):
        for high in range(low + 1, count):
            if count == 3 and rng.random() < 0.3:
                continue
            both = bool(rng.random() < 0.5)
            for tail, head in ((low, high), (high, low))[: 1 if both else 2]:
                links.append(
                    Link(
                        tail=f"n{tail}",
                        head=f"n{head}",
                        bandwidth_bps=float(rng.choice([1, 8, 64, 1000])),
                        latency_s=float(rng.choice([0, 0, 0.3, 2])),
                        delay_s=float(rng.choice([0, 0, 0, 0.5])),
                        duplex=both,
                    )
                )
    return tuple(links)


def _model(rng: np.random.Generator, count: int, scale: float) -> Model:
    size = SIZES[int(rng.integers(len(SIZES)))]
    num_bytes = float(rng.integers(0, 8)) * scale
    layers = [Layer(name="x", op="input", output_shape=(1, *size), output_bytes=num_bytes)]
    for at in range(int(rng.integers(2, 7 - (count == 3)))):
        layers.append(_layer(rng, f"l{at}", layers, count, scale))
    return Model(name="m", layers=tuple(layers))


def _layer(
    rng: np.random.Generator, name: str, layers: list[Layer], count: int, scale: float
) -> Layer:
    """A window, a join of two tensors or of one with itself, elementwise, or one that is no map."""
    most = 4 if count < 3 else 3
    kind, before = rng.random(), layers[-1]
    if rng.random() >= 0.55:
        before = layers[int(rng.integers(len(layers)))]
    inputs: tuple[str, ...] = (before.name,)
    shape, window = before.output_shape or (), None
    if len(shape) != 3 or rng.random() < 0.07:
        flops, num_bytes = float(rng.integers(0, 4)), float(rng.integers(0, 8)) * scale
        return Layer(name=name, op="linear", inputs=inputs, flops=flops, output_bytes=num_bytes)
    alike = [one.name for one in layers if one.output_shape == shape and one is not before]
    op: Any = str(rng.choice(["activation", "norm", "identity"]))
    flops = float(rng.choice([0, 1, 4, 8]))
    if kind < 0.45 or shape[1] * shape[2] > most:
        op, flops = "conv", float(rng.integers(0, 12))
        window = _window(rng, shape[1], shape[2], most)
        shape = (1, *window_output(window, shape[1], shape[2]))
    elif alike and kind < 0.75:
        op, inputs = "add", (before.name, alike[int(rng.integers(len(alike)))])
    elif kind < 0.8:
        op, inputs = "add", (before.name, before.name)
    made = window is not None or rng.random() < 0.3
    return Layer(
        name=name,
        op=op,
        inputs=inputs,
        output_shape=shape,
        window=window,
        flops=flops,
        output_bytes=float(rng.integers(0, 8)) * scale if made else before.output_bytes,
        times_s={"n0": 2.0} if rng.random() < 0.05 else {},
        tiers=(_any(rng, count),) if rng.random() < 0.05 else None,
        result=bool(rng.random() < 0.05),
    )


def _window(rng: np.random.Generator, height: int, width: int, most: int) -> Window:
    """One that makes a map of at most so many pixels; some of which may see padding only."""
    for _ in range(30):
        kernel, stride, dilation = (
            (int(pair[0]), int(pair[1]))
            for pair in (
                rng.integers(1, 4, 2),
                rng.choice([1, 1, 2, 3], 2),
                rng.choice([1, 1, 1, 2], 2),
            )
        )
        top, left, bottom, right = (int(side) for side in rng.choice([0, 0, 1, 2], 4))
        window = Window(
            kernel=kernel, stride=stride, dilation=dilation, padding=(top, left, bottom, right)
        )
        made = window_output(window, height, width)
        if min(made) >= 1 and made[0] * made[1] <= most:
            return window
    return Window(kernel=(height, width))
