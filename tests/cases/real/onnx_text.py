"""ONNX models from their text, made canonical and mapped in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from splitfog.deployment.models.canonical import canonical_bytes
from splitfog.deployment.models.mapping import Mapped, mapped

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def model_of(
    text: str,
    weights: Mapping[str, Any] | None = None,
    *,
    opset: int = 21,
    domain: str | None = None,
) -> Any:
    """An `onnx.ModelProto` of a graph in ONNX's own notation.

    Parameters
    ----------
    text
        As `g (float[2] x) => (float[2] y) { y = Relu(x) }`.
    weights
        Initialisers, which the text names without saying their values.
    opset
        Of ONNX's own operators.
    domain
        Of other ones.
    """
    more = "" if domain is None else f', "{domain}": 1'
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}{more}]>{text}')
    for name, values in (weights or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return model


def canonical(
    model: Any, level: str = "basic", shapes: Mapping[str, Sequence[int]] | None = None
) -> tuple[Any, list[str]]:
    """The canonical form of a model, or of a file's bytes, and the notes on it."""
    with TemporaryDirectory() as folder:
        path, room = Path(folder, "given.onnx"), Path(folder, "room")
        room.mkdir()
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        content, notes = canonical_bytes(path, shapes or {}, level, room)
    return onnx.load_from_string(content), notes


def layers_of(
    model: Any,
    level: str = "basic",
    tiers: Sequence[str] = ("device",),
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Mapped:
    """What an import makes of a model."""
    return mapped(canonical(model, level, shapes)[0], "model", tiers)


def normal(*shape: int, seed: int = 0) -> Any:
    """Seeded standard normal float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
