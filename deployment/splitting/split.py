"""A plan of a real model made into parts: `splitfog split`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.models.onnx_import import read_canonical, require_onnx
from splitfog.deployment.splitting.given import (
    Given,
    given,
    whole_model,
)
from splitfog.deployment.splitting.manifest import (
    FILE_NAME,
    Manifest,
    ModelFile,
    Predicted,
    save_manifest,
)
from splitfog.deployment.splitting.pieces import plan_pieces
from splitfog.deployment.splitting.wiring import Wiring
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import GivenPlan
from splitfog.instances.arguments import path as path_of
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.files import GivenInstance
from splitfog.instances.json_files import write_whole

WHOLE = "whole.onnx"
"""The canonical model's file, beside the parts."""


@dataclass(frozen=True)
class Split:
    """What was written.

    Attributes
    ----------
    folder : where.
    manifest : of the parts.
    fewest : whether it is proven that no fewer parts can run one after another.
    """

    folder: Path
    manifest: Manifest
    fewest: bool


def split(
    instance: GivenInstance,
    plan: GivenPlan,
    directory: str | os.PathLike[str],
    *,
    task: str | None = None,
    model: str | os.PathLike[str] | None = None,
) -> Split:
    """The parts of a plan as ONNX files, with a manifest that says how they fit together.

    There are as few parts as can run one after another, and one for every slice of a stage. Run in
    their order by any ONNX runtime, they give the outputs of the whole model.

    Parameters
    ----------
    instance
        An instance that was imported from a model, or its file.
    plan
        A plan, its file (which may say as little as for `verify`), or {task: {layer: node}}.
    directory
        The folder to write: `manifest.json`, the parts and `whole.onnx`. The same plan gives the
        same bytes.
    task
        Whose model is split; None: the only one.
    model
        The canonical model's file; None: the one beside the instance's file.

    Returns
    -------
    Split

    Raises
    ------
    InstanceError
        Where the canonical model is missing or another one, and where the plan is none of it.
    LookupError
        For a task that the instance does not have.
    ModuleNotFoundError
        Without the extra `splitfog[onnx]`.
    """
    require_onnx()
    folder = path_of("directory", directory)
    asked = given(instance, plan, task)
    content = read_canonical(asked.instance, model)
    whole = whole_model(asked.alone, content)
    pieces, fewest = plan_pieces(asked.alone, asked.decision, whole)
    wiring = Wiring(asked.alone, whole, pieces)
    tensors = wiring.tensors()
    write_whole(folder / WHOLE, content)
    parts = []
    for part, data in wiring.parts():
        write_whole(folder / part.file, data)
        parts.append(part)
    manifest = Manifest(
        instance=asked.instance.name,
        instance_sha256=asked.instance.sha256,
        plan_sha256=asked.plan_sha256,
        task=asked.task.name,
        level=asked.instance.meta[MODEL_FILE]["level"],
        model=ModelFile(WHOLE, hashlib.sha256(content).hexdigest()),
        inputs=wiring.inputs,
        outputs=wiring.outputs,
        predicted=_predicted(asked),
        nodes=wiring.nodes(tensors),
        links=wiring.links(tensors),
        parts=tuple(parts),
        tensors=tensors,
    )
    save_manifest(manifest, folder / FILE_NAME)
    return Split(folder, manifest, fewest)


def _predicted(asked: Given) -> Predicted:
    """Of this task alone, each tensor sent once."""
    decision = Decision((asked.decision,))
    latency = decision_cost(asked.alone, decision, Objective("latency", monotone=False))
    if asked.decision.stages:  # which have no period
        return Predicted(float(latency), None)
    period = decision_cost(asked.alone, decision, Objective("period", monotone=False))
    return Predicted(float(latency), float(period))
