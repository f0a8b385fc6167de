"""Rounds of prices: each near the best for what tasks did at those before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from splitfog.formulations.priced_bounds.best_prices import best_prices
from splitfog.formulations.priced_bounds.loads import LoadTable
from splitfog.formulations.priced_bounds.prices import Prices, pressure_of, price_of
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Floats

MOST_PRESSURE = 50.0
"""Of a node at first: rows may ask for more than it can do."""

STEP = 3.0
"""By what factor a pressure or a price of a link changes at most from round to round."""

FIRST_STEP = 0.2
"""And by how much more, so that it may begin at 0, and come back."""

OFF = 0.005
"""By what share of its seconds loads may be wrong about a row before they are not believed."""


def priced_bound(
    weights: Floats,
    zero: Prices,
    rounds: int,
    relaxed: Callable[[int, Prices], tuple[Floats, LoadTable]],
    worth: float,
    rough: int = 0,
) -> float | None:
    """The best bound on the mean latency of tasks over some rounds of prices; None: infinite.

    `relaxed(turn, prices)` gives of the same R rows of tasks every time the priced seconds by
    weight, [R], never above what any plan takes, and about the loads that they make, [R, 2 nodes +
    links]. The first prices are `zero`. The next are the best for all that the rows have done so
    far (cutting planes: J. E. Kelley, 1960) not too far from the last ones, but for the `rough`
    turns at the beginning, once there are others: of these, only nodes' loads are believed. The
    last round is one after which better prices do not seem to promise more than `worth`, a share of
    the bound, or that gave no more than half of it; but the first such round is followed by others
    without raising what rows seem to take (`_cut`), as that can make prices stand still.
    """
    prices, best, seen, raised = zero, 0.0, _Seen(), True
    for turn in range(rounds):
        seconds, loads = relaxed(turn, prices)
        if np.isinf(seconds).any():
            return None
        found = float(seconds.sum()) - prices.taken_back
        gain, best = found - best, max(best, found)
        if turn + 1 == rounds:
            break
        seen = _Seen() if turn == rough else seen
        seen.add(prices, seconds, loads)
        box = _any(zero) if turn < rough else _near(prices)
        near, stands = found >= (1 - worth) * best, gain <= worth * best / 2
        prices, most = seen.best_prices(*box, raised)
        if turn <= rough or not near:
            continue
        if most - best <= worth * best or (stands and not raised):
            break
        if stands:
            raised = False
            prices, most = seen.best_prices(*box, raised)
    return best / float(weights.sum()) * (1 - BOUND_SLACK)


def _any(zero: Prices) -> tuple[Prices, Prices]:
    """The least and the most prices of nodes; links have none."""
    most = price_of(np.full(len(zero.nodes), MOST_PRESSURE))
    return zero, Prices(most, zero.links)


def _near(prices: Prices) -> tuple[Prices, Prices]:
    """The least and the most prices that are not too far."""
    pressure, toll = pressure_of(prices.nodes), prices.links
    low, least = (np.maximum(each / STEP - FIRST_STEP, 0.0) for each in (pressure, toll))
    high, most = (each * STEP + FIRST_STEP for each in (pressure, toll))
    return Prices(price_of(low), least), Prices(price_of(high), most)


class _Seen:
    """What rows of tasks did at some prices: per round these, the priced seconds of each row, and
    its loads."""

    def __init__(self) -> None:
        self._prices: list[Prices] = []
        self._seconds: list[Floats] = []
        self._loads: list[LoadTable] = []

    def add(self, prices: Prices, seconds: Floats, loads: LoadTable) -> None:
        """One round more."""
        self._prices.append(prices)
        self._seconds.append(seconds)
        self._loads.append(loads)

    def best_prices(self, low: Prices, high: Prices, raised: bool) -> tuple[Prices, float]:
        """Of those between two the prices at which the rows take most if each does what is least of
        all it has done, nearly, and about how much that is: with waits, of the best mix."""
        cuts = [self._cut(turn, raised) for turn in range(len(self._prices))]
        seconds, loads = zip(*cuts, strict=True)
        return best_prices(np.array(seconds), loads, low, high)

    def _cut(self, turn: int, raised: bool) -> tuple[Floats, LoadTable]:
        """[R]: the seconds without what was paid in a round, and the loads.

        Loads are not believed where the row would take less than it did at lower prices: then it
        seems to take as long at all. What is still too low is raised.
        """
        priced, loads = np.array(self._seconds), self._loads[turn]
        paid = np.array([loads.paid(prices.charges) for prices in self._prices])
        less = priced[turn] - (paid[turn] - paid)
        wrong = (paid[turn] > paid) & (priced - less > OFF * priced[turn])
        believed = np.where(wrong.any(axis=0), 0.0, 1.0)
        paid *= believed
        seconds = priced[turn] - paid[turn]
        if raised:
            seconds = seconds + (priced - seconds - paid).max(axis=0)
        return seconds, loads.scaled(believed)
