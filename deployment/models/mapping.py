"""A canonical ONNX graph as a model: one layer an operator, and the way back.

Every tensor that another operator reads is the output of one layer. An operator with several used
outputs is a layer of no bytes and one `identity` for each, all in one `group`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

from splitfog.deployment.models.canonical import CONTROL_FLOW, SHAPES_KEY, ModelDefect
from splitfog.deployment.models.operators import (
    attribute,
    flops,
    kind,
    weight_position,
    window,
)
from splitfog.instances.records import Layer, Model, changed

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A model and where its layers are in the graph.

    Attributes
    ----------
    model : the layers.
    tensor_of : the tensor that every layer makes, by layer; none for a node with several outputs.
    shapes : dimensions of every tensor that are known, by its name.
    node_of : position in the graph of the node that every layer runs, by layer; none for inputs
        and for the identities of a node with several outputs.
    needs_time : layers whose work nobody knows before they run (a `Loop` of unknown length).
    notes : what was noticed, as sentences.
    excess_bytes : weights counted again for layers that share only a part of theirs.
    """

    model: Model
    tensor_of: Mapping[str, str]
    shapes: Mapping[str, Shape]
    node_of: Mapping[str, int]
    needs_time: tuple[str, ...]
    notes: tuple[str, ...]
    excess_bytes: float


def mapped(onnx_model: Any, name: str, tiers: Iterable[str] = ()) -> Mapped:
    """The layers of a canonical model.

    Parameters
    ----------
    onnx_model
        An `onnx.ModelProto` as `canonical` makes it.
    name
        Of the model.
    tiers
        Names under which an identity of several outputs takes no time.

    Raises
    ------
    ModelDefect
        For a tensor between operators whose shape is unknown.
    """
    return _Mapping(onnx_model, tuple(tiers)).run(name)


@dataclass
class _Work:
    """Operations and weights of a node, its inner graphs included."""

    flops: float = 0.0
    unknown: set[str] = field(default_factory=set)
    needs_time: bool = False


class _Mapping:
    def __init__(self, onnx_model: Any, tiers: tuple[str, ...]) -> None:
        self.graph = onnx_model.graph
        self.zero_times = dict.fromkeys(tiers, 0.0)
        self.shapes, self.types = _shapes_and_types(onnx_model)
        self.constants = {tensor.name: _tensor_bytes(tensor) for tensor in self.graph.initializer}
        self.shapes |= {tensor.name: tuple(tensor.dims) for tensor in self.graph.initializer}
        self.outputs = {value.name for value in self.graph.output}
        self.reads = [read_names(node) for node in self.graph.node]
        self.used = self.outputs.union(*map(set, self.reads)) if self.reads else self.outputs
        self.layer_of: dict[str, str] = {}
        self.tensor_of: dict[str, str] = {}
        self.node_of: dict[str, int] = {}
        self.layers: list[Layer] = []
        self.unknown: Counter[str] = Counter()
        self.needs_time: list[str] = []
        self.names: set[str] = {node.name for node in self.graph.node}
        self.bound = _Bound()

    def run(self, name: str) -> Mapped:
        for value in self.graph.input:
            if value.name in self.used:
                self._input(value)
        self.weights, self.excess_bytes = self._shared()
        for position, node in enumerate(self.graph.node):
            outputs = [tensor for tensor in node.output if tensor and tensor in self.used]
            if outputs:
                self._node(position, node, outputs)
        groups = self.bound.groups()
        layers = tuple(
            changed(layer, group=groups.get(layer.name)) if layer.name in groups else layer
            for layer in self.layers
        )
        return Mapped(
            model=Model(name=name, layers=layers),
            tensor_of=self.tensor_of,
            shapes=self.shapes,
            node_of=self.node_of,
            needs_time=tuple(self.needs_time),
            notes=tuple(self._notes()),
            excess_bytes=self.excess_bytes,
        )

    def _input(self, value: Any) -> None:
        name = value.name
        while name in self.names:
            name += ":in"
        self._made(name, value.name)
        self.layers.append(
            Layer(
                name=name,
                op="input",
                output_bytes=self._bytes(value.name),
                output_shape=self._output_shape(value.name),
                result=value.name in self.outputs,
            )
        )

    def _node(self, position: int, node: Any, outputs: list[str]) -> None:
        inputs = tuple(
            self.layer_of[tensor] for tensor in self.reads[position] if tensor in self.layer_of
        )
        work = self._work(node)
        if work.needs_time:
            self.needs_time.append(node.name)
        self.unknown.update(work.unknown)
        self.node_of[node.name] = position
        weight_bytes, weights = self.weights[position]
        common: dict[str, Any] = {
            "name": node.name,
            "inputs": inputs,
            "flops": work.flops,
            "weight_bytes": weight_bytes,
            "weights": weights,
        }
        if len(outputs) > 1:
            self._several(node.name, outputs, common)
            return
        (tensor,) = outputs
        self._made(node.name, tensor)
        shape = self._output_shape(tensor)
        self.layers.append(
            Layer(
                **common,
                op=kind(node, shape),
                output_bytes=self._bytes(tensor),
                output_shape=shape,
                window=None if shape is None or len(shape) != 3 else self._window(node),
                result=tensor in self.outputs and self._is_read(tensor),
            )
        )
        self._bind_readers(inputs, node.name)

    def _several(self, name: str, outputs: list[str], common: dict[str, Any]) -> None:
        """A node with several used outputs: itself without a tensor, and one identity for each."""
        self.layers.append(Layer(**common, op="other", output_bytes=0.0))
        members = [name]
        for tensor in outputs:
            identity = tensor
            while identity in self.names:
                identity += ":out"
            self.names.add(identity)
            self._made(identity, tensor)
            members.append(identity)
            self.layers.append(
                Layer(
                    name=identity,
                    op="identity",
                    inputs=(name,),
                    output_bytes=self._bytes(tensor),
                    output_shape=self._output_shape(tensor),
                    times_s=self.zero_times,
                    result=tensor in self.outputs and self._is_read(tensor),
                )
            )
        self.bound.join(members)
        self._bind_readers(common["inputs"], name)

    def _bind_readers(self, inputs: Iterable[str], reader: str) -> None:
        """What must not travel (strings, sequences) is read where it is made."""
        for layer in inputs:
            if self._stays(self.tensor_of[layer]):
                self.bound.join([layer, reader])

    def _made(self, layer: str, tensor: str) -> None:
        self.names.add(layer)
        self.layer_of[tensor] = layer
        self.tensor_of[layer] = tensor

    def _is_read(self, tensor: str) -> bool:
        return any(tensor in names for names in self.reads)

    def _stays(self, tensor: str) -> bool:
        """Whether a value is none of numbers in an array, and so cannot be sent."""
        kind_of = self.types.get(tensor)
        return kind_of is not None and (kind_of == "string" or not isinstance(kind_of, int))

    def _bytes(self, tensor: str) -> float:
        if self._stays(tensor):
            return 0.0
        shape, element = self.shapes.get(tensor), self.types.get(tensor)
        if shape is None or element is None:
            raise ModelDefect(f"has tensor {tensor!r} of unknown shape or type")
        return float(ceil(prod(shape) * _bits(element) / 8))

    def _output_shape(self, tensor: str) -> Shape | None:
        shape = self.shapes.get(tensor)
        if shape is None or not shape or min(shape) < 1:
            return None
        return shape[1:] if len(shape) == 4 and shape[0] == 1 else shape

    def _window(self, node: Any) -> Any:
        position = weight_position(node)
        weight = self.shapes.get(node.input[position]) if len(node.input) > position else None
        return window(node, self.shapes.get(node.input[0]), weight)

    def _work(self, node: Any) -> _Work:
        work = _Work()
        if node.op_type in CONTROL_FLOW:
            self._inner(node, work)
            return work
        counted = flops(node, self.shapes.get)
        if counted is None:
            work.unknown.add(node.op_type)
        work.flops = counted or 0.0
        return work

    def _inner(self, node: Any, work: _Work) -> None:
        """Control flow: the larger branch, or the body as often as it runs."""
        branches = [self._graph_work(graph) for graph in _graphs(node)]
        for branch in branches:
            work.unknown |= branch.unknown
            work.needs_time |= branch.needs_time
        most = max((branch.flops for branch in branches), default=0.0)
        trips: float | None = 1.0
        if node.op_type == "Loop":
            trips = self._loop_trips(node)
        elif node.op_type == "Scan":
            trips = self._scan_trips(node)
        if trips is None:
            work.needs_time = True
        work.flops = most * (trips or 0.0)

    def _graph_work(self, graph: Any) -> _Work:
        outer = self.shapes
        self.shapes = outer | _graph_shapes(graph)
        try:
            total = _Work()
            for node in graph.node:
                inner = self._work(node)
                total.flops += inner.flops
                total.unknown |= inner.unknown
                total.needs_time |= inner.needs_time
            return total
        finally:
            self.shapes = outer

    def _loop_trips(self, node: Any) -> float | None:
        from onnx import numpy_helper

        name = node.input[0]
        for tensor in self.graph.initializer:
            if tensor.name == name:
                trips = float(numpy_helper.to_array(tensor).reshape(-1)[0])
                return trips if self._goes_on(node) else None
        return None

    def _goes_on(self, node: Any) -> bool:
        """Whether a loop's condition is the constant that lets it run to its end."""
        (body,) = _graphs(node)
        condition = body.output[0].name
        passed = {body.input[1].name} if len(body.input) > 1 else set()
        for inner in body.node:
            if condition in inner.output:
                if inner.op_type == "Constant":
                    return True
                return inner.op_type == "Identity" and inner.input[0] in passed
        return condition in passed or any(t.name == condition for t in body.initializer)

    def _scan_trips(self, node: Any) -> float | None:
        scanned = attribute(node, "num_scan_inputs", 0)
        if not scanned:
            return None
        axes = attribute(node, "scan_input_axes") or [0] * scanned
        shape = self.shapes.get(node.input[len(node.input) - scanned])
        return None if shape is None else float(shape[axes[0]])

    def _shared(self) -> tuple[list[tuple[float, str | None]], float]:
        """Of every node, bytes of its weights and the name under which others have just the same.

        Weights of which others read only a part are counted by each reader: the excess in bytes is
        the second answer.
        """
        held = [frozenset(name for name in names if name in self.constants) for names in self.reads]
        alike = Counter(weights for weights in held if weights)
        readers = Counter(name for weights in alike for name in weights)
        names: dict[frozenset[str], str] = {}
        found: list[tuple[float, str | None]] = []
        for node, weights in zip(self.graph.node, held, strict=True):
            inner = sum(_inner_bytes(graph) for graph in _graphs(node))
            num_bytes = float(sum(self.constants[name] for name in weights) + inner)
            whole = alike[weights] > 1 and not inner and num_bytes > 0
            if whole:
                names.setdefault(weights, f"weights of {node.name}")
            found.append((num_bytes, names[weights] if whole else None))
        excess = sum((readers[name] - 1) * self.constants[name] for name in readers)
        return found, float(excess)

    def _notes(self) -> Iterator[str]:
        if self.unknown:
            names = ", ".join(sorted(self.unknown))
            yield f"the work of {names} is not known and counted 0: measure it (profile)"
        if self.excess_bytes:
            yield f"{self.excess_bytes:.0f} bytes of partly shared weights are counted again"


class _Bound:
    """Layers that must be on one node, as sets that grow together."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, names: list[str]) -> None:
        """Put layers into one group."""
        roots = [self._root(name) for name in names]
        for root in roots[1:]:
            if root != roots[0]:
                self._parent[root] = roots[0]

    def groups(self) -> dict[str, str]:
        """The group of every layer that is in one."""
        return {name: self._root(name) for name in self._parent}

    def _root(self, name: str) -> str:
        self._parent.setdefault(name, name)
        while self._parent[name] != name:
            name = self._parent[name]
        return name


def _graphs(node: Any) -> list[Any]:
    return [
        graph
        for attribute_ in node.attribute
        for graph in ([attribute_.g] if attribute_.HasField("g") else list(attribute_.graphs))
    ]


def read_names(node: Any) -> list[str]:
    """Names that a node reads, those that its inner graphs capture included, each once."""
    names = [name for name in node.input if name]
    for graph in _graphs(node):
        names += _captured(graph)
    return list(dict.fromkeys(names)) if _graphs(node) else names


def _captured(graph: Any) -> list[str]:
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    names: list[str] = []
    for node in graph.node:
        names += [name for name in read_names(node) if name not in own]
        own |= set(node.output)
    names += [value.name for value in graph.output if value.name not in own]
    return names


def _inner_bytes(graph: Any) -> float:
    """Weights inside a graph: its initialisers, its constants and those of graphs in it."""
    total = float(sum(_tensor_bytes(tensor) for tensor in graph.initializer))
    for node in graph.node:
        if node.op_type == "Constant":
            value = attribute(node, "value")
            total += 0.0 if value is None else _tensor_bytes(value)
        total += sum(_inner_bytes(inner) for inner in _graphs(node))
    return total


def _tensor_bytes(tensor: Any) -> float:
    return float(ceil(prod(tensor.dims) * _bits(tensor.data_type) / 8))


def _bits(element: int) -> int:
    """Bits of one value, as it is sent: a bool takes a byte, 4-bit values are packed."""
    import onnx

    if element == onnx.TensorProto.STRING:
        return 0
    name = onnx.TensorProto.DataType.Name(element)
    if name.endswith("INT4") or name == "FLOAT4E2M1":
        return 4
    if name.endswith("INT2"):
        return 2
    return int(onnx.helper.tensor_dtype_to_np_dtype(element).itemsize) * 8


def _shapes_and_types(onnx_model: Any) -> tuple[dict[str, Shape], dict[str, Any]]:
    """Shape and element type of every value that is known; a type of another kind is its name."""
    graph = onnx_model.graph
    shapes, types = _graph_shapes(graph), _graph_types(graph)
    for entry in onnx_model.metadata_props:
        if entry.key == SHAPES_KEY:
            shapes |= {name: tuple(sizes) for name, sizes in json.loads(entry.value).items()}
    return shapes, types


def _values(graph: Any) -> Iterator[Any]:
    yield from graph.value_info
    yield from graph.output
    yield from graph.input


def _graph_shapes(graph: Any) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for value in _values(graph):
        if value.type.WhichOneof("value") != "tensor_type":
            continue
        tensor = value.type.tensor_type
        sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
        if tensor.HasField("shape") and all(size is not None for size in sizes):
            shapes[value.name] = tuple(size for size in sizes if size is not None)
    for tensor in graph.initializer:
        shapes[tensor.name] = tuple(tensor.dims)
    return shapes


def _graph_types(graph: Any) -> dict[str, Any]:
    import onnx

    types: dict[str, Any] = {}
    for value in _values(graph):
        which = value.type.WhichOneof("value")
        element = value.type.tensor_type.elem_type if which == "tensor_type" else which
        types[value.name] = "string" if element == onnx.TensorProto.STRING else element
    return types
