"""A lower bound on `mean-latency` over all plans: any placement, any stages, any slices.

Ours. Waits are left out, so tasks do not interact, and each is relaxed to a shortest path:

- A layer costs no less than its whole time on the node it is placed on or, where its op allows
  slicing, than its share of a perfect parallel machine. For slices on nodes n the stage takes at
  least `max_n sum_l x_ln t_ln >= sum_l c_l min_n (y_n t_ln)` for any weights y of sum 1, where
  `sum_n x_ln >= c_l`, the part of layer l that every stage must compute (all of it, except for
  what strides and clipped windows skip). The y are in proportion to speed.
- Of the transfers, those of the tensors along one path of the DAG count: from an input (at the
  source) to a result (due at `results_to`), the path of most work. Off the path layers cost their
  least. A stage's layers are at its home, between which nothing travels, as for layers there.

On chains without sliceable layers it is the least latency without waits. It is weak where many
nodes could share a layer: no transfer into or out of slices is counted.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays import TaskArrays, task_arrays
from splitfog.formulations.routes import Routes, routes_of
from splitfog.formulations.stage_shape import ELEMENTWISE, WINDOWED
from splitfog.instances.model import DirectedLink, Instance, Layer, Model

Seconds = NDArray[np.float64]

MOST_NODES = 64
"""Up to so many nodes the path visits nodes; beyond, the source and all others as one."""

ROUNDING = 1e-9
"""Relative, taken off the bound."""


def mean_latency_bound(instance: Instance) -> float | None:
    """Seconds that no feasible plan's `mean-latency` is below; None where a layer has no node.

    O(tasks L N^2) up to `MOST_NODES` nodes, O(tasks L N) beyond.
    """
    shares = {model.name: computed_shares(model) for model in instance.models}
    total, weights = 0.0, 0.0
    rates = [task.arrivals_per_s for task in instance.tasks]
    for position, task in enumerate(instance.tasks):
        weight = (rates[position] or 0.0) if any(rates) else 1.0
        weights += weight
        if weight:
            total += weight * task_bound(instance, position, shares[task.model])
    bound = total / weights
    return None if bound == inf else bound * (1 - ROUNDING)


def task_bound(instance: Instance, position: int, shares: Seconds) -> float:
    """Seconds that a task's latency is never below; `shares` of `computed_shares`."""
    arrays = task_arrays(instance, position)
    least = _layer_seconds(instance, arrays, shares)
    path = _heaviest_path(arrays)
    beside = np.delete(least.min(axis=1), path).sum()
    if least.shape[1] > MOST_NODES and arrays.source is not None:
        return float(beside + _two_places(routes_of(instance), arrays, least, path))
    return float(beside + _all_places(routes_of(instance), arrays, least, path))


def computed_shares(model: Model) -> Seconds:
    """[layers]: the part of every layer's elements that any stage it is in must compute.

    The last layer of a stage is computed whole. Another is read inside by all its consumers, and
    each needs of it what the windows over its own part span; 0 where strides leave gaps.
    """
    parts = np.ones((len(model.layers), 2, 2))  # per axis the part [start, stop) surely computed
    shares = np.ones(len(model.layers))
    for position in reversed(model.order.tolist()):
        layer = model.layers[position]
        if not _may_slice(layer):
            continue
        size = np.array(layer.output_shape, float)[1:]
        full = np.stack([np.zeros(2), size], axis=1)
        needs = [_need(model, c, parts[c], size) for c in model.consumers[position]]
        parts[position] = max(needs, key=_area, default=full)
        shares[position] = _area(parts[position]) / size.prod()
    return shares


def _area(part: Seconds) -> float:
    return float(np.prod(part[:, 1] - part[:, 0]))


def _need(model: Model, consumer: int, part: Seconds, size: Seconds) -> Seconds:
    """What a consumer's part surely reads of a tensor of [rows, columns] `size`."""
    layer = model.layers[consumer]
    whole = np.stack([np.zeros(2), size], axis=1)
    if not _may_slice(layer):  # never inside a stage together: the tensor is the stage's output
        return whole
    if layer.window is None:
        return np.clip(part, 0, size[:, None])
    window = layer.window
    stride, kernel, dilation = (
        np.array(pair) for pair in (window.stride, window.kernel, window.dilation)
    )
    reach = (kernel - 1) * dilation + 1
    start = part[:, 0] * stride - np.array(window.padding[:2])
    stop = (part[:, 1] - 1) * stride - np.array(window.padding[:2]) + reach
    need = np.clip(np.stack([start, stop], axis=1), 0, size[:, None])
    empty = (reach < stride) | (part[:, 1] <= part[:, 0]) | (need[:, 1] <= need[:, 0])
    need[empty] = 0.0
    return np.asarray(need)


def _may_slice(layer: Layer) -> bool:
    """Whether the layer could be inside a stage, whatever its neighbours; never too strict."""
    shape = layer.output_shape
    return layer.op in WINDOWED | ELEMENTWISE and shape is not None and len(shape) == 3


def _layer_seconds(instance: Instance, arrays: TaskArrays, shares: Seconds) -> Seconds:
    """[layers, nodes]: no less than what a layer adds to its task's latency, placed on a node."""
    open_to = _open_nodes(instance, arrays)
    times = np.where(open_to | (arrays.times_s == 0), arrays.costs_s, inf)
    slopes = arrays.times_s - _overheads(instance, arrays)
    admitted = arrays.allowed & open_to
    speeds = np.where(admitted.any(axis=0), [node.speed_flops for node in instance.nodes], 0.0)
    if not speeds.any():
        return times
    part = speeds / speeds.sum()
    parallel = np.where(admitted, slopes * part, inf).min(axis=1) * shares
    may_slice = np.array([_may_slice(layer) for layer in arrays.model.layers])
    return np.minimum(times, np.where(may_slice, parallel, inf)[:, None])


def _open_nodes(instance: Instance, arrays: TaskArrays) -> NDArray[np.bool_]:
    """[nodes]: where the task may have a visit with s > 0: its source, or quota for a guest."""
    hosts = np.array([node.quota != 0 for node in instance.nodes], bool)
    if arrays.source is not None:
        hosts[arrays.source] = True
    return hosts


def _overheads(instance: Instance, arrays: TaskArrays) -> Seconds:
    """[layers, nodes]: the `overhead_s` in `times_s`: none in a measured time."""
    measured = [
        [node.name in layer.times_s or node.tier in layer.times_s for node in instance.nodes]
        if layer.times_s
        else [layer.op == "input"] * len(instance.nodes)
        for layer in arrays.model.layers
    ]
    return np.where(measured, 0.0, [node.overhead_s for node in instance.nodes])


def _heaviest_path(arrays: TaskArrays) -> list[int]:
    """Layers of a path to a result of most FLOP, from an input where the model has one."""
    model, fixed = arrays.model, bool(arrays.is_input.any())
    work, after = np.full(len(model.layers), -inf), {}
    for layer in model.order.tolist():
        tails = model.inputs[layer]
        best = max(tails, key=lambda tail: work[tail], default=None)
        if best is not None:
            after[layer] = best
        if best is not None or not fixed or arrays.is_input[layer]:
            work[layer] = model.layers[layer].flops + (0.0 if best is None else work[best])
    sinks = [layer for layer, readers in enumerate(model.consumers) if not readers]
    path = [max(sinks, key=lambda layer: work[layer])]
    while path[-1] in after:
        path.append(after[path[-1]])
    return path[::-1]


def _all_places(routes: Routes, arrays: TaskArrays, least: Seconds, path: list[int]) -> float:
    """The shortest way along the path over all nodes."""
    total = least[path[0]].copy()
    for before, layer in pairwise(path):
        total = _moved(routes, total, float(arrays.output_bytes[before])) + least[layer]
    if arrays.results_to is None:
        return float(total.min())
    return float(_moved(routes, total, float(arrays.output_bytes[path[-1]]))[arrays.results_to])


def _moved(routes: Routes, total: Seconds, num_bytes: float) -> Seconds:
    with np.errstate(invalid="ignore"):
        seconds = routes.latency_s + routes.seconds_per_byte * num_bytes
    seconds = np.where(np.isinf(routes.latency_s), inf, seconds)
    return np.asarray((total[:, None] + seconds).min(axis=0))


def _links_at(
    instance: Instance, node: int
) -> tuple[tuple[DirectedLink, ...], tuple[DirectedLink, ...]]:
    """Directed links out of a node and into it, all found at once and kept with the instance."""
    kept = instance.__dict__.get("links_at")
    if kept is None:
        ends: list[tuple[list[DirectedLink], list[DirectedLink]]] = [
            ([], []) for _ in instance.nodes
        ]
        for link in instance.directed_links:
            ends[link.tail][0].append(link)
            ends[link.head][1].append(link)
        kept = instance.__dict__["links_at"] = [(tuple(out), tuple(back)) for out, back in ends]
    found: tuple[tuple[DirectedLink, ...], tuple[DirectedLink, ...]] = kept[node]
    return found


def _two_places(routes: Routes, arrays: TaskArrays, least: Seconds, path: list[int]) -> float:
    """The same with all nodes but the source as one, as far away as its nearest neighbour."""
    source = arrays.source or 0
    away_s = np.delete(least, source, axis=1).min(axis=1)
    out, back = _links_at(arrays.instance, source)

    def step(here: float, away: float, num_bytes: float) -> tuple[float, float]:
        there = min((link.seconds(num_bytes) for link in out), default=inf)
        return_s = min((link.seconds(num_bytes) for link in back), default=inf)
        return min(here, away + return_s), min(away, here + there)

    here, away = float(least[path[0], source]), float(away_s[path[0]])
    for before, layer in pairwise(path):
        here, away = step(here, away, float(arrays.output_bytes[before]))
        here, away = here + float(least[layer, source]), away + float(away_s[layer])
    if arrays.results_to is None:
        return min(here, away)
    here, away = step(here, away, float(arrays.output_bytes[path[-1]]))
    return here if arrays.results_to == source else away
