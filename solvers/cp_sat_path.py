"""Makespan over blocks in series: a shortest path whose arcs are solved only where it matters.

A state is a cut with the node that its layer is on, an arc a block between two states. Arcs start
with their critical-path bounds; the arcs on the shortest path under bounds are solved, until the
shortest path consists of solved ones: it is then the least makespan. At any time the path's length
is a valid bound. Equal blocks, as residual networks repeat them, are solved once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.block import Block
from splitfog.formulations.critical_path import Table
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.model import frozen
from splitfog.solvers.base import Request
from splitfog.solvers.block_plans import NO_PLAN, BlockPlan, quick_plan
from splitfog.solvers.cp_sat_block import solve_block
from splitfog.solvers.cp_sat_search import Search

FIRST_EFFORT = 2.0
"""CP-SAT's deterministic seconds for the first search of a block; each further one has 4 times."""

Pair = tuple[int, int]
"""Nodes of a block's entry and exit; 0 where it has none."""


@dataclass
class Arc:
    """A block between two states: its best plan, and how often it was searched."""

    block: Block
    plan: BlockPlan
    attempts: int = 0
    closed: bool = False


@dataclass(eq=False)
class Leg:
    """One block with all its arcs."""

    block: Block
    has_entry: bool
    arcs: dict[Pair, Arc] = field(default_factory=dict)

    @property
    def width(self) -> Pair:
        """How many states there are before and after."""
        nodes = self.block.num_nodes
        return (nodes if self.has_entry else 1, 1 if self.block.exit is None else nodes)

    @cached_property
    def lower(self) -> Table:
        """[states before, states after]: lower bounds of the arcs, raised as they are solved."""
        before, after = self.width
        firsts = [self._pinned((entry, 0)).heads for entry in range(before)]
        lasts = [self._pinned((0, exit_)).tails for exit_ in range(after)]
        table = np.full((before, after), inf)
        for entry in range(before):
            for exit_ in range(after):
                through = firsts[entry] + self._pinned((entry, exit_)).times + lasts[exit_]
                table[entry, exit_] = through.min(axis=1).max()
        return table

    @cached_property
    def upper(self) -> Table:
        """[states before, states after]: the arcs' best values, inf where none is known."""
        return np.full(self.width, inf)

    def arc(self, pair: Pair, placements: Iterable[Sequence[int]] = ()) -> Arc:
        """An arc with a quick plan, made when first asked for."""
        if pair not in self.arcs:
            block = self._pinned(pair)
            self.arcs[pair] = Arc(block, NO_PLAN)
            self.improve(pair, quick_plan(block, placements), self.lower[pair])
        return self.arcs[pair]

    def improve(self, pair: Pair, plan: BlockPlan, bound: float) -> None:
        """Take a plan and a bound of an arc if they are better than what is known."""
        arc = self.arcs[pair]
        if plan.value < arc.plan.value:
            arc.plan = plan
            self.upper[pair] = plan.value
        self.lower[pair] = max(self.lower[pair], bound)
        arc.closed |= bool(self.lower[pair] >= self.upper[pair])

    def _pinned(self, pair: Pair) -> Block:
        return self.block.pinned(pair[0] if self.has_entry else None, pair[1])


def shortest_path(tables: Sequence[Table]) -> tuple[float, list[Pair]]:
    """Least sum over one entry of every table, each row the column before; inf if there is none."""
    length = np.zeros(1)
    came: list[Table] = []
    for table in tables:
        total = length[:, None] + table
        came.append(total.argmin(axis=0))
        length = total.min(axis=0)
    state = int(length.argmin())
    value = float(length[state])
    pairs = []
    for origins in reversed(came):
        origin = int(origins[state])
        pairs.append((origin, state))
        state = origin
    return value, pairs[::-1]


def whole_decision(
    blocks: Sequence[Block], plans: Sequence[BlockPlan], skipped: Sequence[int]
) -> Decision:
    """The decision that plans of blocks in series make; their orders concatenate.

    `skipped` says how many layers at the beginning of each block belong to the block before.
    """
    arrays = blocks[0].durations.arrays
    placement = np.zeros(len(arrays.model.layers), np.int64)
    order: list[int] = []
    for block, plan, skip in zip(blocks, plans, skipped, strict=True):
        placement[list(block.layers)] = plan.placement
        order += [block.layers[local] for local in plan.order if local >= skip]
    return Decision((TaskDecision(frozen(placement), tuple(order)),))


class SeriesSearch:
    """The search over blocks in series, in ticks of 1 / scale seconds.

    `limit`: plans above it are of no use. `bound`: what is known of the makespan, and then
    proven.
    """

    def __init__(
        self,
        request: Request,
        blocks: Sequence[Block],
        scale: float,
        limit: float,
        bound: float = 0.0,
    ) -> None:
        self.request, self.blocks = request, blocks
        self.scale, self.limit, self.bound = scale, limit, bound
        kinds: dict[object, Leg] = {}
        self.legs = [
            kinds.setdefault((block.key, at > 0), Leg(block, at > 0))
            for at, block in enumerate(blocks)
        ]
        self.best = inf
        self.interrupted = False

    def run(self) -> StoppedBy:
        """Search until the shortest path is solved; offers plans and keeps the request's bound."""
        while not self.interrupted and not self.request.out_of_time:
            path = self._bounded()
            arcs = {
                (id(leg), pair): (leg, pair, self._opened(leg, at, pair))
                for at, (leg, pair) in enumerate(zip(self.legs, path))
            }
            self._bounded()
            self._offer(path)
            still = [entry for entry in arcs.values() if not entry[2].closed]
            if not still or self.best <= self.bound:
                return "finished"
            least = min(arc.attempts for _, _, arc in still)
            for leg, pair, arc in still:
                if arc.attempts == least and not self.interrupted:
                    self._solve(leg, pair, arc)
        self._bounded()
        self._offer(shortest_path([leg.upper for leg in self.legs])[1])
        return "interrupted" if self.interrupted else "time limit"

    def _bounded(self) -> list[Pair]:
        """The shortest path under bounds, whose length bounds the makespan."""
        length, path = shortest_path([leg.lower for leg in self.legs])
        self.bound = max(self.bound, min(length, self.limit))
        known = self.request.lower_bound or 0.0
        self.request.lower_bound = max(known, self.bound / self.scale)
        return path

    def _opened(self, leg: Leg, at: int, pair: Pair) -> Arc:
        """The arc, with a quick plan; the best decision known is one of those tried."""
        if pair in leg.arcs or self.request.incumbent is None:
            return leg.arc(pair)
        known = self.request.incumbent.tasks[0].placement
        return leg.arc(pair, [known[list(self.blocks[at].layers)].tolist()])

    def _solve(self, leg: Leg, pair: Pair, arc: Arc) -> None:
        """Search one arc, four times as long as the last time."""
        if self.request.out_of_time:
            return
        effort = inf if len(self.legs) == 1 else FIRST_EFFORT * 4.0**arc.attempts
        limits = Search(
            self.request.remaining_s, effort, self.request.seed, self.request.options["workers"]
        )
        lower = max(float(leg.lower[pair]), self.bound if len(self.legs) == 1 else 0.0)
        found = solve_block(arc.block, arc.plan, self.limit, lower, limits)
        leg.improve(pair, found.plan, found.bound)
        arc.attempts += 1
        arc.closed |= found.closed
        self.interrupted |= found.interrupted

    def _offer(self, path: Sequence[Pair]) -> None:
        """Offer the plan of a path if it has one and is the best so far."""
        value = sum(float(leg.upper[pair]) for leg, pair in zip(self.legs, path))
        if value < self.best:
            self.best = value
            plans = [leg.arcs[pair].plan for leg, pair in zip(self.legs, path)]
            skipped = [int(leg.has_entry) for leg in self.legs]
            decision = whole_decision(self.blocks, plans, skipped)
            self.placement = decision.tasks[0].placement
            self.request.offer(decision)
