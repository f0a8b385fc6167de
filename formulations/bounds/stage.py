"""How fast a stage could possibly be: bounds for every run of sliceable layers along a path.

Ours. Let x_n be the share of a stage's output that node n computes. Of every tensor before it the
node needs at least the share a x_n, where a is the product of what windows need at least of what
they read (`kept_shares`). So slices on n take at least x_n b_n, with b_n = a in / B(home, n)
+ sum of a_l t_ln + out / B(n, home), and as all shares add up to 1, the stage takes at least
1 / sum(1 / b_n): perfect balance, but with the transfers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf

import numpy as np

from splitfog.formulations.tiles.stage_shape import ELEMENTWISE, WINDOWED
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.records import Layer, Model

_HUGE = 1e60


@dataclass(frozen=True, eq=False)
class Segments:
    """The S runs of a path's layers, from path position `first` to `last`, that stages may cover.

    `input_share` [S] is what a slice reads at least of the input tensor per share of its output,
    `weights` [S, path] the same of what it computes of every layer, 0 outside the run.
    """

    first: Integers
    last: Integers
    input_share: Floats
    weights: Floats


def segments(model: Model, path: list[int]) -> Segments:
    """The segments of a path of layer positions; O(P^2) of them, O(P^3) numbers.

    A stage that covers such a run is entered by the tensor before it and left by its last. So no
    way that enters the run beside the path begins before that tensor, and none that leaves it
    earlier ends behind the run: that says which runs no stage can cover (a skip connection).
    """
    kept = [1.0] + [
        kept_share(model.layers[tail], model.layers[head]) for tail, head in pairwise(path)
    ]
    begins, ends = _ways_beside(model, path)
    rows: list[tuple[int, int, float, Floats]] = []
    for last in range(len(path)):
        share, weights, begin, end = 1.0, np.zeros(len(path)), inf, -inf
        for first in range(last, 0, -1):
            if not may_slice(model.layers[path[first]]):
                break
            weights[first] = share
            share *= kept[first]
            begin = min(begin, begins[first])
            end = max(end, ends[first]) if first < last else end
            if begin >= first - 1 and end <= last:
                rows.append((first, last, share, weights.copy()))
    return Segments(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]).reshape(len(rows), len(path)),
    )


def _ways_beside(model: Model, path: list[int]) -> tuple[list[float], list[float]]:
    """Where ways beside the path that end at each of its layers begin at the earliest, and where
    those that begin there end at the latest: path positions.

    -inf and inf for ways that no stage can hold: from an input, over a layer that cannot be
    sliced, to a result. O(layers + edges).
    """
    on_path = {layer: at for at, layer in enumerate(path)}
    begins, ends = [inf] * len(model.layers), [-inf] * len(model.layers)
    order = model.order.tolist()
    for layer in order:
        for tail in model.inputs[layer]:
            before = begins[tail] if may_slice(model.layers[tail]) else -inf
            begins[layer] = min(begins[layer], on_path.get(tail, before))
    for layer in reversed(order):
        for head in model.consumers[layer]:
            after = ends[head] if may_slice(model.layers[head]) else inf
            ends[layer] = max(ends[layer], on_path.get(head, after))
        if model.results[layer]:
            ends[layer] = inf
    return [begins[layer] for layer in path], [ends[layer] for layer in path]


def may_slice(layer: Layer) -> bool:
    """Whether the layer could be inside a stage, whatever its neighbours; never too strict."""
    shape = layer.output_shape
    return layer.op in WINDOWED | ELEMENTWISE and shape is not None and len(shape) == 3


def kept_share(tensor: Layer, reader: Layer) -> float:
    """The least share of a tensor that a slice reads, per share of the reader that it computes.

    Over all rectangles of the reader's output; 0 where strides leave gaps or nothing is known.
    """
    if not may_slice(reader) or tensor.output_shape is None or reader.output_shape is None:
        return 0.0
    if len(tensor.output_shape) != 3:
        return 0.0
    window, share = reader.window, 1.0
    for axis in range(2):
        size, out = tensor.output_shape[1 + axis], reader.output_shape[1 + axis]
        if window is None:
            share *= float(size == out)
            continue
        reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        share *= _kept_length(size, out, window.stride[axis], window.padding[axis], reach)
    return share


@lru_cache(maxsize=4096)
def _kept_length(size: int, out: int, stride: int, padding: int, reach: int) -> float:
    """The least of (input read / size) / (output / out) over all runs of an axis' output.

    A run of k outputs reads (k - 1) stride + reach, less what is clipped at either end: by its
    start a, or by its end; so only runs at an end matter, or (for their length) in the middle.
    """
    count = np.arange(1, out + 1)
    spans = []
    for start in (np.zeros(out, np.int64), out - count, (out - count) // 2):
        low = np.clip(start * stride - padding, 0, size)
        high = np.clip((start + count - 1) * stride - padding + reach, 0, size)
        spans.append(np.maximum(high - low, 0))
    return float((np.min(spans, axis=0) / size * out / count).min())


def harmonic(seconds: Floats) -> Floats:
    """1 / sum over the last axis of 1 / seconds; inf where all are inf, 0 where one is 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (1.0 / seconds).sum(axis=-1))


def leveled(start_s: Floats, seconds: Floats) -> Floats:
    """The least time in which nodes that begin at `start_s` do all of it together, [...].

    Node n alone takes `seconds[..., n]` more, so a time T is enough iff the sum of max(0, (T -
    start) / seconds) is 1 or more: the least of (1 + sum start / seconds) / sum 1 / seconds over
    the nodes that begin first (water filling). `harmonic` where all begin at 0. `start_s` [N], or
    [..., N] of which `seconds` may have more. O(N log N) each.
    """
    if (start_s[..., 1:] < start_s[..., :-1]).any():
        order = np.argsort(start_s, axis=-1, kind="stable")
        start_s = np.take_along_axis(start_s, order, axis=-1)
        seconds = np.take_along_axis(seconds, np.broadcast_to(order, seconds.shape), axis=-1)
    total, work = np.zeros(seconds.shape[:-1]), np.zeros(seconds.shape[:-1])
    least = np.full(seconds.shape[:-1], inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start, alone in zip(np.moveaxis(start_s, -1, 0), np.moveaxis(seconds, -1, 0)):
            speed = np.where(np.isfinite(start), 1.0 / alone, 0.0)
            total += speed
            work += np.where(speed > 0, start * speed, 0.0)
            level = np.where((total > 0) & np.isfinite(total), (1.0 + work) / total, inf)
            level = np.where(np.isinf(speed), start, level)  # no time: it ends where it begins
            np.minimum(least, level, out=least)
    return least


def serial_bound(own: Floats, others: Floats, moved: Floats, later: Floats | float = 0.0) -> Floats:
    """What a stage takes at least of which some transfers, or tolls, count whole.

    All of them do where the home has one radio. `own` is what the home takes for all of it,
    `others` all other nodes together in perfect balance, who begin that much `later`, `moved` what
    counts whole at least, for all of it. With a share x < 1 at home it takes at least (1 - x) moved
    + max(x own, later + (1 - x) others): convex, so least at x = 0, 1 or the kink.
    """
    own, others = np.minimum(own, _HUGE), np.minimum(others, _HUGE)
    share = np.minimum((later + others) / np.maximum(own + others, 1 / _HUGE), 1.0)
    kink = (1 - share) * np.minimum(moved, _HUGE) + share * own
    least = np.minimum(np.minimum(own, later + others + np.minimum(moved, _HUGE)), kink)
    return np.where(least < _HUGE / 2, least, inf)
