"""A plan of a real model made into parts: `splitfog split`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.models.onnx_import import read_canonical, require_onnx
from splitfog.deployment.splitting.extraction import Whole
from splitfog.deployment.splitting.manifest import (
    FILE_NAME,
    Manifest,
    ModelFile,
    Predicted,
    save_manifest,
)
from splitfog.deployment.splitting.pieces import plan_pieces
from splitfog.deployment.splitting.wiring import Wiring
from splitfog.formulations.costs.describe import Placements, as_plan
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import PlanError, decision_of, encode_plan, load_plan
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.changes import MODEL_FILE, with_one_task
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import load_instance
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import read_bytes, write_whole
from splitfog.instances.lookup import look_up

WHOLE = "whole.onnx"
"""The canonical model's file, beside the parts."""

AnyPlan = str | os.PathLike[str] | PlanFile | Placements


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
    instance: str | os.PathLike[str] | Instance,
    plan: AnyPlan,
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
    given = instance if isinstance(instance, Instance) else load_instance(instance)
    content = read_canonical(given, model)
    name = _task_name(given, task)
    origin, file, sha256 = _plan(given, plan)
    one, decision = _decided(given, file, name, origin)
    whole = _whole(one, content)
    pieces, fewest = plan_pieces(one, decision, whole)
    wiring = Wiring(one, whole, pieces)
    tensors = wiring.tensors()
    folder = Path(directory)
    write_whole(folder / WHOLE, content)
    parts = []
    for part, data in wiring.parts():
        write_whole(folder / part.file, data)
        parts.append(part)
    manifest = Manifest(
        instance=given.name,
        instance_sha256=given.sha256,
        plan_sha256=sha256,
        task=name,
        level=given.meta[MODEL_FILE]["level"],
        model=ModelFile(WHOLE, hashlib.sha256(content).hexdigest()),
        inputs=wiring.inputs,
        outputs=wiring.outputs,
        predicted=_predicted(one, decision),
        nodes=wiring.nodes(tensors),
        links=wiring.links(tensors),
        parts=tuple(parts),
        tensors=tensors,
    )
    save_manifest(manifest, folder / FILE_NAME)
    return Split(folder, manifest, fewest)


def _task_name(instance: Instance, name: str | None) -> str:
    names = {task.name: task for task in instance.tasks}
    if name is None:
        if len(names) > 1:
            raise ValueError(f"task = None, must be one of {', '.join(names)}: there are several")
        return instance.tasks[0].name
    return look_up(names, name, "task").name


def _plan(instance: Instance, plan: AnyPlan) -> tuple[str, PlanFile, str]:
    """What errors call the plan, the plan, and the hash of its file or of what saving it writes."""
    if isinstance(plan, str | os.PathLike):
        path = Path(plan)
        return path.name, load_plan(path), hashlib.sha256(read_bytes(path)).hexdigest()
    file = plan if isinstance(plan, PlanFile) else as_plan(instance, plan, monotone=False)
    return "the plan", file, hashlib.sha256(encode_plan(file)).hexdigest()


def _decided(
    instance: Instance, plan: PlanFile, task: str, origin: str
) -> tuple[Instance, TaskDecision]:
    """The instance with one task only, and what the plan decides of it."""
    if not plan.tasks:
        raise InstanceError(origin, ["it places nothing: it has no tasks"])
    try:
        whole = decision_of(instance, plan)
    except PlanError as error:
        more = len(error.defects) - 1
        rest = f", and {more} more such defects" if more else ""
        said = f"it is no plan of {instance.name}: {error.defects[0]}{rest}"
        raise InstanceError(origin, [said]) from None
    position = next(i for i, own in enumerate(instance.tasks) if own.name == task)
    one, decision = with_one_task(instance, position), whole.tasks[position]
    if broken := decision_violations(one, Decision((decision,)), plan.objective):
        raise InstanceError(origin, broken)
    return one, decision


def _whole(instance: Instance, content: bytes) -> Whole:
    """The canonical model, whose layers must be those of the instance's only task."""
    model = instance.model_of(instance.tasks[0])
    whole = Whole(content, model.name)
    if strange := sorted(whole.layer_names ^ set(model.index)):
        said = f"layer {strange[0]} is in only one of the instance and its canonical model"
        raise InstanceError(instance.name, [said])
    return whole


def _predicted(instance: Instance, decision: TaskDecision) -> Predicted:
    """Of this task alone, each tensor sent once."""
    asked = Decision((decision,))
    latency = decision_cost(instance, asked, Objective("latency", monotone=False))
    if decision.stages:  # which have no period
        return Predicted(float(latency), None)
    period = decision_cost(instance, asked, Objective("period", monotone=False))
    return Predicted(float(latency), float(period))
