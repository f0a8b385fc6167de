"""Stages run on real arrays, whole and in slices: the proof that slicing loses nothing.

Every operator adds up in a fixed order (kernel taps, then channels, elementwise over the map) and
compares without `max`, whose sign of zero may vary with the machine's vector length. So an output
element goes through the same float64 operations whichever slice computes it: sliced and whole
agree bit for bit, whatever the numbers. Plain numpy, meant for proofs, not for speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.tiles.grids import cover_defects
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.instances.arguments import entries, mapping, numbers, whole
from splitfog.instances.records import Layer, Model, Window

Array = NDArray[np.float64]
Weights = Mapping[str, tuple[Array, Array]]
Rectangle = tuple[int, int, int, int]


def random_weights(
    model: Model, layers: Sequence[int], seed: int
) -> dict[str, tuple[Array, Array]]:
    """Small whole numbers for every `conv` and `norm` of a stage.

    Parameters
    ----------
    model, layers
        The stage, by the positions of its layers.
    seed
        The same seed gives the same numbers.

    Returns
    -------
    dict
        By layer name: of a conv (kernel [C, C of input / groups, rows, columns], bias [C]), of a
        norm (scale [C], shift [C]). Values are -2 to 2, so sums stay exact in float64 while below
        2^53.

    Raises
    ------
    ValueError
        If the layers may not form a stage, or a conv's groups do not divide its channels.
    """
    geometry = geometry_of(model, layers)
    seed = whole("seed", seed, low=0)
    rng = np.random.default_rng(seed)
    weights = {}
    for slot, position in enumerate(geometry.layers):
        layer = model.layers[position]
        shape = _weight_shape(geometry, slot, layer)
        if shape is not None:
            first = rng.integers(-2, 3, shape).astype(np.float64)
            weights[layer.name] = (first, rng.integers(-2, 3, shape[0]).astype(np.float64))
    return weights


def run_whole(model: Model, layers: Sequence[int], weights: Weights, x: ArrayLike) -> Array:
    """The stage's output without slices.

    Ops: `conv` with bias, `max-pool`, `average-pool`, `norm` (scale x + shift per channel),
    `activation` (rectifier), `add`, `multiply`, `concat` (channels), `identity`. Where a pooling
    window sees only padding, its maximum is minus infinity and its average 0.

    Parameters
    ----------
    model, layers
        The stage, by the positions of its layers.
    weights
        As `random_weights` gives them.
    x : [C, H, W]
        The input tensor.

    Returns
    -------
    float64 [C, H, W]

    Raises
    ------
    ValueError
        If the layers may not form a stage, or shapes (channels, weights, x) do not fit.
    """
    geometry = geometry_of(model, layers)
    tensors = {len(geometry.layers): _input(geometry, weights, x)}
    for slot, position in enumerate(geometry.layers):
        _, height, width = geometry.shapes[slot].tolist()
        parts = [_Part(tensors[read], _whole(geometry, read)) for read in _edges(geometry, slot)]
        tensors[slot] = _compute(
            geometry, slot, model.layers[position], weights, parts, (0, height, 0, width)
        )
    return tensors[len(geometry.layers) - 1]


def run_sliced(
    model: Model, layers: Sequence[int], rectangles: ArrayLike, weights: Weights, x: ArrayLike
) -> Array:
    """The stage's output put together from slices, each computed from its input rectangle alone.

    A slice gets a copy of its rectangle of `x` and nothing else; zeros (or, for a maximum, minus
    infinity) stand in only for what lies beyond the true border of a map.

    Parameters
    ----------
    model, layers, weights, x
        As for `run_whole`.
    rectangles : int [T, 4]
        (r0, r1, c0, c1) of every slice; they cover the output exactly once.

    Returns
    -------
    float64 [C, H, W]
        What `run_whole` gives, bit for bit.

    Raises
    ------
    ValueError
        As `run_whole`, and if the slices do not cover the output exactly once.
    """
    geometry = geometry_of(model, layers)
    defects = cover_defects(geometry.height, geometry.width, rectangles)
    if defects:
        raise ValueError("; ".join(defects))
    source = _input(geometry, weights, x)
    boxes = regions(geometry, rectangles).boxes
    output = np.full(geometry.shapes[-2], np.nan)
    for tile in range(boxes.shape[1]):
        r0, r1, c0, c1 = boxes[-1, tile].tolist()
        copy = source[:, r0:r1, c0:c1].copy()
        r0, r1, c0, c1 = boxes[-2, tile].tolist()
        output[:, r0:r1, c0:c1] = _run_slice(geometry, boxes[:, tile], weights, copy)
    return output


class _Part:
    """A rectangle of a tensor: all that a slice has of it."""

    def __init__(self, values: Array, rectangle: Rectangle) -> None:
        self.values, self.rectangle = values, rectangle
        if values.shape[1:] != (rectangle[1] - rectangle[0], rectangle[3] - rectangle[2]):
            raise ValueError(f"a part of shape {values.shape} for the rectangle {rectangle}")

    def cut(self, rectangle: Rectangle) -> Array:
        """The values of a rectangle inside this one."""
        if rectangle[0] >= rectangle[1] or rectangle[2] >= rectangle[3]:
            return self.values[:, :0, :0]
        r0, _, c0, _ = self.rectangle
        a, b, c, d = rectangle[0] - r0, rectangle[1] - r0, rectangle[2] - c0, rectangle[3] - c0
        if min(a, c) < 0 or b > self.values.shape[1] or d > self.values.shape[2]:
            raise IndexError(f"{rectangle} is not held, only {self.rectangle} is")
        return self.values[:, a:b, c:d]


def _run_slice(
    geometry: StageGeometry, boxes: NDArray[np.int64], weights: Weights, copy: Array
) -> Array:
    held = [tuple(box) for box in boxes.tolist()]
    parts = {len(geometry.layers): _Part(copy, held[-1])}
    for slot, position in enumerate(geometry.layers):
        inputs = [parts[read] for read in _edges(geometry, slot)]
        layer = geometry.model.layers[position]
        parts[slot] = _Part(
            _compute(geometry, slot, layer, weights, inputs, held[slot]), held[slot]
        )
    return parts[len(geometry.layers) - 1].values


def _compute(
    geometry: StageGeometry,
    slot: int,
    layer: Layer,
    weights: Weights,
    inputs: list[_Part],
    rectangle: Rectangle,
) -> Array:
    """A layer's output in a rectangle, from what is held of its inputs."""
    channels = int(geometry.shapes[slot, 0])
    rows, columns = rectangle[1] - rectangle[0], rectangle[3] - rectangle[2]
    if rows == 0 or columns == 0:
        return np.empty((channels, rows, columns))
    if layer.window is not None:
        _, height, width = geometry.shapes[geometry.reads[slot][0]].tolist()
        fill = -np.inf if layer.op == "max-pool" else 0.0
        field = _padded(inputs[0], layer.window, rectangle, (height, width), fill)
        taps = _taps(field, layer.window, rows, columns)
        if layer.op == "conv":
            return _conv(taps, layer.window.groups, *weights[layer.name])
        if layer.op == "max-pool":
            return _largest(taps)
        return _total(taps) / _divisor(layer.window, rectangle, (height, width))
    values = [part.cut(rectangle) for part in inputs]
    match layer.op:
        case "norm":
            scale, shift = weights[layer.name]
            return values[0] * scale[:, None, None] + shift[:, None, None]
        case "activation":
            return np.where(values[0] > 0, values[0], 0.0)
        case "concat":
            return np.concatenate(values)
    result = values[0].copy()
    for value in values[1:]:
        result = result + value if layer.op == "add" else result * value
    return result


def _padded(
    part: _Part, window: Window, rectangle: Rectangle, size: tuple[int, int], fill: float
) -> Array:
    """All input that a window sees for an output rectangle, filled beyond the true borders."""
    seen, true = [], []
    for axis in range(2):
        first, last = rectangle[2 * axis], rectangle[2 * axis + 1] - 1
        start = first * window.stride[axis] - window.padding[axis]
        reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        end = last * window.stride[axis] - window.padding[axis] + reach
        seen += [start, end]
        true += [max(start, 0), min(end, size[axis])]
    field = np.full((len(part.values), seen[1] - seen[0], seen[3] - seen[2]), fill)
    real = part.cut((true[0], true[1], true[2], true[3]))
    top, left = true[0] - seen[0], true[2] - seen[2]
    field[:, top : top + real.shape[1], left : left + real.shape[2]] = real
    return field


def _taps(field: Array, window: Window, rows: int, columns: int) -> Array:
    """[kernel rows, kernel columns, C, rows, columns]: what each kernel tap sees, as a view."""
    (down, across), (dy, dx), (sy, sx) = window.kernel, window.dilation, window.stride
    spans = ((rows - 1) * sy + 1, (columns - 1) * sx + 1)
    shifted = sliding_window_view(field, spans, (1, 2))  # [C, tap row, tap column, span, span]
    chosen = shifted[:, : (down - 1) * dy + 1 : dy, : (across - 1) * dx + 1 : dx, ::sy, ::sx]
    taps: Array = chosen.transpose(1, 2, 0, 3, 4)
    return taps


def _conv(taps: Array, groups: int, kernel: Array, bias: Array) -> Array:
    down, across, channels, rows, columns = taps.shape
    own, fan = len(kernel) // groups, channels // groups
    result = np.zeros((groups, own, rows, columns))
    factors = kernel.reshape(groups, own, fan, down, across)
    for i in range(down):
        for j in range(across):
            seen = taps[i, j].reshape(groups, fan, rows, columns)
            for channel in range(fan):
                result += factors[:, :, channel, i, j, None, None] * seen[:, None, channel]
    return result.reshape(len(kernel), rows, columns) + bias[:, None, None]


def _largest(taps: Array) -> Array:
    best: Array = taps[0, 0].copy()
    for row in taps:
        for tap in row:
            best = np.where(tap > best, tap, best)
    return best


def _total(taps: Array) -> Array:
    total: Array = np.zeros(taps.shape[2:])
    for row in taps:
        for tap in row:
            total += tap
    return total


def _divisor(window: Window, rectangle: Rectangle, size: tuple[int, int]) -> Array:
    """[rows, columns]: how many elements the whole layer averages at each output position.

    With `count_padding` the stated padding counts too, but not what `ceil` reaches beyond it. A
    window that sees nothing counts as 1: its average is 0.
    """
    counts = []
    for axis in range(2):
        starts = np.arange(rectangle[2 * axis], rectangle[2 * axis + 1]) * window.stride[axis]
        at = starts[:, None] + np.arange(window.kernel[axis]) * window.dilation[axis]
        before, after = window.padding[axis], window.padding[axis + 2]
        low, high = before, before + size[axis]
        if window.count_padding:
            low, high = 0, high + after
        counts.append(((at >= low) & (at < high)).sum(axis=1))
    divisor: Array = np.maximum(np.outer(*counts), 1).astype(np.float64)
    return divisor


def _edges(geometry: StageGeometry, slot: int) -> list[int]:
    """Slots that a layer reads, as its inputs list them (repeats kept: add(x, x))."""
    model, position = geometry.model, geometry.layers[slot]
    slots = {layer: at for at, layer in enumerate((*geometry.layers, geometry.source))}
    return [slots[tensor] for tensor in model.inputs[position]]


def _whole(geometry: StageGeometry, slot: int) -> Rectangle:
    _, height, width = geometry.shapes[slot].tolist()
    return 0, height, 0, width


def _weight_shape(geometry: StageGeometry, slot: int, layer: Layer) -> tuple[int, ...] | None:
    """Shape of a layer's kernel or scale; None for layers without weights."""
    channels = int(geometry.shapes[slot, 0])
    if layer.op == "norm":
        return (channels,)
    if layer.op != "conv" or layer.window is None:
        return None
    before, groups = int(geometry.shapes[geometry.reads[slot][0], 0]), layer.window.groups
    if channels % groups or before % groups:
        raise ValueError(
            f"layer {layer.name} makes {channels} channels of {before}, which its {groups} groups "
            "do not divide"
        )
    return (channels, before // groups, *layer.window.kernel)


def _input(geometry: StageGeometry, weights: Weights, x: ArrayLike) -> Array:
    """The input as float64, after checking that it, the channels and the weights fit."""
    mapping("weights", weights, "arrays by layer, as random_weights gives them")
    source = numbers("x", x, "an array of numbers").astype(np.float64)
    if source.shape != tuple(geometry.shapes[-1].tolist()):
        raise ValueError(f"x has shape {source.shape}, must be {geometry.shapes[-1].tolist()}")
    for slot, position in enumerate(geometry.layers):
        layer = geometry.model.layers[position]
        channels = int(geometry.shapes[slot, 0])
        reads = geometry.shapes[_edges(geometry, slot), 0].tolist()
        if layer.op == "concat":
            reads = [sum(reads)]
        if layer.op != "conv" and set(reads) != {channels}:
            raise ValueError(f"layer {layer.name} has {channels} channels, its inputs {reads}")
        if layer.op in ("norm", "activation", "identity") and len(reads) != 1:
            raise ValueError(f"layer {layer.name} has {len(reads)} inputs, must have one")
        shape = _weight_shape(geometry, slot, layer)
        if shape is None:
            continue
        held = entries(f"weights of layer {layer.name}", weights.get(layer.name, ()), "two arrays")
        given = [np.shape(array) for array in held]
        if given != [shape, shape[:1]]:
            raise ValueError(
                f"weights of layer {layer.name} have shapes {given}, must be {[shape, shape[:1]]}"
            )
    return source
