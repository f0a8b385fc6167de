"""What is split: one task of an instance, what a plan decides of it, and the model behind it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from splitfog.deployment.models.onnx_import import require_onnx
from splitfog.deployment.splitting.extraction import Whole
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan import (
    GivenPlan,
    PlanError,
    decision_of,
    encode_plan,
    load_plan,
    plan_of,
)
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.changes import with_one_task
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import read_bytes
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Task


@dataclass(frozen=True)
class Given:
    """One task and its plan.

    Attributes
    ----------
    instance : as it was given.
    alone : the same with that task only.
    decision : what the plan decides of the task.
    plan_sha256 : of the plan's file, or of what saving the plan writes.
    """

    instance: Instance
    alone: Instance
    decision: TaskDecision
    plan_sha256: str

    @property
    def task(self) -> Task:
        """The task."""
        return self.alone.tasks[0]


def given(
    instance: GivenInstance, plan: GivenPlan, task: str | None = None, with_passes: bool = False
) -> Given:
    """One task of an instance, with a plan that breaks no rule of it.

    Parameters
    ----------
    instance, plan
        Each itself or its file; a plan may also be {task: {layer: node}}, and say as little as for
        `verify`.
    task
        Its name; None: the only one.
    with_passes
        Whether models may be executed more than once, or layers of them left out.

    Returns
    -------
    Given

    Raises
    ------
    InstanceError
        Naming the plan, where it is none of this instance or breaks a rule.
    LookupError
        For a task that the instance does not have.
    ValueError
        Where `task` is None and there are several; for a model with passes, unless it may be.
    """
    whole = instance_of(instance)
    if not with_passes:
        whole = executed_once(whole, "split")
    position = _position(whole, task)
    origin, file, sha256 = _plan(whole, plan)
    if not file.tasks:
        raise InstanceError(origin, ["it places nothing: it has no tasks"])
    try:
        decision = decision_of(whole, file).tasks[position]
    except PlanError as error:
        more = len(error.defects) - 1
        rest = f", and {more} more such defects" if more else ""
        said = f"it is no plan of {whole.name}: {error.defects[0]}{rest}"
        raise InstanceError(origin, [said]) from None
    if decision.replicas is not None and not with_passes:
        raise InstanceError(origin, ["it has replicas, but parts are of layers with one place"])
    alone = with_one_task(whole, position)
    if broken := decision_violations(alone, Decision((decision,)), file.objective):
        raise InstanceError(origin, broken)
    return Given(whole, alone, decision, sha256)


def whole_model(instance: Instance, content: bytes) -> Whole:
    """The canonical model, whose layers must be those of the instance's only task."""
    require_onnx()
    model = instance.model_of(instance.tasks[0])
    whole = Whole(content, model.name)
    if strange := sorted(whole.layer_names ^ set(model.index)):
        said = f"layer {strange[0]} is in only one of the instance and its canonical model"
        raise InstanceError(instance.name, [said])
    return whole


def _position(instance: Instance, task: str | None) -> int:
    positions = {own.name: position for position, own in enumerate(instance.tasks)}
    if task is not None:
        return look_up(positions, task, "task")
    if len(positions) > 1:
        raise ValueError(f"task = None, must be one of {', '.join(positions)}: there are several")
    return 0


def _plan(instance: Instance, plan: GivenPlan) -> tuple[str, PlanFile, str]:
    """What errors call the plan, the plan, and its hash."""
    if isinstance(plan, str | os.PathLike):
        path = Path(plan)
        return path.name, load_plan(path), hashlib.sha256(read_bytes(path)).hexdigest()
    own = plan_of("plan", plan)
    file = own if isinstance(own, PlanFile) else as_plan(instance, own, monotone=False)
    return "the plan", file, hashlib.sha256(encode_plan(file)).hexdigest()
