"""A plan as a node holds it: its program and its parts, loaded and ready to run."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from splitfog.deployment.runtime.inbox import Value
from splitfog.deployment.runtime.program import NodeProgram, Program
from splitfog.deployment.splitting.comparison import opened
from splitfog.deployment.splitting.manifest import checked_file, load_manifest, manifest_path
from splitfog.deployment.wire.frames import MOST_LETTERS
from splitfog.instances.json_files import read_bytes


@dataclass(frozen=True)
class HeldPlan:
    """What a node needs of a plan.

    Attributes
    ----------
    sha256 : of the manifest's file; driver and nodes must agree on it.
    program : what the node does.
    sessions : of its parts, in the order of `program.parts`.
    """

    sha256: str
    program: NodeProgram
    sessions: tuple[Any, ...]

    def run(self, position: int, tensors: Mapping[str, Value]) -> tuple[dict[str, Value], float]:
        """The outputs of a part, by name, and the CPU seconds it took."""
        part = self.program.parts[position]
        feed = {name: tensors[name] for name in part.inputs}
        before_s = time.thread_time()
        outputs = self.sessions[position].run_with_ort_values(list(part.outputs), feed)
        cpu_s = time.thread_time() - before_s
        return dict(zip(part.outputs, outputs, strict=True)), cpu_s


def hold(path: str | os.PathLike[str], node: str) -> HeldPlan:
    """A plan's parts on a node, loaded.

    Parameters
    ----------
    path
        Of the manifest or its folder.
    node
        Its name; it need not run any part.

    Raises
    ------
    InstanceError, ValueError
        Naming the file, where the manifest is defective, a part's file is not the one that it
        names, ONNX Runtime refuses it, or the plan has no such node.
    """
    path = manifest_path(path)
    program = Program(load_manifest(path))
    if node not in program.nodes:
        known = ", ".join(program.nodes)
        raise ValueError(f"{path}: node {node!r} is unknown, must be one of {known}")
    own = program.nodes[node]
    for name in (*program.nodes, *program.node_of, *program.tensors):
        if len(name) > MOST_LETTERS:
            raise ValueError(f"{path}: a name of {len(name)} letters, at most {MOST_LETTERS}")
    return HeldPlan(
        sha256=manifest_sha256(path),
        program=own,
        sessions=tuple(
            opened(part.file, checked_file(path.parent, part.file, part.sha256))
            for part in own.parts
        ),
    )


def manifest_sha256(path: str | os.PathLike[str]) -> str:
    """What driver and nodes know a plan by."""
    return hashlib.sha256(read_bytes(manifest_path(path))).hexdigest()
