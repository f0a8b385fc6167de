"""A model made canonical in a child process, within limits of memory and time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from splitfog.deployment.models.canonical import LEVELS
from splitfog.deployment.models.reading import ModelDefect

MEMORY_LIMIT_BYTES = 16e9
TIME_LIMIT_S = 600.0
OUT_OF_MEMORY = (
    "bad_alloc",
    "memoryerror",
    "out of memory",
    "cannot allocate memory",
    "failed to map segment",
    "memory allocation",
)
"""What a process says that is refused more of it, in lower case."""

__all__ = ["LEVELS", "ModelDefect", "canonical_model"]


def canonical_model(
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    level: str,
    *,
    memory_limit_bytes: float = MEMORY_LIMIT_BYTES,
    time_limit_s: float = TIME_LIMIT_S,
) -> tuple[bytes, list[str]]:
    """The canonical form of an ONNX file and notes; see `canonical.canonical_bytes`.

    The file is read, optimised and folded by another process, so that a hostile or a huge one
    cannot take this one's memory or time.

    Raises
    ------
    ModelDefect
        If it is no model that can be imported, or takes more memory or time than it may.
    """
    with tempfile.TemporaryDirectory(prefix="splitfog-") as folder:
        request = {
            "path": str(path.resolve()),
            "shapes": {name: list(sizes) for name, sizes in shapes.items()},
            "level": level,
            "folder": folder,
            "memory_limit_bytes": memory_limit_bytes,
        }
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        command = [sys.executable, "-m", "splitfog.deployment.models.canonical"]
        try:
            done = subprocess.run(
                [*command, json.dumps(request)],
                env=environment,
                cwd=folder,
                capture_output=True,
                timeout=time_limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ModelDefect(f"took more than {time_limit_s:g} s to import") from None
        answer = Path(folder) / "answer.json"
        if not answer.exists():
            raise ModelDefect(_died(done.returncode, done.stderr, memory_limit_bytes))
        said = json.loads(answer.read_text())
        if "defect" in said:
            raise ModelDefect(said["defect"])
        return (Path(folder) / "canonical.onnx").read_bytes(), said["notes"]


def _died(code: int, errors: bytes, memory_limit_bytes: float) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    if any(sign in line.lower() for line in lines for sign in OUT_OF_MEMORY):
        return f"needs more than {memory_limit_bytes:.3g} bytes to import"
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    last = lines[-1] if lines else "no message"
    return f"ended the process that imported it ({how}): {last}"
