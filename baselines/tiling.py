"""What the tiling baselines share: where all layers are, and a rule that makes the stages there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.per_task import checked
from splitfog.formulations.arrays import task_arrays
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.vsm_plans import base_placements
from splitfog.solvers.vsm_search import Slicer, with_stages

TilingRule = Callable[[Slicer, NDArray[np.int64]], TaskDecision]
"""The stages of one task, all of whose layers stay where the placement has them."""


def tiled(request: Request, name: str, rule: TilingRule) -> Answer:
    """Every task's layers on the cheapest node of a tier with several nodes, sliced by a rule.

    The node is the one that `vsm` takes first: that of the least latency without slices. A start
    plan's placement takes its place. Where the tiles break a rule (memory, say) the answer is the
    plan without them, if that is allowed. Tasks after the time limit stay whole.

    Raises
    ------
    SolverDeclined
        Where no tier has several nodes.
    """
    instance, helpers = request.instance, request.options["helpers"]
    answers, whole = [], []
    for position, task in enumerate(instance.tasks):
        try:
            bases = base_placements(instance, request.objective, position, helpers)
        except SolverDeclined as declined:
            raise SolverDeclined(name, declined.reason, declined.instead) from None
        if request.start is not None:
            bases = [request.start.tasks[position].placement]
        if not bases:
            return Answer(None, reason=f"task {task.name}: no base placement is allowed")
        arrays = task_arrays(instance, position)
        whole.append(with_stages(arrays, bases[0], []))
        late = request.out_of_time
        answers.append(whole[-1] if late else rule(Slicer(arrays, helpers), bases[0]))
    answer = checked(request, Decision(tuple(answers)))
    if answer.decision is not None:
        return answer
    unsliced = checked(request, Decision(tuple(whole)))
    if unsliced.decision is None:
        return answer
    return Answer(unsliced.decision, reason=f"without tiles, as with them {answer.reason}")
