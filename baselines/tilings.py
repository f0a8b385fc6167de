"""Published tilings: MoDNN, DeepThings, AOFL and CoEdge, each a rule that makes the stages.

- MoDNN (Mao et al., DATE 2017): every layer in rows over all nodes.
- DeepThings (Zhao et al., IEEE TCAD 2018): fused tiles of an equal grid.
- AOFL (Zhou et al., 2019): fuse points by dynamic program, rows over all nodes.
- CoEdge (Zeng et al., 2020): row shares by compute and link speed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.d3.plans import base_placements
from splitfog.solvers.d3.rules import (
    balanced_shares,
    dealt_grids,
    fused_strips,
    layer_by_layer,
    speed_shares,
)
from splitfog.solvers.d3.search import Slicer, with_stages

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
        answers.append(
            whole[-1] if late else rule(Slicer(arrays=arrays, helpers=helpers), bases[0])
        )
    answer = checked(request, Decision(tuple(answers)))
    if answer.decision is not None:
        return answer
    unsliced = checked(request, Decision(tuple(whole)))
    if unsliced.decision is None:
        return answer
    return Answer(unsliced.decision, reason=f"without tiles, as with them {answer.reason}")


def solve_modnn(request: Request) -> Answer:
    """Every sliceable layer its own stage, rows in proportion to speed, gathered after each.

    Ours: the layers' home (`tiled`); speed is 1 / seconds of the layer, overheads apart; a layer
    has the `norm`, `activation` and `identity` layers that follow it with it; rows only; it slices
    whether that helps or not. O(L N).
    """
    return tiled(
        request,
        "modnn",
        lambda slicer, placement: layer_by_layer(slicer, placement, speed_shares),
    )


def solve_deepthings(request: Request) -> Answer:
    """The first f layers fused in one equal A x B grid, all f and grids up to `grid` scanned.

    Ours: tiles are dealt round robin in file order, where the original steals work; f counts blocks
    of the first chain that may be sliced; no stage where none helps. O(P G^4).
    """
    rule = dealt_grids(request.options["grid"])
    return tiled(
        request,
        "deepthings",
        lambda slicer, placement: slicer.with_rule(rule).prefix_sliced(placement),
    )


def solve_aofl(request: Request) -> Answer:
    """The best fuse points of every sliceable run, rows equal or by speed over all nodes.

    Ours: on a DAG the runs are the chains of blocks of `vsm`; a block may stay unsliced; the better
    of both cuts is taken stage by stage, by the exact stage time. O(P^2 L N).
    """
    return tiled(
        request, "aofl", lambda slicer, placement: slicer.with_rule(fused_strips).sliced(placement)
    )


def solve_coedge(request: Request) -> Answer:
    """Every sliceable layer its own stage, row shares from a linear program, slow nodes dropped.

    The program balances computing and transfers of all nodes in use (`balanced_shares`). Ours: its
    closed form; halos are left out of it, as is that links may be shared; rows are gathered at the
    home after each layer; a layer has the elementwise layers that follow it with it. O(L N^2).
    """
    return tiled(
        request,
        "coedge",
        lambda slicer, placement: layer_by_layer(slicer, placement, balanced_shares),
    )
