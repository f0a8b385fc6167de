"""Whether the parts together compute what the whole model does: `splitfog split --check`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.models.sessions import ELEMENTS, array_bytes, bytes_of, session, value_of
from splitfog.deployment.splitting.manifest import (
    Manifest,
    Tensor,
    checked_file,
    load_manifest,
    manifest_path,
)
from splitfog.instances.defects import InstanceError

INTEGER_RANGES = (256, 10, 2, 1)
"""Whole numbers of the inputs are below the first of these with which the model runs."""

ROUNDING = 1e-5
"""Of an output's largest value: what slices may differ by, for their sums add in other orders."""

Values = dict[str, bytes]


@dataclass(frozen=True)
class Check:
    """How the parts compare with the whole.

    Attributes
    ----------
    inputs : how many were tried.
    exact : whether all outputs are the same, bit for bit.
    differences : the largest difference of an output that is not the same, by its name.
    faults : why the check fails, as sentences; () where it passes.
    """

    inputs: int
    exact: bool
    differences: Mapping[str, float]
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the parts."""
        return not self.faults


def check_split(directory: str | os.PathLike[str], inputs: int = 3, seed: int = 0) -> Check:
    """Run all parts one after another, and the whole model, on the same seeded inputs.

    Parts without slices must agree bit for bit. A slice adds up in the whole's order only as far as
    the operator does, so outputs of plans with slices may differ by `ROUNDING` of their largest
    value. Outputs that are not numbers, or nothing but zeros, prove nothing and fail.

    Parameters
    ----------
    directory
        What `split` wrote.
    inputs
        How many: standard normal numbers, whole numbers below 256 (or fewer, where the model
        refuses those), truth values.
    seed
        Of the inputs.

    Returns
    -------
    Check

    Raises
    ------
    InstanceError
        Where a file is missing or has changed, or a model does not run.
    """
    path = manifest_path(directory)
    manifest = load_manifest(path)
    folder = path.parent
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    given, expected = _whole(folder, manifest, tensors, inputs, seed)
    found = _parts(folder, manifest, tensors, given)
    sliced = any(part.slice is not None for part in manifest.parts)
    faults: list[str] = []
    differences: dict[str, float] = {}
    for name in manifest.outputs:
        pairs = [(right[name], own[name]) for right, own in zip(expected, found, strict=True)]
        arrays = [_array(right, tensors[name]) for right, _ in pairs]
        faults += _proves_nothing(name, arrays)
        unlike = [(a, _array(own, tensors[name])) for a, (r, own) in zip(arrays, pairs) if r != own]
        if unlike:
            differences[name] = max(_difference(a, b) for a, b in unlike)
            allowed = max(_largest(a) for a, _ in unlike) * ROUNDING if sliced else 0.0
            if not differences[name] <= allowed or not sliced:
                faults.append(
                    f"output {name} differs from the whole model's by {differences[name]:.3g}"
                )
    outputs = [_array(values[name], tensors[name]) for values in expected for name in values]
    if not faults and not any(array.any() for array in outputs):
        faults.append("all outputs are zero, which proves nothing")
    return Check(inputs, not differences, differences, tuple(faults))


def _whole(
    folder: Path, manifest: Manifest, tensors: Mapping[str, Tensor], inputs: int, seed: int
) -> tuple[list[Values], list[Values]]:
    """Seeded inputs on which the whole model runs, and its outputs."""
    content = checked_file(folder, manifest.model.file, manifest.model.sha256)
    whole = _opened(manifest.model.file, content)
    given = [tensors[name] for name in manifest.inputs]
    for high in INTEGER_RANGES:
        rng = np.random.default_rng(seed)
        drawn = [{t.name: _drawn(t, rng, high) for t in given} for _ in range(inputs)]
        try:
            outputs = [_run(whole, manifest.outputs, values, tensors) for values in drawn]
        except Exception as error:  # ONNX Runtime raises a class of its own for every status
            if high == INTEGER_RANGES[-1]:
                raise _does_not_run(manifest.model.file, error) from None
        else:
            return drawn, outputs
    raise AssertionError("unreachable: the last range returns or raises")


def _parts(
    folder: Path, manifest: Manifest, tensors: Mapping[str, Tensor], given: list[Values]
) -> list[Values]:
    """What the parts give for the same inputs; one is open at a time."""
    held = [dict(values) for values in given]
    readers = {tensor.name: set(tensor.to) for tensor in manifest.tensors}
    for part in manifest.parts:
        opened = _opened(part.file, checked_file(folder, part.file, part.sha256))
        for values in held:
            own = {name: values[name] for name in part.inputs}
            try:
                values |= _run(opened, part.outputs, own, tensors)
            except Exception as error:
                raise _does_not_run(part.file, error) from None
        for name in part.inputs:
            readers[name].discard(part.name)
            if not readers[name] and name not in manifest.outputs:
                for values in held:
                    del values[name]
    return held


def _opened(file: str, content: bytes) -> Any:
    try:
        return session(content)
    except Exception as error:
        raise _does_not_run(file, error) from None


def _does_not_run(file: str, error: Exception) -> InstanceError:
    return InstanceError(file, [f"does not run: {' '.join(str(error).split())[:300]}"])


def _run(
    opened: Any, outputs: tuple[str, ...], values: Values, tensors: Mapping[str, Tensor]
) -> Values:
    feeds = {
        name: value_of(content, tensors[name].dtype, tensors[name].shape)
        for name, content in values.items()
    }
    made = opened.run_with_ort_values(list(outputs), feeds)
    return {name: bytes_of(value) for name, value in zip(outputs, made, strict=True)}


def _drawn(tensor: Tensor, rng: np.random.Generator, high: int) -> bytes:
    kind = _numpy_type(tensor.dtype)
    if ELEMENTS[tensor.dtype][1] < 8:
        return rng.bytes(array_bytes(tensor.dtype, tensor.shape))
    if kind.kind in "biu":
        most = 2 if kind.kind == "b" else min(high, int(np.iinfo(kind).max) + 1)
        return rng.integers(0, most, tensor.shape).astype(kind).tobytes()
    return rng.standard_normal(tensor.shape).astype(kind).tobytes()


def _numpy_type(dtype: str) -> np.dtype[Any]:
    """Of a value; types that numpy does not know come from ml_dtypes."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, dtype, dtype))


def _array(content: bytes, tensor: Tensor) -> NDArray[Any]:
    """The values of an output; packed ones as their bytes."""
    if ELEMENTS[tensor.dtype][1] < 8:
        return np.frombuffer(content, np.uint8)
    values = np.frombuffer(content, _numpy_type(tensor.dtype))
    return values if values.dtype.kind in "biuf" else values.astype(np.float32)


def _proves_nothing(name: str, arrays: list[NDArray[Any]]) -> Iterator[str]:
    floats = [array for array in arrays if array.dtype.kind == "f" and array.size]
    if any(np.isnan(array).any() for array in floats):
        yield f"output {name} is not a number (NaN), which proves nothing"
    elif floats and not any(array.any() for array in floats):
        yield f"output {name} is all zeros, which proves nothing"


def _difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values.astype(np.float64)).max(initial=0.0))
