"""Small random instances with maps of a few pixels, and the least `latency` of all their plans."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import permutations, product
from math import inf
from typing import Any

import numpy as np

from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stage_timeline import run_timeline
from splitfog.formulations.costs.stages import layer_rates
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of, stage_shape_defects, window_output
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window

Box = tuple[int, int, int, int]

SIZES = ((1, 1), (1, 2), (2, 2), (4, 1), (1, 4), (3, 1), (2, 1))

MOST_PIXELS = 4
"""Of any map: all ways to cut it are tried."""


def sliced_case(rng: np.random.Generator) -> tuple[Instance, Objective]:
    """Two or three nodes and one or two tasks of small DAGs; all that the bound must hold under."""
    count = 2 if rng.random() < 0.75 else 3
    nodes = tuple(_node(rng, at) for at in range(count))
    models = tuple(_model(rng, f"m{at}") for at in range(1 if rng.random() < 0.8 else 2))
    tasks = tuple(_task(rng, f"t{at}", model, nodes) for at, model in enumerate(models))
    instance = Instance(
        name="small",
        tiers=("device", "edge", "cloud"),
        nodes=nodes,
        links=_links(rng, nodes),
        models=models,
        tasks=tasks,
        routing="direct" if rng.random() < 0.2 else "relay",
    )
    transfers: Any = "once" if rng.random() < 0.7 else "per-edge"
    return instance, Objective("latency", transfers, bool(rng.random() < 0.6))


def _node(rng: np.random.Generator, at: int) -> Node:
    tiers = ("device", "edge", "cloud")
    return Node(
        name=f"n{at}",
        tier=tiers[min(at, 2)] if rng.random() < 0.7 else tiers[int(rng.integers(3))],
        speed_flops=float(rng.integers(1, 9)) * 1e8,
        overhead_s=float(rng.choice([0, 0, 1e-4, 1e-3])),
        radio="serial" if rng.random() < 0.4 else "parallel",
        overlap=bool(rng.random() < 0.8),
        memory_bytes_per_s=5e8 if rng.random() < 0.1 else None,
    )


def _links(rng: np.random.Generator, nodes: tuple[Node, ...]) -> tuple[Link, ...]:
    links = []
    for at, tail in enumerate(nodes):
        for head in nodes[at + 1 :]:
            if len(nodes) == 3 and rng.random() < 0.25:
                continue
            both = bool(rng.random() < 0.6)
            for ends in ((tail, head), (head, tail))[: 1 if both else 2]:
                links.append(
                    Link(
                        tail=ends[0].name,
                        head=ends[1].name,
                        bandwidth_bps=float(rng.choice([3, 10, 40, 300])) * 1e6,
                        latency_s=float(rng.choice([0, 0, 5e-4])),
                        delay_s=float(rng.choice([0, 0, 1e-3])),
                        duplex=both,
                    )
                )
    return tuple(links)


def _task(rng: np.random.Generator, name: str, model: Model, nodes: tuple[Node, ...]) -> Task:
    born = any(layer.op == "input" for layer in model.layers) or rng.random() < 0.5
    due = rng.random() < 0.4
    return Task(
        name=name,
        model=model.name,
        source=nodes[int(rng.integers(len(nodes)))].name if born else None,
        results_to=nodes[int(rng.integers(len(nodes)))].name if due else None,
    )


def _model(rng: np.random.Generator, name: str) -> Model:
    size = SIZES[int(rng.integers(len(SIZES)))]
    op: Any = "input" if rng.random() < 0.85 else "other"
    layers = [
        Layer(
            name="x",
            op=op,
            output_shape=(1, *size),
            output_bytes=_bytes(rng),
            flops=0.0 if op == "input" else 1e5,
        )
    ]
    for at in range(int(rng.integers(2, 6))):
        layers.append(_layer(rng, f"l{at}", layers))
    if rng.random() < 0.4:
        layers.append(
            Layer(
                name="fc",
                op="linear",
                inputs=(layers[-1].name,),
                flops=1e5,
                output_bytes=_bytes(rng),
            )
        )
    return Model(name=name, layers=tuple(layers))


def _bytes(rng: np.random.Generator) -> float:
    return float(rng.integers(0, 12)) * 500


def _layer(rng: np.random.Generator, name: str, layers: list[Layer]) -> Layer:
    """Mostly a window over the last tensor or another; else one or two tensors joined."""
    kind, before = rng.random(), layers[-1]
    if rng.random() < 0.3:
        before = layers[int(rng.integers(len(layers)))]
    shape, window = before.output_shape or (), None
    op: Any = str(rng.choice(["activation", "norm", "identity"]))
    inputs: tuple[str, ...] = (before.name,)
    alike = [layer.name for layer in layers if layer.output_shape == shape]
    if kind < 0.5:
        op = str(rng.choice(["conv", "conv", "max-pool"]))
        window = _window(rng, op, (shape[1], shape[2]))
        made = window_output(window, shape[1], shape[2])
        if made[0] * made[1] > MOST_PIXELS:
            window, made = Window(kernel=(1, 1)), (shape[1], shape[2])
        shape = (1, *made)
    elif kind < 0.75:
        op = str(rng.choice(["add", "concat", "multiply"]))
        inputs = (before.name, alike[int(rng.integers(len(alike)))])
    flops = float(rng.integers(0, 30)) * 1e5
    return Layer(
        name=name,
        op=op,
        inputs=inputs,
        output_shape=shape,
        window=window,
        flops=flops if window is not None or rng.random() < 0.5 else flops / 100,
        output_bytes=_bytes(rng) if window or rng.random() < 0.3 else before.output_bytes,
        traffic_bytes=1e6 if rng.random() < 0.1 else 0.0,
        times_s={"n1": 0.002} if rng.random() < 0.1 else {},
        tiers=(f"n{int(rng.integers(2))}",) if rng.random() < 0.05 else None,
        result=bool(rng.random() < 0.05),
    )


def _window(rng: np.random.Generator, op: str, size: tuple[int, int]) -> Window:
    kernel = tuple(int(rng.integers(1, min(3, side + 1) + 1)) for side in size)
    most = 3 if op == "conv" and rng.random() < 0.2 else 1
    padding = [min(most, k - 1) if most == 1 else int(rng.integers(0, 4)) for k in kernel]
    stride = tuple(int(rng.integers(1, 3)) if side > 1 else 1 for side in size)
    ends = [max(p, k - side - p) for p, k, side in zip(padding, kernel, size, strict=True)]
    return Window(kernel=kernel, stride=stride, padding=(*padding, *ends))  # type: ignore[arg-type]


def least_latency(instance: Instance, objective: Objective) -> float:
    """The least of all plans, memory and groups left out; inf without one.

    Every placement and every set of stages, each cut in every way into rectangles on any nodes.
    """
    total = 0.0
    for position, task in enumerate(instance.tasks):
        total += _least_of_task(instance, objective, position, task)
    return total / len(instance.tasks)


def _least_of_task(instance: Instance, objective: Objective, position: int, task: Task) -> float:
    model, count = instance.model_of(task), len(instance.nodes)
    least = inf
    gains = {
        (layers, home): least_stage(instance, model, layers, home)
        for layers in legal_stages(model)
        for home in range(count)
    }
    alone = Instance(
        name="alone",
        tiers=instance.tiers,
        nodes=instance.nodes,
        links=instance.links,
        models=(model,),
        tasks=(task,),
        routing=instance.routing,
    )
    times = np.array(
        [[layer_time(layer, node) for node in instance.nodes] for layer in model.layers]
    )
    allowed = [[layer.may_run_on(node) for node in instance.nodes] for layer in model.layers]
    for place in product(range(count), repeat=len(model.layers)):
        if not _begins_at_source(instance, task, model, place):
            continue
        if objective.monotone and _falls(instance, model, place):
            continue
        value = float(decision_cost(alone, placed(np.array(place)), objective))
        if value == inf:
            continue
        seconds = [float(times[layer, node]) for layer, node in enumerate(place)]
        whole = [allowed[layer][node] for layer, node in enumerate(place)]
        at_home = {
            layers: gains[layers, place[layers[0]]]
            for layers in legal_stages(model)
            if len({place[layer] for layer in layers}) == 1
        }
        least = min(least, value + _change(at_home, seconds, whole))
    return least


def _change(stages: dict[tuple[int, ...], float], seconds: list[float], whole: list[bool]) -> float:
    """The least change of a placement's latency by stages that share no layer; inf where layers
    that may not run whole are in none."""

    @cache
    def rest(layer: int, taken: frozenset[int]) -> float:
        if layer == len(seconds):
            return 0.0
        best = rest(layer + 1, taken) if whole[layer] or layer in taken else inf
        if layer in taken:
            return best
        for layers, stage_s in stages.items():
            if layers[0] == layer and taken.isdisjoint(layers):
                saved = stage_s - sum(seconds[one] for one in layers)
                best = min(best, saved + rest(layer + 1, taken.union(layers)))
        return best

    return rest(0, frozenset())


def _begins_at_source(instance: Instance, task: Task, model: Model, place: tuple[int, ...]) -> bool:
    return all(
        layer.op != "input" or instance.nodes[node].name == task.source
        for layer, node in zip(model.layers, place, strict=True)
    )


def _falls(instance: Instance, model: Model, place: tuple[int, ...]) -> bool:
    rank = instance.node_rank
    return any(rank[place[tail]] > rank[place[head]] for tail, head in model.edges.tolist())


def legal_stages(model: Model) -> list[tuple[int, ...]]:
    """All sets of layers that may form a stage, each in file order."""
    count = len(model.layers)
    masks = [tuple(at for at in range(count) if mask >> at & 1) for mask in range(1, 1 << count)]
    return [layers for layers in masks if not stage_shape_defects(model, layers)]


def least_stage(instance: Instance, model: Model, layers: tuple[int, ...], home: int) -> float:
    """The least time of a stage from a home over all slices; inf where there are none."""
    geometry = geometry_of(model, layers)
    own = [model.layers[layer] for layer in geometry.layers]
    routes = routes_of(instance)
    nodes = [
        at
        for at, node in enumerate(instance.nodes)
        if all(layer.may_run_on(node) for layer in own)
        and routes.path(home, at) is not None
        and routes.path(at, home) is not None
    ]
    rates = {at: layer_rates(own, instance.nodes[at]) for at in nodes}
    ways = {at: (routes.path(home, at) or (), routes.path(at, home) or ()) for at in nodes}
    least = inf
    for boxes in covers(geometry.height, geometry.width):
        work = regions(geometry, boxes)
        served = {at: fixed + slope @ work.shares[:-1] for at, (fixed, slope) in rates.items()}
        orders = list(permutations(range(len(boxes)))) if len(boxes) < 4 else [range(len(boxes))]
        for chosen in product(nodes, repeat=len(boxes)):
            seconds = [float(served[at][part]) for part, at in enumerate(chosen)]
            if max(seconds) >= least:
                continue
            for order in orders:
                end = run_timeline(
                    instance,
                    home,
                    [chosen[part] for part in order],
                    [ways[chosen[part]] for part in order],
                    [seconds[part] for part in order],
                    [float(work.input_bytes[part]) for part in order],
                    [float(work.output_bytes[part]) for part in order],
                ).end_s
                least = min(least, end)
    return least


@cache
def covers(height: int, width: int) -> tuple[tuple[Box, ...], ...]:
    """Every way to cut a map into rectangles."""

    def cut(free: frozenset[tuple[int, int]]) -> Iterator[tuple[Box, ...]]:
        if not free:
            yield ()
            return
        row, column = min(free)
        for end in range(row + 1, height + 1):
            for stop in range(column + 1, width + 1):
                box = frozenset(product(range(row, end), range(column, stop)))
                if box <= free:
                    for others in cut(free - box):
                        yield ((row, end, column, stop), *others)

    return tuple(cut(frozenset(product(range(height), range(width)))))
