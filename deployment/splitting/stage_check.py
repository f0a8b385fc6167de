"""Whether slices are cut right, told apart from rounding: stages run on whole numbers.

With real weights a slice may differ from the whole by rounding, and so might a small mistake. Here
convolutions get a few weights of 1 and -1 in place of their own, and inputs are whole numbers: sums
are exact in any order, so that any difference is a mistake of geometry, unless other operators of
the stage make fractions.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.models.inputs import drawn
from splitfog.deployment.splitting.comparison import (
    array_of,
    difference,
    does_not_run,
    opened,
    run_model,
)
from splitfog.deployment.splitting.manifest import Manifest, Part, Tensor, checked_file

CONVOLUTIONS = ("Conv", "FusedConv")
TAPS = 4
"""Weights other than 0 of an output channel: values grow by this factor a layer at most."""


def stage_differences(folder: Path, manifest: Manifest, seed: int = 0) -> dict[int, float | None]:
    """Of every stage the largest difference between its slices, joined, and its layers whole.

    0.0 where they are the same bit for bit; None where all values are 0, which proves nothing.

    Raises
    ------
    InstanceError
        Where a file is missing or has changed, or a model does not run.
    """
    stages: dict[int, list[Part]] = {}
    for part in manifest.parts:
        if part.slice is not None:
            stages.setdefault(part.slice.stage, []).append(part)
    if not stages:
        return {}
    content = checked_file(folder, manifest.model.file, manifest.model.sha256)
    return {
        number: _difference(folder, manifest, slices, content, seed)
        for number, slices in stages.items()
    }


def _difference(
    folder: Path, manifest: Manifest, slices: Sequence[Part], content: bytes, seed: int
) -> float | None:
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    parts = {part.name: part for part in manifest.parts}
    cuts = {str(tensors[name].maker) for part in slices for name in part.inputs}
    (join,) = {reader for part in slices for name in part.outputs for reader in tensors[name].to}
    before = [parts[name] for name in sorted(cuts)]
    (output,) = parts[join].outputs
    rng = np.random.default_rng(seed)
    given = {
        name: drawn(tensors[name].dtype, tensors[name].shape, rng, 4, whole_numbers=True)
        for part in before
        for name in part.inputs
    }
    values = dict(given)
    for part in (*before, *slices, parts[join]):
        model = _on_whole_numbers(checked_file(folder, part.file, part.sha256))
        own = {name: values[name] for name in part.inputs}
        values |= _run(part.file, model, part.outputs, own, tensors)
    stage = _stage(content, slices[0].layers, tuple(given), output)
    right = _run(manifest.model.file, stage, (output,), given, tensors)[output]
    expected, found = (array_of(own, tensors[output]) for own in (right, values[output]))
    if not expected.any():
        return None
    return 0.0 if right == values[output] else difference(expected, found)


def _run(
    file: str,
    model: bytes,
    outputs: tuple[str, ...],
    values: Mapping[str, bytes],
    tensors: Mapping[str, Tensor],
) -> dict[str, bytes]:
    session = opened(file, model)
    try:
        return run_model(session, outputs, dict(values), tensors)
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        raise does_not_run(file, error) from None


def _stage(content: bytes, layers: Sequence[str], inputs: tuple[str, ...], output: str) -> bytes:
    """The operators of a stage as a model of whole numbers."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    types = {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}
    nodes = [node for node in graph.node if node.name in set(layers)]
    read = {name for node in nodes for name in node.input}
    held = [tensor for tensor in graph.initializer if tensor.name in read]
    stage = onnx.helper.make_graph(
        nodes, "stage", [types[name] for name in inputs], [types[output]], held
    )
    model.graph.CopyFrom(stage)
    return _on_whole_numbers(model.SerializeToString())


def _on_whole_numbers(content: bytes) -> bytes:
    """The same model with a few weights of 1 and -1 in its convolutions, alike by name."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(content)
    wanted = {
        name: place
        for node in model.graph.node
        if node.op_type in CONVOLUTIONS
        for place, name in enumerate(node.input)
        if place in (1, 2)
    }
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            values = numpy_helper.to_array(tensor)
            rng = np.random.default_rng(zlib.crc32(tensor.name.encode()))
            whole = _taps(values, rng) if wanted[tensor.name] == 1 else _biases(values, rng)
            tensor.CopyFrom(numpy_helper.from_array(whole.astype(values.dtype), tensor.name))
    changed: bytes = model.SerializeToString()
    return changed


def _taps(weights: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Of every output channel a few of 1 and -1, anywhere under its window."""
    flat = np.zeros((weights.shape[0], weights[0].size))
    for row in flat:
        places = rng.choice(row.size, min(TAPS, row.size), replace=False)
        row[places] = rng.choice([-1, 1], len(places))
    return flat.reshape(weights.shape)


def _biases(biases: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return rng.integers(0, 3, biases.shape)
