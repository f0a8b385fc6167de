"""The constraint program of one segment of the makespan problem, for CP-SAT.

Layer l on node n is a literal x(l, n); starts are whole ticks. Without contention (no shared link
and no node without overlap in use) an order on every node suffices: the layers sorted by start are
a topological order whose pass (docs/costs.md) books nothing later. With contention one rank a layer
orders every node, shared link and node without overlap at once, since the pass books a tensor's
hops right after its layer and nothing overtakes: intervals that merely do not overlap would be a
relaxation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from splitfog.formulations.arrays.segment_problem import SegmentProblem
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.solvers.engines.cp_sat import SearchLimits, search
from splitfog.solvers.makespan.hops import HopModel
from splitfog.solvers.makespan.quick_plans import SegmentPlan, longest_first

Literal = Any
"""A CP-SAT literal; None where it is always true."""


@dataclass(frozen=True, kw_only=True)
class SegmentResult:
    """The best plan known of a segment, a bound in ticks, and whether nothing is left to do.

    `settled`: the search ended of itself, so that one in finer ticks may follow. `infeasible`: no
    plan was known, and there is none up to the limit.
    """

    plan: SegmentPlan
    bound: float
    closed: bool
    settled: bool = True
    interrupted: bool = False
    infeasible: bool = False


def solve_segment(
    problem: SegmentProblem,
    known: SegmentPlan,
    upper: float,
    bound: float,
    limits: SearchLimits,
    relaxed: bool = False,
    factor: int = 1,
) -> SegmentResult:
    """A plan of a segment better than `known` and at most `upper`, in ticks, and a bound.

    The bound is `upper` + 1 if there is no such plan, or the known value if that is less.

    Parameters
    ----------
    problem
        In whole ticks.
    known
        A plan to start from, or `NO_PLAN`.
    upper
        Finite; plans above it are of no use.
    bound
        A lower bound known already.
    limits
        Deadline, seed and workers.
    relaxed
        Whether hops that wait keep only clear of one another, without the one rank: the bound
        is valid, the plan's value recomputed.
    factor
        How many ticks are counted as one: the bound is valid, the plan's value recomputed, and the
        search far shorter where ticks are fine.

    Raises
    ------
    TimeIsUp
        At the deadline, if the model is not finished by then.
    """
    upper = min(upper, known.value - 1)
    counted = problem if factor == 1 else problem.coarser(factor)
    model = SegmentModel(counted, upper // factor, bound // factor, relaxed, limits.deadline)
    if model.is_empty:
        return SegmentResult(
            plan=known, bound=max(bound, upper + 1), closed=True, infeasible=not known.order
        )
    model.hint(known)
    found = search(model.model, limits)
    if found.infeasible:
        return SegmentResult(plan=known, bound=upper + 1, closed=True, infeasible=not known.order)
    bound = max(bound, factor * float(ceil(found.bound - 1e-6)))
    plan = known
    if found.solver is not None:
        placement, order = model.decoded(found.solver)
        for way in (order, longest_first(problem, placement)) if problem.fits(placement) else ():
            value = problem.book(placement, way)
            if value < plan.value:
                plan = SegmentPlan(value, placement, way)
    closed = found.finished and factor == 1 and not relaxed
    bound = min(bound, plan.value)
    return SegmentResult(
        plan=plan, bound=bound, closed=closed, settled=found.finished, interrupted=found.interrupted
    )


class SegmentModel:
    """The constraint program, its hint and the way back; `is_empty` if no plan meets `upper`."""

    def __init__(
        self,
        problem: SegmentProblem,
        upper: float,
        bound: float,
        relaxed: bool = False,
        deadline: Deadline = NEVER,
    ) -> None:
        self.problem, self.upper, self.deadline = problem, int(upper), deadline
        self.model = cp_model.CpModel()
        useful = problem.through <= upper
        for group in problem.groups:
            useful[list(group)] = useful[list(group)].all(axis=0)
        self.domains = [np.flatnonzero(row).tolist() for row in useful]
        self.is_empty = not all(self.domains) or bound > upper
        if self.is_empty:
            return
        self.end = self.model.new_int_var(int(max(bound, problem.bound)), self.upper, "end")
        self._place()
        self._start()
        self._precede()
        self._share_nodes()
        self._remember()
        self.hops = HopModel(self, relaxed) if problem.durations.contended else None
        self.model.minimize(self.end)

    def when(self, constraint: Any, *literals: Literal) -> None:
        """Enforce a constraint only if all literals hold."""
        given = [literal for literal in literals if literal is not None]
        if given:
            constraint.only_enforce_if(given)

    def look(self) -> None:
        """Look at the clock; `TimeIsUp` leaves the model unfinished."""
        self.deadline.check("a constraint program")

    def on(self, layer: int, values: Sequence[float]) -> Any:
        """The entry of a row of whole numbers, one a node, at a layer's node."""
        domain = self.domains[layer]
        if len({float(values[node]) for node in domain}) == 1:
            return int(values[domain[0]])
        literals = [self.x[layer][node] for node in domain]
        return cp_model.LinearExpr.weighted_sum(literals, [int(values[n]) for n in domain])

    def _place(self) -> None:
        """One node a layer, the same for a group; `x[layer][node]`."""
        leader = {member: group[0] for group in self.problem.groups for member in group}
        self.x: list[dict[int, Literal]] = []
        for layer, domain in enumerate(self.domains):
            first = leader.get(layer, layer)
            if first < layer:
                self.x.append(self.x[first])
            elif len(domain) == 1:
                self.x.append({domain[0]: None})
            else:
                row = {node: self.model.new_bool_var(f"x{layer}@{node}") for node in domain}
                self.model.add_exactly_one(row.values())
                self.x.append(row)

    def _start(self) -> None:
        """Starts between head and what the tail leaves of the upper bound."""
        problem, model = self.problem, self.model
        self.starts: list[Any] = []
        for layer, domain in enumerate(self.domains):
            if problem.is_virtual[layer]:
                start: Any = 0
            else:
                after = (problem.times + problem.tails)[layer, domain]
                least = int(problem.heads[layer, domain].min())
                start = model.new_int_var(least, self.upper - int(after.min()), f"s{layer}")
                if len(domain) > 1:
                    model.add(start >= self.on(layer, problem.heads[layer]))
            self.starts.append(start)
            model.add(self.end >= start + self.on(layer, (problem.times + problem.tails)[layer]))

    def ended(self, layer: int) -> Any:
        """When a layer ends, as an expression."""
        return self.starts[layer] + self.on(layer, self.problem.times[layer])

    def _precede(self) -> None:
        """A layer starts when its tensors are there; pairs of nodes without a way are excluded."""
        problem = self.problem
        for layer, producers in enumerate(problem.inputs):
            for producer in producers:
                self.look()
                if not problem.is_virtual[layer]:
                    self.model.add(self.starts[layer] >= self.ended(producer))
                self._transfer(producer, layer)

    def _transfer(self, producer: int, layer: int) -> None:
        """The way of a tensor to a reader: excluded, a literal a cost, or a row a pair of nodes."""
        edges = self.problem.edges[producer]
        pairs = [
            (u, v) for u in self.domains[producer] for v in self.domains[layer] if edges[u, v] > 0
        ]
        possible = [pair for pair in pairs if edges[pair] <= self.upper]
        for u, v in pairs:
            if edges[u, v] > self.upper:
                self._exclude(self.x[producer][u], self.x[layer][v])
        costs = sorted({float(edges[pair]) for pair in possible})
        if len(costs) * len(self.domains[producer]) < len(possible):
            for cost in costs:
                self._far(producer, layer, cost)
            return
        for u, v in possible:
            delay = int(self.problem.times[producer, u] + edges[u, v])
            rule = self.model.add(self.starts[layer] >= self.starts[producer] + delay)
            self.when(rule, self.x[producer][u], self.x[layer][v])

    def _exclude(self, *literals: Literal) -> None:
        """Not all of these hold."""
        self.model.add_bool_or([~literal for literal in literals if literal is not None])

    def _far(self, producer: int, layer: int, cost: float) -> None:
        """One literal for all pairs of nodes between which a tensor takes at least so long."""
        far = self.model.new_bool_var("")
        reader = self.x[layer]
        rule = self.model.add(self.starts[layer] >= self.ended(producer) + int(cost))
        self.when(rule, far)
        for u, here in self.x[producer].items():
            above = self.problem.edges[producer, u] >= cost
            for is_far, says in ((False, far), (True, ~far)):
                others = [reader[v] for v in reader if above[v] == is_far]
                if all(other is not None for other in others):
                    given = [] if here is None else [~here]
                    self.model.add_bool_or([*given, *others, says])

    def _share_nodes(self) -> None:
        """One layer at a time on a node; and the node's whole work fits before the end."""
        problem, model = self.problem, self.model
        self.intervals: list[list[Any]] = [[] for _ in range(problem.num_nodes)]
        for node in range(problem.num_nodes):
            here = [
                layer
                for layer, domain in enumerate(self.domains)
                if node in domain and not problem.is_virtual[layer]
            ]
            for layer in here:
                self.intervals[node].append(
                    self.interval(
                        self.starts[layer], int(problem.times[layer, node]), self.x[layer][node]
                    )
                )
            if len(here) > 1:
                model.add_no_overlap(self.intervals[node])
                self._work(node, here)

    def _work(self, node: int, here: list[int]) -> None:
        """The end is after a node's first possible start, its work, and its least tail, if used."""
        problem = self.problem
        literals = [self.x[layer][node] for layer in here]
        sizes = [int(problem.times[layer, node]) for layer in here]
        work = sum(t * (1 if x is None else x) for t, x in zip(sizes, literals))
        around = int(problem.heads[here, node].min()) + int(problem.tails[here, node].min())
        if around > 0 and not any(x is None for x in literals):
            used = self.model.new_bool_var(f"used{node}")
            for literal in literals:
                self.model.add_implication(literal, used)
            self.model.add(self.end >= around * used + work)
        else:
            self.model.add(self.end >= around + work)

    def interval(self, start: Any, size: int, literal: Literal) -> Any:
        """An interval that is there if the literal holds."""
        if literal is None:
            return self.model.new_fixed_size_interval_var(start, size, "")
        return self.model.new_optional_fixed_size_interval_var(start, size, literal, "")

    def _remember(self) -> None:
        """Weights fit in memory, in whole units so small that rounding does not matter."""
        problem = self.problem
        if problem.weights is None or problem.limits is None:
            return
        whole = all(num_bytes % 1 == 0 for num_bytes, _ in problem.weights)
        for node, limit in enumerate(problem.limits.tolist()):
            fitting = [own for own in problem.weights if own[0] <= limit]
            for num_bytes, layers in problem.weights:
                if num_bytes > limit:
                    self.model.add(self._any_on(node, layers) == 0)
            if sum(num_bytes for num_bytes, _ in fitting) > limit:
                most = 2.0**61 / len(fitting)  # so that sums stay whole numbers of 64 bits
                unit = 1.0 if whole and limit <= most else most / limit
                held = [int(own * unit) * self._any_on(node, layers) for own, layers in fitting]
                self.model.add(sum(held) <= int(limit * unit))

    def _any_on(self, node: int, layers: tuple[int, ...]) -> Any:
        """1 if one of some layers is on a node, 0 if none may be."""
        literals = [self.x[layer][node] for layer in layers if node in self.x[layer]]
        if not literals:
            return 0
        if any(literal is None for literal in literals):
            return 1
        if len(literals) == 1:
            return literals[0]
        held = self.model.new_bool_var("")
        for literal in literals:
            self.model.add_implication(literal, held)
        return held

    def hint(self, plan: SegmentPlan) -> None:
        """Start from a plan's placement (CP-SAT completes it)."""
        for layer, node in enumerate(plan.placement):
            for other, literal in self.x[layer].items():
                if literal is not None and layer == self._first(layer):
                    self.model.add_hint(literal, other == node)

    def _first(self, layer: int) -> int:
        """The layer whose literals a layer uses."""
        return next(first for first, row in enumerate(self.x) if row is self.x[layer])

    def decoded(self, solver: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Placement and order of a solution."""
        placement = tuple(
            next(n for n, x in row.items() if x is None or solver.boolean_value(x))
            for row in self.x
        )
        if self.hops is not None:
            return placement, self.hops.order(solver)
        starts = [int(solver.value(start)) for start in self.starts]
        ends = [s + self.problem.times[layer, placement[layer]] for layer, s in enumerate(starts)]
        return placement, tuple(sorted(range(len(starts)), key=lambda i: (starts[i], ends[i], i)))
