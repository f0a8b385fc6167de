"""Shapes inside branches and bodies, inferred from the shapes of the tensors around them.

So the work of a branch is known that a run did not take, and that of a loop's every round.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from splitfog.deployment.models.graphs import (
    CONTROL_FLOW,
    Shape,
    captured,
    constants_of,
    dims_of,
    inner_graphs,
    keep_shapes,
    value_infos,
)
from splitfog.deployment.models.reading import ModelDefect
from splitfog.deployment.models.tensor_types import (
    Types,
    copied,
    set_shape,
    shapes_of_a_run,
    types_of,
    watched,
)


def keep_inner_shapes(model: Any, shapes: Mapping[str, Shape]) -> None:
    """Into every graph inside a model's: the shapes of its tensors, as far as they are known.

    Parameters
    ----------
    model
        With the types of its own tensors.
    shapes
        Of its own tensors.
    """
    types = {value.name: copied(value.type) for value in value_infos(model.graph)}
    for name, shape in shapes.items():
        if name in types and types[name].WhichOneof("value") == "tensor_type":
            set_shape(types[name], shape)
    _keep_inside(model, model.graph, types, {})


def _keep_inside(model: Any, graph: Any, types: Types, constants: dict[str, Any]) -> None:
    """Of all graphs inside one whose tensors' types, and those around it, are known."""
    constants = constants | constants_of(graph)
    for node in graph.node:
        if node.op_type not in CONTROL_FLOW:
            continue
        for body in inner_graphs(node):
            given = _given(node, body, types, constants)
            found = None if given is None else _inferred(model, node, body, given, types, constants)
            if found is None:
                continue
            own = {name: dims_of(type_) for name, type_ in found.items()}
            known = {name: shape for name, shape in own.items() if shape is not None}
            keep_shapes(body.metadata_props, known)
            _keep_inside(model, body, types | found, constants)


def _given(node: Any, body: Any, types: Types, constants: Mapping[str, Any]) -> list[Any] | None:
    """The types of what a body is given, in its order; None where one is not known."""
    from onnx import TensorProto, helper

    def outer(name: str) -> Any | None:
        if name in constants:
            tensor = constants[name]
            return helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        return copied(types[name]) if name in types else None

    if node.op_type == "If":
        return []
    if node.op_type == "Loop":
        count = helper.make_tensor_type_proto(TensorProto.INT64, [])
        going_on = helper.make_tensor_type_proto(TensorProto.BOOL, [])
        found = [count, going_on, *(outer(name) for name in node.input[2:])]
    else:
        found = [outer(name) for name in node.input]
        scanned = next(a.i for a in node.attribute if a.name == "num_scan_inputs")
        axes = next((list(a.ints) for a in node.attribute if a.name == "scan_input_axes"), None)
        for number in range(scanned):
            type_ = found[len(found) - scanned + number]
            if type_ is not None and dims_of(type_):
                del type_.tensor_type.shape.dim[(axes or [0] * scanned)[number]]
    if len(found) != len(body.input) or None in found:
        return None
    return found


def _inferred(
    model: Any, node: Any, body: Any, given: list[Any], types: Types, constants: Mapping[str, Any]
) -> Types | None:
    """The types of all tensors of a body; None where ONNX Runtime refuses it on these shapes.

    What a loop hands on to its next round has the shape that it had before, or an unknown one.
    """
    while True:
        own = {value.name: type_ for value, type_ in zip(body.input, given, strict=True)}
        try:
            own |= _made(_alone(model, body, own, types, constants))
        except ModelDefect:
            return None
        if node.op_type != "Loop":
            return own
        around = types | own
        handed_on = zip(given[2:], body.output[1:], strict=False)
        changing = [
            type_
            for type_, value in handed_on
            if dims_of(type_) is not None
            and (value.name not in around or dims_of(around[value.name]) != dims_of(type_))
        ]
        if not changing:
            return own
        for type_ in changing:
            type_.tensor_type.ClearField("shape")


def _made(alone: Any) -> Types:
    """The types of what a body makes; where inference is not enough, those of a run on zeros."""
    found = watched(alone)
    types = types_of(alone, found)
    given = {value.name: dims_of(value.type) for value in alone.graph.input}
    dims = {name: shape for name, shape in given.items() if shape is not None}
    if len(dims) == len(given) and None in map(dims_of, types.values()):
        with suppress(ModelDefect):  # a branch that these shapes never take
            for name, shape in shapes_of_a_run(found, dims).items():
                if name in types:
                    set_shape(types[name], shape)
    return types


def _alone(model: Any, body: Any, own: Types, types: Types, constants: Mapping[str, Any]) -> Any:
    """A body as a model of its own: what it captures is given, or a constant."""
    import onnx

    alone = onnx.ModelProto()
    alone.ir_version = model.ir_version
    alone.opset_import.extend(model.opset_import)
    graph = alone.graph
    graph.CopyFrom(body)
    graph.name = graph.name or "body"
    del graph.input[:], graph.value_info[:]
    for name, type_ in own.items():
        graph.input.append(onnx.helper.make_value_info(name, type_))
    for value in graph.output:
        value.ClearField("type")
    for name in dict.fromkeys(captured(body)):
        if name in constants:
            weights = graph.initializer.add()
            weights.CopyFrom(constants[name])
            weights.name = name
        elif name in types and name not in own:
            graph.input.append(onnx.helper.make_value_info(name, types[name]))
    return alone
