"""`pipeline`: a chain in contiguous ranges on nodes in any order, solved exactly."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.chains.chain import Chain, chain_for
from splitfog.solvers.chains.subset_dp import best_line

MOST_NODES = 12
"""That the program over sets of nodes takes: 2^12 sets."""

Found = tuple[float, list[int]] | None
Method = Callable[[bool, float, Deadline], Found]
"""Of whether the period counts and of a limit on it: seconds and the node of every layer."""


def solve_pipeline(request: Request) -> Answer:
    """The best contiguous placement of one task's chain, by latency or period.

    Option `period`: the longest period, in seconds, that a plan of the least latency may have.

    A bound on periods is met where no link is used twice: where it is not, the plan is feasible
    with that bound.

    Raises
    ------
    SolverDeclined
        For several tasks, branches, too many nodes; of periods where a node cannot compute while it
        sends; for a ring.
    """
    instance, objective = request.instance, request.objective
    chain = chain_for(instance, objective)
    limit = _limit(request)
    if objective.name == "period" or limit < inf:
        _require_overlap(instance)
    found = _method(chain, objective)(objective.name == "period", limit, request.deadline)
    if found is None:
        return _none(objective, limit)
    least, nodes = found
    bound = least * (1 - (len(nodes) + 8) * float(np.finfo(float).eps))
    decision = chain.decision(nodes)
    if limit == inf:
        if objective.contiguous:
            return Answer(decision, bound)
        reason = "over placements that are contiguous in a line"
        return Answer(decision, bound, proven_over="contiguous", reason=reason)
    period = float(decision_cost(instance, decision, Objective("period")))
    if period > limit * (1 + EQUAL):
        reason = f"the best plan uses a link twice, and its period is {period:.6g} s"
        return Answer(None, bound, proven_over="catalogue", reason=reason)
    reason = f"over contiguous placements of a period of at most {limit:g} s"
    return Answer(decision, bound, proven_over="catalogue", reason=reason)


def _method(chain: Chain, objective: Objective) -> Method:
    """What solves this chain."""
    usable = int(np.isfinite(chain.costs_s).any(axis=0).sum())
    if objective.contiguous == "ring":
        raise SolverDeclined("pipeline", "it knows lines of layers that differ, not rings", "ilp")
    if usable > MOST_NODES:
        raise SolverDeclined(
            "pipeline",
            f"it knows up to {MOST_NODES} nodes that may have layers, not {usable}",
            "ilp",
        )
    return lambda is_period, limit, deadline: best_line(chain, is_period, limit, deadline)


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


def _none(objective: Objective, limit: float) -> Answer:
    """That there is no contiguous plan: a proof where only such plans are asked for."""
    if limit < inf:
        reason = f"no contiguous placement has a period of at most {limit:g} s"
        return Answer(None, reason=reason)
    if objective.contiguous:
        return Answer(None, infeasible=True, reason="no contiguous placement keeps the rules")
    return Answer(None, reason="no placement that is contiguous in a line keeps the rules; try ilp")
