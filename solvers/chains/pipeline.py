"""`pipeline`: a chain in contiguous ranges on nodes in any order, solved exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.chains.blocks import blocks_of
from splitfog.solvers.chains.chain import Chain, chain_for
from splitfog.solvers.chains.held_karp import best_latency, best_period
from splitfog.solvers.chains.subset_dp import best_line

MOST_NODES = 12
"""That the program over sets of nodes takes: 2^12 sets."""
MOST_OF_BLOCKS = 14
"""Nodes for identical blocks: 2^14 sets with all pairs of ends."""

Found = tuple[float, list[int]] | None


@dataclass(frozen=True)
class Method:
    """What solves a chain: a function of a limit on the period and of the deadline, which gives
    seconds and the node of every layer; over placements of which `kind`; and whether the best of
    these is the best of all placements."""

    solved: Callable[[float, Deadline], Found]
    kind: str
    is_best_of_all: bool


def solve_pipeline(request: Request) -> Answer:
    """The best contiguous placement of one task's chain, by latency or period.

    Option `period`: the longest period, in seconds, that a plan of the least latency may have.

    A bound on periods is met where no link is used twice: where it is not, the plan is feasible
    with that bound.

    Raises
    ------
    SolverDeclined
        For several tasks, branches, too many nodes; of periods where a node cannot compute while it
        sends; for a ring of layers that differ.
    """
    instance, objective = request.instance, request.objective
    chain = chain_for(instance, objective)
    limit = _limit(request)
    if objective.name == "period" or limit < inf:
        _require_overlap(instance)
    method = _method(chain, objective)
    found = method.solved(limit, request.deadline)
    if found is None:
        return _none(method, limit)
    least, nodes = found
    bound = least * (1 - (len(nodes) + 8) * float(np.finfo(float).eps))
    decision = chain.decision(nodes)
    if limit == inf and method.is_best_of_all:
        return Answer(decision, bound)
    if limit == inf:
        reason = f"over placements that are contiguous in a {method.kind}"
        return Answer(decision, bound, proven_over="contiguous", reason=reason)
    period = float(decision_cost(instance, decision, Objective("period")))
    if period > limit * (1 + EQUAL):
        reason = f"the best plan uses a link twice, and its period is {period:.6g} s"
        return Answer(None, bound, proven_over="catalogue", reason=reason)
    reason = f"over contiguous placements of a period of at most {limit:g} s"
    return Answer(decision, bound, proven_over="catalogue", reason=reason)


def is_best_of_all(instance: Instance, objective: Objective) -> bool:
    """Whether the solver applies and its proofs hold for all placements that are allowed.

    Parameters
    ----------
    instance, objective
        Of one pass.
    """
    try:
        if objective.name == "period":
            _require_overlap(instance)
        return _method(chain_for(instance, objective), objective).is_best_of_all
    except SolverDeclined:
        return False


def _method(chain: Chain, objective: Objective) -> Method:
    """What solves this chain, or `SolverDeclined`.

    Where blocks are identical and no detour is shorter than a hop, no placement is faster than the
    best ring: moving blocks between the visits of a node changes neither times nor memory, and a
    visit less shortens the way.
    """
    is_period, is_free = objective.name == "period", objective.contiguous is None
    blocks = blocks_of(chain)
    if blocks is not None and chain.num_nodes <= MOST_OF_BLOCKS:
        best, is_ring = (best_period if is_period else best_latency), objective.contiguous != "line"
        return Method(
            lambda limit, deadline: best(blocks, is_ring, limit, deadline),
            "ring" if is_ring else "line",
            not is_free or (not is_period and blocks.keeps_triangle()),
        )
    usable = int(np.isfinite(chain.costs_s).any(axis=0).sum())
    if objective.contiguous == "ring":
        reason = f"it knows rings of identical blocks on up to {MOST_OF_BLOCKS} nodes only"
        raise SolverDeclined("pipeline", reason, "ilp")
    if usable > MOST_NODES:
        reason = f"it knows up to {MOST_NODES} nodes that may have layers, not {usable}"
        raise SolverDeclined("pipeline", reason, "ilp")
    return Method(
        lambda limit, deadline: best_line(chain, is_period, limit, deadline), "line", not is_free
    )


def _limit(request: Request) -> float:
    """The longest period allowed; inf: any."""
    wanted = request.options.get("period")
    if wanted is None:
        return inf
    if request.objective.name != "latency":
        raise SolverDeclined("pipeline", "option period limits the latency's plans only")
    if request.start is not None:
        raise SolverDeclined("pipeline", "a start plan is not held to option period")
    return float(wanted)


def _require_overlap(instance: Instance) -> None:
    """Decline where transfers take of a node's time."""
    for node in instance.nodes:
        if not node.overlap:
            reason = f"node {node.name} cannot compute while it sends, which a period counts"
            raise SolverDeclined("pipeline", reason, "ilp")


def _none(method: Method, limit: float) -> Answer:
    """That there is no contiguous plan: a proof where only such plans count."""
    if limit < inf:
        reason = f"no contiguous placement has a period of at most {limit:g} s"
        return Answer(None, reason=reason)
    if method.is_best_of_all:
        return Answer(None, infeasible=True, reason="no contiguous placement keeps the rules")
    reason = f"no placement that is contiguous in a {method.kind} keeps the rules; try ilp"
    return Answer(None, reason=reason)
