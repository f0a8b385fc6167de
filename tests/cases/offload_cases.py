"""Small offloading problems with their optimum by enumeration of all assignments."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf
from pathlib import Path

import numpy as np

from splitfog import save_plan
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.stages import stage_defects
from splitfog.formulations.decision import Decision
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.lone_slices import written, written_assignments
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.instances.instance import Instance


def best_assignment(subtasks: Subtasks) -> tuple[float, Decision | None]:
    """The least reference cost of all feasible assignments; inf if there is none."""
    instance, objective = subtasks.instance, subtasks.objective
    for places in sorted(_possible(subtasks), key=_value(subtasks)):
        decision = _decision(subtasks, places)
        value = float(decision_cost(instance, decision, objective))
        if value == inf:
            break
        if not decision_violations(instance, decision, objective):
            return value, decision
    return inf, None


def _decision(subtasks: Subtasks, places: np.ndarray) -> Decision:
    """What an assignment is as a plan: among streams a lone slice at home is written unsliced."""
    decision = subtasks.decision(places)
    return written(decision) if subtasks.objective.name == "mean-latency" else decision


def _possible(subtasks: Subtasks) -> list[np.ndarray]:
    """All assignments of subtasks to nodes where each may be."""
    places = [np.flatnonzero(row).tolist() for row in np.isfinite(subtasks.alone_s())]
    return [np.array(chosen, np.int64) for chosen in product(*places)]


def _value(subtasks: Subtasks) -> Callable[[np.ndarray], float]:
    """The cost of an assignment; of `mean-latency` by `written_assignments`, which its own tests
    hold to the reference."""
    if subtasks.objective.name == "mean-latency":
        assignments = written_assignments(subtasks)
        return lambda places: assignments.cost(places).value
    instance, objective = subtasks.instance, subtasks.objective
    return lambda places: float(decision_cost(instance, subtasks.decision(places), objective))


def has_sound_stages(instance: Instance, template: Decision) -> bool:
    """Whether the template's stages break no rule, so that a plan file of it is accepted."""
    pairs = zip(instance.tasks, template.tasks, strict=True)
    return not any(stage_defects(instance, task, answer) for task, answer in pairs)


def saved(path: Path, instance: Instance, template: Decision, objective: Objective) -> str:
    """The path of a plan file with the template."""
    save_plan(describe(instance, template, objective), path)
    return str(path)
