"""ONNX models made of some operators of another: what a part's file holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from splitfog.deployment.models.graphs import read_names
from splitfog.deployment.models.mapping import mapped
from splitfog.deployment.models.sessions import ELEMENT_NAMES
from splitfog.deployment.splitting.piece import Piece
from splitfog.instances.defects import InstanceError

Shape = tuple[int, ...]


class Whole:
    """A canonical model, whose operators are known by the layers that they run.

    Attributes
    ----------
    model : the `onnx.ModelProto`.
    constants : its initialisers, by name.
    layers : of every operator the layer that runs it, in the graph's order.
    """

    def __init__(self, content: bytes, name: str) -> None:
        import onnx

        self.model = onnx.load_from_string(content)
        self.name = name
        self.constants = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self._mapped = mapped(self.model, name)
        self.layers = tuple(self._mapped.node_of)

    def operator(self, layer: str) -> Any:
        """The `NodeProto` that a layer runs."""
        return self.model.graph.node[self._mapped.node_of[layer]]

    def tensor(self, layer: str) -> str:
        """The tensor that a layer makes."""
        return self._mapped.tensor_of[layer]

    @property
    def layer_names(self) -> set[str]:
        """Of all layers, inputs and identities too."""
        return set(self._mapped.model.index)

    @cached_property
    def identities(self) -> Mapping[str, tuple[str, ...]]:
        """The layers that stand for the outputs of an operator with several, by its own."""
        found: dict[str, tuple[str, ...]] = {}
        for layer in self._mapped.model.layers:
            if layer.op != "input" and layer.name not in self._mapped.node_of:
                found[layer.inputs[0]] = (*found.get(layer.inputs[0], ()), layer.name)
        return found

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The `ValueInfoProto` of every tensor, by name."""
        graph = self.model.graph
        return {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}

    @cached_property
    def mark(self) -> str:
        """What no name in the graph has in it: parts of tensors are named by it."""
        mark = "@"
        while any(mark in name for name in (*self.types, *self.constants)):
            mark += "@"
        return mark

    def type_of(self, tensor: str, piece: Piece | None = None) -> tuple[str, Shape]:
        """Type and shape of a tensor, as it is sent.

        Raises
        ------
        InstanceError
            Where it is no array of numbers, or its shape is not known.
        """
        if piece is not None and tensor in piece.types:
            value = piece.types[tensor].type.tensor_type
            shape: Shape | None = tuple(dim.dim_value for dim in value.shape.dim)
        else:
            value = self.types[tensor].type.tensor_type
            shape = self._mapped.shapes.get(tensor)
        if value.elem_type not in ELEMENT_NAMES or shape is None:
            raise InstanceError(
                self.name, [f"tensor {tensor} is no array of numbers and cannot be sent"]
            )
        return ELEMENT_NAMES[value.elem_type], shape

    def read(self, operator: Any) -> list[str]:
        """Tensors that an operator reads, those its inner graphs capture too; no constants."""
        return [x for x in dict.fromkeys(read_names(operator)) if x not in self.constants]

    def file(self, name: str, piece: Piece, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """The ONNX file of a part: of the same operators the same bytes.

        Parameters
        ----------
        name
            Of its graph.
        piece
            The part.
        inputs, outputs
            Tensors that it is given, and that it gives.

        Returns
        -------
        bytes
        """
        import onnx

        part = onnx.ModelProto()
        part.ir_version = self.model.ir_version
        part.opset_import.extend(self.model.opset_import)
        part.functions.extend(self.model.functions)
        part.producer_name = "splitfog"
        graph, types = part.graph, {**self.types, **piece.types}
        graph.name = name
        graph.node.extend(piece.operators)
        graph.initializer.extend(self._constants(piece))
        graph.input.extend(types[tensor] for tensor in inputs)
        graph.output.extend(types[tensor] for tensor in outputs)
        inner = [x for node in piece.operators for x in node.output if x and x not in outputs]
        graph.value_info.extend(types[tensor] for tensor in inner if tensor in types)
        content: bytes = part.SerializeToString(deterministic=True)
        return content

    def _constants(self, piece: Piece) -> Iterator[Any]:
        read = {name for operator in piece.operators for name in read_names(operator)}
        yield from (tensor for name, tensor in self.constants.items() if name in read)
        yield from piece.constants
