"""Networks of the zoo as ONNX models with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from splitfog import Layer, Model

OPSET = 17


def onnx_model(model: Model, seed: int = 0) -> Any:
    """A network of convolutions, pooling and sums as an `onnx.ModelProto`: an operator a layer.

    Parameters
    ----------
    model
        Of the zoo, without attention; activations become ReLU.
    seed
        Of the weights.
    """
    writer = _Writer(model, np.random.default_rng(seed))
    for layer in model.layers:
        writer.add(layer)
    (first, *_), last = model.layers, model.layers[-1]
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        writer.nodes,
        model.name,
        [helper.make_tensor_value_info(first.name, float32, (1, *(first.output_shape or ())))],
        [helper.make_tensor_value_info(last.name, float32, None)],
        writer.weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


class _Writer:
    def __init__(self, model: Model, rng: np.random.Generator) -> None:
        self.model = model
        self.rng = rng
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, layer: Layer) -> None:
        write = {
            "conv": self._conv, "linear": self._linear, "norm": self._norm,
            "max-pool": self._pool, "average-pool": self._pool,
        }.get(layer.op)  # fmt: skip
        if write is not None:
            write(layer)
        elif layer.op != "input":
            kind, attributes = {
                "activation": ("Relu", {}), "add": ("Add", {}), "concat": ("Concat", {"axis": 1}),
                "multiply": ("Mul", {}), "flatten": ("Flatten", {}), "identity": ("Identity", {}),
                "softmax": ("Softmax", {"axis": 1}), "global-pool": ("GlobalAveragePool", {}),
            }[layer.op]  # fmt: skip
            self._node(layer, kind, **attributes)

    def _node(self, layer: Layer, kind: str, *more: str, **attributes: Any) -> None:
        names = [*layer.inputs, *more]
        self.nodes.append(helper.make_node(kind, names, [layer.name], layer.name, **attributes))

    def _weight(self, layer: Layer, part: str, *shape: int) -> str:
        fan_in = max(1, int(np.prod(shape[1:])))
        values = self.rng.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(fan_in))
        name = f"{layer.name}.{part}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def _before(self, layer: Layer) -> tuple[int, ...]:
        return self.model.layers[self.model.index[layer.inputs[0]]].output_shape or ()

    def _conv(self, layer: Layer) -> None:
        assert layer.window is not None
        assert layer.output_shape is not None
        window, channels = layer.window, layer.output_shape[0]
        shape = (channels, self._before(layer)[0] // window.groups, *window.kernel)
        names = [self._weight(layer, "weight", *shape)]
        if layer.weight_bytes > 4 * np.prod(shape):
            names.append(self._weight(layer, "bias", channels))
        self._node(
            layer, "Conv", *names, kernel_shape=window.kernel, strides=window.stride,
            pads=window.padding, dilations=window.dilation, group=window.groups,
        )  # fmt: skip

    def _linear(self, layer: Layer) -> None:
        assert layer.output_shape is not None
        shape = (layer.output_shape[0], int(np.prod(self._before(layer))))
        names = [self._weight(layer, "weight", *shape), self._weight(layer, "bias", shape[0])]
        if len(self._before(layer)) > 1:
            flat = f"{layer.name}.flat"
            self.nodes.append(helper.make_node("Flatten", [layer.inputs[0]], [flat], flat))
            self.nodes.append(
                helper.make_node("Gemm", [flat, *names], [layer.name], layer.name, transB=1)
            )
        else:
            self._node(layer, "Gemm", *names, transB=1)

    def _norm(self, layer: Layer) -> None:
        channels = self._before(layer)[0]
        names = [self._weight(layer, part, channels) for part in ("scale", "shift", "mean")]
        variance = f"{layer.name}.variance"
        self.weights.append(numpy_helper.from_array(np.ones(channels, np.float32), variance))
        self._node(layer, "BatchNormalization", *names, variance)

    def _pool(self, layer: Layer) -> None:
        assert layer.window is not None
        window = layer.window
        kind, more = "MaxPool", {}
        if layer.op == "average-pool":
            kind, more = "AveragePool", {"count_include_pad": int(window.count_padding)}
        self._node(
            layer, kind, kernel_shape=window.kernel, strides=window.stride, pads=window.padding,
            ceil_mode=int(window.ceil), **more,
        )  # fmt: skip
