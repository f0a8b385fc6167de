"""Makespan over segments in series: a shortest path whose arcs are solved only where it matters.

A state is a cut with the node that its layer is on, an arc a segment between two states. Arcs start
with their critical-path bounds; the arcs on the shortest path under bounds are solved, until the
shortest path consists of solved ones: it is then the least makespan. At any time the path's length
is a valid bound. Equal segments, as residual networks repeat them, are solved once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import ceil, floor, inf, log2

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.critical_path import Table
from splitfog.formulations.arrays.segment_problem import Durations, SegmentProblem
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.arrays import frozen
from splitfog.instances.kept import kept
from splitfog.instances.records import changed
from splitfog.solvers.base import Request
from splitfog.solvers.engines.cp_sat import SearchLimits
from splitfog.solvers.makespan.quick_plans import NO_PLAN, SegmentPlan, quick_plan
from splitfog.solvers.makespan.segment_model import solve_segment
from splitfog.solvers.starts.warm_starts import rivals

FIRST_EFFORT = 0.05
"""CP-SAT's deterministic seconds (0.1 to 2 real ones) for the first search of a segment."""
GROWTH = 4.0
"""How many times the effort of one search the next one of the same segment has."""
COARSE_TICKS = 2**14
"""Of a segment's known makespan, in searches for good plans and first bounds."""

Pair = tuple[int, int]
"""Nodes of a segment's entry and exit; 0 where it has none."""


@dataclass
class Arc:
    """A segment between two states: its best plan, and how often it was searched.

    `fine`: coarse ticks have nothing more to say.
    """

    problem: SegmentProblem
    plan: SegmentPlan
    attempts: int = 0
    closed: bool = False
    fine: bool = False


@dataclass(eq=False)
class Leg:
    """One segment with all its arcs; those that differ by a swap of twin nodes are one."""

    problem: SegmentProblem
    has_entry: bool
    arcs: dict[Pair, Arc] = field(default_factory=dict)

    @property
    def width(self) -> Pair:
        """How many states there are before and after."""
        nodes = self.problem.num_nodes
        return (nodes if self.has_entry else 1, 1 if self.problem.exit is None else nodes)

    @cached_property
    def lower(self) -> Table:
        """[states before, states after]: lower bounds of the arcs, raised as they are solved."""
        before, after = self.width
        nodes = np.arange(self.problem.num_nodes)
        tails = np.stack([self._pinned((0, exit_)).tails for exit_ in range(after)])
        open_ = np.stack([self.problem.pinned(None, exit_).times for exit_ in range(after)])
        table = np.full((before, after), inf)
        for entry in range(before):
            times = open_.copy()  # [states after, layers, nodes]
            if self.has_entry:
                times[:, 0] = np.where(nodes == entry, times[:, 0], inf)
            through = self._pinned((entry, 0)).heads + times + tails
            table[entry] = through.min(axis=2).max(axis=1)
        return table

    @cached_property
    def upper(self) -> Table:
        """[states before, states after]: the arcs' best values, inf where none is known."""
        return np.full(self.width, inf)

    def names(self, pair: Pair) -> list[int]:
        """[nodes]: what the nodes of the arc kept for a pair are called on its own way."""
        return self._twins[pair] if self._twins else list(range(self.problem.num_nodes))

    def called(self, pair: Pair, placement: Sequence[int]) -> list[int]:
        """A placement on the way of a pair, on the nodes of the arc kept for it."""
        own = {name: node for node, name in enumerate(self.names(pair))}
        return [own[node] for node in placement]

    @cached_property
    def kept(self) -> dict[Pair, Pair]:
        """The pair whose arc stands for that of a pair."""
        before, after = self.width
        pairs = list(product(range(before), range(after)))
        if not self._twins:
            return {pair: pair for pair in pairs}
        return {
            (entry, exit_): (
                self._twins[entry, exit_].index(entry) if self.has_entry else 0,
                0 if self.problem.exit is None else self._twins[entry, exit_].index(exit_),
            )
            for entry, exit_ in pairs
        }

    @property
    def _twins(self) -> dict[Pair, list[int]]:
        """The names by pair; none where no nodes are twins."""
        durations = self.problem.durations
        if not durations.twins:
            return {}
        return twin_names(durations, self.has_entry, self.problem.exit is not None)

    def pair(self, placement: Sequence[int]) -> Pair:
        """The pair that a placement of the segment belongs to."""
        entry = placement[0] if self.has_entry else 0
        return entry, 0 if self.problem.exit is None else placement[self.problem.exit]

    def arc(self, pair: Pair, placements: Iterable[Sequence[int]] = ()) -> Arc:
        """An arc with a quick plan, made when first asked for."""
        kept = self.kept[pair]
        if kept not in self.arcs:
            problem = self._pinned(kept)
            self.arcs[kept] = Arc(problem, NO_PLAN)
            known = [self.called(pair, placement) for placement in placements]
            self.improve(pair, quick_plan(problem, known), self.lower[pair])
        return self.arcs[kept]

    def plan(self, pair: Pair) -> SegmentPlan:
        """The best plan of an arc, on the nodes of a pair."""
        plan = self.arc(pair).plan
        names = self.names(pair)
        return changed(plan, placement=tuple(names[node] for node in plan.placement))

    def improve(self, pair: Pair, plan: SegmentPlan, bound: float) -> None:
        """Take a plan and a bound of an arc if they are better than what is known.

        The plan is on the nodes of the arc kept.
        """
        kept = self.kept[pair]
        arc = self.arcs[kept]
        if plan.value < arc.plan.value:
            arc.plan = plan
        for same in self._alike[kept]:
            self.upper[same] = arc.plan.value
            self.lower[same] = max(self.lower[same], bound)
        arc.closed |= bool(self.lower[pair] >= self.upper[pair])

    @cached_property
    def _alike(self) -> dict[Pair, list[Pair]]:
        """Pairs by the one whose arc they share."""
        found: dict[Pair, list[Pair]] = {}
        for pair, own in self.kept.items():
            found.setdefault(own, []).append(pair)
        return found

    def _pinned(self, pair: Pair) -> SegmentProblem:
        return self.problem.pinned(pair[0] if self.has_entry else None, pair[1])


@kept()
def twin_names(
    durations: Durations, has_entry: bool, has_exit: bool
) -> dict[tuple[int, int], list[int]]:
    """[nodes] by the pair of a segment's ends: as what its nodes count, twins of them swapped.

    The ends come to be the first of their twins, so that pairs that differ by a swap are one.
    """
    count = len(durations.arrays.instance.nodes)
    before, after = range(count if has_entry else 1), range(count if has_exit else 1)
    found = {}
    for pair in product(before, after):
        names, taken = list(range(count)), list[int]()
        states = [*pair[: int(has_entry)], *(pair[1:] if has_exit else ())]
        for state in dict.fromkeys(states):
            for twins in durations.twins:
                if state in twins:
                    first = next(node for node in twins if node not in taken)
                    at = names.index(state)
                    names[first], names[at] = names[at], names[first]
                    taken.append(first)
        found[pair] = names
    return found


def shortest_path(tables: Sequence[Table]) -> tuple[float, list[Pair]]:
    """Least sum over one entry of every table, each row the column before; inf if there is none."""
    lengths = lengths_before(tables)
    state = int(lengths[-1].argmin())
    value = float(lengths[-1][state])
    pairs = []
    for table, before in zip(reversed(tables), reversed(lengths[:-1])):
        origin = int((before + table[:, state]).argmin())
        pairs.append((origin, state))
        state = origin
    return value, pairs[::-1]


def lengths_before(tables: Sequence[Table]) -> list[Table]:
    """Shortest length from the beginning to every state, before each table and at the end."""
    lengths = [np.zeros(1)]
    for table in tables:
        lengths.append((lengths[-1][:, None] + table).min(axis=0))
    return lengths


def whole_decision(
    problems: Sequence[SegmentProblem], plans: Sequence[SegmentPlan], skipped: Sequence[int]
) -> Decision:
    """The decision that plans of segments in series make; their orders concatenate.

    `skipped` says how many layers at the beginning of each segment belong to the segment before.
    """
    arrays = problems[0].durations.arrays
    placement = np.zeros(len(arrays.model.layers), np.int64)
    order: list[int] = []
    for problem, plan, skip in zip(problems, plans, skipped, strict=True):
        placement[list(problem.layers)] = plan.placement
        order += [problem.layers[local] for local in plan.order if local >= skip]
    return Decision((TaskDecision(frozen(placement), tuple(order)),))


class SeriesSearch:
    """The search over segments in series, in ticks of 1 / scale seconds, until a deadline.

    `limit`: some plan is below it. `bound`: what is known of the makespan, and then proven.
    `placement`: that of the best plan of all segments, which may break a memory limit.
    """

    def __init__(
        self,
        request: Request,
        problems: Sequence[SegmentProblem],
        *,
        scale: float,
        limit: float,
        bound: float = 0.0,
        deadline: Deadline,
    ) -> None:
        self.request, self.problems, self.deadline = request, problems, deadline
        self.scale, self.bound = scale, bound
        kinds: dict[object, Leg] = {}
        self.legs = [
            kinds.setdefault((problem.key, at > 0), Leg(problem, at > 0))
            for at, problem in enumerate(problems)
        ]
        self.best = limit
        self.placement: NDArray[np.int64] | None = None
        self.interrupted = False
        self.asked = False

    def run(self) -> StoppedBy:
        """Search until the shortest path is solved; offers plans and keeps the request's bound."""
        try:
            return self._searched()
        except TimeIsUp:
            self._ask()
            self._join()
            return "time limit"

    def _searched(self) -> StoppedBy:
        """Search until the shortest path is solved, or until Ctrl-C."""
        while True:
            path = self._bounded()
            for at, pair in enumerate(path):
                self._look()
                self._opened(self.legs[at], at, pair)
            self._offer(path)
            arcs = [self.legs[at].arc(pair) for at, pair in enumerate(path)]
            open_ = {id(arc): at for at, arc in enumerate(arcs)}
            left = [at for at in open_.values() if not arcs[at].closed]
            if not left or self.best <= self.bound:
                return "finished"
            if self.interrupted:
                self._join()
                return "interrupted"
            self._look()
            at = min(left, key=lambda at: self._urgency(at, path[at]))
            if arcs[at].attempts:
                self._ask()
            self._solve(self.legs[at], path[at])

    def _look(self) -> None:
        self.deadline.check("the search over blocks")

    def _ask(self) -> None:
        """Go on from the best that a baseline finds, once, where the first searches did not do."""
        if self.asked:
            return
        self.asked = True
        if self.request.offer_all(rivals(self.request)):
            self.best = min(self.best, floor(self.request.incumbent_value * self.scale) + 1.0)
            for at in range(len(self.problems)):
                if not self.deadline.is_over:
                    self._take(at)

    def _take(self, at: int) -> None:
        """The incumbent's own part in a segment, if it is better than what is known of its arc."""
        placement, order = self._part(at)
        leg = self.legs[at]
        pair = leg.pair(placement)
        problem = leg.arc(pair).problem
        called = leg.called(pair, placement)
        plan = SegmentPlan(problem.book(called, order), tuple(called), tuple(order))
        leg.improve(pair, plan, leg.lower[pair])

    def _part(self, at: int) -> tuple[list[int], list[int]]:
        """The incumbent's placement and order in a segment, by local index."""
        assert self.request.incumbent is not None
        task, problem = self.request.incumbent.tasks[0], self.problems[at]
        local = {layer: index for index, layer in enumerate(problem.layers)}
        order = problem.durations.arrays.model.order.tolist() if task.order is None else task.order
        return task.placement[list(problem.layers)].tolist(), [
            local[x] for x in order if x in local
        ]

    def _urgency(self, at: int, pair: Pair) -> tuple[int, float]:
        """Sorts arcs: those searched least first, then those of the widest gap."""
        leg = self.legs[at]
        return leg.arc(pair).attempts, float(leg.lower[pair] - leg.upper[pair])

    def _bounded(self) -> list[Pair]:
        """The shortest path under bounds, whose length bounds the makespan."""
        tables = []
        for leg in self.legs:
            self._look()
            tables.append(leg.lower)
        length, path = shortest_path(tables)
        self.bound = max(self.bound, min(length, self.best))
        self.request.raise_bound(max(0.0, self.bound / self.scale))
        return path

    def _useful(self, leg: Leg, pair: Pair) -> float:
        """The most that an arc may take on a path that is better than the best one known."""
        tables = [other.lower for other in self.legs]
        before = lengths_before(tables)
        after = lengths_before([table.T for table in reversed(tables)])[::-1]
        rest = min(
            float(before[at][pair[0]] + after[at + 1][pair[1]])
            for at, other in enumerate(self.legs)
            if other is leg
        )
        return self.best - 1 - rest

    def _opened(self, leg: Leg, at: int, pair: Pair) -> Arc:
        """The arc, with a quick plan; the best decision known is one of those tried."""
        if leg.kept[pair] in leg.arcs or self.request.incumbent is None:
            return leg.arc(pair)
        placement = self._part(at)[0]
        arc = leg.arc(pair, [placement])
        if leg.pair(placement) == pair:
            self._take(at)
        return arc

    def _solve(self, leg: Leg, pair: Pair) -> None:
        """Search one arc, longer than the last time.

        With contention a relaxation comes first: it is far smaller and often tight. What the first
        search in full ticks leaves open is searched in coarse ones until these are settled, then
        in full ones again; searches for the bound and broad ones take turns.
        """
        request, arc = self.request, leg.arc(pair)
        relaxed = arc.attempts == 0 and arc.problem.durations.contended
        rounds = max(0, arc.attempts - arc.problem.durations.contended)
        factor = 1 if rounds == 0 or arc.fine else _factor(arc.plan.value)
        limits = SearchLimits(
            deadline=self.deadline,
            effort=FIRST_EFFORT * GROWTH**arc.attempts,
            seed=request.seed,
            workers=request.options["workers"],
            is_broad=rounds % 3 == 2,
        )
        lower = max(float(leg.lower[pair]), self.bound if len(self.legs) == 1 else 0.0)
        useful = self._useful(leg, pair)
        found = solve_segment(arc.problem, arc.plan, useful, lower, limits, relaxed, factor)
        leg.improve(pair, found.plan, found.bound)
        arc.attempts += 1
        arc.closed |= found.closed
        arc.fine |= factor > 1 and found.settled
        self.interrupted |= found.interrupted

    def _join(self) -> None:
        """Offer the best that the plans of all arcs make."""
        self._offer(shortest_path([leg.upper for leg in self.legs])[1])

    def _offer(self, path: Sequence[Pair]) -> None:
        """Offer the plan of a path if it has one and is the best so far."""
        value = sum(float(leg.upper[pair]) for leg, pair in zip(self.legs, path))
        if value < self.best:
            self.best = value
            plans = [leg.plan(pair) for leg, pair in zip(self.legs, path)]
            skipped = [int(leg.has_entry) for leg in self.legs]
            decision = whole_decision(self.problems, plans, skipped)
            self.placement = decision.tasks[0].placement
            self.request.offer(decision)


def _factor(value: float) -> int:
    """How many ticks are one coarse tick, a power of two."""
    return 1 if value == inf else 1 << max(0, ceil(log2(value / COARSE_TICKS)))
