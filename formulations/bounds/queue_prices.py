"""Prices on the loads of queues, by which tasks that meet in queues are bounded apart.

Ours. A visit's latency counts in the objective with a weight alpha, 1 for unsliced layers. All
visits to node n together wait sum lambda alpha W_n a second, W_n = sum lambda s^2 / (2 (1 - r_n)),
r_n = sum lambda s. By Cauchy-Schwarz that is at least g(v_n, r_n) = v_n^2 / (2 (1 - r_n)), v_n =
sum lambda sqrt(alpha) s, and g is convex: at least a v_n - (1 - r_n) a^2 / 2 at every a >= 0. So a
second of service counts alpha + a_n sqrt(alpha) + a_n^2 / 2 seconds, unsliced 1 + mu_n with the
price mu = a + a^2 / 2, and of the sum over all tasks a_n^2 / 2 is taken back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Floats

MOST_LOAD = 0.98
"""The load at which a price is taken where relaxed tasks ask for more than a node can do."""

MIXES = 50
"""Steps towards the best mix of ways seen so far, before as many more whose mixes are averaged."""

WORTH = 1e-3
"""What a further round must promise, or the last have given, as a share of the bound."""


def price_of(weighted: Floats, load: Floats) -> Floats:
    """[nodes]: mu at weighted loads v and loads r, which are cut off at `MOST_LOAD`."""
    pressure = np.minimum(weighted, MOST_LOAD) / (1 - np.minimum(load, MOST_LOAD))
    return np.asarray(pressure + pressure**2 / 2)


def pressure_of(price: Floats) -> Floats:
    """[nodes]: the a of mu = a + a^2 / 2."""
    return np.asarray(np.sqrt(1 + 2 * price) - 1)


def taken_back(price: Floats) -> Floats:
    """[nodes]: a^2 / 2, the most of a v + r a^2 / 2 - g(v, r) over 0 <= v and 0 <= r < 1."""
    return np.asarray(pressure_of(price) ** 2 / 2)


def priced_bound(
    weights: Floats,
    num_nodes: int,
    rounds: int,
    relaxed: Callable[[int, Floats], tuple[Floats, Floats]],
    rough: int = 0,
) -> float | None:
    """The best bound on the mean latency of tasks over some rounds of prices; None: infinite.

    `relaxed(turn, price)` gives the priced seconds of all tasks of each family by weight,
    [families], never above what any plan takes, and about the loads v and r that they make,
    [families, 2, nodes]. The next prices are the best for all that the families have done so far
    (simplicial decomposition: B. von Hohenbalken, 1977), but for the `rough` turns at the
    beginning, once there are others. The last round is one that raised the bound by no more than
    `WORTH` where better prices do not seem to promise more, either.
    """
    price, best, seen = np.zeros(num_nodes), 0.0, _Seen()
    for turn in range(rounds):
        seconds, loads = relaxed(turn, price)
        if np.isinf(seconds).any():
            return None
        found = float(seconds.sum() - taken_back(price).sum())
        gain, best = found - best, max(best, found)
        if turn + 1 == rounds:
            break
        seen = _Seen() if turn == rough else seen
        seen.add(price, seconds, loads)
        price, most = seen.best_price()
        if turn > rough and max(gain, most - best) <= WORTH * best:
            break
    return best / float(weights.sum()) * (1 - BOUND_SLACK)


class _Seen:
    """What relaxed tasks did at some prices: per round the charges [2 nodes], the priced seconds
    of each family, and its loads, [families, 2 nodes]."""

    def __init__(self) -> None:
        self._rounds: list[tuple[Floats, Floats, Floats]] = []

    def add(self, price: Floats, seconds: Floats, loads: Floats) -> None:
        """One round more."""
        self._rounds.append((_charges(price), seconds, loads.reshape(len(seconds), -1)))

    def best_price(self) -> tuple[Floats, float]:
        """The prices at which the families take most if each does what is least of all it has done,
        nearly, and about how much that is: with waits, of the best mix of what they have done (by
        steps towards what is least at the mix's prices: M. Frank and P. Wolfe, 1956)."""
        charges, priced, loads = (np.array(each) for each in zip(*self._rounds))
        seconds = _without_charges(charges, priced, loads)
        num_nodes, each = charges.shape[1] // 2, np.arange(loads.shape[1])
        both = np.concatenate([loads, seconds[..., None]], axis=-1)
        mixed, mean = both[-1].sum(axis=0), np.zeros(both.shape[-1])
        for step in range(2 * MIXES):
            price = price_of(mixed[:num_nodes], mixed[num_nodes:-1])
            least = (seconds + loads @ _charges(price)).argmin(axis=0)
            mixed += (both[least, each].sum(axis=0) - mixed) * 2 / (step + 2)
            mean += mixed / MIXES if step >= MIXES else 0.0
        weighted, load = mean[:num_nodes], np.minimum(mean[num_nodes:-1], MOST_LOAD)
        waits = float((weighted**2 / (2 * (1 - load))).sum())
        return price_of(weighted, load), float(mean[-1]) + waits


def _without_charges(charges: Floats, priced: Floats, loads: Floats) -> Floats:
    """[rounds, families]: the seconds themselves, or more where loads were so far off that at the
    charges of another round a family would take less than it did."""
    seconds = priced - np.einsum("rfn,rn->rf", loads, charges)
    elsewhere = seconds[:, None] + np.einsum("rfn,kn->rkf", loads, charges)
    return np.asarray(seconds + (priced - elsewhere).max(axis=1))


def _charges(price: Floats) -> Floats:
    """[2 nodes]: what a second of v and of r costs on every node."""
    pressure = pressure_of(price)
    return np.concatenate([pressure, pressure**2 / 2])
