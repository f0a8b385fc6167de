"""A plan as callers give it, with the objective that they ask for."""

from __future__ import annotations

from splitfog.formulations.objective import OF_PASSES, RATES, Objective, objective_for
from splitfog.formulations.plan import GivenPlan, plan_of
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed

Placements = dict[str, dict[str, str]]
"""{task: {layer: node}}."""


def as_plan(
    instance: Instance,
    plan: GivenPlan,
    objective: str | Objective | None = None,
    transfers: str | None = None,
    monotone: bool | None = None,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool | None = None,
    *,
    name: str = "plan",
) -> PlanFile:
    """What is placed, with the objective asked for; what is not asked for is the plan's own.

    Another objective than the plan's counts transfers `once` unless they are asked for, and no
    pass where it knows none. `name` is that of the argument, for errors.
    """
    given = plan_of(name, plan)
    own = given.objective if isinstance(given, PlanFile) else Objective("latency")
    if isinstance(given, PlanFile) and objective is None:
        objective = own.name
    if not isinstance(objective, Objective):
        same = isinstance(objective, str) and objective == own.name
        counted = (own.transfers if same else "once") if transfers is None else transfers
        limited = own.monotone if monotone is None else monotone
        named = objective if isinstance(objective, str) else "latency"
        if pass_name is None and named in OF_PASSES:
            pass_name = own.pass_name
        held = own.contiguous if contiguous is None else contiguous
        within = (own.partial and named in RATES) if partial is None else partial
        objective = objective_for(instance, objective, counted, limited, pass_name, held, within)
    if isinstance(given, PlanFile):
        return changed(given, objective=objective)
    tasks = tuple(TaskEntry(task=name, placement=dict(p)) for name, p in given.items())
    return PlanFile(objective=objective, tasks=tasks)
