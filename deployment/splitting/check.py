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

Contents = dict[str, list[bytes]]
"""Of tensors by name, their bytes for every input that is tried."""


@dataclass(frozen=True)
class Check:
    """How the parts compare with the whole.

    Attributes
    ----------
    inputs : how many were tried.
    tensors : how many were compared: the outputs, and all between parts but rectangles.
    exact : whether all of them are the same, bit for bit.
    differences : the largest difference of each that is not the same, by its name.
    faults : why the check fails, as sentences; () where it passes.
    """

    inputs: int
    tensors: int
    exact: bool
    differences: Mapping[str, float]
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the parts."""
        return not self.faults


def check_split(
    directory: str | os.PathLike[str],
    inputs: int = 3,
    seed: int = 0,
    *,
    whole_numbers: bool = False,
) -> Check:
    """Run all parts one after another, and the whole model, on the same seeded inputs.

    Compared are the outputs and every tensor that parts hand to each other. Without slices they
    must agree bit for bit. A slice adds up in the whole's order only as far as the operator does,
    so with slices they may differ by `ROUNDING` of their largest value. Outputs that are not
    numbers, or nothing but zeros, prove nothing and fail.

    Parameters
    ----------
    directory
        What `split` wrote.
    inputs
        How many: standard normal numbers, whole numbers below 256 (or fewer, where the model
        refuses those), truth values.
    seed
        Of the inputs.
    whole_numbers
        Whether real numbers are drawn whole, from -3 to 3: with weights that are whole numbers, too
        (and sums below 2^24), slices agree bit for bit.

    Returns
    -------
    Check

    Raises
    ------
    InstanceError
        Where a file is missing or has changed, or a model does not run.
    """
    path = manifest_path(directory)
    run = _Run(path.parent, load_manifest(path))
    given, expected = run.whole(inputs, seed, whole_numbers)
    differences: dict[str, float] = {}
    wrong: list[str] = []
    for name, found in run.parts(given):
        if name not in expected or found == expected[name]:
            continue
        pairs = [
            (run.array(name, right), run.array(name, own))
            for right, own in zip(expected[name], found, strict=True)
        ]
        differences[name] = max(_difference(right, own) for right, own in pairs)
        if not differences[name] <= run.rounding * max(_largest(right) for right, _ in pairs):
            wrong.append(name)
    outputs = run.manifest.outputs
    faults = [
        f"{run.called(name)} differs from the whole model's by {differences[name]:.3g}"
        for position, name in enumerate(wrong)
        if position == 0 or name in outputs  # the first, and what is wrong in the end
    ]
    values = {name: [run.array(name, own) for own in expected[name]] for name in outputs}
    faults += [fault for name in outputs for fault in _proves_nothing(name, values[name])]
    if not faults and not any(own.any() for arrays in values.values() for own in arrays):
        faults.append("all outputs are zero, which proves nothing")
    return Check(inputs, len(expected), not differences, differences, tuple(faults))


class _Run:
    """A split model that is run, as a whole and in parts."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.tensors = {tensor.name: tensor for tensor in manifest.tensors}
        sliced = any(part.slice is not None for part in manifest.parts)
        self.rounding = ROUNDING if sliced else 0.0

    def called(self, name: str) -> str:
        """A tensor, as a sentence calls it."""
        if name in self.manifest.outputs:
            return f"output {name}"
        return f"tensor {name}, made by part {self.tensors[name].maker},"

    def array(self, name: str, content: bytes) -> NDArray[Any]:
        """The values of a tensor; packed ones as their bytes."""
        dtype = self.tensors[name].dtype
        if ELEMENTS[dtype][1] < 8:
            return np.frombuffer(content, np.uint8)
        values = np.frombuffer(content, _numpy_type(dtype))
        return values if values.dtype.kind in "biuf" else values.astype(np.float32)

    def whole(self, inputs: int, seed: int, whole_numbers: bool) -> tuple[Contents, Contents]:
        """Seeded inputs on which the whole model runs, and what it makes of them.

        That is all its outputs, and all other tensors of its own that parts make.
        """
        file = self.manifest.model
        between = [t.name for t in self.manifest.tensors if t.maker and t.region is None]
        names = list(dict.fromkeys((*self.manifest.outputs, *between)))
        content = checked_file(self.folder, file.file, file.sha256)
        opened = _opened(file.file, _with_outputs(content, names))
        given = [self.tensors[name] for name in self.manifest.inputs]
        for high in INTEGER_RANGES:
            rng = np.random.default_rng(seed)
            drawn: Contents = {tensor.name: [] for tensor in given}
            for _ in range(inputs):
                for tensor in given:
                    drawn[tensor.name].append(_drawn(tensor, rng, high, whole_numbers))
            try:
                return drawn, self._run(opened, drawn, names)
            except Exception as error:  # ONNX Runtime raises a class of its own for every status
                if high == INTEGER_RANGES[-1]:
                    raise _does_not_run(file.file, error) from None
        raise AssertionError("the last range returns or raises")

    def parts(self, given: Contents) -> Iterator[tuple[str, list[bytes]]]:
        """Every tensor as the parts make it, in their order; one part is open at a time."""
        yield from given.items()
        held = dict(given)
        readers = {tensor.name: set(tensor.to) for tensor in self.manifest.tensors}
        for part in self.manifest.parts:
            opened = _opened(part.file, checked_file(self.folder, part.file, part.sha256))
            read = {name: held[name] for name in part.inputs}
            try:
                made = self._run(opened, read, list(part.outputs))
            except Exception as error:
                raise _does_not_run(part.file, error) from None
            yield from made.items()
            held |= made
            for name in part.inputs:
                readers[name].discard(part.name)
                if not readers[name]:
                    del held[name]

    def _run(self, opened: Any, read: Contents, names: list[str]) -> Contents:
        """What a model makes of every input."""
        made: Contents = {name: [] for name in names}
        count = len(next(iter(read.values()), [b""]))
        for position in range(count):
            feeds = {
                name: value_of(
                    contents[position], self.tensors[name].dtype, self.tensors[name].shape
                )
                for name, contents in read.items()
            }
            values = opened.run_with_ort_values(names, feeds)
            for name, value in zip(names, values, strict=True):
                made[name].append(bytes_of(value))
        return made


def _with_outputs(content: bytes, names: list[str]) -> bytes:
    """The model with these tensors as outputs."""
    import onnx

    model = onnx.load_from_string(content)
    known = {value.name for value in model.graph.output}
    types = {value.name: value for value in model.graph.value_info}
    model.graph.output.extend(types[name] for name in names if name not in known)
    extended: bytes = model.SerializeToString()
    return extended


def _opened(file: str, content: bytes) -> Any:
    try:
        return session(content)
    except Exception as error:
        raise _does_not_run(file, error) from None


def _does_not_run(file: str, error: Exception) -> InstanceError:
    return InstanceError(file, [f"does not run: {' '.join(str(error).split())[:300]}"])


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
