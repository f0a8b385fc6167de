"""Stages of one slice: at their home they are written unsliced (docs/slices.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import Decision
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.instances.arrays import frozen
from splitfog.instances.records import changed


def written_assignments(subtasks: Subtasks) -> Assignments:
    """The assignments of subtasks, each at the cost of what `written` makes of its decision.

    A lone slice at its home is no visit of its own there, but one with the task's unsliced layers,
    and it computes its layers whole, read or not.
    """
    unsliced = np.repeat(subtasks.is_run[:, None], subtasks.service_s.shape[1], axis=1)
    service = subtasks.service_s.copy()
    for k in np.flatnonzero(_is_lone(subtasks)).tolist():
        task, stage, _ = subtasks.keys[k]
        layers = list(subtasks.template.tasks[task].stages[stage or 0].layers)
        home = int(subtasks.home[k])
        unsliced[k, home] = True
        if np.isfinite(service[k, home]):
            times = task_arrays(subtasks.instance, task).times_s
            service[k, home] = times[layers, home].sum()
    return Assignments(changed(subtasks, service_s=frozen(service)), unsliced)


def written(decision: Decision) -> Decision:
    """The decision with stages of one slice, at their home, written unsliced."""
    tasks = []
    for answer in decision.tasks:
        kept = [s for s in answer.stages if [part.node for part in s.slices] != [s.home]]
        tasks.append(changed(answer, stages=tuple(kept)))
    return changed(decision, tasks=tuple(tasks))


def _is_lone(subtasks: Subtasks) -> NDArray[np.bool_]:
    """[K]: whether a subtask is the only slice of its stage."""
    size = np.bincount(subtasks.group)[subtasks.group]
    return np.asarray(~subtasks.is_run & (size == 1))
