"""Where subtasks come from: a plan file with stages, or every task as a whole."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import Decision, Stage, placed
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.formulations.plan import GivenPlan, PlanError, decision_of, load_plan, plan_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.formulations.tiles.grids import cover_defects
from splitfog.formulations.tiles.stage_shape import geometry_of, stage_shape_defects
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model


def subtask_template(instance: Instance, stages: str | None = None) -> Decision:
    """The decision whose runs and stages are matched: of the plan file `stages`, or whole tasks.

    Raises
    ------
    ValueError
        Where the plan is for another instance or its stages are none (docs/slices.md).
    OSError, InstanceError
        Where the file cannot be read or is no plan.
    """
    if stages is None:
        return whole_tasks(instance)
    plan = load_plan(stages)
    if plan.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            f"option stages = {stages!r} is a plan for another instance: instance_sha256 = "
            f"{plan.instance_sha256}, must be {instance.sha256}"
        )
    try:
        decision = decision_of(instance, plan)
    except PlanError as error:
        raise ValueError(f"option stages = {stages!r}: {error.defects[0]}") from None
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        for position, stage in enumerate(answer.stages):
            if defects := _slicing_defects(instance.model_of(task), stage):
                raise ValueError(
                    f"option stages = {stages!r}: task {task.name}: stage {position}: {defects[0]}"
                )
    return decision


def subtasks(
    instance: GivenInstance,
    plan: GivenPlan | None = None,
    *,
    transfers: str | None = None,
    monotone: bool | None = None,
) -> Subtasks:
    """The subtasks of a plan's stages and runs, or of whole tasks: what `OffloadBatchCost` takes.

    Parameters
    ----------
    instance
        Whose tasks are offloaded, or the path of its file.
    plan
        Whose slices and runs become subtasks, the path of its file, or {task: {layer: node}}; None:
        every task is one.
    transfers, monotone
        Of `mean-latency`, as for `solve`; what is not given is that of the plan.

    Returns
    -------
    Subtasks
        K subtasks on N nodes, with their seconds [K, N] of service and transfers.

    Raises
    ------
    PlanError
        Where names of the plan and the instance do not fit together.
    """
    instance = instance_of(instance)
    given = None if plan is None else plan_of("plan", plan)
    own = given.objective if isinstance(given, PlanFile) else Objective("latency")
    how = objective_for(
        instance,
        "mean-latency",
        own.transfers if transfers is None else transfers,
        own.monotone if monotone is None else monotone,
    )
    if given is None:
        return subtasks_of(instance, whole_tasks(instance), how)
    return subtasks_of(instance, decision_of(instance, as_plan(instance, given, how)), how)


def _slicing_defects(model: Model, stage: Stage) -> list[str]:
    """What is wrong with a stage wherever its slices are, or for slices that are free to move."""
    if defects := stage_shape_defects(model, stage.layers):
        return defects
    inside = {model.layers[layer].group for layer in stage.layers} - {None}
    beside = set(range(len(model.layers))) - set(stage.layers)
    for layer in sorted(beside):
        own = model.layers[layer]
        if own.group in inside:
            return [f"it has a part of group {own.group}, must have layer {own.name} too, or none"]
    geometry = geometry_of(model, stage.layers)
    rectangles = [(*part.rows, *part.columns) for part in stage.slices]
    return cover_defects(geometry.height, geometry.width, rectangles)


def whole_tasks(instance: Instance) -> Decision:
    """Every task unsliced at its source; without a source, on the first node of the file."""
    placements = []
    for position in range(len(instance.tasks)):
        arrays = task_arrays(instance, position)
        placements.append(np.full(len(arrays.model.layers), arrays.source or 0))
    return placed(*placements)
