"""The best layout of a chain: best-first over cases whose walks may use nodes too often at first.

Where nodes are many, prices bound every case (`prices`), and the best walk is found among labels
that keep these bounds (`labels`). Where they are few, and where longest times count, decremental
state space relaxation after G. Righini and M. Salani (Networks 51, 2008) and N. Boland, J.
Dethridge and I. Dumitrescu (Operations Research Letters 34, 2006): a kind of nodes is counted only
once the best walk has used it too often. What else a line leaves out is treated alike: the case of
the best walk is divided until its line tells what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.records import changed
from splitfog.solvers.chains.cases import Cases, LayoutCase
from splitfog.solvers.chains.greedy_walk import good_walk
from splitfog.solvers.chains.labels import best_of_labels, most_tracked
from splitfog.solvers.chains.line import RangeLine, Table, Walk
from splitfog.solvers.chains.memory import Memory, nothing, remembered
from splitfog.solvers.chains.multiset_dp import TooLarge, best_walk
from splitfog.solvers.chains.prices import (
    FIRST_STEP,
    Priced,
    fair_prices,
    priced,
    with_good_prices,
)

Cycles = NDArray[np.int64]
SMALL = 1 << 17
"""Numbers of a program up to which it costs less than good prices."""
WIDTH = 256
"""Beginnings of a number of ranges that are looked at for a good walk."""
MORE_REMEMBERED = 2
"""Nodes that walks remember more at every node where there are too many labels."""
REMEMBERED_FIRST = 4
"""Nodes that they remember before the first node is chosen."""
MOST_REMEMBERED = 6
NEXT_STEP = 0.5
"""Of prices that were good for another case: their steps are shorter."""
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


def best_layout(
    cases: Cases,
    cost_of: Callable[[list[int]], float],
    deadline: Deadline,
    any_will_do: bool = False,
) -> Layout:
    """The best layout of all cases.

    Every round looks at the case of the least bound, plain lines first.

    Parameters
    ----------
    cases
        Of a chain.
    cost_of
        What the nodes of the layers really cost, inf where a rule is broken.
    deadline
        When it must end.
    any_will_do
        Whether to end with the first layout that is found.

    Returns
    -------
    Layout
    """
    return _Search(cases=cases, cost_of=cost_of, any_will_do=any_will_do).run(deadline)


def is_large(cases: Cases) -> bool:
    """Whether prices are looked for before the best walk.

    Parameters
    ----------
    cases
        Of a chain.
    """
    numbers = len(cases.counts) * (len(cases.chain.layers) + 1.0)
    return bool(numbers * np.prod(cases.counts + 1.0) > SMALL)


@dataclass(frozen=True, eq=False)
class _Open:
    """A case that is looked at next; good prices for it, if they are known, what walks remember,
    and which cycles they had (`cycles_of`)."""

    case: LayoutCase
    prices: Table | None = None
    memory: Memory | None = None
    cycles: NDArray[np.int64] | None = None


@dataclass(kw_only=True)
class _Search:
    """Cases by rising bound, and the best layout so far."""

    cases: Cases
    cost_of: Callable[[list[int]], float]
    any_will_do: bool = False
    prices: Table | None = None
    """Good ones for the last case."""
    nodes: list[int] | None = None
    cost: float = inf
    closed: float = inf
    """The least bound of cases that are left, as they cannot be divided or counted any further."""
    heap: list[tuple[bool, bool, float, int, _Open]] = field(default_factory=list)
    """First those without prices, where these would tell a bound; plain lines before rings: a good
    layout makes it easy to see that most rings are worse."""
    numbers: count[int] = field(default_factory=count)

    def run(self, deadline: Deadline) -> Layout:
        """Look at cases until none is better than the best layout."""
        for case in self.cases.all():
            self._push(-inf, _Open(case))
        is_late = False
        while self.heap and not is_late and not (self.any_will_do and self.nodes is not None):
            next_one = heappop(self.heap)
            _, _, bound, _, entry = next_one
            if bound >= self.cost * (1 - SAME):
                continue
            try:
                self._look_at(bound, entry, deadline)
            except TimeIsUp:
                heappush(self.heap, next_one)
                is_late = True
        bounds = [self.cost, self.closed, *(entry[2] for entry in self.heap)]
        return Layout(nodes=self.nodes, cost=self.cost, bound=min(bounds), is_late=is_late)

    def _push(self, bound: float, entry: _Open) -> None:
        is_ring = entry.case.opener is not None
        is_priced = entry.prices is not None
        heappush(self.heap, (is_priced, is_ring, bound, -next(self.numbers), entry))

    def _look_at(self, bound: float, entry: _Open, deadline: Deadline) -> None:
        """Go on with a case: good prices for it, smaller ones, or a layout."""
        try:
            if self.cases.counting not in ("sum", "kept") or not is_large(self.cases):
                self._count(bound, entry.case, self.cases.line(entry.case), deadline)
            elif entry.prices is None or entry.memory is None or entry.cycles is None:
                self._price(bound, entry.case, deadline)
            else:
                good = priced(self.cases.line(entry.case), entry.prices, entry.memory)
                self._label(bound, entry.case, good, entry.cycles, deadline)
        except TooLarge:
            self.closed = min(self.closed, bound)

    def _count(self, bound: float, case: LayoutCase, line: RangeLine, deadline: Deadline) -> None:
        """Go on with a small case: its best walk, where some kinds are counted."""
        cost, walk = best_walk(line, case.tracked, deadline)
        if walk is None:
            return
        bound = max(bound, cost)
        overused = self.cases.overused(case, walk)
        if not overused:
            self._settle(bound, case, walk)
            return
        if not case.tracked:
            self._try(case, good_walk(line, deadline))
        self._push(bound, _Open(changed(case, tracked=(*case.tracked, *overused))))

    def _price(self, bound: float, case: LayoutCase, deadline: Deadline) -> None:
        """A bound for a case, by prices that were good for the last one; of the first one, good
        layouts before and after."""
        line, step = self.cases.line(case), NEXT_STEP
        is_first = self.prices is None
        if self.prices is None:
            self.prices, step = fair_prices(line), FIRST_STEP
        start = priced(line, self.prices, nothing(line))
        if is_first:
            self._try_labels(case, start, deadline)
        good, cycles = with_good_prices(start, self._worst(line), deadline, step)
        self.prices = good.prices
        if is_first and good.bound < self._worst(line):
            self._try_labels(case, good, deadline)
        self._keep(bound, case, good, cycles)

    def _keep(self, bound: float, case: LayoutCase, good: Priced, cycles: Cycles) -> None:
        """Look at a case again unless its bound says that it is no better."""
        if good.bound < self._worst(good.line):
            self._push(max(bound, good.bound), _Open(case, good.prices, good.memory, cycles))

    def _worst(self, line: RangeLine) -> float:
        """What walks of a case must stay below."""
        return self.cost * (1 - SAME) if self.cost < inf else line.most * (1 + SAME)

    def _try_labels(self, case: LayoutCase, good: Priced, deadline: Deadline) -> None:
        """A good walk of a case, at once."""
        tracked, worst = most_tracked(good, case.tracked), self._worst(good.line)
        self._try(case, best_of_labels(good, tracked, worst, deadline, WIDTH)[1])

    def _label(
        self, bound: float, case: LayoutCase, good: Priced, cycles: Cycles, deadline: Deadline
    ) -> None:
        """Go on with a case whose prices are good: its best walk, if that is any good."""
        self._try_labels(case, good, deadline)
        tracked, worst = most_tracked(good, case.tracked), self._worst(good.line)
        try:
            cost, walk = best_of_labels(good, tracked, worst, deadline)
        except TooLarge:
            self._go_into(bound, case, good, cycles, deadline)
            return
        if walk is None:
            return
        bound = max(bound, cost)
        overused = self.cases.overused(case, walk)
        if overused:
            case = changed(case, tracked=(*case.tracked, *overused))
            self._push(bound, _Open(case, good.prices, good.memory, cycles))
        else:
            self._settle(bound, case, walk)

    def _go_into(
        self, bound: float, case: LayoutCase, good: Priced, cycles: Cycles, deadline: Deadline
    ) -> None:
        """Better bounds for walks that remember more nodes, and then for those of every first."""
        known, memory, kinds = good.memory.near.shape[1], good.memory, len(good.prices)
        parts = self.cases.by_first(case) if known >= min(REMEMBERED_FIRST, kinds) else []
        if not parts:
            if known >= min(MOST_REMEMBERED, kinds):
                raise TooLarge
            memory, parts = remembered(cycles, known + MORE_REMEMBERED), [case]
        for part in parts:
            line = self.cases.line(part)
            start = priced(line, good.prices, memory)
            better, new = with_good_prices(start, self._worst(line), deadline, NEXT_STEP)
            self._keep(bound, part, better, cycles + new)

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
        if walk is None or self.cases.overused(case, walk):
            return inf
        nodes = self.cases.placement(case, walk)
        cost = self.cost_of(nodes)
        if cost < self.cost:
            self.nodes, self.cost = nodes, cost
        return cost
