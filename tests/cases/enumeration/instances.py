"""Small random instances with every feature, all of whose plans can be enumerated."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from splitfog.formulations.tiles.stage_shape import window_output
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed

MOST_PIXELS = {2: 9, 3: 4, 4: 3}
"""Of the maps that stages may make, by the number of nodes."""

MOST_TIMED = {2: 4, 3: 3, 4: 2}
"""The same, where the order of slices counts, too."""

MOST_LAYERS = {2: 4, 3: 3, 4: 2}
"""Beside the input, by the number of nodes."""


def small_instance(seed: int, *, streams: bool = True, pixels: int | None = None) -> Instance:
    """Two to four nodes, one or two tasks, maps of one to nine pixels made from larger ones.

    With `streams` tasks may have rates, and nodes quotas; half of the instances have all that
    limits a plan, memory, tiers and groups. `pixels`: the most of a map that a layer makes.
    """
    rng = np.random.default_rng(seed)
    count, limits = int(rng.choice([2, 2, 2, 3, 3, 4])), rng.random() < 0.5
    nodes = tuple(_node(rng, at, limits, streams) for at in range(count))
    tasks = 1 if count > 2 or rng.random() < 0.6 else 2
    pixels = pixels or (MOST_PIXELS if streams else MOST_TIMED)[count]
    models = [
        _model(rng, f"m{at}", pixels, MOST_LAYERS[count] - tasks + 1, limits)
        for at in range(1 if rng.random() < 0.6 else tasks)
    ]
    return Instance(
        name=f"small-{seed}",
        tiers=("device", "fog"),
        nodes=nodes,
        links=_links(rng, nodes),
        models=tuple(models),
        tasks=_tasks(rng, nodes, models, tasks, streams),
    )


def _node(rng: np.random.Generator, at: int, limits: bool, streams: bool) -> Node:
    return Node(
        name=f"n{at}",
        tier="device" if at == 0 or rng.random() < 0.4 else "fog",
        speed_flops=float(rng.choice([1, 2, 5, 20])) * 1e9,
        overhead_s=float(rng.choice([0, 0, 2e-4, 2e-3])),
        memory_bytes=float(rng.integers(2, 12)) if limits and rng.random() < 0.5 else None,
        quota=int(rng.integers(0, 3)) if streams and rng.random() < 0.35 else None,
        overlap=bool(rng.random() < 0.9),
        radio="serial" if rng.random() < 0.5 else "parallel",
    )


def _links(rng: np.random.Generator, nodes: tuple[Node, ...]) -> tuple[Link, ...]:
    """A line, so that most tensors are relayed, or nearly all pairs; some other ways back."""
    line, links = rng.random() < 0.4, []
    fast = float(rng.choice([1, 1, 10, 100]))
    for a, b in combinations(range(len(nodes)), 2):
        if rng.random() < 0.15 or (line and b - a > 1 and rng.random() < 0.8):
            continue
        ends = [(a, b), (b, a)] if rng.random() < 0.3 else [(a, b)]
        one_way = len(ends) == 2 or rng.random() < 0.08
        links += [
            Link(
                tail=nodes[tail].name,
                head=nodes[head].name,
                bandwidth_bps=float(rng.choice([5, 20, 100])) * 1e6 * fast,
                latency_s=float(rng.choice([0, 0, 1e-3, 4e-3])),
                delay_s=float(rng.choice([0, 0, 2e-3])),
                duplex=not one_way,
            )
            for tail, head in ends
        ]
    return tuple(links)


def _model(rng: np.random.Generator, name: str, pixels: int, count: int, limits: bool) -> Model:
    """Convolutions, pools, elementwise layers, branches joined again, results, a classifier."""
    begins = rng.random() < 0.9
    layers: list[Layer] = []
    if begins:
        size = tuple(int(s) for s in rng.integers(1, 8, 2))
        bytes_ = float(rng.integers(1, 40)) * 1e3
        layers = [Layer(name="x", op="input", output_shape=(2, *size), output_bytes=bytes_)]
    else:
        layers = [_first(rng)]
        count -= 1
    for at in range(count):
        layers.append(_layer(rng, f"l{at}", layers, pixels))
    if rng.random() < 0.25:
        flops = float(rng.integers(0, 30)) * 1e5
        layers[-1] = Layer(
            name="fc", op="linear", inputs=layers[-1].inputs, flops=flops, output_bytes=40.0
        )
    return Model(name=name, layers=tuple(_limited(rng, layers, limits)))


def _first(rng: np.random.Generator) -> Layer:
    """A layer without inputs, which may run anywhere."""
    size = tuple(int(s) for s in rng.integers(1, 6, 2))
    return Layer(name="x", op="other", flops=2e6, output_shape=(2, *size), output_bytes=2e4)


def _layer(rng: np.random.Generator, name: str, layers: list[Layer], most: int) -> Layer:
    kind = rng.random()
    tensor = layers[-1] if rng.random() < 0.85 else layers[int(rng.integers(len(layers)))]
    shape = tensor.output_shape or (2, 1, 1)
    height, width = shape[1:]
    same = [other.name for other in layers if other.output_shape == shape and other is not tensor]
    op: Any = str(rng.choice(["activation", "norm", "identity"]))
    inputs: tuple[str, ...] = (tensor.name,)
    window = None
    if kind < 0.65 or height * width > most:
        op, window = _window(rng, height, width, most)
        shape = (2, *window_output(window, height, width))
    elif same and kind < 0.9:
        op, inputs = str(rng.choice(["add", "multiply", "concat"])), (tensor.name, same[-1])
    flops = float(rng.integers(0, 40)) * 1e6 * (0.1 if window is None else 1.0)
    num_bytes = float(rng.integers(0, 12)) * 1e3
    if window is None and rng.random() < 0.7:
        num_bytes = float(tensor.output_bytes)  # type: ignore[arg-type]
    return Layer(
        name=name,
        op=op,
        inputs=inputs,
        output_shape=shape,
        window=window,
        flops=flops,
        output_bytes=num_bytes,
        times_s={"n1": 0.004, "fog": 0.002} if rng.random() < 0.12 else {},
        result=bool(rng.random() < 0.06),
    )


def _window(rng: np.random.Generator, height: int, width: int, most: int) -> tuple[Any, Window]:
    """One that makes a map of at most so many pixels; some of which see padding only."""
    while True:
        kernel = _pair(rng.integers(1, 4, 2))
        stride = _pair(rng.choice([1, 1, 2, 3], 2))
        dilation = (1, 1) if rng.random() < 0.8 else (2, 2)
        before, after = _pair(rng.integers(0, 3, 2)), _pair(rng.integers(0, 3, 2))
        op = "conv"
        if rng.random() < 0.3:
            op = "max-pool"
            before, after = (_pair(np.minimum(p, np.array(kernel) - 1)) for p in (before, after))
        window = Window(kernel=kernel, stride=stride, dilation=dilation, padding=(*before, *after))
        made = window_output(window, height, width)
        if min(made) >= 1 and made[0] * made[1] <= most:
            return op, window
        if rng.random() < 0.02:
            return "conv", Window(kernel=(height, width))


def _pair(numbers: Any) -> tuple[int, int]:
    return int(numbers[0]), int(numbers[1])


def _limited(rng: np.random.Generator, layers: list[Layer], limits: bool) -> list[Layer]:
    if not limits:
        return layers
    group: list[int] = []
    if rng.random() < 0.3 and len(layers) > 1:
        group = rng.choice(len(layers), 2, replace=False).tolist()
    return [
        layer
        if layer.op == "input"
        else changed(
            layer,
            weight_bytes=float(rng.integers(0, 5)),
            tiers=("device", "n1") if rng.random() < 0.12 else None,
            group="g" if at in group else None,
        )
        for at, layer in enumerate(layers)
    ]


def _tasks(
    rng: np.random.Generator,
    nodes: tuple[Node, ...],
    models: list[Model],
    count: int,
    streams: bool,
) -> tuple[Task, ...]:
    tasks = []
    rated = streams and rng.random() < 0.75
    speed = sum(node.speed_flops for node in nodes)
    for at in range(count):
        model = models[min(at, len(models) - 1)]
        closed = any(layer.op == "input" for layer in model.layers)
        work = float(model.flops.sum()) + 1e6
        rate = float(rng.uniform(0.02, 0.6)) * speed / count / work
        source = nodes[int(rng.integers(len(nodes)))].name
        target = nodes[int(rng.integers(len(nodes)))].name
        tasks.append(
            Task(
                name=f"t{at}",
                model=model.name,
                source=source if closed or rng.random() < 0.5 else None,
                results_to=target if rng.random() < 0.5 else None,
                arrivals_per_s=rate if rated and (at == 0 or rng.random() < 0.9) else None,
            )
        )
    return tuple(tasks)
