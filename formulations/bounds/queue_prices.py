"""Prices on the loads of queues, by which tasks that meet in queues are bounded apart.

Ours. All visits to node n together wait `W_n sum lambda` a second, `W_n = sum lambda s^2 /
(2 (1 - rho_n))`. By Cauchy-Schwarz that is at least f(rho_n) = rho_n^2 / (2 (1 - rho_n)), which is
convex: at least mu rho_n - f*(mu) at every price mu >= 0. So a second of service on n counts
1 + mu_n seconds, and of the sum over all tasks f*(mu_n) is taken back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Floats

MOST_LOAD = 0.98
"""The load at which a price is taken where relaxed tasks ask for more than a node can do."""


def price_of(load: Floats) -> Floats:
    """[nodes]: f' at the loads, which are cut off at `MOST_LOAD`."""
    return np.asarray(((1 - np.minimum(load, MOST_LOAD)) ** -2 - 1) / 2)


def taken_back(price: Floats) -> Floats:
    """[nodes]: f*(mu), the most of mu r - f(r) over 0 <= r < 1, at r = 1 - (1 + 2 mu)^(-1/2)."""
    load = 1 - (1 + 2 * price) ** -0.5
    return np.asarray(price * load - load**2 / (2 * (1 - load)))


def priced_bound(
    weights: Floats,
    num_nodes: int,
    rounds: int,
    relaxed: Callable[[int, Floats], tuple[float, Floats]],
) -> float | None:
    """The best bound on the mean latency of tasks over some rounds of prices; None: infinite.

    `relaxed(turn, price)` gives the priced seconds of all tasks by weight, never above what any
    plan takes, and the loads [nodes] that they make; those of all rounds, averaged, make the next
    prices (M. Frank and P. Wolfe, 1956).
    """
    price, load, best = np.zeros(num_nodes), np.zeros(num_nodes), 0.0
    for turn in range(rounds):
        total, new = relaxed(turn, price)
        if total == np.inf:
            return None
        best = max(best, total - float(taken_back(price).sum()))
        load += (new - load) * 2 / (turn + 2)
        price = price_of(load)
    return best / float(weights.sum()) * (1 - BOUND_SLACK)
