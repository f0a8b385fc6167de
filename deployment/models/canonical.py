"""The canonical form of an ONNX model, made in a child process.

Constants become initialisers, input dimensions are fixed, ONNX Runtime optimises the graph once,
what no output needs goes, and every node and tensor gets a name and a shape. What is imported,
profiled, split and run is this file. Nothing of the model is executed but what constant folding
evaluates, and one run on zeros of a model with control flow or sequences, whose shapes no inference
knows.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from splitfog.deployment.models.graphs import (
    CONTROL_FLOW,
    all_graphs,
    all_nodes,
    keep_shapes,
    read_names,
    tensor_names,
)
from splitfog.deployment.models.inner_shapes import keep_inner_shapes
from splitfog.deployment.models.pool_sizes import with_pool_sizes
from splitfog.deployment.models.reading import ModelDefect, input_dims, loaded, serialised
from splitfog.deployment.models.tensor_types import (
    refusal,
    shapes_of_a_run,
    types_of,
    watched,
    write_types,
)

LEVELS = ("basic", "extended", "all")

LEAST_IR_VERSION = 8
"""Below 4, shape inference ignores initialisers that are no graph inputs."""


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
    MemoryError
        If it does not fit the memory of this process.
    """
    model = loaded(path)
    _without_constant_inputs(model)
    _without_repeated_names(model.graph)
    dims = input_dims(model, shapes)
    runs = any(node.op_type in CONTROL_FLOW for node in all_nodes(model.graph))
    if not runs:
        _fix(model, dims)
    optimised = _optimised(model, level, folder)
    del model
    _make_constant_outputs(optimised.graph)
    notes = _without_dead_ends(optimised.graph)
    found = watched(optimised)
    types = with_pool_sizes(optimised, types_of(optimised, found))
    write_types(optimised, types)
    if runs or any(type_.WhichOneof("value") == "sequence_type" for type_ in types.values()):
        notes.append("shapes of control flow and sequences are those of one run on zeros")
        seen = shapes_of_a_run(found, dims)
        keep_shapes(optimised.metadata_props, seen)
        keep_inner_shapes(optimised, seen)
    _name_nodes(optimised.graph)
    return serialised(optimised), notes


def _without_constant_inputs(model: Any) -> None:
    """Initialisers leave the graph inputs: nobody gives them."""
    constants = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, LEAST_IR_VERSION)


def _without_repeated_names(graph: Any) -> None:
    """Names that several nodes bear go: ONNX Runtime refuses them, and they name nothing."""
    for inner in all_graphs(graph):
        counts = Counter(node.name for node in inner.node)
        for node in inner.node:
            if counts[node.name] > 1:
                node.name = ""


def _fix(model: Any, dims: Mapping[str, Sequence[int]]) -> None:
    """Inputs get their dimensions; all other shapes are forgotten, and inferred anew."""
    for value in model.graph.input:
        if value.name in dims:
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            shape.SetInParent()
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
    source.write_bytes(serialised(model))
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
        raise refusal(error) from None
    return onnx.load(target)


def _make_constant_outputs(graph: Any) -> None:
    """An output that is a constant is made by an operator like any other: an `Identity` of it."""
    import onnx

    constants = {tensor.name: tensor for tensor in graph.initializer}
    taken = {*constants, *tensor_names(graph)}
    for output in {value.name: None for value in graph.output if value.name in constants}:
        name = _free((f"{output}:constant",), taken)
        taken.add(name)
        constants[output].name = name
        for node in graph.node:
            node.input[:] = [name if read == output else read for read in node.input]
        graph.node.insert(0, onnx.helper.make_node("Identity", [name], [output]))


def _without_dead_ends(graph: Any) -> list[str]:
    """Nodes, weights and inputs that no output needs go; which inputs, is noted."""
    needed = {value.name for value in graph.output}
    for position in reversed(range(len(graph.node))):
        node = graph.node[position]
        if needed.intersection(node.output):
            needed.update(read_names(node))
        else:
            del graph.node[position]
    notes = [
        f"input {value.name} is read by nothing that an output needs"
        for value in graph.input
        if value.name not in needed
    ]
    for values in (graph.input, graph.initializer):
        for position in reversed(range(len(values))):
            if values[position].name not in needed:
                del values[position]
    return notes


def _name_nodes(graph: Any) -> None:
    """Every node gets the name of its layer: its own if no other bears it, else its first output's.

    Whatever is taken then is numbered.
    """
    counts = Counter(node.name for node in graph.node)
    taken = {name for name, count in counts.items() if name and count == 1}
    for position, node in enumerate(graph.node):
        if counts[node.name] != 1 or not node.name:
            first = next((name for name in node.output if name), "")
            node.name = _free((first, f"#{position}"), taken)
            taken.add(node.name)


def _free(names: Sequence[str], taken: set[str]) -> str:
    wanted = [name for name in names if name]
    for name in wanted:
        if name not in taken:
            return name
    number = 1
    while f"{wanted[-1]}:{number}" in taken:
        number += 1
    return f"{wanted[-1]}:{number}"


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
