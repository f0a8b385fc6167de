"""Better plans for `period` by exchanges: what two nodes hold is dealt out anew, exactly (ours)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations

import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline, TimeIsUp
from splitfog.formulations.holdings.crossing import ELSEWHERE, Crossing, Toll
from splitfog.formulations.holdings.node_loads import NodeLoads
from splitfog.formulations.holdings.sweep import Grid, Sweep
from splitfog.formulations.holdings.unit_graph import UnitGraph
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.base import Request

SHARPNESS = 100.0
"""Exponent of a load's share of the best period: the longest counts most, others still count."""
ABOVE = 1.02
"""Of the best period: the longest load of the first node that is looked at."""
MOST_TICKS, TICKS_PER_UNIT = 8_000, 200
"""Of the best period, at most; times are rounded to the nearest."""
MOST_CELLS = 4_000_000
"""Of a deal's tables; there are fewer ticks where there are more states."""
DEALS_PER_UNIT = 4
"""For every unit; beyond, no more deals."""
MOST_PAIRS = 10_000
"""Of nodes that are looked at."""
KICKED = 2
"""Pairs that are dealt out by blurred times once no exact deal is better."""
BLUR = 0.3
"""Of a unit's time there."""
LEAST_BLURRED = 0.1
"""Of a unit's time: what is left of it at least."""


def offer_exchanged(request: Request, deadline: Deadline) -> bool:
    """Offer what exchanges make of the best plan; whether these are enough by themselves.

    They are not where links are busier than nodes, deals were infeasible, or the instance is large.
    """
    graph = UnitGraph.of(request.instance)
    if graph.is_large:
        return False
    exchanges = Exchanges(request, NodeLoads(request.instance, graph))
    with suppress(TimeIsUp):
        exchanges.improve(deadline)
    return exchanges.apply and not exchanges.refused


class Exchanges:
    """A walk over placements from the best known: two nodes at a time, then a kick, and again.

    A deal minimises the sum of both nodes' sharpened loads (`Sweep`). It sees what nodes compute,
    and send and receive where that keeps them from computing; where links are busier than nodes,
    or memory leaves no room, it does not help.

    Attributes
    ----------
    refused
        How many deals were infeasible.
    """

    def __init__(self, request: Request, loads: NodeLoads) -> None:
        self.request, self.loads = request, loads
        self.rng = np.random.default_rng(request.seed)
        self.pairs = self._pairs(len(request.instance.nodes))
        self.left = self.refused = 0
        self.deadline = NEVER
        self._return()

    @property
    def best_s(self) -> float:
        """The best period so far."""
        return self.request.incumbent_value

    @property
    def apply(self) -> bool:
        """Whether the busiest node, and no link, makes the best period what it is."""
        longest = float(self.loads.seconds(self.node_of).max(initial=0.0))
        return bool(self.pairs) and 0 < self.best_s <= longest * (1 + EQUAL)

    def improve(self, deadline: Deadline) -> None:
        """Offer better plans, until `DEALS_PER_UNIT` are used up or the deadline comes."""
        self.deadline = deadline
        self.left = DEALS_PER_UNIT * len(self.node_of)
        while self.left > 0 and self.apply and not deadline.is_over:
            self._descend()
            self._return()
            for one, other in self.rng.choice(self.pairs, KICKED).tolist():
                self._take(self._dealt(one, other, blurred=True))

    def _pairs(self, count: int) -> list[tuple[int, int]]:
        """All pairs of nodes, or `MOST_PAIRS` of them at random."""
        if count * (count - 1) <= 2 * MOST_PAIRS:
            return list(combinations(range(count), 2))
        drawn = np.sort(self.rng.integers(count, size=(MOST_PAIRS, 2)), axis=1)
        return [(one, other) for one, other in drawn.tolist() if one != other]

    def _return(self) -> None:
        """Go back to the best plan."""
        assert self.request.incumbent is not None
        self.node_of = self.loads.graph.nodes(self.request.incumbent)

    def _descend(self) -> None:
        """Deals of pairs in random order, until none makes the energy fall."""
        waiting = deque(self.pairs)
        self.rng.shuffle(waiting)
        energy = self._energy()
        while waiting and self.left > 0:
            one, other = waiting.popleft()
            before, best_s = self.node_of, self.best_s
            if not self._take(self._dealt(one, other)):
                continue
            if (now := self._energy()) >= energy * (1 - EQUAL) and self.best_s == best_s:
                self.node_of = before
                continue
            energy = now
            old = set(waiting) | {(one, other)}
            waiting += [p for p in self.pairs if p not in old and {one, other} & set(p)]

    def _energy(self) -> float:
        return float(_energy(self.loads.seconds(self.node_of) / self.best_s).sum())

    def _take(self, node_of: Integers) -> bool:
        """Go to another placement, unless it is none; a better one is offered."""
        if np.array_equal(node_of, self.node_of):
            return False
        decision = self.loads.graph.decision(node_of)
        if self.request.faults_of(decision):
            self.refused += 1
            return False
        self.node_of = node_of
        self.request.offer(decision)
        return True

    def _dealt(self, one: int, other: int, blurred: bool = False) -> Integers:
        """The placement with all on two nodes dealt out anew."""
        self.left -= 1
        freed = np.flatnonzero((self.node_of == one) | (self.node_of == other))
        here, there = (self.loads.kind(node).times_s[freed] for node in (one, other))
        if not len(freed):
            return self.node_of
        worth = -there
        if blurred:
            blur = 1 + BLUR * self.rng.standard_normal(len(freed))
            worth = worth * np.maximum(blur, LEAST_BLURRED)
        sweep = Sweep(here, list(self._crossings(one, other, freed)), self.deadline)
        ticks = min(MOST_TICKS, TICKS_PER_UNIT * len(freed), MOST_CELLS // sweep.num_states)
        grid = Grid(scale=ticks / self.best_s, capacity=int(ABOVE * ticks), offset=0.5)
        found = sweep.best(np.zeros(len(freed)), worth, grid)
        energy = _energy(np.arange(grid.capacity + 1) / ticks) + _energy(
            -found.values / self.best_s
        )
        load = int(energy.argmin())
        if found.values[load] == -np.inf:
            return self.node_of
        node_of = self.node_of.copy()
        node_of[freed] = np.where(found.units(load), one, other)
        return node_of

    def _crossings(self, one: int, other: int, freed: Integers) -> Iterator[Crossing]:
        """The tensors that the two nodes may have to send or receive."""
        position = np.full(len(self.node_of), ELSEWHERE)
        position[freed] = np.arange(len(freed))
        number = position.tolist()
        mine, theirs = self.loads.kind(one), self.loads.kind(other)
        for tensor, ends in enumerate(self.loads.graph.ends):
            readers = tuple(number[r] for r in ends.readers if number[r] != ELSEWHERE)
            crossing = Crossing(
                producer=number[ends.producer],
                readers=readers,
                read_here=ends.sink == one,
                read_there=ends.sink == other,
                read_elsewhere=len(readers) < len(ends.readers)
                or ends.sink not in (None, one, other),
                leave=Toll(float(mine.leave_s[tensor]), float(theirs.leave_s[tensor])),
                come=Toll(float(mine.come_s[tensor]), float(theirs.come_s[tensor])),
            )
            if crossing.units and crossing.weight:
                yield crossing


def _energy(share: Floats) -> Floats:
    """Of loads as shares of the best period; inf where they are."""
    sharp = np.exp(np.minimum(SHARPNESS * (share - 1), 50.0))
    return np.where(np.isfinite(share), sharp, np.inf)
