"""Which subtasks the `offload-*` solvers match to nodes, and what their bounds are bounds of."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from splitfog.formulations.arrays import task_arrays
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.offloading import Subtasks, subtasks_of
from splitfog.formulations.plan import decision_of, load_plan
from splitfog.formulations.stages import stage_defects
from splitfog.instances.model import Instance, frozen
from splitfog.solvers.base import Request


@dataclass(frozen=True)
class Given:
    """Subtasks, where they come from (in words), and whether the caller has chosen them."""

    subtasks: Subtasks
    origin: str
    chosen: bool


def given_subtasks(request: Request) -> Given:
    """The subtasks of the plan in option `stages`, else of DINA-P's first pass, else whole tasks.

    For `batch`, whose mean over subtasks only compares plans of the same subtasks, whole tasks
    unless `stages` says otherwise.

    Raises
    ------
    ValueError
        For a plan of another instance, or with stages that are none.
    """
    instance, objective = request.instance, request.objective
    path = request.options.get("stages")
    if path is not None:
        template, origin = _from_file(instance, path), f"the subtasks of {path}"
    elif objective.name != "batch" and find_spec("splitfog.solvers.dina_partition"):
        module = import_module("splitfog.solvers.dina_partition")
        template, origin = module.first_pass(instance, objective), "DINA-P's first pass"
    else:
        template, origin = whole_tasks(instance), "whole tasks"
    if objective.name == "batch":  # a task without stages is one subtask
        pairs = zip(template.tasks, whole_tasks(instance).tasks, strict=True)
        template = Decision(tuple(own if own.stages else whole for own, whole in pairs))
    return Given(subtasks_of(instance, template, objective), origin, path is not None)


def whole_tasks(instance: Instance) -> Decision:
    """Every task in one piece at its source (without one, on the first node)."""
    answers = []
    for position in range(len(instance.tasks)):
        arrays = task_arrays(instance, position)
        placement = np.full(len(arrays.model.layers), arrays.source or 0)
        answers.append(TaskDecision(frozen(placement)))
    return Decision(tuple(answers))


def _from_file(instance: Instance, path: str) -> Decision:
    plan = load_plan(path)
    if plan.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            f"option stages = {path!r} is a plan for another instance: instance_sha256 = "
            f"{plan.instance_sha256}, must be {instance.sha256}"
        )
    decision = decision_of(instance, plan)
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        if defects := stage_defects(instance, task, answer):
            raise ValueError(f"option stages = {path!r}: task {task.name}: {defects[0]}")
    return decision
