"""A stage of a plan as pieces: one that cuts its input, one for every slice, one that joins them.

A slice computes of every tensor the rectangle that reverse tile calculation finds (docs/slices.md).
Windows get explicit pads, which stand only where the rectangle ends at the map's true border; where
a tensor's rectangle is larger than a reader needs, it is cut down by a `Slice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from splitfog.deployment.splitting.extraction import Whole
from splitfog.deployment.splitting.manifest import PartSlice
from splitfog.deployment.splitting.piece import Piece, Rectangle
from splitfog.formulations.costs.stages import stage_work
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Window

MOVING = ("activation", "add", "multiply", "concat", "identity")
"""Ops whose constants lie along the map, as far as they have its rows and columns."""

INPUT_FORM = 10
"""From this operator set on, `Slice` takes its borders as inputs."""


def stage_pieces(
    instance: Instance, decision: TaskDecision, number: int, whole: Whole
) -> list[Piece]:
    """The pieces of a stage, in an order in which they can run.

    Parameters
    ----------
    instance
        With one task.
    decision
        Its plan.
    number
        Of the stage in it.
    whole
        The canonical model.

    Returns
    -------
    list of Piece
        At the home what cuts the input (unless no slice reads any of it), the slices in their
        order, and at the home what joins them.

    Raises
    ------
    InstanceError
        For layers whose tensors are no maps [1, C, H, W] in the canonical model, and for a pooling
        of which a slice reads nothing but padding.
    """
    (task,) = instance.tasks
    stage = decision.stages[number]
    geometry = geometry_of(instance.model_of(task), stage.layers)
    tiles = [(*part.rows, *part.columns) for part in stage.slices]
    boxes = regions(geometry, np.array(tiles, np.int64)).boxes
    layers = [geometry.model.layers[i] for i in (*geometry.layers, geometry.source)]
    tensors = [whole.tensor(layer.name) for layer in layers]
    for position, (layer, tensor) in enumerate(zip(layers, tensors, strict=True)):
        if not _is_map(whole, tensor, None if position == len(layers) - 1 else layer):
            said = f"layer {layer.name} of stage {number} makes no map [1, C, H, W]"
            raise InstanceError(whole.name, [said])
    seconds = stage_work(instance, task, stage).service_s.tolist()
    slices = []
    for index, part in enumerate(stage.slices):
        graph = _Tile(whole, f"{whole.mark}{number}.{index}")
        box = {t: _rectangle(boxes[slot, index]) for slot, t in enumerate(tensors)}
        graph.given(tensors[-1], box[tensors[-1]])
        for layer, tensor in zip(layers[:-1], tensors[:-1], strict=True):
            if _area(box[tensor]):
                graph.run(layer, tensor, box[tensor])
        mark = PartSlice(number, index, part.rows, part.columns)
        names = tuple(layer.name for layer in layers[:-1])
        slices.append(graph.piece(part.node, names, seconds[index], mark))
    inputs = [_rectangle(box) for box in boxes[-1]]
    cut = _cut(whole, stage.home, number, tensors[-1], inputs)
    join = _join(whole, stage.home, number, tensors[-2], tiles)
    return [*cut, *slices, join]


def _is_map(whole: Whole, tensor: str, layer: Layer | None) -> bool:
    """Whether rows and columns are the last two of four dimensions.

    `layer` runs in the stage: it must be an operator's first output. None: whoever makes it.
    """
    made = layer is None or tensor == whole.operator(layer.name).output[0]
    return made and len(whole.type_of(tensor)[1]) == 4


def _rectangle(box: Any) -> Rectangle:
    r0, r1, c0, c1 = box.tolist()
    return r0, r1, c0, c1


def _area(box: Rectangle) -> int:
    return max(0, box[1] - box[0]) * max(0, box[3] - box[2])


def _cut(
    whole: Whole, home: int, number: int, tensor: str, boxes: Sequence[Rectangle]
) -> list[Piece]:
    """The part that cuts the stage's input into what each slice reads."""
    graph = _Tile(whole, f"{whole.mark}{number}")
    graph.whole_tensor(tensor)
    for index, box in enumerate(boxes):
        if _area(box):
            graph.cut(tensor, box, f"{tensor}{whole.mark}{number}.{index}", always=True)
    return [graph.piece(home, (), 0.0)] if graph.operators else []


def _join(whole: Whole, home: int, number: int, tensor: str, boxes: Sequence[Rectangle]) -> Piece:
    """The part that puts the slices' rectangles together."""
    graph = _Tile(whole, f"{whole.mark}{number}:join")
    tiles = [(f"{tensor}{whole.mark}{number}.{index}", box) for index, box in enumerate(boxes)]
    for name, box in tiles:
        graph.known(name, tensor, box)
    graph.join(tensor, tiles, tensor)
    return graph.piece(home, (), 0.0)


class _Tile:
    """Operators on rectangles of a model's tensors, and what they need."""

    def __init__(self, whole: Whole, suffix: str) -> None:
        self.whole, self.suffix = whole, suffix
        self.operators: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.types: dict[str, Any] = {}
        self.names: dict[str, str] = {}  # of what stands for a tensor of the whole
        self.boxes: dict[str, Rectangle] = {}  # by name here

    def piece(
        self, node: int, layers: tuple[str, ...], seconds: float, mark: PartSlice | None = None
    ) -> Piece:
        """All of it as a piece."""
        return Piece(
            node=node,
            layers=layers,
            operators=self.operators,
            seconds=seconds,
            constants=list(self.constants.values()),
            types=self.types,
            regions={name: box for name, box in self.boxes.items() if name in self.types},
            slice=mark,
        )

    def whole_tensor(self, tensor: str) -> None:
        """A tensor stands for itself."""
        _, shape = self.whole.type_of(tensor)
        self.names[tensor], self.boxes[tensor] = tensor, (0, shape[2], 0, shape[3])

    def given(self, tensor: str, box: Rectangle) -> None:
        """A rectangle of a tensor comes from elsewhere."""
        if _area(box):
            self.known(tensor + self.suffix, tensor, box)

    def known(self, name: str, tensor: str, box: Rectangle) -> None:
        """`name` is a rectangle of a tensor of the whole."""
        import onnx

        _, shape = self.whole.type_of(tensor)
        element = self.whole.types[tensor].type.tensor_type.elem_type
        sizes = [*shape[:2], box[1] - box[0], box[3] - box[2]]
        self.types[name] = onnx.helper.make_tensor_value_info(name, element, sizes)
        self.names[tensor], self.boxes[name] = name, box

    def cut(self, tensor: str, box: Rectangle, name: str = "", always: bool = False) -> str:
        """The name of a rectangle of a tensor that is here as this one or a larger one."""
        source = self.names[tensor]
        if self.boxes[source] == box and not always:
            return source
        name = name or f"{source}:{'.'.join(map(str, box))}"
        if name in self.types:
            return name
        r0, _, c0, _ = self.boxes[source]
        starts, ends = [box[0] - r0, box[2] - c0], [box[1] - r0, box[3] - c0]
        self._slice(source, name, starts, ends, [2, 3])
        self.known(name, tensor, box)
        self.names[tensor] = source
        return name

    def join(self, tensor: str, tiles: Sequence[tuple[str, Rectangle]], name: str) -> None:
        """Rectangles of a tensor put together to one that is called `name`.

        Cuts that cross no rectangle come first; where there are none (four rectangles around a
        fifth), some are cut themselves.
        """
        for axis in (2, 3):
            groups = _groups(tiles, axis)
            if len(groups) > 1:
                names = [self._joined(tensor, group, axis) for group in groups]
                self._put("Concat", names, name, axis=axis)
                return
        if len(tiles) == 1:
            self._put("Identity", [tiles[0][0]], name)
            return
        border = min(box[1] for _, box in tiles)
        halves: list[tuple[str, Rectangle]] = []
        for own, box in tiles:
            self.names[tensor] = own
            r0, r1, c0, c1 = box
            if r0 < border < r1:
                for half in ((r0, border, c0, c1), (border, r1, c0, c1)):
                    halves.append((self.cut(tensor, half), half))
            else:
                halves.append((own, box))
        self.join(tensor, halves, name)

    def _joined(self, tensor: str, tiles: Sequence[tuple[str, Rectangle]], axis: int) -> str:
        if len(tiles) == 1:
            return tiles[0][0]
        lows, highs = zip(*(box[::2] for _, box in tiles)), zip(*(box[1::2] for _, box in tiles))
        (r0, c0), (r1, c1) = map(min, lows), map(max, highs)
        name = f"{tensor}{self.suffix}:{r0}.{r1}.{c0}.{c1}"
        self.join(tensor, tiles, name)
        return name

    def run(self, layer: Layer, tensor: str, box: Rectangle) -> None:
        """A layer's operator, such that it makes a rectangle of its tensor."""
        operator = self.whole.operator(layer.name)
        copy = type(operator)()
        copy.CopyFrom(operator)
        copy.name = layer.name + self.suffix
        if layer.window is None:
            copy.input[:] = [self._beside(layer, name, box) for name in operator.input]
        else:
            self._window(layer, layer.window, operator, copy, box)
        del copy.output[:]
        copy.output.append(tensor + self.suffix)
        self.operators.append(copy)
        self.known(tensor + self.suffix, tensor, box)

    def _beside(self, layer: Layer, name: str, box: Rectangle) -> str:
        """What an elementwise operator reads in place of an input, for a rectangle."""
        if not name:
            return name
        if name not in self.whole.constants:
            return self.cut(name, box)
        dims = list(self.whole.constants[name].dims)
        if layer.op not in MOVING or not any(size > 1 for size in dims[-2:]):
            return name
        return self._cut_constant(name, box)

    def _cut_constant(self, name: str, box: Rectangle) -> str:
        """The part of a constant that lies along a rectangle."""
        from onnx import numpy_helper

        own = f"{name}{self.suffix}:{'.'.join(map(str, box))}"
        if own not in self.constants:
            values = numpy_helper.to_array(self.whole.constants[name])
            if values.shape[-1] > 1:
                values = values[..., box[2] : box[3]]
            if values.ndim > 1 and values.shape[-2] > 1:
                values = values[..., box[0] : box[1], :]
            self.constants[own] = numpy_helper.from_array(np.ascontiguousarray(values), own)
        return own

    def _window(
        self, layer: Layer, window: Window, operator: Any, copy: Any, box: Rectangle
    ) -> None:
        """Pads and input of a windowed operator, for a rectangle of its output."""
        from onnx import helper

        tensor = operator.input[0]
        _, shape = self.whole.type_of(tensor)
        ranges = [
            _window_range(window, axis, box[2 * axis], box[2 * axis + 1], shape[2 + axis])
            for axis in range(2)
        ]
        (top, rows, bottom), (left, columns, right) = ranges
        need = (*rows, *columns)
        if _area(need):
            copy.input[0] = self.cut(tensor, need)
            pads = [top, left, bottom, right]
        else:
            copy.input[0] = self._nothing(layer, window, shape, box)
            pads = [0, 0, 0, 0]
        kept = [entry for entry in operator.attribute if entry.name not in ("auto_pad", "pads")]
        del copy.attribute[:]
        copy.attribute.extend([*kept, helper.make_attribute("pads", pads)])

    def _nothing(self, layer: Layer, window: Window, shape: tuple[int, ...], box: Rectangle) -> str:
        """The zeros that a convolution pads with, where a rectangle reads nothing else."""
        from onnx import numpy_helper

        operator = self.whole.operator(layer.name)
        if operator.op_type not in ("Conv", "FusedConv"):
            raise InstanceError(
                self.whole.name,
                [f"layer {layer.name}: a slice of it reads nothing but padding, must read more"],
            )
        sizes = [
            (box[2 * axis + 1] - box[2 * axis] - 1) * window.stride[axis]
            + (window.kernel[axis] - 1) * window.dilation[axis]
            + 1
            for axis in range(2)
        ]
        dtype, _ = self.whole.type_of(operator.input[0])
        own = f"{operator.input[0]}{self.suffix}:padding of {layer.name}"
        zeros = np.zeros((1, shape[1], *sizes), dtype)
        self.constants[own] = numpy_helper.from_array(zeros, own)
        return own

    def _slice(
        self, source: str, name: str, starts: list[int], ends: list[int], axes: list[int]
    ) -> None:
        if self._opset < INPUT_FORM:
            self._put("Slice", [source], name, starts=starts, ends=ends, axes=axes)
            return
        borders = {"starts": starts, "ends": ends, "axes": axes}
        names = [self._whole_numbers(f"{name}:{kind}", values) for kind, values in borders.items()]
        self._put("Slice", [source, *names], name)

    def _whole_numbers(self, name: str, values: list[int]) -> str:
        from onnx import numpy_helper

        self.constants[name] = numpy_helper.from_array(np.array(values, np.int64), name)
        return name

    def _put(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        from onnx import helper

        self.operators.append(helper.make_node(op, inputs, [output], name=output, **attributes))

    @cached_property
    def _opset(self) -> int:
        imports = self.whole.model.opset_import
        return next(int(entry.version) for entry in imports if entry.domain in ("", "ai.onnx"))


def _groups(tiles: Sequence[tuple[str, Rectangle]], axis: int) -> list[list[tuple[str, Rectangle]]]:
    """Rectangles between cuts that cross none of them, along rows (2) or columns (3)."""
    low, high = 2 * (axis - 2), 2 * (axis - 2) + 1
    groups: list[list[tuple[str, Rectangle]]] = []
    end = None
    for tile in sorted(tiles, key=lambda tile: tile[1][low]):
        if end is None or tile[1][low] >= end:
            groups.append([])
        groups[-1].append(tile)
        end = tile[1][high] if end is None else max(end, tile[1][high])
    return groups


def _window_range(
    window: Window, axis: int, start: int, end: int, size: int
) -> tuple[int, tuple[int, int], int]:
    """(pads before, [first, last) of the input, pads after) for [start, end) of the output.

    The reach may end beyond the padding, where the size is rounded up: that is left to `ceil_mode`.
    """
    stride, padding = window.stride[axis], window.padding
    span = (window.kernel[axis] - 1) * window.dilation[axis] + 1
    first = start * stride - padding[axis]
    last = (end - 1) * stride - padding[axis] + span
    inside = (max(first, 0), min(last, size))
    return max(0, -first), inside, min(padding[axis + 2], max(0, last - size))
