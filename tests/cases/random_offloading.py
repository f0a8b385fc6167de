"""Small random offloading problems: devices and fog nodes, sliced and moved tasks of any kind."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from tests.cases.strategies import with_shared_weights

SIZE = 6
"""Rows and columns of every map."""


def random_offloading(
    rng: np.random.Generator,
    *,
    num_devices: int = 2,
    num_fog: int = 2,
    num_tasks: int = 3,
    slices: int = 2,
    utilisation: float = 0.4,
    whole: bool = False,
    quotas: bool = True,
    memory: bool = False,
    rates: bool = True,
    relays: bool = False,
) -> tuple[Instance, Decision]:
    """An instance and a template: some tasks whole, some with stages and runs.

    `slices` is the most a stage has; `whole` leaves stages out. `utilisation` sizes the rates
    such that all work on all nodes together would load them by about as much. `relays`: radios are
    parallel, and links a tree with a few one-way links beside it: slices share them on their ways.
    """
    nodes = _nodes(rng, num_devices, num_fog, quotas)
    if relays:
        nodes = [changed(node, radio="parallel") for node in nodes]
    models = tuple(_model(rng, f"model{i}") for i in range(2))
    tasks = [_task(rng, i, models, nodes[:num_devices], nodes) for i in range(num_tasks)]
    if rates:
        tasks = _rated(rng, tasks, models, nodes, utilisation)
    if memory:
        weights = sum(layer.weight_bytes for layer in models[0].layers)
        nodes = [changed(node, memory_bytes=float(rng.uniform(0.9, 2) * weights)) for node in nodes]
        models = with_shared_weights(rng, models, 0.5)
    instance = Instance(
        name="offloading",
        tiers=("device", "fog"),
        nodes=tuple(nodes),
        links=_tree(rng, nodes) if relays else _links(rng, nodes, num_devices),
        models=models,
        tasks=tuple(tasks),
    )
    answers = [_answer(rng, instance, task, slices, whole) for task in tasks]
    return instance, Decision(tuple(answers))


def without_rates(instance: Instance) -> Instance:
    """The same, its tasks without arrivals."""
    tasks = tuple(changed(task, arrivals_per_s=None) for task in instance.tasks)
    return changed(instance, tasks=tasks)


def _nodes(rng: np.random.Generator, devices: int, fog: int, quotas: bool) -> list[Node]:
    kinds = ["device"] * devices + ["fog"] * fog
    return [
        Node(
            name=f"n{i}",
            tier=tier,
            speed_flops=float(rng.integers(2, 9)) * (1e9 if tier == "device" else 4e9),
            overhead_s=float(rng.choice([0.0, 2e-4])),
            quota=int(rng.integers(0, 4)) if quotas and rng.random() < 0.5 else None,
            radio="serial" if rng.random() < 0.5 else "parallel",
        )
        for i, tier in enumerate(kinds)
    ]


def _links(rng: np.random.Generator, nodes: list[Node], devices: int) -> tuple[Link, ...]:
    pairs = [(i, j) for j in range(devices, len(nodes)) for i in range(j)]
    links = [
        Link(
            tail=nodes[i].name,
            head=nodes[j].name,
            bandwidth_bps=float(rng.choice([20, 80, 300])) * 1e6,
            latency_s=float(rng.choice([0.0, 1e-3])),
            delay_s=5e-3 * ((i + j) % 2),
            duplex=bool(rng.random() < 0.9),
        )
        for i, j in pairs
        if rng.random() < 0.85
    ]
    return tuple(links)


def _tree(rng: np.random.Generator, nodes: list[Node]) -> tuple[Link, ...]:
    """Every node linked to one before it, and at times one way to another, faster or slower."""
    pairs = [(int(rng.integers(j)), j, True) for j in range(1, len(nodes))]
    for j in range(2, len(nodes)):
        other = int(rng.integers(j))
        if rng.random() < 0.4 and other != pairs[j - 1][0]:
            pairs.append((j, other, False))
    return tuple(
        Link(
            tail=nodes[i].name,
            head=nodes[j].name,
            bandwidth_bps=float(rng.choice([20, 80, 300])) * 1e6,
            latency_s=float(rng.choice([0.0, 1e-3])),
            delay_s=float(rng.choice([0.0, 5e-3])),
            duplex=duplex,
        )
        for i, j, duplex in pairs
    )


def _model(rng: np.random.Generator, name: str) -> Model:
    """Convolutions that keep the map, one skip connection, a classifier; sometimes limits."""
    layers = [Layer(name="x", op="input", output_shape=(3, SIZE, SIZE), output_bytes=20_000.0)]
    count = int(rng.integers(3, 6))
    for i in range(count):
        op: Any = "conv" if i == 0 or rng.random() < 0.7 else "activation"
        window = Window(kernel=(3, 3), padding=(1, 1, 1, 1)) if op == "conv" else None
        layers.append(_layer(rng, f"c{i}", op, (layers[-1].name,), window))
    if rng.random() < 0.5:
        layers.append(_layer(rng, "sum", "add", (layers[-1].name, layers[-2].name), None))
    layers.append(
        Layer(
            name="fc",
            op="linear",
            inputs=(layers[-1].name,),
            flops=float(rng.integers(1, 30)) * 1e5,
            weight_bytes=4000.0,
            output_shape=(10,),
            output_bytes=40.0,
            result=True,
        )
    )
    if rng.random() < 0.2:
        layers[2] = changed(layers[2], result=True)
    return Model(name=name, layers=tuple(layers))


def _layer(
    rng: np.random.Generator, name: str, op: Any, inputs: tuple[str, ...], window: Window | None
) -> Layer:
    return Layer(
        name=name,
        op=op,
        inputs=inputs,
        flops=float(rng.integers(0, 60)) * 1e6,
        weight_bytes=float(rng.integers(0, 30)) * 100,
        output_shape=(4, SIZE, SIZE),
        output_bytes=float(rng.integers(1, 20)) * 1000,
        window=window,
        times_s={"n0": 0.004} if rng.random() < 0.1 else {},
        tiers=("device", "n2") if rng.random() < 0.05 else None,
    )


def _task(
    rng: np.random.Generator,
    position: int,
    models: tuple[Model, ...],
    sources: list[Node],
    nodes: list[Node],
) -> Task:
    return Task(
        name=f"task{position}",
        model=models[int(rng.integers(2))].name,
        source=sources[int(rng.integers(len(sources)))].name,
        results_to=nodes[int(rng.integers(len(nodes)))].name if rng.random() < 0.5 else None,
    )


def _rated(
    rng: np.random.Generator,
    tasks: list[Task],
    models: tuple[Model, ...],
    nodes: list[Node],
    utilisation: float,
) -> list[Task]:
    work = {model.name: sum(model.flops.tolist()) + 1e6 for model in models}
    speed = sum(node.speed_flops for node in nodes)
    return [
        task
        if rng.random() < 0.1
        else changed(
            task,
            arrivals_per_s=utilisation
            * float(rng.uniform(0.5, 1.5))
            * speed
            / (len(tasks) * work[task.model]),
        )
        for task in tasks
    ]


def _answer(
    rng: np.random.Generator, instance: Instance, task: Task, slices: int, whole: bool
) -> TaskDecision:
    """All on one node, or up to two stages at a home, with the rest at the source or moved."""
    model, source = instance.model_of(task), instance.node_index[task.source or ""]
    num_nodes, last = len(instance.nodes), len(model.layers) - 1
    place = int(rng.integers(num_nodes))
    placement = np.full(len(model.layers), place)
    placement[0] = source
    if whole or rng.random() < 0.3:
        return TaskDecision(frozen(placement))
    if rng.random() < 0.6:
        placement[:] = source
    home = source if rng.random() < 0.8 else int(rng.integers(num_nodes))
    if home != source:
        placement[1:] = home
    spans = [(1, 1), (2, 2)] if model.layers[1].result or rng.random() < 0.5 else [(1, 2)]
    if any(layer.result for layer in model.layers[1:last]) and spans == [(1, 2)]:
        spans = [(1, 1)]
    if model.layers[last - 1].op == "add" and last - 3 <= spans[-1][1]:
        spans = spans[:1] if spans[0][1] < last - 3 else [(1, 1)]
    stages = tuple(_stage(rng, home, span, num_nodes, slices) for span in spans)
    for stage in stages:
        placement[list(stage.layers)] = home
    return TaskDecision(frozen(placement), stages=stages)


def _stage(
    rng: np.random.Generator, home: int, span: tuple[int, int], num_nodes: int, slices: int
) -> Stage:
    pieces = int(rng.integers(1, slices + 1))
    inner = np.sort(rng.choice(np.arange(1, SIZE), pieces - 1, replace=False)).tolist()
    bounds = [0, *inner, SIZE]
    parts = tuple(
        Slice(int(rng.integers(num_nodes)), (start, stop), (0, SIZE))
        for start, stop in pairwise(bounds)
    )
    return Stage(tuple(range(span[0], span[1] + 1)), home, parts)
