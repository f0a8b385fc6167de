"""Small random instances of every kind there may be, for properties that hold on all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed

TIERS = ("device", "edge", "cloud")


def instances(**shape: Any) -> st.SearchStrategy[Instance]:
    """Random instances by seed; `shape` goes to `random_instance`."""
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda seed: random_instance(np.random.default_rng(seed), **shape))


def random_instance(
    rng: np.random.Generator,
    *,
    num_nodes: int | None = None,
    num_layers: int | None = None,
    num_tasks: int = 1,
    chain: bool = False,
    line: bool = False,
    limits: bool = True,
    rates: bool = False,
) -> Instance:
    """An instance that may have any feature, feasible or not.

    Parameters
    ----------
    rng
        Its state decides everything.
    num_nodes, num_layers
        Default: 2 to 4 nodes and 3 to 6 layers.
    num_tasks
        With two or more, some share a model.
    chain
        Every layer reads the layer before it.
    line
        One node per tier (at most three), linked to its neighbours only; else any topology with
        several nodes a tier, one-way and missing links.
    limits
        Whether memory, shared weights, groups and layer tiers occur.
    rates
        Whether tasks arrive as streams, and nodes have quotas.
    """
    num_nodes = int(num_nodes or rng.integers(2, 4 if line else 5))
    nodes = _nodes(rng, num_nodes, line)
    names = [node.name for node in nodes]
    models = tuple(
        _model(rng, f"model{i}", int(num_layers or rng.integers(3, 7)), names, chain, limits)
        for i in range(1 + (num_tasks > 1))
    )
    tasks = tuple(_task(rng, i, models, names, rates) for i in range(num_tasks))
    if limits and rng.random() < 0.4:
        nodes = _with_memory(rng, nodes, models)
    if rates and rng.random() < 0.3:
        nodes[0] = changed(nodes[0], quota=int(rng.integers(0, 3)))
    if limits:
        models = with_shared_weights(rng, models, 0.3)
    return Instance(
        name=f"random-{int(rng.integers(1_000_000))}",
        tiers=TIERS,
        nodes=tuple(nodes),
        links=_links(rng, names, line),
        models=models,
        tasks=tasks,
    )


def with_shared_weights(
    rng: np.random.Generator, models: tuple[Model, ...], likely: float
) -> tuple[Model, ...]:
    """The models, some with two or three layers that share the heaviest one's weights.

    Drawn apart: what is drawn from `rng` afterwards stays the same.
    """
    own = rng.spawn(1)[0]
    return tuple(_tied(own, model) if own.random() < likely else model for model in models)


def _tied(rng: np.random.Generator, model: Model) -> Model:
    layers, size = list(model.layers), int(rng.integers(2, 4))
    chosen = rng.choice(len(layers), min(size, len(layers)), replace=False).tolist()
    most = max(layers[i].weight_bytes for i in chosen)
    for i in chosen:
        layers[i] = changed(layers[i], weights="tied", weight_bytes=most)
    return changed(model, layers=tuple(layers))


def _nodes(rng: np.random.Generator, count: int, line: bool) -> list[Node]:
    """Nodes by rising tier; the first may bear its tier's name."""
    ranks = np.arange(count) if line else np.sort(rng.integers(0, 3, count))
    return [
        Node(
            name="device" if i == 0 and ranks[0] == 0 and rng.random() < 0.2 else f"n{i}",
            tier=TIERS[int(ranks[i])],
            speed_flops=float(rng.integers(1, 20)) * 1e9,
            overhead_s=float(rng.choice([0.0, 1e-3, 5e-3])),
            overlap=bool(rng.random() < 0.75),
            radio="serial" if rng.random() < 0.2 else "parallel",
        )
        for i in range(count)
    ]


def _with_memory(
    rng: np.random.Generator, nodes: list[Node], models: tuple[Model, ...]
) -> list[Node]:
    """Some nodes hold only part of all weights."""
    weights = sum(layer.weight_bytes for model in models for layer in model.layers)
    return [
        changed(node, memory_bytes=float(np.floor(rng.uniform(0.3, 1.1) * weights)))
        if rng.random() < 0.6
        else node
        for node in nodes
    ]


def _links(rng: np.random.Generator, names: list[str], line: bool) -> tuple[Link, ...]:
    """Links in random file order; off a line about one pair in four has none."""
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    links = []
    for i, j in pairs:
        if (line and j != i + 1) or (not line and rng.random() < 0.25):
            continue
        ends = (i, j) if line or rng.random() < 0.7 else (j, i)
        links.append(_link(rng, names, ends, duplex=bool(rng.random() < 0.7)))
        if not links[-1].duplex and rng.random() < 0.5:
            links.append(_link(rng, names, ends[::-1], duplex=False))
    return tuple(links[i] for i in rng.permutation(len(links)))


def _link(rng: np.random.Generator, names: list[str], ends: tuple[int, int], duplex: bool) -> Link:
    return Link(
        tail=names[ends[0]],
        head=names[ends[1]],
        bandwidth_bps=float(rng.choice([1, 2, 4, 8, 32, 100])) * 1e6,
        latency_s=float(rng.choice([0.0, 0.002, 0.01, 0.05])),
        delay_s=(0.0, 0.003, 0.0, 0.04)[sum(ends) % 4],
        duplex=duplex,
        shared=bool(rng.random() < 0.3),
    )


def _model(
    rng: np.random.Generator, name: str, count: int, nodes: list[str], chain: bool, limits: bool
) -> Model:
    """Layers in a random file order; the first (in topological order) is mostly an input."""
    layers: list[Layer] = []
    for i in range(count):
        is_input = rng.random() < (0.85 if i == 0 else 0.0 if chain else 0.08)
        inputs = () if is_input or i == 0 else _inputs(rng, layers, chain)
        layer = _layer(rng, i, inputs, nodes, limits)
        layers.append(changed(layer, op="input") if is_input else layer)
    if limits and count > 2 and rng.random() < 0.3:
        size = int(rng.integers(2, min(4, count)))
        for i in 1 + rng.choice(count - 1, size, replace=False):
            layers[i] = changed(layers[i], group="together")
    in_order = rng.random() < 0.5
    return Model(
        name=name,
        layers=tuple(layers if in_order else [layers[i] for i in rng.permutation(count)]),
    )


def _inputs(rng: np.random.Generator, before: list[Layer], chain: bool) -> tuple[str, ...]:
    """One to three earlier tensors, mostly recent; one may be named twice, seldom none at all."""
    if chain:
        return (before[-1].name,)
    if rng.random() < 0.04:
        return ()
    recent = before[-4:]
    chosen = rng.choice(len(recent), int(rng.integers(1, min(3, len(recent)) + 1)), replace=False)
    names = [recent[i].name for i in chosen]
    return tuple(names + names[:1] if rng.random() < 0.1 else names)


def _layer(
    rng: np.random.Generator, i: int, inputs: tuple[str, ...], nodes: list[str], limits: bool
) -> Layer:
    places = [*nodes, *TIERS]
    tiers = None
    if limits and rng.random() < 0.15:
        tiers = tuple(str(name) for name in rng.choice(places, 2, replace=False))
    times = {}
    if rng.random() < 0.3:
        chosen = rng.choice(places, 2, replace=False)
        times = {str(name): float(rng.integers(0, 60)) * 1e-3 for name in chosen}
    return Layer(
        name=f"l{i}",
        op="other",
        inputs=inputs,
        flops=float(rng.integers(0, 500)) * 1e6,
        weight_bytes=float(rng.choice([0, 10, 100, 1000])) * float(rng.integers(1, 10)),
        output_bytes=float(rng.choice([0, 1, 10, 100])) * float(rng.integers(1, 2000)),
        times_s=times,
        tiers=tiers,
        result=bool(rng.random() < 0.15),
    )


def _task(
    rng: np.random.Generator, i: int, models: tuple[Model, ...], nodes: list[str], rates: bool
) -> Task:
    model = models[int(rng.integers(len(models)))]
    has_input = any(layer.op == "input" for layer in model.layers)
    return Task(
        name=f"task{i}",
        model=model.name,
        source=str(rng.choice(nodes[:2])) if has_input or rng.random() < 0.7 else None,
        results_to=str(rng.choice(nodes)) if rng.random() < 0.4 else None,
        arrivals_per_s=float(rng.uniform(0.5, 8)) if rates and rng.random() < 0.8 else None,
    )
