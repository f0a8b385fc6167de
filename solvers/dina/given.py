"""Which subtasks the `offload-*` solvers match to nodes, and what their bounds are bounds of."""

from __future__ import annotations

from dataclasses import dataclass

from splitfog.formulations.decision import Decision
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.formulations.offloading.templates import subtask_template, whole_tasks
from splitfog.solvers.base import Request


@dataclass(frozen=True)
class Given:
    """Subtasks, where they come from (in words), and whether the caller has chosen them."""

    subtasks: Subtasks
    origin: str
    chosen: bool


def given_subtasks(request: Request) -> Given:
    """The subtasks of the plan in option `stages`, else of DINA-P's first pass, else whole tasks.

    For `batch`, whose mean over subtasks only compares plans of the same subtasks, and where some
    task has no source (DINA-P cuts at sources), whole tasks unless `stages` says otherwise.

    Raises
    ------
    ValueError
        For a plan of another instance, or with stages that are none.
    """
    instance, objective = request.instance, request.objective
    path = request.options.get("stages")
    if path is not None:
        template, origin = subtask_template(instance, path), f"the subtasks of {path}"
    elif objective.name != "batch" and all(task.source is not None for task in instance.tasks):
        from splitfog.solvers.dina.partition import first_pass

        template, origin = first_pass(instance, objective, request.deadline), "DINA-P's first pass"
    else:
        template, origin = whole_tasks(instance), "whole tasks"
    if objective.name == "batch":  # a task without stages is one subtask
        pairs = zip(template.tasks, whole_tasks(instance).tasks, strict=True)
        template = Decision(tuple(own if own.stages else whole for own, whole in pairs))
    return Given(subtasks_of(instance, template, objective), origin, path is not None)
