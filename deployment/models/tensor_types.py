"""Type and shape of every tensor of an optimised model, as ONNX Runtime infers them.

ONNX's own inference does not know the operators that ONNX Runtime makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from splitfog.deployment.models.graphs import (
    Shape,
    dims_of,
    tensor_names,
)
from splitfog.deployment.models.reading import ModelDefect, shortened
from splitfog.deployment.models.sessions import session

REFUSED = "is refused by ONNX Runtime"

Types = dict[str, Any]
"""A `TypeProto` by the name of a tensor."""


def refusal(error: Exception) -> ModelDefect | MemoryError:
    """What ONNX Runtime says against a model, without the codes and files around it."""
    text = " ".join(str(error).split())
    if re.search(r"bad.alloc|Failed to allocate|out of memory", text, re.IGNORECASE):
        return MemoryError(text)
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"^Load model from .*? failed: ?", "", text)
    text = re.sub(r"^/\S*onnxruntime\S+:\d+ .*?\((?:[^()]|\([^()]*\))*\) (?:const )?", "", text)
    if opset := re.search(r"Opset (\d+) is under development.* till opset (\d+)", text):
        return ModelDefect(f"is of opset {opset[1]}, must be of at most {opset[2]}")
    return ModelDefect(f"{REFUSED}: {shortened(text)}")


def watched(model: Any) -> Any:
    """A session, run as the parts will be, whose outputs are all tensors of the graph.

    Raises
    ------
    ModelDefect
        If ONNX Runtime refuses the model.
    """
    import onnx

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    named = {value.name for value in whole.graph.output}
    for name in tensor_names(whole.graph):
        if name not in named:
            whole.graph.output.add().name = name
    return _session(whole)


def _session(model: Any) -> Any:
    try:
        return session(model.SerializeToString())
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        raise refusal(error) from None


def types_of(model: Any, found: Any) -> Types:
    """The type of every tensor that a watched session gives.

    Its list of dimensions is empty for a scalar, and for a tensor of unknown rank as well: of
    those the shape of the shape is asked for.
    """
    import onnx

    values = found.get_outputs()
    types = {value.name: _type(value.type, value.shape) for value in values}
    unsure = [name for name in types if dims_of(types[name]) == ()]
    if unsure:
        asked = onnx.ModelProto()
        asked.CopyFrom(model)
        del asked.graph.output[:]
        for number, name in enumerate(unsure):
            rank = f"splitfog.rank.{number}"
            asked.graph.node.append(onnx.helper.make_node("Shape", [name], [rank], rank))
            asked.graph.output.add().name = rank
        for name, value in zip(unsure, _session(asked).get_outputs(), strict=True):
            if value.shape != [0]:
                types[name].tensor_type.ClearField("shape")
    return types


def _type(text: str, shape: Sequence[int | str | None] | None = None) -> Any:
    """A `TypeProto` of ONNX Runtime's words for it, as `seq(tensor(float))`."""
    from onnx import TensorProto, helper

    kind, _, inner = text.partition("(")
    inner = inner.removesuffix(")")
    if kind == "seq":
        return helper.make_sequence_type_proto(_type(inner))
    if kind == "optional":
        return helper.make_optional_type_proto(_type(inner))
    if kind == "map":
        key, _, value = inner.partition(",")
        return helper.make_map_type_proto(_element(key), _type(value))
    if kind == "sparse_tensor":
        return helper.make_sparse_tensor_type_proto(_element(inner), shape)
    return helper.make_tensor_type_proto(_element(inner) if inner else TensorProto.FLOAT, shape)


def _element(name: str) -> int:
    from onnx import TensorProto

    return int(TensorProto.DataType.Value(name.upper()))


def write_types(model: Any, types: Types) -> None:
    """Types into the graph: of its outputs there, of all else as `value_info`."""
    from onnx import helper

    del model.graph.value_info[:]
    outputs = {value.name: value for value in model.graph.output}
    for name, type_ in types.items():
        if name in outputs:
            outputs[name].type.CopyFrom(type_)
        else:
            model.graph.value_info.append(helper.make_value_info(name, type_))


def shapes_of_a_run(found: Any, dims: Mapping[str, Sequence[int]]) -> dict[str, Shape]:
    """Dimensions of all tensors of a watched session, of one run on zeros.

    Parameters
    ----------
    found
        The session.
    dims
        Of its inputs.

    Raises
    ------
    ModelDefect
        If the run fails.
    """
    import numpy as np

    inputs = found.get_inputs()
    for value in inputs:
        if value.name not in dims:
            raise ModelDefect(f"has input {value.name!r} of type {value.type}, must be a tensor")
    zeros = {value.name: _zeros(value, dims[value.name]) for value in inputs}
    try:
        values = found.run(None, zeros)
    except Exception as error:
        said = refusal(error)
        if isinstance(said, MemoryError):
            raise said from None
        reason = str(said).removeprefix(f"{REFUSED}: ")
        raise ModelDefect(
            f"has control flow or sequences and fails in the run on zeros that tells its shapes: "
            f"{reason}"
        ) from None
    names = [value.name for value in found.get_outputs()]
    seen = {
        name: value.shape
        for name, value in zip(names, values, strict=True)
        if isinstance(value, np.ndarray)
    }
    return seen | {name: tuple(sizes) for name, sizes in dims.items()}


def _zeros(value: Any, dims: Sequence[int]) -> Any:
    import numpy as np
    from onnx import TensorProto, helper

    element = _type(value.type).tensor_type.elem_type
    if element == TensorProto.STRING:
        return np.full(dims, "", object)
    return np.zeros(dims, helper.tensor_dtype_to_np_dtype(element))


def copied(type_: Any) -> Any:
    """A `TypeProto` of its own."""
    import onnx

    copy = onnx.TypeProto()
    copy.CopyFrom(type_)
    return copy


def set_shape(type_: Any, shape: Shape) -> None:
    """Give a tensor's `TypeProto` fixed dimensions."""
    dims = type_.tensor_type.shape.dim
    del dims[:]
    for size in shape:
        dims.add().dim_value = size
    if not shape:
        type_.tensor_type.shape.SetInParent()
