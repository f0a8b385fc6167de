"""The best layout of a chain: best-first over cases whose walks may use nodes too often at first.

Decremental state space relaxation after G. Righini and M. Salani (Networks 51, 2008) and N. Boland,
J. Dethridge and I. Dumitrescu (Operations Research Letters 34, 2006): a kind of nodes is counted
only once the best walk has used it too often. What else a line leaves out is treated alike: the
case of the best walk is divided until its line tells what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.records import changed
from splitfog.solvers.chains.cases import Cases, LayoutCase
from splitfog.solvers.chains.cheap_walk import LARGE, Told, cheap_walk
from splitfog.solvers.chains.greedy_walk import good_walk
from splitfog.solvers.chains.line import Walk
from splitfog.solvers.chains.multiset_dp import TooLarge, num_states

GUESS = 0.5
"""A large program is asked first for walks that cost no more than the bound and this share of what
there is between it and the best layout."""
NEAR = 0.01
"""Unless that is no larger a share of the best layout's cost."""
SAME = EQUAL / 10
"""Costs that are the same."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The best node of every layer that was found, its cost, and a bound for all of the cases.

    `nodes` None: there is none that keeps the rules, or none was found. `is_late`: the time was
    over before all was known.
    """

    nodes: list[int] | None
    cost: float
    bound: float
    is_late: bool = False


def best_layout(cases: Cases, cost_of: Callable[[list[int]], float], deadline: Deadline) -> Layout:
    """The best layout of all cases.

    Every round is a dynamic program (`best_walk`) over the case of the least bound.

    Parameters
    ----------
    cases
        Of a chain.
    cost_of
        What the nodes of the layers really cost, inf where a rule is broken.
    deadline
        When it must end.

    Returns
    -------
    Layout
    """
    return _Search(cases=cases, cost_of=cost_of).run(deadline)


@dataclass(frozen=True, eq=False)
class _Open:
    """A case that is looked at next, and what is known of its walks."""

    case: LayoutCase
    told: tuple[Told, ...] = ()


@dataclass(kw_only=True)
class _Search:
    """Cases by rising bound, and the best layout so far."""

    cases: Cases
    cost_of: Callable[[list[int]], float]
    nodes: list[int] | None = None
    cost: float = inf
    closed: float = inf
    """The least bound of cases that are left, as they cannot be divided or counted any further."""
    heap: list[tuple[bool, float, int, _Open]] = field(default_factory=list)
    """Plain lines before rings: a good layout makes it easy to see that most rings are worse."""
    numbers: count[int] = field(default_factory=count)

    def run(self, deadline: Deadline) -> Layout:
        """Look at cases until none is better than the best layout."""
        for case in self.cases.all():
            self._push(-inf, _Open(case))
        is_late = False
        while self.heap and not is_late:
            next_one = heappop(self.heap)
            _, bound, _, entry = next_one
            if bound >= self.cost * (1 - SAME):
                continue
            try:
                self._look_at(bound, entry, deadline)
            except TimeIsUp:
                heappush(self.heap, next_one)
                is_late = True
        bounds = [self.cost, self.closed, *(bound for _, bound, _, _ in self.heap)]
        return Layout(nodes=self.nodes, cost=self.cost, bound=min(bounds), is_late=is_late)

    def _push(self, bound: float, entry: _Open) -> None:
        is_ring = entry.case.opener is not None
        heappush(self.heap, (is_ring, bound, -next(self.numbers), entry))

    def _look_at(self, bound: float, entry: _Open, deadline: Deadline) -> None:
        """Go on with a case: smaller ones, or a layout."""
        case, line = entry.case, self.cases.line(entry.case)
        at_most = self._guess(bound, num_states(line, case.tracked), entry.told)
        try:
            found = cheap_walk(line, case.tracked, at_most, entry.told, deadline)
        except TooLarge:
            self.closed = min(self.closed, bound)
            return
        if found.walk is None:
            if at_most < self.cost:
                self._push(at_most, entry)
            return
        bound = max(bound, found.cost)
        overused = self.cases.overused(case, found.walk)
        if not overused:
            self._settle(bound, case, found.walk)
            return
        if not case.tracked:
            self._try(case, good_walk(line, deadline))
        case = changed(case, tracked=(*case.tracked, *overused))
        self._push(bound, _Open(case, found.told))

    def _guess(self, bound: float, numbers: int, told: tuple[Told, ...]) -> float:
        """What the best walk is believed to cost at most: what was told of, while it may do."""
        is_near = self.cost - bound <= NEAR * self.cost
        if max(self.cost, -bound) == inf or numbers < LARGE or is_near:
            return self.cost
        last = told[-1].at_most if told else inf
        if bound < last < self.cost:
            return last
        return bound + GUESS * (self.cost - bound)

    def _settle(self, bound: float, case: LayoutCase, walk: Walk) -> None:
        """Keep what a walk of a case is, and divide the case if its line says too little of it."""
        cost = self._try(case, walk)
        if cost <= bound + SAME * abs(bound):
            return
        smaller = self.cases.refined(case, walk)
        for part in smaller:
            self._push(bound, _Open(part))
        if not smaller:
            self.closed = min(self.closed, bound)

    def _try(self, case: LayoutCase, walk: Walk | None) -> float:
        """What a walk really costs; the best is kept."""
        if walk is None:
            return inf
        nodes = self.cases.placement(case, walk)
        cost = self.cost_of(nodes)
        if cost < self.cost:
            self.nodes, self.cost = nodes, cost
        return cost
