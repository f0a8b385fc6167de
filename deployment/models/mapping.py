"""A canonical ONNX graph as a model: one layer an operator, and the way back.

Every tensor that another operator reads is the output of one layer. An operator with several used
outputs is a layer of no bytes and one `identity` for each, all in one `group`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from splitfog.deployment.models.graphs import (
    Shape,
    array_bytes,
    inner_bytes,
    inner_graphs,
    known_shapes,
    read_names,
    tensor_bytes,
    value_infos,
)
from splitfog.deployment.models.operators import (
    has_maps,
    kind,
    random_operators,
    weight_position,
    window,
)
from splitfog.deployment.models.reading import ModelDefect
from splitfog.deployment.models.work import Scope, work_of
from splitfog.instances.records import Layer, Model, changed

MATERIAL = 0.01
"""Of all weights: a share that is worth a note."""


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


class _Mapping:
    def __init__(self, onnx_model: Any, tiers: tuple[str, ...]) -> None:
        self.graph = onnx_model.graph
        self.zero_times = dict.fromkeys(tiers, 0.0)
        self.shapes = known_shapes(self.graph, onnx_model.metadata_props)
        self.types = _types(self.graph)
        self.has_maps = has_maps(self.graph)
        self.scope = Scope(self.shapes, {tensor.name: tensor for tensor in self.graph.initializer})
        self.outputs = {value.name for value in self.graph.output}
        self.reads = [read_names(node) for node in self.graph.node]
        read = {name for names in self.reads for name in names}
        self.used, self.read_outputs = read | self.outputs, read & self.outputs
        self.layer_of: dict[str, str] = {}
        self.tensor_of: dict[str, str] = {}
        self.node_of: dict[str, int] = {}
        self.layers: list[Layer] = []
        self.unknown: set[str] = set()
        self.needs_time: list[str] = []
        self.names: set[str] = {node.name for node in self.graph.node}
        self.bound = _Bound()

    def run(self, name: str) -> Mapped:
        for value in self.graph.input:
            self._input(value)
        self.weights, self.excess_bytes = self._shared()
        for position, node in enumerate(self.graph.node):
            self._node(position, node)
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

    def _node(self, position: int, node: Any) -> None:
        inputs = tuple(
            self.layer_of[tensor] for tensor in self.reads[position] if tensor in self.layer_of
        )
        outputs = [tensor for tensor in node.output if tensor in self.used]
        work = work_of(node, self.scope)
        if work.needs_time:
            self.needs_time.append(node.name)
        self.unknown |= work.unknown
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
                window=self._window(node) if shape is not None and len(shape) == 3 else None,
                result=tensor in self.read_outputs,
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
                    result=tensor in self.read_outputs,
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

    def _stays(self, tensor: str) -> bool:
        """Whether a value is none of numbers in an array, and so cannot be sent."""
        kind_of = self.types.get(tensor)
        return kind_of is not None and (kind_of == "string" or not isinstance(kind_of, int))

    def _bytes(self, tensor: str) -> float:
        if self._stays(tensor):
            return 0.0
        shape, element = self.shapes.get(tensor), self.types.get(tensor)
        if shape is None or element is None:
            maker = next((n for n in self.graph.node if tensor in n.output), None)
            of = "" if maker is None else f" of {maker.op_type} {maker.name!r}"
            raise ModelDefect(
                f"has tensor {tensor!r}{of}, whose shape is unknown before it runs: "
                "only fixed shapes can be planned"
            )
        return array_bytes(element, shape)

    def _output_shape(self, tensor: str) -> Shape | None:
        """The shape without a batch of 1; three dimensions are a map [C, H, W] and nothing else."""
        shape = self.shapes.get(tensor)
        if not shape or min(shape) < 1:
            return None
        if len(shape) == 4:
            return shape[1:] if shape[0] == 1 and self.has_maps else shape
        if len(shape) == 3:
            return shape[1:] if shape[0] == 1 else None
        return shape

    def _window(self, node: Any) -> Any:
        position = weight_position(node)
        weight = self.shapes.get(node.input[position]) if len(node.input) > position else None
        return window(node, self.shapes.get(node.input[0]), weight)

    def _shared(self) -> tuple[list[tuple[float, str | None]], float]:
        """Of every node, bytes of its weights and the name under which others have just the same.

        Weights of which others read only a part are counted by each reader: the excess in bytes is
        the second answer.
        """
        sizes = {name: tensor_bytes(tensor) for name, tensor in self.scope.constants.items()}
        held = [frozenset(name for name in names if name in sizes) for names in self.reads]
        alike = Counter(weights for weights in held if weights)
        readers = Counter(name for weights in alike for name in weights)
        names: dict[frozenset[str], str] = {}
        found: list[tuple[float, str | None]] = []
        for node, weights in zip(self.graph.node, held, strict=True):
            inner = sum(inner_bytes(graph) for graph in inner_graphs(node))
            num_bytes = sum(sizes[name] for name in weights) + inner
            whole = alike[weights] > 1 and not inner and num_bytes > 0
            if whole:
                names.setdefault(weights, f"weights of {node.name}")
            found.append((num_bytes, names[weights] if whole else None))
        excess = sum((count - 1) * sizes[name] for name, count in readers.items())
        return found, float(excess)

    def _notes(self) -> Iterator[str]:
        if drawn := random_operators(self.graph):
            names = ", ".join(f"{name} ({op})" for name, op in sorted(drawn.items()))
            yield (
                f"random numbers are drawn anew in every run by {names}: its parts cannot be "
                "compared with the whole"
            )
        if self.unknown:
            names = ", ".join(sorted(self.unknown))
            yield f"the work of {names} is not known and counted 0: measure it (profile)"
        total = sum(layer.weight_bytes for layer in self.layers)
        if self.excess_bytes > MATERIAL * total:
            yield (
                f"{self.excess_bytes:.0f} of {total:.0f} bytes of weights are counted again, since "
                "layers share only a part of theirs"
            )


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
        while (parent := self._parent[name]) != name:
            self._parent[name] = self._parent[parent]
            name = parent
        return name


def _types(graph: Any) -> dict[str, Any]:
    """Element type of every tensor; of a value of another kind, or of strings, its kind's name."""
    import onnx

    types: dict[str, Any] = {}
    for value in value_infos(graph):
        which = value.type.WhichOneof("value")
        element = value.type.tensor_type.elem_type if which == "tensor_type" else which
        types[value.name] = "string" if element == onnx.TensorProto.STRING else element
    return types
