"""Small random instances of streams of any kind, and good plans for them, stages included."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.stage_shape import stage_shape_defects, window_output
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window

LOOSE = Objective("mean-latency", monotone=False)

Span = tuple[int, int]


def streams(rng: np.random.Generator) -> Instance:
    """Two to four nodes, one to three tasks; maps of one pixel too, any radios, quotas, ways."""
    devices, fog = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    nodes = tuple(
        _node(rng, at, "device" if at < devices else "fog") for at in range(devices + fog)
    )
    models = tuple(_model(rng, f"m{at}") for at in range(int(rng.integers(1, 3))))
    return Instance(
        name="streams",
        tiers=("device", "fog"),
        nodes=nodes,
        links=_links(rng, nodes),
        models=models,
        tasks=_tasks(rng, nodes, devices, models),
    )


def best_plan(rng: np.random.Generator, instance: Instance, *, sliced: bool, tries: int) -> float:
    """The value of the best of so many random plans, the later ones near the best; inf: none."""
    legal = {model.name: _legal_stages(model) if sliced else [] for model in instance.models}
    least, top = np.inf, None
    for turn in range(tries):
        answers = [_answer(rng, instance, task, legal[task.model]) for task in instance.tasks]
        if top is not None and turn >= tries // 3:
            change = int(rng.integers(len(answers)))
            answers = [*top.tasks[:change], answers[change], *top.tasks[change + 1 :]]
        decision = Decision(tuple(answers))
        value = float(decision_cost(instance, decision, LOOSE))
        if value < least and not decision_violations(instance, decision, LOOSE):
            least, top = value, decision
    return least


def _node(rng: np.random.Generator, at: int, tier: str) -> Node:
    return Node(
        name=f"n{at}",
        tier=tier,
        speed_flops=float(rng.integers(2, 9)) * (1e9 if tier == "device" else 4e9),
        overhead_s=float(rng.choice([0, 0, 2e-4, 2e-3])),
        quota=[None, 0, 1, 3][int(rng.integers(4))] if rng.random() < 0.5 else None,
        radio="serial" if rng.random() < 0.5 else "parallel",
    )


def _links(rng: np.random.Generator, nodes: tuple[Node, ...]) -> tuple[Link, ...]:
    """Some one way only, some with other figures backwards."""
    links: list[Link] = []
    taken: set[tuple[str, str]] = set()
    for tail in nodes:
        for head in nodes:
            back = (head.name, tail.name)
            if tail is head or (tail.name, head.name) in taken or rng.random() < 0.3:
                continue
            both = back not in taken and rng.random() < 0.7
            taken |= {(tail.name, head.name), back} if both else {(tail.name, head.name)}
            links.append(
                Link(
                    tail=tail.name,
                    head=head.name,
                    bandwidth_bps=float(rng.choice([20, 80, 300, 3000])) * 1e6,
                    latency_s=float(rng.choice([0, 0, 1e-3])),
                    delay_s=float(rng.choice([0, 0, 2e-3])),
                    duplex=bool(both),
                )
            )
    return tuple(links)


def _model(rng: np.random.Generator, name: str) -> Model:
    """Windows of any kind, skip connections, a classifier; some times, tiers and results."""
    size = int(rng.choice([1, 2, 4, 6, 9]))
    shape = (2, size, max(1, size - int(rng.integers(2))))
    layers = [
        Layer(
            name="x",
            op="input",
            output_shape=shape,
            output_bytes=float(rng.integers(1, 30)) * 1e3,
        )
    ]
    for at in range(int(rng.integers(2, 5))):
        layers.append(_layer(rng, f"l{at}", layers))
    if rng.random() < 0.5:
        before = (layers[-1].name,)
        flops = float(rng.integers(1, 30)) * 1e5
        layers.append(Layer(name="fc", op="linear", inputs=before, flops=flops, output_bytes=40.0))
    return Model(name=name, layers=tuple(layers))


def _layer(rng: np.random.Generator, name: str, layers: list[Layer]) -> Layer:
    before, kind = layers[-1], rng.random()
    shape = before.output_shape or ()
    height, width = shape[1:]
    op: Any = "activation"
    inputs: tuple[str, ...] = (before.name,)
    window = None
    if kind < 0.6:
        op, kernel = "conv", int(rng.integers(1, 4))
        stride = int(rng.integers(1, 3)) if min(height, width) > 2 else 1
        padding = int(rng.integers(0, kernel))
        if kernel > min(height, width) + 2 * padding:
            kernel, padding = 1, 0
        window = Window(kernel=(kernel,) * 2, stride=(stride,) * 2, padding=(padding,) * 4)
        shape = (2, *window_output(window, height, width))
    elif kind < 0.8 and len(layers) > 2 and layers[-2].output_shape == shape:
        op, inputs = "add", (before.name, layers[-2].name)
    elif kind < 0.9:
        same = [layer for layer in layers if layer.output_shape == shape]
        inputs = (same[int(rng.integers(len(same)))].name,)  # a branch: another result
    return Layer(
        name=name,
        op=op,
        inputs=inputs,
        output_shape=shape,
        window=window,
        flops=float(rng.integers(0, 60)) * 1e6,
        output_bytes=before.output_bytes
        if op == "activation" and rng.random() < 0.5
        else float(rng.integers(0, 20)) * 1e3,
        times_s={"n1": 0.004} if rng.random() < 0.15 else {},
        tiers=("device", "n1") if rng.random() < 0.05 else None,
        result=bool(rng.random() < 0.05),
    )


def _tasks(
    rng: np.random.Generator, nodes: tuple[Node, ...], devices: int, models: tuple[Model, ...]
) -> tuple[Task, ...]:
    count, rated = int(rng.integers(1, 4)), rng.random() < 0.7
    work = {model.name: sum(model.flops.tolist()) + 1e6 for model in models}
    speed = sum(node.speed_flops for node in nodes)
    tasks = []
    for at in range(count):
        model = models[int(rng.integers(len(models)))].name
        rate = float(rng.uniform(0.1, 0.9)) * speed / count / work[model]
        tasks.append(
            Task(
                name=f"t{at}",
                model=model,
                source=nodes[int(rng.integers(devices))].name,
                results_to=nodes[int(rng.integers(len(nodes)))].name
                if rng.random() < 0.5
                else None,
                arrivals_per_s=rate if rated and rng.random() < 0.9 else None,
            )
        )
    return tuple(tasks)


def _legal_stages(model: Model) -> list[tuple[int, ...]]:
    count = len(model.layers)
    masks = [tuple(at for at in range(count) if mask >> at & 1) for mask in range(1, 1 << count)]
    return [layers for layers in masks if not stage_shape_defects(model, layers)]


def _answer(
    rng: np.random.Generator, instance: Instance, task: Task, legal: list[tuple[int, ...]]
) -> TaskDecision:
    """Layers on one node or two, and up to two stages in strips, one of them cut once more."""
    model, num_nodes = instance.model_of(task), len(instance.nodes)
    source = instance.node_index[task.source or ""]
    first = source if rng.random() < 0.5 else int(rng.integers(num_nodes))
    focus = np.array([first, int(rng.integers(num_nodes))])
    place = rng.choice(focus, len(model.layers), p=[0.6, 0.4])
    if rng.random() < 0.4:
        place[:] = focus[int(rng.integers(2))]
    place[[at for at, layer in enumerate(model.layers) if layer.op == "input"]] = source
    stages: list[Stage] = []
    used: set[int] = set()
    for _ in range(int(rng.integers(0, 3)) if legal else 0):
        layers = legal[int(rng.integers(len(legal)))]
        if not used & set(layers):
            used |= set(layers)
            home = source if rng.random() < 0.6 else int(rng.integers(num_nodes))
            stages.append(_stage(rng, model, layers, home, num_nodes))
            place[list(layers)] = home
    return TaskDecision(frozen(place), stages=tuple(stages))


def _stage(
    rng: np.random.Generator, model: Model, layers: tuple[int, ...], home: int, num_nodes: int
) -> Stage:
    order = model.order.tolist()
    shape = model.layers[max(layers, key=order.index)].output_shape or ()
    parts = _strips(rng, shape[1], shape[2], int(rng.integers(1, 5)))
    rows, columns = parts[-1]
    if rng.random() < 0.3 and columns[1] - columns[0] > 1:
        middle = int(rng.integers(columns[0] + 1, columns[1]))
        parts[-1:] = [(rows, (columns[0], middle)), (rows, (middle, columns[1]))]
    slices = tuple(Slice(int(rng.integers(num_nodes)), *part) for part in parts)
    return Stage(layers, home, slices)


def _strips(
    rng: np.random.Generator, height: int, width: int, pieces: int
) -> list[tuple[Span, Span]]:
    by_rows = rng.random() < 0.5
    size = height if by_rows else width
    inner = rng.choice(np.arange(1, size), min(pieces, size) - 1, replace=False)
    cuts = list(pairwise([0, *sorted(inner.tolist()), size]))
    return [(cut, (0, width)) if by_rows else ((0, height), cut) for cut in cuts]
