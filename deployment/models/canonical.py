"""The canonical form of an ONNX model, made in a child process.

Constants become initialisers, input dimensions are fixed, ONNX Runtime optimises the graph once,
and every node and tensor gets a name and a shape. What is imported, profiled, split and run is this
file. Nothing of the model is executed but what constant folding evaluates, and one run on zeros of
a model with control flow, whose shapes no inference knows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LEVELS = ("basic", "extended", "all")
CONTROL_FLOW = frozenset(("If", "Loop", "Scan"))
SHAPES_KEY = "splitfog.shapes"
"""Metadata of the canonical file: shapes seen in a run, where the graph itself keeps none."""

LEAST_IR_VERSION = 8
"""Below 4, shape inference ignores initialisers that are no graph inputs."""

MOST_BYTES = 2**31 - 1
"""Of one protobuf message."""


class ModelDefect(ValueError):
    """What is wrong with a model file, as a sentence for whoever gave it."""


def canonical_bytes(
    path: Path, shapes: Mapping[str, Sequence[int]], level: str, folder: Path
) -> tuple[bytes, list[str]]:
    """The canonical form of a model file, and what was noticed on the way.

    Parameters
    ----------
    path
        An ONNX file; its external data lie beside it.
    shapes
        Dimensions of the inputs, by name, for those that the file leaves open or others.
    level
        How far ONNX Runtime optimises: one of `LEVELS`.
    folder
        An empty folder for what ONNX Runtime reads and writes.

    Raises
    ------
    ModelDefect
        If the file is no model, or not one that can be imported.
    """
    model = _loaded(path)
    _without_constant_inputs(model)
    dims = _input_dims(model, shapes)
    runs = any(node.op_type in CONTROL_FLOW for node in _all_nodes(model.graph))
    if not runs:
        _fix(model, dims)
    optimised = _optimised(model, level, folder)
    notes: list[str] = []
    watched = _watched(optimised)
    _write_types(optimised, watched, with_shapes=not runs)
    if runs:
        notes.append("the model has control flow: its shapes are those of one run on zeros")
        _keep_shapes(optimised, _shapes_of_a_run(watched, dims))
    _name_nodes(optimised.graph)
    return optimised.SerializeToString(deterministic=True), notes


def _loaded(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except DecodeError:
        raise ModelDefect("is no ONNX model, or cut short") from None
    except FileNotFoundError as error:
        missing = error.filename or str(error)
        raise ModelDefect(f"has its weights in another file, which is missing: {missing}") from None
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise ModelDefect(f"cannot be read: {_first_line(error)}") from None
    if not model.graph.node or not model.opset_import:
        raise ModelDefect("is no ONNX model: it has no operators")
    _check_weights(model.graph)
    return model


def _check_weights(graph: Any) -> None:
    """Every initialiser holds as many values as its shape says."""
    from onnx import numpy_helper

    for tensor in graph.initializer:
        try:
            numpy_helper.to_array(tensor)
        except Exception as error:
            raise ModelDefect(
                f"has weights {tensor.name!r} of {list(tensor.dims)} that do not hold as many "
                f"values: {_first_line(error)}"
            ) from None


def _without_constant_inputs(model: Any) -> None:
    """Initialisers leave the graph inputs: nobody gives them."""
    constants = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, LEAST_IR_VERSION)


def _input_dims(model: Any, shapes: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Dimensions of every tensor that the model is given."""
    names = [value.name for value in model.graph.input]
    unknown = [name for name in shapes if name not in names]
    if unknown:
        raise ModelDefect(f"has no input {unknown[0]!r}, must be one of {', '.join(names)}")
    dims: dict[str, list[int]] = {}
    for value in model.graph.input:
        if value.type.WhichOneof("value") != "tensor_type":
            continue
        dims[value.name] = _dims(value, shapes.get(value.name))
    return dims


def _dims(value: Any, given: Sequence[int] | None) -> list[int]:
    tensor = value.type.tensor_type
    own = [dim.dim_value or dim.dim_param for dim in tensor.shape.dim]
    if given is not None:
        if tensor.HasField("shape") and len(given) != len(own):
            raise ModelDefect(
                f"has input {value.name!r} with {len(own)} dimensions {own}, "
                f"but {len(given)} are given: {'x'.join(map(str, given))}"
            )
        for number, (mine, theirs) in enumerate(zip(own, given, strict=False)):
            if isinstance(mine, int) and mine > 0 and mine != theirs:
                raise ModelDefect(
                    f"has input {value.name!r} with dimension {number} = {mine}, "
                    f"which cannot be {theirs}"
                )
        return list(given)
    if not tensor.HasField("shape"):
        raise ModelDefect(
            f"has input {value.name!r} of unknown shape: give it, as in --input {value.name}=1x3"
        )
    for number, mine in enumerate(own):
        if not isinstance(mine, int) or mine < 1:
            sizes = "x".join(
                str(size) if isinstance(size, int) and size > 0 else "1" for size in own
            )
            raise ModelDefect(
                f"has input {value.name!r} whose dimension {number} is "
                f"{repr(mine) if mine else 'open'}: give it, as in --input {value.name}={sizes}"
            )
    return [int(size) for size in own]


def _fix(model: Any, dims: Mapping[str, Sequence[int]]) -> None:
    """Inputs get their dimensions; all other shapes are forgotten, and inferred anew."""
    for value in model.graph.input:
        if value.name in dims:
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            for size in dims[value.name]:
                shape.dim.add().dim_value = size
    del model.graph.value_info[:]
    for value in model.graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")


def _optimised(model: Any, level: str, folder: Path) -> Any:
    import onnx
    import onnxruntime as ort

    source, target = folder / "given.onnx", folder / "optimised.onnx"
    if model.ByteSize() > MOST_BYTES:
        raise ModelDefect(f"has {model.ByteSize()} bytes, must have at most {MOST_BYTES}")
    onnx.save(model, source)
    options = ort.SessionOptions()
    options.graph_optimization_level = {
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }[level]
    options.optimized_model_filepath = str(target)
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        raise ModelDefect(f"is refused by ONNX Runtime: {_first_line(error)}") from None
    return onnx.load(target)


def _watched(model: Any) -> Any:
    """A session, run as the parts will be, whose outputs are all tensors of the graph."""
    import onnx
    import onnxruntime as ort

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    named = {value.name for value in whole.graph.output}
    for name in _tensors(whole.graph):
        if name not in named:
            whole.graph.output.add().name = name
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(
            whole.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelDefect(f"is refused by ONNX Runtime: {_first_line(error)}") from None


def _write_types(model: Any, session: Any, with_shapes: bool) -> None:
    """Type and shape of every tensor, as ONNX Runtime infers them, into the graph.

    Its own operators (fused ones) are unknown to ONNX's inference. Without shapes where a branch
    may leave one open: ONNX Runtime says of an unknown shape what it says of a scalar's.
    """
    import onnx

    del model.graph.value_info[:]
    outputs = {value.name: value for value in model.graph.output}
    for found in session.get_outputs():
        value = onnx.helper.make_value_info(found.name, _type_of(found, with_shapes))
        if found.name in outputs:
            outputs[found.name].CopyFrom(value)
        else:
            model.graph.value_info.append(value)


def _type_of(found: Any, with_shape: bool = True) -> Any:
    import onnx

    kind, _, inner = found.type.partition("(")
    if kind != "tensor":  # a sequence, an optional, a map: never sent, so its own type is enough
        anything = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)
        return onnx.helper.make_sequence_type_proto(anything)
    element = onnx.TensorProto.DataType.Value(inner.rstrip(")").upper())
    return onnx.helper.make_tensor_type_proto(element, found.shape if with_shape else None)


def _shapes_of_a_run(session: Any, dims: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Dimensions of all tensors of the graph, of one run on zeros."""
    import numpy as np
    import onnx

    zeros = {}
    for value in session.get_inputs():
        element = _type_of(value).tensor_type.elem_type
        zeros[value.name] = np.zeros(
            dims[value.name], onnx.helper.tensor_dtype_to_np_dtype(element)
        )
    try:
        values = session.run(None, zeros)
    except Exception as error:
        raise ModelDefect(
            f"has control flow and fails in a run on zeros: {_first_line(error)}"
        ) from None
    names = [value.name for value in session.get_outputs()]
    seen = {
        name: list(value.shape)
        for name, value in zip(names, values, strict=True)
        if isinstance(value, np.ndarray)
    }
    return seen | {name: list(sizes) for name, sizes in dims.items()}


def _keep_shapes(model: Any, shapes: Mapping[str, Sequence[int]]) -> None:
    entry = model.metadata_props.add()
    entry.key, entry.value = SHAPES_KEY, json.dumps(shapes, sort_keys=True)


def _tensors(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield from (name for name in node.output if name)


def _all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of all graphs inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _all_nodes(inner)


def _name_nodes(graph: Any) -> None:
    """Every node gets the name of its layer: its own if no other bears it, else its first output's.

    Whatever is taken then is numbered.
    """
    counts: dict[str, int] = {}
    for node in graph.node:
        counts[node.name] = counts.get(node.name, 0) + 1
    taken: set[str] = set()
    for position, node in enumerate(graph.node):
        first = next((name for name in node.output if name), "")
        own = node.name if node.name and counts[node.name] == 1 else ""
        node.name = _free((own, first, f"#{position}"), taken)
        taken.add(node.name)


def _free(names: Iterable[str], taken: set[str]) -> str:
    wanted = [name for name in names if name]
    for name in wanted:
        if name not in taken:
            return name
    number = 1
    while f"{wanted[-1]}:{number}" in taken:
        number += 1
    return f"{wanted[-1]}:{number}"


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."


def main(arguments: Sequence[str]) -> None:
    """Answer one request of `child.canonical_model`: JSON in, the model and JSON out."""
    request = json.loads(arguments[0])
    _limit_memory(request["memory_limit_bytes"])
    folder = Path(request["folder"])
    try:
        data, notes = canonical_bytes(
            Path(request["path"]), request["shapes"], request["level"], folder
        )
    except ModelDefect as defect:
        answer: dict[str, Any] = {"defect": str(defect)}
    except MemoryError:
        answer = {"defect": f"needs more than {request['memory_limit_bytes']:.3g} bytes to import"}
    else:
        (folder / "canonical.onnx").write_bytes(data)
        answer = {"notes": notes}
    (folder / "answer.json").write_text(json.dumps(answer))


def _limit_memory(num_bytes: float) -> None:
    try:
        import resource
    except ImportError:  # no such limits on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = int(num_bytes) if hard == resource.RLIM_INFINITY else min(int(num_bytes), hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
