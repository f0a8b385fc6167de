"""`pipeline`: a chain in contiguous ranges on nodes in any order, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import ProvenOver, StoppedBy
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.chains.blocks import Blocks, blocks_of
from splitfog.solvers.chains.cases import Cases
from splitfog.solvers.chains.chain import Chain, chain_for
from splitfog.solvers.chains.dssr import Layout, best_layout, is_large
from splitfog.solvers.chains.held_karp import best_latency, best_period, busy_values
from splitfog.solvers.chains.least_busy import least_period

MOST_OF_BLOCKS = 14
"""Nodes for identical blocks by paths through sets: 2^14 sets with all pairs of ends."""


def solve_pipeline(request: Request) -> Answer:
    """The best contiguous placement of one task's chain, by latency or period.

    In a line or, unless a line is asked for, a ring. Option `period`: the longest period, in
    seconds, that a plan of the least latency may have.

    A bound on periods is met where every way is one link (`routing` "direct"): where a plan uses a
    link twice, it is feasible with that bound.

    Raises
    ------
    SolverDeclined
        For several tasks and branches; for option `period` where a node cannot compute while it
        sends.
    """
    limit = _limit(request)
    pipeline = Pipeline(chain_for(request.instance, request.objective), request.objective)
    if limit < inf:
        pipeline.require_overlap()
    layout = pipeline.best(limit, request.deadline)
    return _answer(pipeline, layout, limit)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A chain and what is minimised over its contiguous placements."""

    chain: Chain
    objective: Objective

    @property
    def instance(self) -> Instance:
        """Of one pass."""
        return self.chain.arrays.instance

    @property
    def is_period(self) -> bool:
        """Whether the period counts, in place of the latency."""
        return self.objective.name == "period"

    @property
    def is_ring(self) -> bool:
        """Whether a node may have both ends of the chain."""
        return self.objective.contiguous != "line"

    @cached_property
    def blocks(self) -> Blocks | None:
        """The chain's identical blocks, if it is made of them."""
        return blocks_of(self.chain)

    @cached_property
    def overlaps(self) -> bool:
        """Whether all nodes compute while they send."""
        return all(node.overlap for node in self.instance.nodes)

    def require_overlap(self) -> None:
        """Decline where transfers take of a node's time."""
        for node in self.instance.nodes:
            if not node.overlap:
                reason = f"node {node.name} cannot compute while it sends, which a period counts"
                raise SolverDeclined("pipeline", f"beside a limit on the period, {reason}")

    @property
    def is_best_of_all(self) -> bool:
        """Whether the best layout is the best of all placements that are allowed.

        Where only contiguous ones are; and for the latency of identical blocks where no detour is
        shorter than a hop: moving blocks between the visits of a node changes neither times nor
        memory, and a visit less shortens the way.
        """
        if self.objective.contiguous is not None:
            return True
        return not self.is_period and self.blocks is not None and self.blocks.keeps_triangle()

    def best(self, limit: float, deadline: Deadline) -> Layout:
        """The best layout whose period is at most a limit.

        Parameters
        ----------
        limit
            Seconds; inf: none.
        deadline
            When it must end.

        Raises
        ------
        TimeIsUp
            Past the deadline, where blocks are identical.
        """
        blocks = self.blocks
        halts = self.is_period and not self.overlaps
        if blocks is not None and self.chain.num_nodes <= MOST_OF_BLOCKS and not halts:
            solved = best_period if self.is_period else best_latency
            found = solved(blocks, self.is_ring, limit, deadline)
            if found is None:
                return Layout(nodes=None, cost=inf, bound=inf)
            cost = self.cost_of(found[1], limit)
            return Layout(nodes=found[1] if cost < inf else None, cost=cost, bound=found[0])
        cases = Cases(
            chain=self.chain,
            counting="longest" if self.is_period else "sum",
            is_ring=self.is_ring,
            limit=limit,
            blocks=blocks,
        )
        if halts:
            return self._least_busy(cases, deadline)
        if self.is_period and is_large(cases):
            return self._least_period(changed(cases, counting="kept"), deadline)
        return best_layout(cases, lambda nodes: self.cost_of(nodes, limit), deadline)

    def _least_busy(self, cases: Cases, deadline: Deadline) -> Layout:
        """The least period where nodes are busy with what they send, above that without."""
        nodes = tuple([changed(node, overlap=True) for node in self.instance.nodes])
        free = changed(self.instance, nodes=nodes)
        layout = best_layout(cases, lambda nodes: self.cost_of(nodes, on=free), deadline)
        return least_period(changed(cases, counting="busy"), self.cost_of, layout, deadline)

    def _least_period(self, cases: Cases, deadline: Deadline) -> Layout:
        """The least period of many nodes, below that of the first layout that is found."""
        first = best_layout(cases, self.cost_of, deadline, any_will_do=True)
        values = None if self.blocks is None else busy_values(self.blocks)
        first = changed(first, bound=0.0 if first.nodes is not None else first.bound)
        return least_period(cases, self.cost_of, first, deadline, values)

    def cost_of(self, nodes: list[int], limit: float = inf, on: Instance | None = None) -> float:
        """What the nodes of the layers cost, inf where a rule is broken or the period is longer
        than a limit.

        Parameters
        ----------
        nodes
            By position in the chain.
        limit
            Seconds; inf: none.
        on
            Another instance of the same nodes and layers.
        """
        instance, decision = on or self.instance, self.chain.decision(nodes)
        held = changed(self.objective, contiguous="ring" if self.is_ring else "line")
        if decision_violations(instance, decision, held):
            return inf
        if limit < inf and period_of(instance, decision) > limit * (1 + EQUAL):
            return inf
        return float(decision_cost(instance, decision, self.objective))


def period_of(instance: Instance, decision: Decision) -> float:
    """The period of a decision.

    Parameters
    ----------
    instance
        Of one pass.
    decision
        A placement.
    """
    return float(decision_cost(instance, decision, Objective("period")))


def is_best_of_all(instance: Instance, objective: Objective) -> bool:
    """Whether the solver applies and its proofs hold for all placements that are allowed.

    Parameters
    ----------
    instance, objective
        Of one pass.
    """
    try:
        return Pipeline(chain_for(instance, objective), objective).is_best_of_all
    except SolverDeclined:
        return False


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


def _answer(pipeline: Pipeline, layout: Layout, limit: float) -> Answer:
    """What a layout is, and over which plans its bound holds."""
    is_all = limit == inf and pipeline.is_best_of_all
    over: ProvenOver | None = "catalogue" if limit < inf else "contiguous"
    over = None if is_all else over
    shape = "ring" if pipeline.is_ring else "line"
    plans = f"placements that are contiguous in a {shape}"
    plans += f" and have a period of at most {limit:g} s" if limit < inf else ""
    stopped: StoppedBy = "time limit" if layout.is_late else "finished"
    if layout.nodes is None and layout.bound == inf:
        if is_all:
            return Answer(None, infeasible=True, reason="no contiguous placement keeps the rules")
        hint = "a longer period may do" if limit < inf else "try ilp"
        return Answer(None, reason=f"none of the {plans} keeps the rules; {hint}")
    bound = layout.bound * (1 - (len(pipeline.chain.layers) + 8) * float(np.finfo(float).eps))
    known = None if bound <= 0 else bound
    if layout.nodes is None:
        unknown = f"none was found of the {plans}"
        return Answer(None, known, proven_over=over, reason=unknown, stopped_by=stopped)
    decision = pipeline.chain.decision(layout.nodes)
    reason = None if is_all else f"over {plans}"
    return Answer(decision, known, proven_over=over, reason=reason, stopped_by=stopped)
