"""ONNX operators and blocks to be run in slices, with whole numbers as weights.

Sums of whole numbers are exact in any order as long as they stay below 2^24, so whatever differs
is a mistake of geometry and no rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from splitfog.deployment.splitting.check import Check, check_split
from splitfog.deployment.splitting.split import Split, split
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan_file import PlanFile, PlanSlice, PlanStage, TaskEntry
from splitfog.formulations.tiles.grids import parts, rectangles_of
from splitfog.formulations.tiles.stage_shape import stage_shape_defects
from splitfog.instances.instance import Instance
from tests.cases.onnx_models import Kind, graph_model, helper, imported

Rectangle = tuple[int, int, int, int]
Pair = tuple[int, int]


def whole_numbers(rng: np.random.Generator, *shape: int, most: int = 2) -> np.ndarray:
    """From -most to most, as float32."""
    return rng.integers(-most, most + 1, shape).astype(np.float32)


def windowed(seed: int) -> Any:
    """One convolution or pooling of random window, pads, rounding, divisor and operator set.

    Operator set 9 has no rounding up and cuts by attributes, 22 drops windows that start in the
    padding after the map.
    """
    rng = np.random.default_rng(seed)
    opset = int(rng.choice([9, 13, 21, 22]))
    kind = ("Conv", "MaxPool", "AveragePool")[seed % 3]

    def pair(low: int, high: int) -> list[int]:
        return [int(rng.integers(low, high + 1)) for _ in range(2)]

    kernel, stride = pair(1, 4), pair(1, 3)
    dilation = pair(1, 3)
    if (kind == "AveragePool" and opset < 19) or (kind == "MaxPool" and opset < 10):
        dilation = [1, 1]
    size = [(k - 1) * d + 1 + int(rng.integers(3, 12)) for k, d in zip(kernel, dilation)]
    auto = rng.choice(["NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"])
    if str(auto).startswith("SAME"):  # as far as ONNX Runtime has it: no dilation, no gaps
        dilation, stride = [1, 1], [min(pair) for pair in zip(kernel, stride)]
    attributes: dict[str, Any] = {"strides": stride, "kernel_shape": kernel}
    if dilation != [1, 1]:
        attributes["dilations"] = dilation
    if auto != "NOTSET":
        attributes["auto_pad"] = str(auto)
    else:
        # a pool's pads are below its kernel; a convolution's may reach farther than its window
        highest = [k - 1 if kind != "Conv" else (k - 1) * d + 2 for k, d in zip(kernel, dilation)]
        attributes["pads"] = [int(rng.integers(0, highest[i % 2] + 1)) for i in range(4)]
    channels, weights, inputs = 3, {}, ["x"]
    if kind == "Conv":
        groups = int(rng.choice([1, 1, 3]))
        weights = {
            "w": whole_numbers(rng, 6, channels // groups, *kernel),
            "b": whole_numbers(rng, 6),
        }
        inputs, attributes["group"] = ["x", "w", "b"], groups
    elif auto == "NOTSET" and opset >= 10:
        attributes["ceil_mode"] = int(rng.integers(0, 2))
    if kind == "AveragePool":
        attributes["count_include_pad"] = int(rng.integers(0, 2))
    nodes = [
        helper.make_node(kind, inputs, ["y"], name="window", **attributes),
        helper.make_node("Flatten", ["y"], ["z"], name="after"),
    ]
    inputs_of = {"x": (Kind.FLOAT, (1, channels, *size))}
    return graph_model(nodes, inputs_of, {"z": Kind.FLOAT}, weights, opset)


class Builder:
    """A graph of maps, one operator after the other."""

    def __init__(self, channels: int, height: int, width: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}
        self.channels = {"x": channels}
        self.size = (height, width)
        self.first = channels

    def put(self, op: str, *inputs: str, channels: int, **attributes: Any) -> str:
        """An operator; the name of its output."""
        name = f"t{len(self.nodes)}"
        read = [*inputs, *[w for w in self.weights if w.startswith(f"{name}.")]]
        self.nodes.append(helper.make_node(op, read, [name], name=f"{op}{name}", **attributes))
        self.channels[name] = channels
        return name

    def conv(
        self, tensor: str, channels: int, kernel: Pair = (3, 3), groups: int = 1, **how: Any
    ) -> str:
        """A convolution that keeps rows and columns, unless `how` says otherwise."""
        name, inner = f"t{len(self.nodes)}", self.channels[tensor] // groups
        self.weights[f"{name}.w"] = whole_numbers(self.rng, channels, inner, *kernel, most=1)
        self.weights[f"{name}.x"] = whole_numbers(self.rng, channels, most=3)
        pads = [kernel[0] // 2, kernel[1] // 2] * 2
        options = {"pads": pads, "group": groups, **how}
        return self.put("Conv", tensor, channels=channels, kernel_shape=kernel, **options)

    def relu(self, tensor: str) -> str:
        """Rectified, and kept small: from 0 to 7."""
        name = f"t{len(self.nodes)}"
        self.weights[f"{name}.a"] = np.zeros((), np.float32)
        self.weights[f"{name}.b"] = np.full((), 7, np.float32)
        return self.put("Clip", tensor, channels=self.channels[tensor])

    def pool(self, op: str, tensor: str, kernel: int, stride: int, **how: Any) -> str:
        """A square pooling."""
        options = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, **how}
        return self.put(op, tensor, channels=self.channels[tensor], **options)

    def model(self, tensor: str) -> Any:
        """All of it, with a Flatten at the end, which no stage has."""
        self.nodes.append(helper.make_node("Flatten", [tensor], ["out"], name="after"))
        return graph_model(
            self.nodes,
            {"x": (Kind.FLOAT, (1, self.first, *self.size))},
            {"out": Kind.FLOAT},
            self.weights,
        )


def vgg(seed: int = 0) -> Any:
    """Two 3 x 3 convolutions and a halving pool."""
    net = Builder(3, 22, 26, seed)
    last = net.relu(net.conv(net.relu(net.conv("x", 6)), 6))
    return net.model(net.pool("MaxPool", last, 2, 2))


def resnet(seed: int = 0) -> Any:
    """A halving block with a projected shortcut."""
    net = Builder(4, 21, 23, seed)
    main = net.relu(net.conv("x", 8, strides=[2, 2]))
    main = net.conv(main, 8)
    short = net.conv("x", 8, (1, 1), strides=[2, 2], pads=[0, 0, 0, 0])
    return net.model(net.relu(net.put("Add", main, short, channels=8)))


def inception(seed: int = 0) -> Any:
    """Four branches of 1 x 1, 3 x 3, 7 x 1 after 1 x 7, and an average, put side by side."""
    net = Builder(4, 17, 19, seed)
    one = net.relu(net.conv("x", 4, (1, 1)))
    two = net.relu(net.conv(net.relu(net.conv("x", 3, (1, 1))), 5))
    three = net.conv("x", 3, (1, 1))
    three = net.relu(net.conv(net.conv(three, 3, (1, 7)), 4, (7, 1)))
    # a window of 4 values: quarters are exact
    four = net.pool("AveragePool", "x", 2, 1, pads=[0, 0, 1, 1], count_include_pad=1)
    four = net.conv(four, 2, (1, 1))
    return net.model(net.put("Concat", one, two, three, four, channels=15, axis=1))


def squeezenet(seed: int = 0) -> Any:
    """A fire module after a pooling that rounds up."""
    net = Builder(6, 20, 22, seed)
    pooled = net.pool("MaxPool", "x", 3, 2, ceil_mode=1)
    small = net.relu(net.conv(pooled, 3, (1, 1)))
    left, right = net.relu(net.conv(small, 5, (1, 1))), net.relu(net.conv(small, 5))
    return net.model(net.put("Concat", left, right, channels=10, axis=1))


def mobilenet(seed: int = 0) -> Any:
    """An inverted residual: widened, depthwise, narrowed, and the input added."""
    net = Builder(4, 18, 15, seed)
    wide = net.relu(net.conv("x", 12, (1, 1)))
    deep = net.relu(net.conv(wide, 12, groups=12))
    narrow = net.conv(deep, 4, (1, 1))
    return net.model(net.put("Add", narrow, "x", channels=4))


BLOCKS: Mapping[str, Callable[[int], Any]] = {
    make.__name__: make for make in (vgg, resnet, inception, squeezenet, mobilenet)
}


def uneven(height: int, width: int, seed: int) -> list[Rectangle]:
    """Rows cut at random, and each row of slices into columns of its own."""
    rng = np.random.default_rng(seed)
    found: list[Rectangle] = []
    for rows in _ranges(rng, height):
        for columns in _ranges(rng, width):
            found.append((*rows, *columns))
    return found


def _ranges(rng: np.random.Generator, length: int) -> list[Pair]:
    count = int(rng.integers(1, min(length, 3) + 1))
    cuts = sorted(rng.choice(np.arange(1, length), count - 1, replace=False).tolist())
    return list(zip([0, *cuts], [*cuts, length], strict=True))


def grid_of(height: int, width: int, rows: int, columns: int) -> list[Rectangle]:
    """As even as can be, with as many rows and columns as there is room for."""
    down = parts(height, [1.0] * min(rows, height))
    across = parts(width, [1.0] * min(columns, width))
    return [(a, b, c, d) for a, b, c, d in rectangles_of(down, across).tolist()]


def pinwheel(height: int, width: int) -> list[Rectangle]:
    """Four rectangles around a fifth: no straight cut crosses none of them."""
    r, c = height // 3, width // 3
    return [
        (0, r, 0, width - c),
        (0, height - r, width - c, width),
        (height - r, height, c, width),
        (r, height, 0, c),
        (r, height - r, c, width - c),
    ]


def stage_plan(case: Instance, layers: Sequence[str], tiles: Sequence[Rectangle]) -> PlanFile:
    """All at the Pi but the stage, whose home is the box and whose slices are anywhere."""
    (task,) = case.tasks
    names = [layer.name for layer in case.models[0].layers]
    nodes = ("box", "server", "pi")
    slices = tuple(
        PlanSlice(nodes[i % 3], (tile[0], tile[1]), (tile[2], tile[3]))
        for i, tile in enumerate(tiles)
    )
    entry = TaskEntry(
        task=task.name,
        placement={name: "box" if name in layers else "pi" for name in names},
        stages=(PlanStage(tuple(layers), "box", slices),),
    )
    return PlanFile(objective=Objective("latency", monotone=False), tasks=(entry,))


def stage_layers(case: Instance) -> list[str]:
    """All layers that are no input and stand before the last."""
    model = case.models[0]
    layers = [i for i, layer in enumerate(model.layers) if layer.op != "input"][:-1]
    assert stage_shape_defects(model, layers) == []
    return [model.layers[i].name for i in layers]


def output_size(case: Instance) -> Pair:
    """Rows and columns of what the stage makes."""
    shape = case.models[0].layers[-2].output_shape
    assert shape is not None
    return shape[-2], shape[-1]


def check_tiles(case: Instance, tiles: Sequence[Rectangle], folder: Path) -> tuple[Split, Check]:
    """Split by slices and compared, on whole numbers."""
    done = split(case, stage_plan(case, stage_layers(case), tiles), folder)
    return done, check_split(folder, inputs=1, whole_numbers=True)


def imported_block(model: Any, folder: Path) -> Instance:
    """A block as `import onnx` has it, at the level that leaves its operators alone."""
    return imported(model, folder, level="basic")
