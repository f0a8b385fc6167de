"""Small offloading problems with their optimum by enumeration of all assignments."""

from __future__ import annotations

from itertools import product
from math import inf
from pathlib import Path

import numpy as np

from splitfog import save_plan
from splitfog.formulations.cost import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.feasibility import decision_violations
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading import Subtasks
from splitfog.formulations.report import describe
from splitfog.formulations.stages import stage_defects
from splitfog.instances.model import Instance


def best_assignment(subtasks: Subtasks) -> tuple[float, Decision | None]:
    """The least reference cost of all feasible assignments; inf if there is none."""
    instance, objective = subtasks.instance, subtasks.objective
    best, found = inf, None
    for places in product(range(len(instance.nodes)), repeat=len(subtasks.keys)):
        decision = subtasks.decision(np.array(places))
        value = decision_cost(instance, decision, objective)
        if value < best and not decision_violations(instance, decision, objective):
            best, found = float(value), decision
    return best, found


def has_sound_stages(instance: Instance, template: Decision) -> bool:
    """Whether the template's stages break no rule, so that a plan file of it is accepted."""
    pairs = zip(instance.tasks, template.tasks, strict=True)
    return not any(stage_defects(instance, task, answer) for task, answer in pairs)


def saved(path: Path, instance: Instance, template: Decision, objective: Objective) -> str:
    """The path of a plan file with the template."""
    save_plan(describe(instance, template, objective), path)
    return str(path)
