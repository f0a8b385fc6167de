"""A plan of a real model made into parts: `splitfog split`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.models.onnx_import import canonical_path, require_onnx
from splitfog.deployment.splitting.manifest import (
    FILE_NAME,
    Manifest,
    ModelFile,
    save_manifest,
)
from splitfog.deployment.splitting.pieces import Job
from splitfog.formulations.costs.describe import as_plan
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import Decision
from splitfog.formulations.plan import (
    GivenPlan,
    PlanError,
    decision_of,
    encode_plan,
    load_plan,
    plan_of,
)
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import path as path_of
from splitfog.instances.changes import MODEL_FILE, with_one_task
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import read_bytes, write_whole
from splitfog.instances.lookup import look_up

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
    given, folder = instance_of(instance), path_of("directory", directory)
    whole = _canonical_bytes(given, model)
    name = _task_name(given, task)
    origin, file, sha256 = _plan(given, plan)
    one, decision = _decided(given, file, name, origin)
    job = Job(one, decision.tasks[0], whole)
    write_whole(folder / WHOLE, whole)
    parts = []
    for part, content in job.parts():
        write_whole(folder / part.file, content)
        parts.append(part)
    manifest = Manifest(
        instance=given.name,
        instance_sha256=given.sha256,
        plan_sha256=sha256,
        task=name,
        level=given.meta[MODEL_FILE]["level"],
        model=ModelFile(WHOLE, hashlib.sha256(whole).hexdigest()),
        parts=tuple(parts),
        **job.description(),
    )
    save_manifest(manifest, folder / FILE_NAME)
    return Split(folder, manifest, job.fewest)


def _canonical_bytes(instance: Instance, model: str | os.PathLike[str] | None) -> bytes:
    about = instance.meta.get(MODEL_FILE)
    if not isinstance(about, Mapping) or "sha256" not in about:
        raise InstanceError(
            instance.name, ["meta.onnx is missing: splitfog import onnx makes such an instance"]
        )
    if model is not None:
        path = path_of("model", model)
    elif instance.read_file is not None:
        path = canonical_path(Path(instance.read_file)).with_name(str(about["file"]))
    else:
        raise ValueError("model = None, must be the canonical model's file: none lies beside")
    if not path.exists():
        said = f"no such file: it is the canonical model of {instance.name}, made by its import"
        raise InstanceError(str(path), [said])
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found != about["sha256"]:
        raise InstanceError(
            str(path), [f"sha256 = {found}, must be {about['sha256']} as {instance.name} says"]
        )
    return content


def _task_name(instance: Instance, name: str | None) -> str:
    names = {task.name: task for task in instance.tasks}
    if name is None:
        if len(names) > 1:
            raise ValueError(f"task = None, must be one of {', '.join(names)}: there are several")
        return instance.tasks[0].name
    return look_up(names, name, "task").name


def _plan(instance: Instance, plan: GivenPlan) -> tuple[str, PlanFile, str]:
    """What errors call the plan, the plan, and the hash of its file or of what saving it writes."""
    if isinstance(plan, str | os.PathLike):
        path = Path(plan)
        return path.name, load_plan(path), hashlib.sha256(read_bytes(path)).hexdigest()
    given = plan_of("plan", plan)
    file = given if isinstance(given, PlanFile) else as_plan(instance, given, monotone=False)
    return "the plan", file, hashlib.sha256(encode_plan(file)).hexdigest()


def _decided(
    instance: Instance, plan: PlanFile, task: str, origin: str
) -> tuple[Instance, Decision]:
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
    one = with_one_task(instance, position)
    decision = Decision((whole.tasks[position],))
    if broken := decision_violations(one, decision, plan.objective):
        raise InstanceError(origin, broken)
    return one, decision
