"""What no placement's `period` can be below: sets that nodes may hold, priced (ours).

A node's busy time is at least what `node_kinds` counts for the set of units that it holds, whatever
the other nodes hold. If all nodes were done within T, every one would hold a set of at most T; so
for any prices of units, the prices of all would be at most the sum over nodes of the dearest set
of at most T. Where they are more, T is below every period. The dearest sets come from `Sweep`, for
all T at once, with times rounded down; the prices from `Bundle`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from splitfog.formulations.arrays.ticks import ticks_per_second
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.holdings.bundle import Bundle, Pieces
from splitfog.formulations.holdings.crossing import Crossing, Toll
from splitfog.formulations.holdings.node_kinds import NodeKind, node_kinds
from splitfog.formulations.holdings.sweep import Grid, Sweep
from splitfog.formulations.holdings.unit_graph import UnitGraph
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.instance import Instance

MOST_ROUNDS = 120
ROUNDS_PER_UNIT = 2
"""Of new prices; fewer for few units."""
ROUNDS = 40
"""Between two bounds."""
ROUGH_TICKS, ROUGH_PER_UNIT = 6_000, 100
"""Of a period, while prices are looked for, at most: times rounded to the nearest."""
FINE_TICKS, FINE_PER_UNIT = 70_000, 1_000
"""Of a period for a bound, at most: times rounded down."""
MOST_CELLS = 20_000_000
"""Of tables kept at a time: 160 MB."""
MOST_WORK = 500_000_000
"""Cells that are looked at for a bound."""
STRIDE = 0.02
"""Of the first proximal step, as a share of the mean price."""
STEADY, FAR = 0.1, 0.7
"""Shares of what the model promised: from the first on prices are taken, from the second on the
next step may be twice as long."""
PATIENCE = 12
"""Rounds without better prices after which the step is halved."""
DONE = 1e-5
"""Share of the period: what the model may promise at most where no more is looked for."""


def period_bounds(
    instance: Instance, at_most_s: float, deadline: Deadline = NEVER
) -> Iterator[float]:
    """Bounds on the period of every placement, in seconds: each is valid, the last is the best.

    Parameters
    ----------
    instance
        Any; memory, ways between nodes, `monotone` and what passes through a node are left out.
    at_most_s
        A known period: no bound is greater.
    deadline
        When there is no more use for it. Otherwise the same bounds each time.

    Raises
    ------
    TimeIsUp
        At the deadline.
    """
    if not 0 < at_most_s < np.inf:
        return
    graph = UnitGraph.of(instance)
    if graph.is_large:
        return
    found = Holders(instance, graph, at_most_s, deadline)
    yield (best := found.bound(found.start))
    for prices in found.improved():
        if (bound := found.bound(prices)) > best:
            yield (best := bound)


class Holders:
    """All nodes of an instance as holders of priced units.

    Parameters
    ----------
    instance, graph
        Whose they are, and its units.
    at_most_s
        Seconds beyond which no period is looked at, > 0.
    deadline
        When there is no more use for it.
    """

    def __init__(
        self, instance: Instance, graph: UnitGraph, at_most_s: float, deadline: Deadline = NEVER
    ) -> None:
        self.kinds, self.at_most_s = node_kinds(instance, graph), at_most_s
        kinds = self.kinds
        self.counts = [len(kind.nodes) for kind in kinds]
        self.sweeps = [Sweep(kind.times_s, _crossings(graph, kind), deadline) for kind in kinds]
        self.start = np.min([kind.times_s for kind in kinds], axis=0)
        self.nothing = np.zeros(len(self.start))
        states = max(sweep.num_states for sweep in self.sweeps)
        units = len(self.start)
        rough = min(ROUGH_TICKS, ROUGH_PER_UNIT * units, MOST_CELLS // states)
        self.rough = Grid(scale=rough / at_most_s, capacity=rough, offset=0.5)
        self.fine = self._fine(min(FINE_TICKS, FINE_PER_UNIT * units, MOST_WORK // states))

    def _fine(self, most: int) -> Grid:
        """About `most` ticks; all times whole, where fewer do for that."""
        times = np.concatenate([kind.times_s for kind in self.kinds])
        short = times[(times > 0) & (times <= self.at_most_s)]
        needed = ticks_per_second(short, self.at_most_s)
        parts = int(most / (needed * self.at_most_s))
        scale = needed * parts if parts else most / self.at_most_s
        return Grid(scale=scale, capacity=int(scale * self.at_most_s))

    def bound(self, prices: Floats) -> float:
        """What these prices prove: the least time at which nodes could pay for all units."""
        spent = [
            count * np.maximum.accumulate(sweep.values(prices, self.nothing, self.fine))
            for count, sweep in zip(self.counts, self.sweeps, strict=True)
        ]
        slack = BOUND_SLACK * float(np.abs(prices).sum())
        ticks = int(np.count_nonzero(prices.sum() - np.sum(spent, axis=0) > slack))
        return min(ticks / self.fine.scale, self.at_most_s) * (1 - BOUND_SLACK)

    def improved(self) -> Iterator[Floats]:
        """Better and better prices, every `ROUNDS` rounds."""
        mean = float(self.start.mean())
        if mean == 0:
            return
        now = self._look(self.start)
        bundle = Bundle(self.start, STRIDE * mean)
        goal = now.most_ticks
        if now.excess[goal] == np.inf:  # rounded up, not even nothing can be held
            return
        bundle.pieces = [
            Pieces.of(count, held) for count, held in zip(self.counts, now.dearest(goal))
        ]
        idle = 0
        for number in range(1, min(MOST_ROUNDS, ROUNDS_PER_UNIT * len(self.start)) + 1):
            prices = bundle.proposed()
            promised = bundle.model(prices) - now.excess[goal]
            new = self._look(prices)
            for pieces, held in zip(bundle.pieces, new.dearest(goal), strict=True):
                pieces.add(held)
            gained = new.excess[goal] - now.excess[goal]
            idle += 1
            if gained >= STEADY * promised:
                now, bundle.center, idle = new, prices, 0
                bundle.stride *= 2.0 if gained >= FAR * promised else 1.0
                goal = max(goal, now.most_ticks)
            elif idle >= PATIENCE:
                bundle.stride, idle = bundle.stride / 2, 0
            if promised <= DONE * self.at_most_s:
                break
            if number % ROUNDS == 0:
                yield now.prices
        yield now.prices

    def _look(self, prices: Floats) -> _Look:
        return _Look(self, prices)


class _Look:
    """Prices, by how much they exceed what nodes could pay at every load, and the dearest sets."""

    def __init__(self, holders: Holders, prices: Floats) -> None:
        self.prices = prices
        self.found = [
            sweep.best(prices, holders.nothing, holders.rough) for sweep in holders.sweeps
        ]
        spent = [
            count * np.maximum.accumulate(found.values)
            for count, found in zip(holders.counts, self.found, strict=True)
        ]
        self.excess: Floats = prices.sum() - np.sum(spent, axis=0)

    @property
    def most_ticks(self) -> int:
        """The least load at which nodes could pay, or the last there is."""
        paid = np.flatnonzero(self.excess <= 0)
        return int(paid[0]) if len(paid) else len(self.excess) - 1

    def dearest(self, most: int) -> list[Flags]:
        """Of every kind the dearest set of at most so many ticks."""
        return [found.units(int(found.values[: most + 1].argmax())) for found in self.found]


def _crossings(graph: UnitGraph, kind: NodeKind) -> list[Crossing]:
    """Tensors between what a node holds and all the rest, which pays nothing."""
    figures = zip(graph.ends, kind.leave_s, kind.come_s, kind.wanted, strict=True)
    return [
        Crossing(
            producer=ends.producer,
            readers=ends.readers,
            read_here=bool(wanted),
            read_elsewhere=ends.sink is not None and not wanted,
            leave=Toll(float(leave_s), 0.0),
            come=Toll(float(come_s), 0.0),
        )
        for ends, leave_s, come_s, wanted in figures
        if leave_s or come_s
    ]
