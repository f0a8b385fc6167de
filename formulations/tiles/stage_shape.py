"""Which layers may form a stage (docs/slices.md), and the fixed geometry of such a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.weights import held_bytes
from splitfog.instances.arrays import frozen
from splitfog.instances.defects import shown
from splitfog.instances.kept import Keeper, kept
from splitfog.instances.records import Layer, Model, Window

WINDOWED = frozenset(("conv", "max-pool", "average-pool"))
ELEMENTWISE = frozenset(("norm", "activation", "add", "multiply", "concat", "identity"))


@dataclass(frozen=True)
class Reach:
    """How far a windowed layer looks back, as [2, 1] columns (rows above columns).

    Output [a, b) needs input [a stride + first, b stride + last) clipped to [0, limit).
    `may_miss`: some output element reads nothing but padding.
    """

    stride: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    limit: NDArray[np.int64]
    may_miss: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class StageGeometry(Keeper):
    """All that reverse tile calculation needs to know of a stage, built once.

    A tensor of the stage is named by its slot: the index in `layers` of the layer that makes it,
    or len(layers) for the tensor that comes from outside.

    Attributes
    ----------
    model : whose layers they are.
    layers : positions in the model, in topological order; the last one makes the output.
    source : position of the outside layer whose tensor the stage reads.
    reads : slots of the distinct tensors that each layer reads.
    reaches : a `Reach` for windowed layers, None for those that pass a rectangle through.
    shapes : int [layers + 1, 3], (C, H, W) of every slot.
    tensor_bytes : [layers + 1], `output_bytes` of every slot's whole tensor.
    """

    model: Model
    layers: tuple[int, ...]
    source: int
    reads: tuple[tuple[int, ...], ...]
    reaches: tuple[Reach | None, ...]
    shapes: NDArray[np.int64]
    tensor_bytes: NDArray[np.float64]

    @classmethod
    def of(cls, model: Model, layers: Sequence[int]) -> StageGeometry:
        """The geometry of a stage.

        Parameters
        ----------
        model
            Whose layers they are.
        layers
            Their positions, in any order.

        Returns
        -------
        StageGeometry

        Raises
        ------
        ValueError
            If the layers may not form a stage; the message lists `stage_shape_defects`.

        Notes
        -----
        O(model's layers + stage's edges).
        """
        defects = stage_shape_defects(model, layers)
        if defects:
            raise ValueError("no stage: " + "; ".join(defects))
        inside = set(layers)
        rank = _rank(model)
        ordered = tuple(sorted(layers, key=lambda layer: rank[layer]))
        (source,) = _outside_inputs(model, inside)
        slots = {layer: slot for slot, layer in enumerate((*ordered, source))}
        reads = tuple(tuple(dict.fromkeys(slots[t] for t in model.inputs[i])) for i in ordered)
        tensors = [model.layers[i] for i in (*ordered, source)]
        shapes = np.array([tensor.output_shape for tensor in tensors], np.int64)
        reaches = tuple(
            None if layer.window is None else _reach(layer.window, shapes[slot], shapes[own[0]])
            for slot, (layer, own) in enumerate(zip(tensors, reads, strict=False))
        )
        tensor_bytes = np.array([tensor.output_bytes for tensor in tensors], np.float64)
        return cls(
            model=model,
            layers=ordered,
            source=source,
            reads=reads,
            reaches=reaches,
            shapes=frozen(shapes),
            tensor_bytes=frozen(tensor_bytes),
        )

    @property
    def output(self) -> int:
        """Position of the layer that makes the stage's output."""
        return self.layers[-1]

    @property
    def height(self) -> int:
        """Rows of the stage's output."""
        return int(self.shapes[len(self.layers) - 1, 1])

    @property
    def width(self) -> int:
        """Columns of the stage's output."""
        return int(self.shapes[len(self.layers) - 1, 2])

    @property
    def weight_bytes(self) -> float:
        """Weights of all layers, which every node with a slice holds."""
        return held_bytes(self.model, self.layers)


@kept(by=lambda model, layers: tuple(layers))
def geometry_of(model: Model, layers: Sequence[int]) -> StageGeometry:
    """`StageGeometry.of`, kept with the model: for stages that are asked for again and again.

    Parameters
    ----------
    model, layers
        As for `StageGeometry.of`.

    Returns
    -------
    StageGeometry

    Raises
    ------
    ValueError
        If the layers may not form a stage.
    """
    return StageGeometry.of(model, layers)


def window_output(window: Window, height: int, width: int) -> tuple[int, int]:
    """Rows and columns that a window makes of an input of `height` x `width`.

    `floor((H + paddings - reach) / stride) + 1`, or its ceiling with `ceil`; there a last window
    that would start beyond the input and its leading padding is dropped (as PyTorch does, and
    ONNX since operator set 22).
    """
    rows, columns = (_output_size(window, axis, size) for axis, size in enumerate((height, width)))
    return rows, columns


def stage_shape_defects(model: Model, layers: Sequence[int]) -> list[str]:
    """Why layers may not form a stage (docs/slices.md).

    Looked at: convexity, the one outside tensor read, the one tensor read outside or result, and
    of every layer its op, its `output_shape` [C, H, W], its `window`, and whether rows and columns
    follow from its inputs'. Channels are not looked at: slices do not cut them.

    Parameters
    ----------
    model
        Whose layers they are.
    layers
        Their positions, in any order.

    Returns
    -------
    list of str
        Sentences; [] means that they may.

    Notes
    -----
    O(model's layers + stage's edges).
    """
    return list(_shape_defects(model, tuple(layers)))


@kept()
def _shape_defects(model: Model, layers: tuple[int, ...]) -> tuple[str, ...]:
    if not layers:
        return ("the stage has no layers",)
    inside = set(layers)
    defects = [
        f"layer {_name(model, layer)} stands twice"
        for layer in sorted(inside)
        if layers.count(layer) > 1
    ]
    sources = _outside_inputs(model, inside)
    results = []
    if len(inside) > 1:  # the model's readers are not asked for, where one layer is the question
        results = [
            i
            for i in sorted(inside)
            if model.results[i] or not inside.issuperset(model.consumers[i])
        ]
    if len(sources) != 1:
        names = ", ".join(_name(model, source) for source in sources) or "none"
        defects.append(f"the stage must read one tensor from outside, but reads {names}")
    if len(results) > 1:
        names = ", ".join(_name(model, layer) for layer in results)
        defects.append(
            f"one tensor of the stage may be read outside or be a result, but {names} are"
        )
    back = _way_back(model, inside, sources)
    if back is not None:
        defects.append(
            f"the stage is not convex: a path leaves it and returns by {_name(model, back)}"
        )
    for source in sources:
        if _map_size(model.layers[source]) is None:
            defects.append(
                f"tensor {_name(model, source)}, read from outside, has output_shape = "
                f"{shown(model.layers[source].output_shape)}, must be [C, H, W]"
            )
    for layer in sorted(inside):
        defects += _layer_defects(model, layer)
    return tuple(defects)


@kept()
def _layer_defects(model: Model, position: int) -> tuple[str, ...]:
    return tuple(_defects_of_layer(model, position))


def _defects_of_layer(model: Model, position: int) -> Iterator[str]:
    layer, name = model.layers[position], _name(model, position)
    if layer.op not in WINDOWED | ELEMENTWISE:
        yield f"layer {name} has op {layer.op}, which cannot be sliced"
        return
    if not layer.inputs:
        yield f"layer {name} has no inputs"
    size = _map_size(layer)
    if size is None:
        yield f"layer {name} has output_shape = {shown(layer.output_shape)}, must be [C, H, W]"
    if layer.op in WINDOWED and layer.window is None:
        yield f"layer {name} has op {layer.op} and no window"
        return
    if layer.op not in WINDOWED and layer.window is not None:
        yield f"layer {name} has op {layer.op}, which has no window, but one is given"
        return
    if layer.window is not None and len(layer.inputs) > 1:
        yield f"layer {name} has op {layer.op} and {len(layer.inputs)} inputs, must have one"
        return
    for tensor in dict.fromkeys(model.inputs[position]):
        before = _map_size(model.layers[tensor])
        if size is None or before is None:
            continue
        made = before if layer.window is None else window_output(layer.window, *before)
        if made != size:
            yield (
                f"layer {name} has output_shape = {shown(layer.output_shape)}, but of its input "
                f"{_name(model, tensor)}, {before[0]} x {before[1]}, it makes {made[0]} x {made[1]}"
            )


def _outside_inputs(model: Model, inside: set[int]) -> list[int]:
    return sorted({tensor for layer in inside for tensor in model.inputs[layer]} - inside)


def _way_back(model: Model, inside: set[int], sources: list[int]) -> int | None:
    """An outside tensor read by the stage that itself follows from the stage, if there is one."""
    if not sources:
        return None
    rank = _rank(model)
    last = max(rank[source] for source in sources)
    stack = [i for i in inside if rank[i] < last]
    seen: set[int] = set(stack)
    while stack:
        for consumer in model.consumers[stack.pop()]:
            if consumer not in seen and rank[consumer] <= last:
                seen.add(consumer)
                stack.append(consumer)
    return next((source for source in sources if source in seen), None)


@kept()
def _rank(model: Model) -> tuple[int, ...]:
    """[layers]: position of every layer in the topological order."""
    rank = np.empty(len(model.layers), np.int64)
    rank[model.order] = np.arange(len(model.layers))
    return tuple(rank.tolist())


def _map_size(layer: Layer) -> tuple[int, int] | None:
    """Rows and columns of a [C, H, W] tensor; None for any other."""
    shape = layer.output_shape
    return None if shape is None or len(shape) != 3 else (shape[1], shape[2])


def _output_size(window: Window, axis: int, size: int) -> int:
    before, after = window.padding[axis], window.padding[axis + 2]
    stride = window.stride[axis]
    room = size + before + after - (window.kernel[axis] - 1) * window.dilation[axis] - 1
    if not window.ceil:
        return room // stride + 1
    made = -(-room // stride) + 1
    return made - 1 if (made - 1) * stride >= size + before else made


def _reach(window: Window, shape: NDArray[np.int64], before: NDArray[np.int64]) -> Reach:
    stride, limit = window.stride, before[1:].tolist()
    first = [-padding for padding in window.padding[:2]]
    span = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
    last = [f + n - s for f, n, s in zip(first, span, stride, strict=True)]
    last_start = [
        (n - 1) * s + f for n, s, f in zip(shape[1:].tolist(), stride, first, strict=True)
    ]
    may_miss = any(f + n <= 0 for f, n in zip(first, span, strict=True))
    may_miss |= any(start >= most for start, most in zip(last_start, limit, strict=True))
    return Reach(_column(stride), _column(first), _column(last), _column(limit), may_miss)


def _column(pair: Sequence[int]) -> NDArray[np.int64]:
    """[2, 1]: rows, then columns."""
    return frozen(np.array(pair, np.int64).reshape(2, 1))


def _name(model: Model, position: int) -> str:
    return model.layers[position].name
