"""Networks of the zoo as ONNX models, operator by operator."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from splitfog.instances.records import Layer, Model

onnx = pytest.importorskip("onnx")
helper = onnx.helper

OPSET = 21
MOST_VALUES = 2**18
"""Of weights inside the file; larger ones are inputs of the graph, which no shape depends on."""
HEADS = 12

PLAIN = {
    "add": "Add", "multiply": "Mul", "flatten": "Flatten", "global-pool": "GlobalAveragePool",
    "identity": "Identity", "softmax": "Softmax",
}  # fmt: skip


def zoo_onnx(model: Model, seed: int | None = None) -> Any:
    """A network of the zoo as an `onnx.ModelProto`; activations are ReLU, or GELU where named so.

    Without a seed only shapes matter: every weight is 1/64, and large ones are inputs. With one,
    all are inside and random, of variance 1 / fan-in.
    """
    return _Writer(model, seed).model()


class _Writer:
    def __init__(self, network: Model, seed: int | None) -> None:
        self.network = network
        self.rng = None if seed is None else np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        first = network.layers[0]
        self.inputs = [self._input(first.name, (1, *self._shape(first.name)))]

    def model(self) -> Any:
        for layer in self.network.layers[1:]:
            name = layer.op.replace("-", "_")
            getattr(self, f"_{name}", self._plain)(layer)
        last = self.network.layers[-1].name
        output = helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "zoo", self.inputs, [output], self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _conv(self, layer: Layer) -> None:
        assert layer.window is not None
        window, channels = layer.window, self._shape(layer.name)[0]
        depth = self._shape(layer.inputs[0])[0] // window.groups
        weights = [self._weight(layer, "weight", channels, depth, *window.kernel)]
        if layer.weight_bytes > 4 * channels * depth * prod(window.kernel):
            weights.append(self._weight(layer, "bias", channels))
        self._node(
            layer, "Conv", *layer.inputs, *weights, kernel_shape=window.kernel,
            strides=window.stride, pads=window.padding, dilations=window.dilation,
            group=window.groups,
        )  # fmt: skip

    def _max_pool(self, layer: Layer) -> None:
        self._pool(layer, "MaxPool")

    def _average_pool(self, layer: Layer) -> None:
        assert layer.window is not None
        self._pool(layer, "AveragePool", count_include_pad=int(layer.window.count_padding))

    def _pool(self, layer: Layer, kind: str, **more: int) -> None:
        assert layer.window is not None
        window = layer.window
        self._node(
            layer, kind, *layer.inputs, kernel_shape=window.kernel, strides=window.stride,
            pads=window.padding, ceil_mode=int(window.ceil), **more,
        )  # fmt: skip

    def _norm(self, layer: Layer) -> None:
        shape = self._shape(layer.name)
        if len(shape) == 2:
            parts = [self._weight(layer, part, shape[-1]) for part in ("scale", "shift")]
            self._node(layer, "LayerNormalization", *layer.inputs, *parts)
            return
        names = ("scale", "shift", "mean", "variance")
        parts = [self._weight(layer, part, shape[0]) for part in names]
        self._node(layer, "BatchNormalization", *layer.inputs, *parts)

    def _linear(self, layer: Layer) -> None:
        depth, width = self._shape(layer.inputs[0])[-1], self._shape(layer.name)[-1]
        weight = self._weight(layer, "weight", depth, width)
        bias = self._weight(layer, "bias", width)
        if len(self._shape(layer.name)) == 1:
            self._node(layer, "Gemm", *layer.inputs, weight, bias)
            return
        product = self._step(layer, "product", "MatMul", *layer.inputs, weight)
        self._node(layer, "Add", product, bias)

    def _activation(self, layer: Layer) -> None:
        self._node(layer, "Gelu" if layer.name.endswith("gelu") else "Relu", *layer.inputs)

    def _concat(self, layer: Layer) -> None:
        self._node(layer, "Concat", *layer.inputs, axis=1)

    def _embedding(self, layer: Layer) -> None:
        """A map as tokens behind a class token, positions added."""
        tokens, features = self._shape(layer.name)
        shape = self._whole(layer, "shape", 1, features, tokens - 1)
        flat = self._step(layer, "flat", "Reshape", *layer.inputs, shape)
        turned = self._step(layer, "turned", "Transpose", flat, perm=[0, 2, 1])
        first = self._weight(layer, "class", 1, 1, features)
        both = self._step(layer, "both", "Concat", first, turned, axis=1)
        self._node(layer, "Add", both, self._weight(layer, "positions", 1, tokens, features))

    def _attention(self, layer: Layer) -> None:
        tokens, features = self._shape(layer.name)
        width = features // HEADS
        shape = self._whole(layer, "heads", 1, tokens, 3, HEADS, width)
        heads = self._step(layer, "split", "Reshape", *layer.inputs, shape)
        turned = self._step(layer, "turned", "Transpose", heads, perm=[2, 0, 3, 1, 4])
        parts = [
            self._step(layer, name, "Gather", turned, self._whole(layer, f"{name}.at", at), axis=0)
            for at, name in enumerate("qkv")
        ]
        flat = self._whole(layer, "flat", 1, HEADS, tokens, width)
        q, k, v = (
            self._step(layer, f"{name}.flat", "Reshape", part, flat)
            for name, part in zip("qkv", parts, strict=True)
        )
        keys = self._step(layer, "keys", "Transpose", k, perm=[0, 1, 3, 2])
        scores = self._step(layer, "scores", "MatMul", q, keys)
        weights = self._step(layer, "softmax", "Softmax", scores)
        mixed = self._step(layer, "mixed", "MatMul", weights, v)
        back = self._step(layer, "back", "Transpose", mixed, perm=[0, 2, 1, 3])
        self._node(layer, "Reshape", back, self._whole(layer, "joined", 1, tokens, features))

    def _other(self, layer: Layer) -> None:
        """The class token."""
        zero = self._whole(layer, "at", 0)
        row = self._step(layer, "row", "Gather", *layer.inputs, zero, axis=1)
        self._node(layer, "Flatten", row)

    def _plain(self, layer: Layer) -> None:
        self._node(layer, PLAIN[layer.op], *layer.inputs)

    def _step(self, layer: Layer, part: str, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator before the last one of a layer, and its tensor's name."""
        name = f"{layer.name}.{part}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def _node(self, layer: Layer, kind: str, *inputs: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [layer.name], layer.name, **attributes))

    def _weight(self, layer: Layer, part: str, *shape: int) -> str:
        name = f"{layer.name}.{part}"
        if self.rng is None and prod(shape) > MOST_VALUES:
            self.inputs.append(self._input(name, shape))
            return name
        values = np.full(shape, 1 / 64, np.float32)
        if self.rng is not None and part != "variance":
            fan_in = prod(shape[1:])
            values = (self.rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        self.weights.append(onnx.numpy_helper.from_array(values, name))
        return name

    def _whole(self, layer: Layer, part: str, *values: int) -> str:
        name = f"{layer.name}.{part}.values"
        self.weights.append(onnx.numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def _input(self, name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = self.network.layers[self.network.index[name]].output_shape
        assert shape is not None
        return shape
