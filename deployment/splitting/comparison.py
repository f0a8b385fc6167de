"""The whole model on seeded inputs, and how what parts give compares with what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.models.sessions import ELEMENTS, array_bytes, bytes_of, session, value_of
from splitfog.deployment.splitting.manifest import Manifest, Tensor, checked_file
from splitfog.instances.defects import InstanceError

INTEGER_RANGES = (256, 10, 2, 1)
"""Whole numbers of the inputs are below the first of these with which the model runs."""

ROUNDING = 1e-5
"""Of an output's largest value: what slices may differ by, for their sums add in other orders."""

Values = dict[str, bytes]
"""Bytes of tensors, by name."""


@dataclass(frozen=True)
class Agreement:
    """How outputs compare with the whole model's.

    Attributes
    ----------
    differences : the largest difference of an output that is not the same, by its name.
    faults : which of them are too large, as sentences.
    """

    differences: Mapping[str, float]
    faults: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether all outputs are the same, bit for bit."""
        return not self.differences


def whole_outputs(
    folder: Path, manifest: Manifest, inputs: int, seed: int, *, whole_numbers: bool = False
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

    Raises
    ------
    InstanceError
        Where the model's file is missing or has changed, or it does not run.
    """
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    content = checked_file(folder, manifest.model.file, manifest.model.sha256)
    whole = opened(manifest.model.file, content)
    given = [tensors[name] for name in manifest.inputs]
    for high in INTEGER_RANGES:
        rng = np.random.default_rng(seed)
        drawn = [
            {t.name: _drawn(t, rng, high, whole_numbers) for t in given} for _ in range(inputs)
        ]
        try:
            outputs = [run_model(whole, manifest.outputs, values, tensors) for values in drawn]
        except Exception as error:  # ONNX Runtime raises a class of its own for every status
            if high == INTEGER_RANGES[-1]:
                raise does_not_run(manifest.model.file, error) from None
        else:
            return drawn, outputs
    raise AssertionError("unreachable: the last range returns or raises")


def agreement(
    manifest: Manifest,
    expected: Sequence[Mapping[str, bytes]],
    found: Sequence[Mapping[str, bytes]],
) -> Agreement:
    """How outputs compare with the whole model's on the same inputs.

    They must be the same bit for bit; of plans with slices, whose sums add in other orders, within
    `ROUNDING` of the output's largest value.
    """
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    sliced = any(part.slice is not None for part in manifest.parts)
    differences, faults = {}, []
    for name in manifest.outputs:
        unlike = [
            (array_of(right[name], tensors[name]), array_of(own[name], tensors[name]))
            for right, own in zip(expected, found, strict=True)
            if right[name] != own[name]
        ]
        if not unlike:
            continue
        differences[name] = max(_difference(right, own) for right, own in unlike)
        allowed = max(_largest(right) for right, _ in unlike) * ROUNDING
        if not sliced or not differences[name] <= allowed:
            said = f"{differences[name]:.3g}"
            faults.append(f"output {name} differs from the whole model's by {said}")
    return Agreement(differences, tuple(faults))


def opened(file: str, content: bytes) -> Any:
    """A session of a model; `InstanceError` names the file where there is none."""
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


def _drawn(tensor: Tensor, rng: np.random.Generator, high: int, whole_numbers: bool) -> bytes:
    kind = _numpy_type(tensor.dtype)
    if ELEMENTS[tensor.dtype][1] < 8:
        return rng.bytes(array_bytes(tensor.dtype, tensor.shape))
    if kind.kind in "biu":
        most = 2 if kind.kind == "b" else min(high, int(np.iinfo(kind).max) + 1)
        return rng.integers(0, most, tensor.shape).astype(kind).tobytes()
    if whole_numbers:
        return rng.integers(-3, 4, tensor.shape).astype(kind).tobytes()
    return rng.standard_normal(tensor.shape).astype(kind).tobytes()


def _numpy_type(dtype: str) -> np.dtype[Any]:
    """Of a value; types that numpy does not know come from ml_dtypes."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, dtype, dtype))


def array_of(content: bytes, tensor: Tensor) -> NDArray[Any]:
    """The values of an output; packed ones as their bytes."""
    if ELEMENTS[tensor.dtype][1] < 8:
        return np.frombuffer(content, np.uint8)
    values = np.frombuffer(content, _numpy_type(tensor.dtype))
    return values if values.dtype.kind in "biuf" else values.astype(np.float32)


def _difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values.astype(np.float64)).max(initial=0.0))
