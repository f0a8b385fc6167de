"""Whether the parts together compute what the whole model does: `splitfog split --check`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.models.operators import random_operators
from splitfog.deployment.models.reading import shortened
from splitfog.deployment.models.sessions import session
from splitfog.deployment.splitting.comparison import (
    Values,
    agreement,
    array_of,
    does_not_run,
    opened,
    run_model,
    whole_outputs,
)
from splitfog.deployment.splitting.manifest import (
    Manifest,
    Tensor,
    checked_file,
    load_manifest,
    manifest_path,
)
from splitfog.deployment.splitting.stage_check import stage_differences
from splitfog.instances.defects import InstanceError


@dataclass(frozen=True, kw_only=True)
class Check:
    """How the parts compare with the whole.

    Attributes
    ----------
    inputs : how many were tried.
    tensors : how many were compared: the outputs, and all between parts but rectangles.
    exact : whether all of them are the same, bit for bit.
    differences : the largest difference of each that is not the same, by its name.
    stages : of every stage the same, with whole numbers as weights and inputs: 0.0 shows that its
        slices are cut right; None proves nothing.
    faults : why the check fails, as sentences; () where it passes.
    """

    inputs: int
    tensors: int
    exact: bool
    differences: Mapping[str, float]
    stages: Mapping[int, float | None]
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
    so with slices they may differ by `ROUNDING` of their largest value; and each stage is run once
    more on whole numbers, where nothing is rounded (`stage_check`). Outputs that are not numbers,
    or nothing but zeros, prove nothing and fail.

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
    ValueError
        For no inputs at all.
    """
    if inputs < 1:
        raise ValueError(f"inputs = {inputs}, must be >= 1")
    path = manifest_path(directory)
    manifest = load_manifest(path)
    folder = path.parent
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    if drawn := random_layers(folder, manifest):
        return Check(inputs=0, tensors=0, exact=False, differences={}, stages={}, faults=(drawn,))
    given, expected = whole_outputs(
        folder, manifest, inputs, seed, whole_numbers=whole_numbers, between=True
    )
    found = agreement(manifest, expected, _parts(folder, manifest, tensors, given))
    arrays = {o: [array_of(each[o], tensors[o]) for each in expected] for o in manifest.outputs}
    faults = [fault for name, own in arrays.items() for fault in _proves_nothing(name, own)]
    faults += found.faults
    if not faults and not any(array.any() for own in arrays.values() for array in own):
        faults.append("all outputs are zero, which proves nothing")
    return Check(
        inputs=inputs,
        tensors=len(expected[0]),
        exact=found.exact,
        differences=found.differences,
        stages=stage_differences(folder, manifest, seed),
        faults=tuple(faults),
    )


def differences_from_original(
    directory: str | os.PathLike[str],
    original: str | os.PathLike[str],
    inputs: int = 3,
    seed: int = 0,
) -> dict[str, float]:
    """The largest difference of every output between the canonical model and the one imported.

    Optimising at import fuses operators, which may change the last digits (and more of quantised
    models). The parts are held to the canonical model; this says how far that is from the original.

    Parameters
    ----------
    directory
        What `split` wrote.
    original
        The file that was imported.
    inputs, seed
        As for `check_split`.

    Returns
    -------
    dict
        By output, 0 where all values are the same.

    Raises
    ------
    InstanceError
        Where a file is missing or has changed, is no model, one with other inputs or outputs, or
        one that does not run.
    """
    path, file = manifest_path(directory), Path(original)
    manifest = load_manifest(path)
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    model = opened_original(file, manifest)
    given, expected = whole_outputs(path.parent, manifest, inputs, seed)
    try:
        found = [run_model(model, manifest.outputs, values, tensors) for values in given]
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        raise does_not_run(file.name, error) from None
    differences = agreement(manifest, expected, found).differences
    return {name: differences.get(name, 0.0) for name in manifest.outputs}


def random_layers(folder: Path, manifest: Manifest) -> str | None:
    """Why a model's parts cannot be compared with it: it draws random numbers; None if not.

    Raises
    ------
    InstanceError
        Where the model's file is missing or has changed.
    """
    import onnx

    content = checked_file(folder, manifest.model.file, manifest.model.sha256)
    drawn = random_operators(onnx.load_from_string(content).graph)
    if not drawn:
        return None
    names = ", ".join(f"{name} ({op})" for name, op in sorted(drawn.items()))
    return f"random numbers are drawn anew in every run by {names}, so nothing can be compared"


def opened_original(file: Path, manifest: Manifest) -> Any:
    """A session of the file that was imported; `InstanceError` says why it is not that."""
    if not file.is_file():
        raise InstanceError(str(file), ["no such file, must be the model that was imported"])
    try:
        model = session(file)
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        said = shortened(" ".join(str(error).split()))
        raise InstanceError(str(file), [f"is no model that ONNX Runtime runs: {said}"]) from None
    own = {
        "input": {value.name for value in model.get_inputs()},
        "output": {value.name for value in model.get_outputs()},
    }
    for kind, names in (("input", manifest.inputs), ("output", manifest.outputs)):
        for name in names:
            if name not in own[kind]:
                known = ", ".join(sorted(own[kind])) or "none"
                said = f"has no {kind} {name!r}, but {known}: it is not the model that was imported"
                raise InstanceError(str(file), [said])
    return model


def _parts(
    folder: Path, manifest: Manifest, tensors: Mapping[str, Tensor], given: list[Values]
) -> list[Values]:
    """All that the parts make of the same inputs; one is open at a time."""
    held = [dict(values) for values in given]
    for part in manifest.parts:
        model = opened(part.file, checked_file(folder, part.file, part.sha256))
        for values in held:
            own = {name: values[name] for name in part.inputs}
            try:
                values |= run_model(model, part.outputs, own, tensors)
            except Exception as error:
                raise does_not_run(part.file, error) from None
    return held


def _proves_nothing(name: str, arrays: list[NDArray[Any]]) -> Iterator[str]:
    floats = [array for array in arrays if array.dtype.kind == "f" and array.size]
    if any(np.isnan(array).any() for array in floats):
        yield f"output {name} is not a number (NaN), which proves nothing"
    elif floats and not any(array.any() for array in floats):
        yield f"output {name} is all zeros, which proves nothing"
