"""An ONNX file as it is given: whether it is a model, and the dimensions of what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from splitfog.deployment.models.graphs import all_graphs, tensor_bytes

MOST_BYTES = 2**31 - 1
"""Of one protobuf message, and so of the canonical model, which holds its weights."""


class ModelDefect(ValueError):
    """What is wrong with a model file, as a sentence for whoever gave it."""


def serialised(model: Any) -> bytes:
    """A `ModelProto` as the bytes of a file; of the same model the same.

    Raises
    ------
    ModelDefect
        If a file of ONNX cannot hold as many.
    """
    from google.protobuf.message import EncodeError

    try:
        content: bytes = model.SerializeToString(deterministic=True)
    except (EncodeError, ValueError):
        content = b""
    if not 0 < len(content) <= MOST_BYTES:
        raise too_large("more")
    return content


def too_large(num_bytes: float | str) -> ModelDefect:
    """Why a model of so many bytes is not imported."""
    size = num_bytes if isinstance(num_bytes, str) else f"{num_bytes:.0f}"
    return ModelDefect(
        f"has {size} bytes of weights and operators, must have at most {MOST_BYTES}: the canonical "
        "model, which parts are cut from, is one ONNX file with its weights inside, and none may "
        "be larger (weights in files beside a part are not written)"
    )


def loaded(path: Path) -> Any:
    """The `ModelProto` of a file, external weights read, sparse ones written out.

    Raises
    ------
    ModelDefect
        If it is no model, cut short, or its weights are missing or of another size than they say.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
        num_bytes = path.stat().st_size + sum(map(_bytes_beside, all_graphs(model.graph)))
        if num_bytes > MOST_BYTES:  # before they are read
            raise too_large(num_bytes)
        onnx.load_external_data_for_model(model, str(path.parent))
    except ModelDefect:
        raise
    except DecodeError:
        raise ModelDefect("is no ONNX model, or cut short") from None
    except FileNotFoundError as error:
        missing = error.filename or str(error)
        raise ModelDefect(f"has its weights in another file, which is missing: {missing}") from None
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise ModelDefect(f"cannot be read: {first_line(error)}") from None
    if not model.graph.node or not model.opset_import:
        raise ModelDefect("is no ONNX model: it has no operators")
    if not model.graph.output:
        raise ModelDefect("has no outputs")
    for graph in all_graphs(model.graph):
        _write_out_sparse(graph)
        for tensor in graph.initializer:
            _check(tensor)
    return model


def _bytes_beside(graph: Any) -> float:
    """What a graph's initialisers in other files take, by their types and shapes."""
    beside = [tensor for tensor in graph.initializer if tensor.data_location == tensor.EXTERNAL]
    return sum(tensor_bytes(tensor) for tensor in beside if min(tensor.dims, default=0) >= 0)


def _check(tensor: Any) -> None:
    """Raise unless an initialiser holds as many values as its shape says."""
    from onnx import numpy_helper

    try:
        if min(tensor.dims, default=0) < 0:
            raise ValueError("a dimension is negative")
        numpy_helper.to_array(tensor)
    except Exception as error:
        raise ModelDefect(
            f"has weights {tensor.name!r} of {list(tensor.dims)} that do not hold as many "
            f"values: {first_line(error)}"
        ) from None


def _write_out_sparse(graph: Any) -> None:
    """Sparse initialisers become plain ones."""
    import numpy as np
    from onnx import numpy_helper

    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        try:
            values = numpy_helper.to_array(sparse.values)
            at = numpy_helper.to_array(sparse.indices)
            whole = np.zeros(prod(sparse.dims), values.dtype)
            whole[at if at.ndim == 1 else np.ravel_multi_index(tuple(at.T), sparse.dims)] = values
        except (ValueError, IndexError) as error:
            raise ModelDefect(f"has sparse weights {name!r}: {first_line(error)}") from None
        graph.initializer.append(numpy_helper.from_array(whole.reshape(sparse.dims), name))
    del graph.sparse_initializer[:]


def input_dims(model: Any, shapes: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Dimensions of every tensor that the model is given.

    Parameters
    ----------
    model
        Whose graph inputs are no initialisers.
    shapes
        Those that the user gives, by the input's name.

    Raises
    ------
    ModelDefect
        Naming an input that there is not, or whose dimensions are open or other ones.
    """
    names = [value.name for value in model.graph.input]
    unknown = [name for name in shapes if name not in names]
    if unknown:
        raise ModelDefect(f"has no input {unknown[0]!r}, must be one of {', '.join(names)}")
    return {
        value.name: _dims(value, shapes.get(value.name))
        for value in model.graph.input
        if value.type.WhichOneof("value") == "tensor_type"
    }


def _dims(value: Any, given: Sequence[int] | None) -> list[int]:
    tensor = value.type.tensor_type
    own = [dim.dim_value or dim.dim_param for dim in tensor.shape.dim]
    if given is not None:
        if tensor.HasField("shape"):
            _check_given(value.name, own, given)
        return list(given)
    if not tensor.HasField("shape"):
        raise ModelDefect(
            f"has input {value.name!r} of unknown shape: give it, as in --input {value.name}=1x3"
        )
    for number, size in enumerate(own):
        if not _is_fixed(size):
            example = "x".join(str(size) if _is_fixed(size) else "1" for size in own)
            raise ModelDefect(
                f"has input {value.name!r} whose dimension {number} is "
                f"{repr(size) if size else 'open'}: give it, as in --input {value.name}={example}"
            )
    return [int(size) for size in own]


def _check_given(name: str, own: Sequence[int | str], given: Sequence[int]) -> None:
    if len(given) != len(own):
        raise ModelDefect(
            f"has input {name!r} with {len(own)} dimensions {list(own)}, "
            f"but {len(given)} are given: {'x'.join(map(str, given))}"
        )
    for number, (mine, theirs) in enumerate(zip(own, given, strict=True)):
        if _is_fixed(mine) and mine != theirs:
            raise ModelDefect(
                f"has input {name!r} with dimension {number} = {mine}, which cannot be {theirs}"
            )


def _is_fixed(size: int | str) -> bool:
    return isinstance(size, int) and size > 0


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return shortened(" ".join(str(error).split()))


def shortened(text: str) -> str:
    """At most 300 characters of a text."""
    return text if len(text) <= 300 else text[:297] + "..."
