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
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.formulations.plan import GivenPlan
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.json_files import read_bytes, write_whole

INSTANCE = "instance.json"
"""The instance's file, beside the folders of a table's plans."""
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


def split_table(
    instance: GivenInstance,
    table: PlanTable,
    directory: str | os.PathLike[str],
    *,
    task: str | None = None,
    model: str | os.PathLike[str] | None = None,
) -> tuple[Split, ...]:
    """The parts of all plans of a table, each in a folder of its own, for `run` with an adapter.

    Beside the folders, which are called `plan-0`, `plan-1`, ... by their positions in the table,
    lies the instance, as `instance.json`.

    Parameters
    ----------
    instance, task, model
        As for `split`.
    table
        Of the instance.
    directory
        The folder to write.

    Returns
    -------
    tuple of Split
        In the order of the table's plans.

    Raises
    ------
    InstanceError
        For a table of another instance, or without plans; and as `split`.
    LookupError, ModuleNotFoundError
        As `split`.
    """
    require_onnx()
    folder, problem = path_of("directory", directory), instance_of(instance)
    table = record("table", table, PlanTable, "a PlanTable")
    if table.instance_sha256 != problem.sha256:
        own, given = problem.sha256[:12], table.instance_sha256[:12]
        said = f"is of {table.instance} (sha256 {given}…), must be of {problem.name} ({own}…)"
        raise InstanceError("table", [said])
    if not table.plans:
        raise InstanceError("table", [f"of {table.instance} has no plan: {table.reason}"])
    done = tuple(
        split(problem, plan, folder / f"plan-{position}", task=task, model=model)
        for position, plan in enumerate(table.plans)
    )
    write_whole(folder / INSTANCE, _content(problem))
    return done


def _content(instance: Instance) -> bytes:
    """The bytes of an instance's file: those that it was read from, if they are there still."""
    if instance.read_file is not None and Path(instance.read_file).exists():
        content = read_bytes(Path(instance.read_file))
        if hashlib.sha256(content).hexdigest() == instance.sha256:
            return content
    return encode_instance(instance)


def _predicted(asked: Given) -> Predicted:
    """Of this task alone, each tensor sent once."""
    decision = Decision((asked.decision,))
    latency = decision_cost(asked.alone, decision, Objective("latency", monotone=False))
    if asked.decision.stages:  # which have no period
        return Predicted(float(latency), None)
    period = decision_cost(asked.alone, decision, Objective("period", monotone=False))
    return Predicted(float(latency), float(period))
