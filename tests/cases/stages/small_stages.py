"""Small instances whose layers can be sliced, and every way to slice them, by enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from math import inf
from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, Task, Window
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Slice, Stage
from splitfog.formulations.tiles.grids import grid, parts
from splitfog.formulations.tiles.stage_shape import stage_shape_defects, window_output
from splitfog.instances.records import changed
from tests.cases.stages.random_stages import stages

Box = tuple[int, int, int, int]


def cluster(
    model: Model,
    speeds: list[float],
    bandwidths: list[float],
    latency_s: float = 0.0,
    memory_bytes: list[float | None] | None = None,
    **home: object,
) -> Instance:
    """A device, and edge nodes in a star around `e0`, which the device is linked to."""
    memory = memory_bytes or [None] * len(speeds)
    nodes = [Node(name="device", tier="device", speed_flops=min(speeds) / 50)]
    nodes += [
        Node(name=f"e{n}", tier="edge", speed_flops=speed, memory_bytes=limit)
        for n, (speed, limit) in enumerate(zip(speeds, memory, strict=True))
    ]
    nodes[1] = changed(nodes[1], **home)
    links = [Link(tail="device", head="e0", bandwidth_bps=1e9)]
    links += [
        Link(
            tail="e0",
            head=f"e{n + 1}",
            bandwidth_bps=bandwidth,
            latency_s=latency_s,
            delay_s=2 * n * latency_s,
        )
        for n, bandwidth in enumerate(bandwidths)
    ]
    return Instance(
        name="cluster",
        tiers=("device", "edge"),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(model,),
        tasks=(Task(name="task", model=model.name, source="device"),),
    )


def conv_chain(sizes: list[tuple[int, int, int]], height: int, width: int) -> Model:
    """Convolutions in a row, as (kernel, stride, padding); 100 FLOP an output element."""
    layers = [_layer("x", "input", (), (height, width), None)]
    for number, (kernel, stride, padding) in enumerate(sizes):
        window = Window(kernel=(kernel,) * 2, stride=(stride,) * 2, padding=(padding,) * 4)
        height, width = window_output(window, height, width)
        layers.append(_layer(f"c{number}", "conv", (layers[-1].name,), (height, width), window))
    return Model(name="convs", layers=tuple(layers))


def _layer(
    name: str, op: str, inputs: tuple[str, ...], size: tuple[int, int], window: Window | None
) -> Layer:
    area = size[0] * size[1]
    return Layer(
        name=name,
        op=op,  # type: ignore[arg-type]
        inputs=inputs,
        output_shape=(1, *size),
        output_bytes=4.0 * area,
        flops=0.0 if op == "input" else 100.0 * area,
        weight_bytes=0.0 if op == "input" else 40.0,
        window=window,
    )


@st.composite
def sliceable_instances(draw: st.DrawFn, coupled: bool = False) -> Instance:
    """A random stage of `random_stages` as the model of a star of two to four edge nodes."""
    model, _ = draw(stages(max_blocks=3))
    layers = tuple(
        layer
        if layer.op == "input"
        else changed(layer, flops=layer.output_bytes * draw(st.integers(1, 300)), weight_bytes=8.0)
        for layer in model.layers
    )
    count = draw(st.integers(2, 4))
    speeds = [draw(st.sampled_from([1e3, 2e3, 5e3])) for _ in range(count)]
    bandwidths = [draw(st.sampled_from([1e3, 1e4, 1e6])) for _ in range(count - 1)]
    home: dict[str, Any] = {}
    if coupled:
        home = draw(st.sampled_from([{"radio": "serial"}, {"overlap": False}]))
    latency = draw(st.sampled_from([0.0, 0.001]))
    return cluster(Model(name="m", layers=layers), speeds, bandwidths, latency, **home)


def all_cuts(height: int, width: int, nodes: list[int], side: int) -> Iterator[list[Slice]]:
    """Every cut of the family of `vsm` for equal nodes whose first is the home."""
    others = nodes[1:]
    middle = [*others[: len(others) // 2], nodes[0], *others[len(others) // 2 :]]
    for order in (nodes, middle):
        for rows in _borders(height, len(order)):
            yield _slices(order, [(a, b, 0, width) for a, b in rows])
        for columns in _borders(width, len(order)):
            yield _slices(order, [(0, height, a, b) for a, b in columns])
    for across in range(2, len(nodes) // 2 + 1):
        for down in range(2, len(nodes) // across + 1):
            fixed = parts(width, [1.0] * across).tolist()
            for rows in _borders(height, down):
                yield _slices(nodes, [(a, b, c, d) for a, b in rows for c, d in fixed])
            fixed = parts(height, [1.0] * across).tolist()
            for columns in _borders(width, down):
                yield _slices(nodes, [(a, b, c, d) for c, d in columns for a, b in fixed])
    for down in range(1, min(side, height) + 1):
        for across in range(1, min(side, width) + 1):
            boxes = [tuple(box) for box in grid(height, width, down, across).tolist()]
            yield _slices([nodes[t % len(nodes)] for t in range(len(boxes))], boxes)


def _borders(length: int, count: int) -> Iterator[list[tuple[int, int]]]:
    for inner in combinations_with_replacement(range(length + 1), count - 1):
        ends = [*inner, length]
        yield list(zip([0, *inner], ends, strict=True))


def _slices(nodes: list[int], boxes: list[Box]) -> list[Slice]:
    return [
        Slice(node, (a, b), (c, d))
        for node, (a, b, c, d) in zip(nodes, boxes, strict=False)
        if a < b and c < d
    ]


def least_chain_time(instance: Instance, home: int, nodes: list[int], side: int) -> float:
    """Least computing time of a chain at a home over all fuse points and `all_cuts`."""
    arrays = task_arrays(instance)
    model, task = arrays.model, instance.tasks[0]
    layers = [i for i in model.order.tolist() if model.layers[i].op != "input"]
    least = np.full(len(layers) + 1, inf)
    least[0] = 0.0
    for last in range(1, len(layers) + 1):
        least[last] = least[last - 1] + arrays.times_s[layers[last - 1], home]
        _, height, width = model.layers[layers[last - 1]].output_shape or (0, 0, 0)
        for first in range(last):
            stage = tuple(layers[first:last])
            if stage_shape_defects(model, stage):
                continue
            for slices in all_cuts(height, width, nodes, side):
                timeline = stage_timeline(instance, task, Stage(stage, home, tuple(slices)))
                assert timeline is not None
                least[last] = min(least[last], least[first] + timeline.end_s)
    return float(least[-1])
