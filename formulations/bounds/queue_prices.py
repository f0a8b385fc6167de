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
    relaxed: Callable[[int, Floats], tuple[float, Floats]],
) -> float | None:
    """The best bound on the mean latency of tasks over some rounds of prices; None: infinite.

    `relaxed(turn, price)` gives the priced seconds of all tasks by weight, never above what any
    plan takes, and the loads v and r, [2, nodes], that they make; those of all rounds, averaged,
    make the next prices (M. Frank and P. Wolfe, 1956).
    """
    price, loads, best = np.zeros(num_nodes), np.zeros((2, num_nodes)), 0.0
    for turn in range(rounds):
        total, new = relaxed(turn, price)
        if total == np.inf:
            return None
        best = max(best, total - float(taken_back(price).sum()))
        loads += (new - loads) * 2 / (turn + 2)
        price = price_of(*loads)
    return best / float(weights.sum()) * (1 - BOUND_SLACK)
