"""ONNX models made of some operators of another: what a part's file holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from splitfog.deployment.models.mapping import read_names


class Whole:
    """A canonical model, and what its parts take over from it.

    Attributes
    ----------
    model : the `onnx.ModelProto`.
    constants : its initialisers, by name.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The `ValueInfoProto` of every tensor, by name."""
        graph = self.model.graph
        return {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}

    def read(self, node: Any) -> list[str]:
        """Tensors that a node reads, those that its inner graphs capture included; no constants."""
        return [name for name in dict.fromkeys(read_names(node)) if name not in self.constants]

    def part(
        self,
        name: str,
        nodes: Sequence[Any],
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        constants: Iterable[Any] = (),
        types: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The ONNX file of a part: the same bytes for the same operators.

        Parameters
        ----------
        name
            Of the graph.
        nodes
            `NodeProto`s, each after those that it reads.
        inputs, outputs
            Tensors that it is given, and that it gives.
        constants
            Initialisers that the whole does not have.
        types
            `ValueInfoProto` of tensors that the whole does not have, or has otherwise.

        Returns
        -------
        bytes
        """
        import onnx

        known = {**self.types, **(types or {})}
        own = {tensor.name: tensor for tensor in constants}
        read = {name for node in nodes for name in read_names(node)} | set(outputs)
        made = [out for node in nodes for out in node.output if out and out not in outputs]
        part = onnx.ModelProto()
        part.ir_version = self.model.ir_version
        part.opset_import.extend(self.model.opset_import)
        part.functions.extend(self.model.functions)
        part.producer_name = "splitfog"
        graph = part.graph
        graph.name = name
        graph.node.extend(nodes)
        graph.initializer.extend(t for n, t in self.constants.items() if n in read and n not in own)
        graph.initializer.extend(tensor for n, tensor in own.items() if n in read)
        graph.input.extend(known[tensor] for tensor in inputs)
        graph.output.extend(known[tensor] for tensor in outputs)
        graph.value_info.extend(known[tensor] for tensor in made if tensor in known)
        content: bytes = part.SerializeToString(deterministic=True)
        return content
