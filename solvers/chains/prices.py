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

    `begun` and `ended` [L + 1, kinds] are the least that it costs to go on from where a range on a
    kind begins, or has ended, at a cut, with the prices of all nodes that are still used. `bound`:
    of walks that use no kind more often than it has nodes.
    """

    line: RangeLine
    prices: Table
    begun: Table
    ended: Table

    @cached_property
    def bound(self) -> float:
        """What no walk costs less than; inf: there is none."""
        return float((self.line.starts.T + self.begun).min()) - self.unpaid

    @cached_property
    def unpaid(self) -> float:
        """The prices of all nodes."""
        return float(self.line.counts @ self.prices)

    def walk(self) -> Walk:
        """The walk that costs least with its prices; it may use kinds too often. O(L (K + R))."""
        line, walk = self.line, Walk()
        start, kind = divmod(int((line.starts.T + self.begun).argmin()), len(self.prices))
        while True:
            rest = line.stages[kind, start, start + 1 :] + self.ended[start + 1 :, kind]
            end = start + 1 + int(rest.argmin())
            walk.append((kind, start, end))
            if line.ends[kind, end] <= self.ended[end, kind]:
                return walk
            start, kind = end, int((line.hops[end, kind] + self.begun[end]).argmin())

    def used(self) -> NDArray[np.int64]:
        """[kinds]: how often that walk uses them."""
        kinds = [kind for kind, _, _ in self.walk()]
        return np.bincount(kinds, minlength=len(self.prices))


def priced(line: RangeLine, prices: Table) -> Priced:
    """Costs under prices, from the end of a line whose costs add up to its start.

    O(L K (K + R)) for K kinds, L layers, R the most layers of a range.

    Parameters
    ----------
    line
        What walks cost.
    prices
        [kinds], seconds, not less than 0.
    """
    cuts = line.num_layers + 1
    begun, ended = np.full((cuts, len(prices)), inf), np.empty((cuts, len(prices)))
    ended[-1] = line.ends[:, -1]
    for cut in range(cuts - 2, -1, -1):
        stop = cut + 1 + line.longest[cut]
        if stop > cut + 1:
            rest = line.stages[:, cut, cut + 1 : stop] + ended[cut + 1 : stop].T
            begun[cut] = rest.min(axis=1) + prices
        ended[cut] = np.minimum(line.ends[:, cut], (line.hops[cut] + begun[cut]).min(axis=1))
    return Priced(line=line, prices=prices, begun=begun, ended=ended)


def with_good_prices(
    line: RangeLine, first: Table, target: float, deadline: Deadline, step: float = FIRST_STEP
) -> Priced:
    """The best bound that is found by raising prices of what is used too often, lowering others.

    It ends where the bound reaches the target, where the best walk proves that no prices are
    better, and where the steps have become small.

    Parameters
    ----------
    line
        What walks cost.
    first
        [kinds] prices to begin with.
    target
        A cost, such as of the best walk known; finite.
    deadline
        When it must end.
    step
        Of the first steps.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    best = now = priced(line, first)
    waited = 0
    while best.bound < target and step >= SMALLEST_STEP:
        deadline.check("a bound")
        over = now.used() - line.counts
        slope = np.where((now.prices <= 0) & (over < 0), 0, over)
        if not slope.any():
            break
        length = step * (target * BEYOND - now.bound) / float(slope @ slope)
        now = priced(line, np.maximum(now.prices + length * slope, 0.0))
        if now.bound > best.bound:
            best, waited = now, 0
        elif (waited := waited + 1) == PATIENCE:
            step, waited = step / 2, 0
    return best


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
