"""What an ONNX graph holds: graphs inside it, names that are read, shapes, types and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import ceil, prod
from typing import Any

CONTROL_FLOW = frozenset(("If", "Loop", "Scan"))
SHAPES_KEY = "splitfog.shapes"
"""Metadata of a canonical graph: dimensions that were found out, where it keeps none itself."""

Shape = tuple[int, ...]


def inner_graphs(node: Any) -> list[Any]:
    """The graphs that a node holds: branches and bodies."""
    return [
        graph
        for attribute in node.attribute
        for graph in ([attribute.g] if attribute.HasField("g") else list(attribute.graphs))
    ]


def all_graphs(graph: Any) -> Iterator[Any]:
    """A graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from all_graphs(inner)


def all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of all graphs inside it."""
    for inner in all_graphs(graph):
        yield from inner.node


def read_names(node: Any) -> list[str]:
    """Names that a node reads, those that its inner graphs capture included.

    A name stands as often as it is an input, but once where there are inner graphs.
    """
    names = [name for name in node.input if name]
    graphs = inner_graphs(node)
    for graph in graphs:
        names += captured(graph)
    return list(dict.fromkeys(names)) if graphs else names


def captured(graph: Any) -> list[str]:
    """Names that a graph reads of those around it."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    names: list[str] = []
    for node in graph.node:
        names += [name for name in read_names(node) if name not in own]
        own |= set(node.output)
    names += [value.name for value in graph.output if value.name not in own]
    return names


def tensor_names(graph: Any) -> Iterator[str]:
    """What the nodes of a graph make."""
    for node in graph.node:
        yield from (name for name in node.output if name)


def value_infos(graph: Any) -> Iterator[Any]:
    """Every `ValueInfoProto` of a graph, but of those inside it."""
    yield from graph.value_info
    yield from graph.output
    yield from graph.input


def known_shapes(graph: Any, metadata: Any = None) -> dict[str, Shape]:
    """Dimensions of every tensor of a graph, where they are known.

    Parameters
    ----------
    graph
        A `GraphProto`.
    metadata
        The entries in which `keep_shapes` wrote; None: the graph's own.
    """
    shapes = {}
    for value in value_infos(graph):
        shape = dims_of(value.type)
        if shape is not None:
            shapes[value.name] = shape
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for entry in graph.metadata_props if metadata is None else metadata:
        if entry.key == SHAPES_KEY:
            shapes |= {name: tuple(sizes) for name, sizes in json.loads(entry.value).items()}
    return shapes


def keep_shapes(metadata: Any, shapes: dict[str, Shape]) -> None:
    """Write dimensions into the metadata of a model or a graph."""
    entry = metadata.add()
    entry.key, entry.value = SHAPES_KEY, json.dumps(shapes, sort_keys=True)


def dims_of(type_: Any) -> Shape | None:
    """Dimensions in a `TypeProto`; None where one is not known, or it is no tensor's."""
    if type_.WhichOneof("value") != "tensor_type" or not type_.tensor_type.HasField("shape"):
        return None
    dims = type_.tensor_type.shape.dim
    if not all(dim.HasField("dim_value") for dim in dims):
        return None
    return tuple(dim.dim_value for dim in dims)


def constants_of(graph: Any) -> dict[str, Any]:
    """Initialisers of a graph, and what its `Constant` nodes hold, as `TensorProto`s by name."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        tensor = _held(node) if node.op_type == "Constant" else None
        if tensor is not None:
            found[node.output[0]] = tensor
    return found


def _held(node: Any) -> Any | None:
    """What a `Constant` holds; None for words and sparse values."""
    import numpy as np
    from onnx import helper, numpy_helper

    (attribute,) = node.attribute
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return value
    if attribute.name in ("value_int", "value_ints"):
        return numpy_helper.from_array(np.array(value, np.int64))
    if attribute.name in ("value_float", "value_floats"):
        return numpy_helper.from_array(np.array(value, np.float32))
    return None


def tensor_bytes(tensor: Any) -> float:
    """Bytes of an initialiser."""
    return array_bytes(tensor.data_type, tuple(tensor.dims))


def array_bytes(element: int, shape: Shape) -> float:
    """Bytes of an array as it is sent: a bool takes a byte, values of less than one are packed."""
    return float(ceil(prod(shape) * _bits(element) / 8))


def inner_bytes(graph: Any) -> float:
    """Weights inside a graph: its initialisers, its constants and those of graphs in it."""
    held = (constants_of(inner).values() for inner in all_graphs(graph))
    return sum((tensor_bytes(tensor) for tensors in held for tensor in tensors), 0.0)


def _bits(element: int) -> int:
    from onnx import TensorProto, helper

    if element == TensorProto.STRING:
        return 0
    name = TensorProto.DataType.Name(element)
    for ending, bits in (("INT4", 4), ("INT2", 2), ("FLOAT4E2M1", 4)):
        if name.endswith(ending):
            return bits
    return int(helper.tensor_dtype_to_np_dtype(element).itemsize) * 8
