"""Prices on nodes: walks that may use them too often pay for it, which makes a good bound.

A Lagrangian relaxation with subgradient steps, as of N. Christofides, A. Mingozzi and P. Toth
(Networks 11, 1981) for routes: with any prices no walk that uses every node as often as it may
costs less than the best one of all, less the prices of all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.line import RangeLine, Table, Walk
from splitfog.solvers.chains.memory import Memory, cycles_of

FIRST_STEP = 2.0
"""Of the step that would reach the target, were the bound as good as its slope says."""
BEYOND = 1.01
"""Steps aim at so many times the target: it is to be reached."""
SMALLEST_STEP = 0.02
PATIENCE = 10
"""Steps without a better bound after which they become half as long."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Priced:
    """What walks cost at least under prices [kinds] for every use of a node.

    `begun` and `ended` [L + 1, kinds, masks] are the least that it costs to go on from where a
    range on a kind begins, or has ended, at a cut, with the prices of all nodes that are still
    used, by what is remembered there. `bound`: of walks that use no kind more often than it has
    nodes.
    """

    line: RangeLine
    memory: Memory
    prices: Table
    begun: Table
    ended: Table

    @cached_property
    def bound(self) -> float:
        """What no walk costs less than; inf: there is none."""
        return float((self.line.starts.T + self.begun[:, :, 0]).min()) - self.unpaid

    @cached_property
    def unpaid(self) -> float:
        """The prices of all nodes."""
        return float(self.line.counts @ self.prices)

    def walk(self) -> Walk:
        """The walk that costs least with its prices; it may use kinds too often. O(L (K + R))."""
        line, walk, mask = self.line, Walk(), 0
        first = line.starts.T + self.begun[:, :, 0]
        start, kind = divmod(int(first.argmin()), len(self.prices))
        while True:
            rest = line.stages[kind, start, start + 1 :] + self.ended[start + 1 :, kind, mask]
            end = start + 1 + int(rest.argmin())
            walk.append((kind, start, end))
            if line.ends[kind, end] <= self.ended[end, kind, mask]:
                return walk
            steps = self.memory.steps[kind, mask]
            onwards = line.hops[end, kind] + self.begun[end].ravel()[steps]
            onwards[self.memory.barred[kind, mask]] = inf
            start, (kind, mask) = end, divmod(int(steps[onwards.argmin()]), self.memory.num_masks)


def priced(line: RangeLine, prices: Table, memory: Memory) -> Priced:
    """Costs under prices, from the end of a line whose costs add up to its start.

    O(2^M L K (K + R)) for K kinds, L layers, R the most layers of a range, M kinds remembered.

    Parameters
    ----------
    line
        What walks cost.
    prices
        [kinds], seconds, not less than 0.
    memory
        Of its walks.
    """
    shape = (line.num_layers + 1, len(prices), memory.num_masks)
    begun, ended = np.full(shape, inf), np.empty(shape)
    ended[-1] = line.ends[:, -1, None]
    detours = np.where(memory.barred, inf, 0.0)
    for cut in range(line.num_layers - 1, -1, -1):
        stop = cut + 1 + line.longest[cut]
        if stop > cut + 1:
            stages = line.stages[:, cut, cut + 1 : stop].T
            begun[cut] = (stages[:, :, None] + ended[cut + 1 : stop]).min(axis=0)
            begun[cut] += prices[:, None]
        onwards = line.hops[cut][:, None] + begun[cut].ravel()[memory.steps] + detours
        ended[cut] = np.minimum(line.ends[:, cut, None], onwards.min(axis=2))
    return Priced(line=line, memory=memory, prices=prices, begun=begun, ended=ended)


def with_good_prices(
    begin: Priced, target: float, deadline: Deadline, step: float = FIRST_STEP
) -> tuple[Priced, NDArray[np.int64]]:
    """The best bound that is found by raising prices of what is used too often, lowering others.

    It ends where the bound reaches the target, where the best walk proves that no prices are
    better, and where the steps have become small.

    Parameters
    ----------
    begin
        With prices to begin with.
    target
        A cost, such as of the best walk known; finite.
    deadline
        When it must end.
    step
        Of the first steps.

    Returns
    -------
    (Priced, array)
        The best one; and [kinds, kinds] how often walks came by a kind on their way from a kind
        back to it.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    best = now = begin
    line, waited = begin.line, 0
    cycles = np.zeros((len(line.counts),) * 2, np.int64)
    while best.bound < target and step >= SMALLEST_STEP:
        deadline.check("a bound")
        walk = now.walk()
        cycles = cycles + cycles_of(line, walk)
        used = np.bincount([kind for kind, _, _ in walk], minlength=len(line.counts))
        over = used - line.counts
        slope = np.where((now.prices <= 0) & (over < 0), 0, over)
        if not slope.any():
            break
        length = step * (target * BEYOND - now.bound) / float(slope @ slope)
        now = priced(line, np.maximum(now.prices + length * slope, 0.0), begin.memory)
        if now.bound > best.bound:
            best, waited = now, 0
        elif (waited := waited + 1) == PATIENCE:
            step, waited = step / 2, 0
    return best, cycles


def fair_prices(line: RangeLine) -> Table:
    """[kinds]: what a node saves beside the slowest one that is needed, were layers alike.

    Nodes are taken by rising seconds a layer, each with its longest range, until all layers are
    somewhere. Where all take equally long, its share of the layers.

    Parameters
    ----------
    line
        What walks cost.
    """
    cuts = np.arange(line.num_layers + 1)
    lengths = np.where(np.isfinite(line.stages), cuts - cuts[:, None], 0)
    sizes = np.maximum(lengths.max(axis=(1, 2)), 1)
    longest = np.where(lengths == sizes[:, None, None], line.stages, inf)
    seconds = longest.min(axis=(1, 2)) / sizes
    order = np.argsort(seconds, kind="stable")
    taken = np.cumsum((sizes * line.counts)[order])
    enough = int(np.searchsorted(taken, line.num_layers))
    finite = seconds[order[: enough + 1]]
    dearest = float(np.max(finite, where=np.isfinite(finite), initial=0.0))
    saved = np.maximum(dearest - seconds, 0.0)
    fair: Table = (saved if saved.any() else np.full_like(saved, 1 / line.num_layers)) * sizes
    return fair
