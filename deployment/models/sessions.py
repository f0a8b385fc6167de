"""How models are run: by ONNX Runtime, without optimising, on one thread, from aligned buffers.

So a part computes bit for bit what the whole computes there: optimising fuses across what a split
cuts apart, and some sums add in an order that depends on where their input starts. Arrays are
handed over as their bytes, whatever their type: ONNX Runtime's own buffers are aligned.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from math import ceil, prod
from pathlib import Path
from typing import Any

ELEMENTS: Mapping[str, tuple[int, int]] = {
    "float32": (1, 32), "uint8": (2, 8), "int8": (3, 8), "uint16": (4, 16), "int16": (5, 16),
    "int32": (6, 32), "int64": (7, 64), "bool": (9, 8), "float16": (10, 16), "float64": (11, 64),
    "uint32": (12, 32), "uint64": (13, 64), "bfloat16": (16, 16), "float8_e4m3fn": (17, 8),
    "float8_e4m3fnuz": (18, 8), "float8_e5m2": (19, 8), "float8_e5m2fnuz": (20, 8),
    "uint4": (21, 4), "int4": (22, 4), "float4_e2m1fn": (23, 4), "float8_e8m0fnu": (24, 8),
    "uint2": (25, 2), "int2": (26, 2),
}  # fmt: skip
"""ONNX's number and the bits of every type that can be sent, by its name in numpy and ml_dtypes."""

ELEMENT_NAMES: Mapping[int, str] = {number: name for name, (number, _) in ELEMENTS.items()}


def require_installed(*modules: str) -> None:
    """Say what to install where some modules are missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(f"{' and '.join(missing)} missing: pip install 'splitfog[onnx]'")


def session(model: bytes | Path, profile: Path | None = None) -> Any:
    """An `onnxruntime.InferenceSession` of a model or its file.

    Parameters
    ----------
    model
        Its bytes, or where it is.
    profile
        What the name of a profile of its runs, written at its end, begins with; None: no profile.

    Raises
    ------
    Exception
        Of ONNX Runtime's own classes, where it refuses the model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    given = str(model) if isinstance(model, Path) else model
    return ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def array_bytes(dtype: str, shape: Sequence[int]) -> int:
    """Bytes of an array as it is sent: in C order, values of less than a byte packed."""
    return ceil(prod(shape) * ELEMENTS[dtype][1] / 8)


def empty_value(dtype: str, shape: Sequence[int]) -> Any:
    """An `onnxruntime.OrtValue` in a buffer of its own, which holds anything."""
    import onnxruntime as ort

    return ort.OrtValue.ortvalue_from_shape_and_type(list(shape), ELEMENTS[dtype][0])


def view_of(value: Any) -> memoryview:
    """The bytes of an `OrtValue` that is an array of numbers, in place."""
    num_bytes = value.tensor_size_in_bytes()
    if not num_bytes:
        return memoryview(b"")
    content: Any = (ctypes.c_ubyte * num_bytes).from_address(value.data_ptr())
    content.owner = value  # lives as long as the view does
    return memoryview(content).cast("B")


def value_of(content: bytes | bytearray | memoryview, dtype: str, shape: Sequence[int]) -> Any:
    """An `onnxruntime.OrtValue` in a buffer of its own, of an array's bytes.

    Raises
    ------
    ValueError
        Unless there are as many bytes as `array_bytes` says.
    """
    num_bytes = array_bytes(dtype, shape)
    if len(content) != num_bytes:
        raise ValueError(f"{len(content)} bytes, must be {num_bytes} for {dtype} {list(shape)}")
    value = empty_value(dtype, shape)
    if num_bytes:
        view_of(value)[:] = content
    return value


def bytes_of(value: Any) -> bytes:
    """The bytes of an `OrtValue` that is an array of numbers."""
    return bytes(view_of(value))
