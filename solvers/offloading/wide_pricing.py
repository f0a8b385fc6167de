"""Wide plans that a choice of one plan per task asks for: columns priced by a dynamic program."""

from __future__ import annotations

from splitfog.formulations.decision import Decision
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.solvers.base import Request
from splitfog.solvers.dina.visit_prices import holding_up
from splitfog.solvers.dina.wide import LEAST_GAIN, Wide, priced_seconds


def wide_plans(request: Request, decision: Decision, wide: Wide) -> list[Footprint | None]:
    """By task, the wide plan that takes least beside the others' answers of a decision.

    What the others wait longer for it is counted; None where none is found that takes less than
    the task's own answer, and from the deadline on. `wide` remembers stages from call to call.
    The program behind it is no exact one: that it finds nothing proves nothing.
    """
    loads = Loads.of(request.instance, request.objective, decision)
    wide.held = holding_up(loads)
    wide.changes += len(loads.tasks)  # nothing known is fresh
    found: list[Footprint | None] = []
    for task in range(len(loads.tasks)):
        if request.out_of_time:
            found.append(None)
            continue
        own = loads.take(task)
        below_s = priced_seconds(loads, task, own, wide.held) * (1 - LEAST_GAIN)
        found.append(wide.answer(loads, task, below_s))
        loads.put(task, own)
    return found
