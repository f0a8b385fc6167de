"""The whole model on seeded inputs, and how what parts give compares with what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.models.inputs import INTEGER_RANGES, drawn, numpy_type
from splitfog.deployment.models.sessions import ELEMENTS, bytes_of, session, value_of
from splitfog.deployment.splitting.manifest import Manifest, Tensor, checked_file
from splitfog.instances.defects import InstanceError

ROUNDING = 1e-5
"""Of a tensor's largest value: what slices may differ by, for their sums add in other orders."""

Values = dict[str, bytes]
"""Bytes of tensors, by name."""


@dataclass(frozen=True)
class Agreement:
    """How tensors compare with the whole model's.

    Attributes
    ----------
    differences : the largest difference of a tensor that is not the same, by its name.
    faults : where these are too large, as sentences: the first tensor, and the outputs.
    """

    differences: Mapping[str, float]
    faults: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether all are the same, bit for bit."""
        return not self.differences


def whole_outputs(
    folder: Path,
    manifest: Manifest,
    inputs: int,
    seed: int,
    *,
    whole_numbers: bool = False,
    between: bool = False,
) -> tuple[list[Values], list[Values]]:
    """Seeded inputs on which the whole model runs, and its outputs.

    Parameters
    ----------
    folder, manifest
        Of the split model.
    inputs
        How many: standard normal numbers, whole numbers below 256 (or fewer, where the model
        refuses those), truth values.
    seed
        Of these.
    whole_numbers
        Whether real numbers are drawn whole, from -3 to 3.
    between
        Whether the tensors that parts hand to each other (but rectangles of them) are asked for,
        too.

    Raises
    ------
    InstanceError
        Where the model's file is missing or has changed, or it does not run.
    """
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    content = checked_file(folder, manifest.model.file, manifest.model.sha256)
    names = manifest.outputs
    if between:
        own = (t.name for t in manifest.tensors if t.maker is not None and t.region is None)
        names = tuple(dict.fromkeys((*names, *own)))
        content = _with_outputs(content, names)
    whole = opened(manifest.model.file, content)
    given = [tensors[name] for name in manifest.inputs]
    for high in INTEGER_RANGES:
        rng = np.random.default_rng(seed)
        tried = [
            {t.name: drawn(t.dtype, t.shape, rng, high, whole_numbers=whole_numbers) for t in given}
            for _ in range(inputs)
        ]
        try:
            return tried, [run_model(whole, names, values, tensors) for values in tried]
        except Exception as error:  # ONNX Runtime raises a class of its own for every status
            if high == INTEGER_RANGES[-1]:
                raise does_not_run(manifest.model.file, error) from None
    raise AssertionError("unreachable: the last range returns or raises")


def _with_outputs(content: bytes, names: tuple[str, ...]) -> bytes:
    """The model with these tensors as outputs."""
    import onnx

    model = onnx.load_from_string(content)
    known = {value.name for value in model.graph.output}
    types = {value.name: value for value in model.graph.value_info}
    model.graph.output.extend(types[name] for name in names if name not in known)
    extended: bytes = model.SerializeToString()
    return extended


def agreement(
    manifest: Manifest,
    expected: Sequence[Mapping[str, bytes]],
    found: Sequence[Mapping[str, bytes]],
) -> Agreement:
    """How tensors compare with the whole model's on the same inputs: all that are expected.

    They must be the same bit for bit; of plans with slices, whose sums add in other orders, within
    `ROUNDING` of the tensor's largest value.
    """
    sliced = any(part.slice is not None for part in manifest.parts)
    differences: dict[str, float] = {}
    wrong: list[Tensor] = []
    for tensor in manifest.tensors:  # in the order in which they are made
        name = tensor.name
        unlike = [
            (array_of(right[name], tensor), array_of(own[name], tensor))
            for right, own in zip(expected, found, strict=True)
            if name in right and right[name] != own[name]
        ]
        if not unlike:
            continue
        differences[name] = max(_difference(right, own) for right, own in unlike)
        allowed = max(_largest(right) for right, _ in unlike) * ROUNDING
        if not sliced or not differences[name] <= allowed:
            wrong.append(tensor)
    said = [tensor for tensor in wrong if tensor in wrong[:1] or tensor.name in manifest.outputs]
    faults = [
        f"{_called(tensor, manifest)} differs from the whole model's by "
        f"{differences[tensor.name]:.3g}"
        for tensor in said
    ]
    return Agreement(differences, tuple(faults))


def _called(tensor: Tensor, manifest: Manifest) -> str:
    """A tensor, as a sentence calls it."""
    if tensor.name in manifest.outputs:
        return f"output {tensor.name}"
    return f"tensor {tensor.name}, made by part {tensor.maker},"


def opened(file: str, content: bytes | Path) -> Any:
    """A session of a model or its file; `InstanceError` names the file where there is none."""
    try:
        return session(content)
    except Exception as error:
        raise does_not_run(file, error) from None


def does_not_run(file: str, error: Exception) -> InstanceError:
    """What to raise where ONNX Runtime refuses a model, or its inputs."""
    return InstanceError(file, [f"does not run: {' '.join(str(error).split())[:300]}"])


def run_model(
    model: Any, outputs: tuple[str, ...], values: Values, tensors: Mapping[str, Tensor]
) -> Values:
    """The named outputs of a session, each as its bytes."""
    feeds = {
        name: value_of(content, tensors[name].dtype, tensors[name].shape)
        for name, content in values.items()
    }
    made = model.run_with_ort_values(list(outputs), feeds)
    return {name: bytes_of(value) for name, value in zip(outputs, made, strict=True)}


def array_of(content: bytes, tensor: Tensor) -> NDArray[Any]:
    """The values of an output; packed ones as their bytes."""
    if ELEMENTS[tensor.dtype][1] < 8:
        return np.frombuffer(content, np.uint8)
    values = np.frombuffer(content, numpy_type(tensor.dtype))
    return values if values.dtype.kind in "biuf" else values.astype(np.float32)


def _difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values.astype(np.float64)).max(initial=0.0))
