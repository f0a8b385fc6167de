"""Prices on the loads of queues, by which tasks that meet in queues are bounded apart.

Ours. All visits to node n together wait `W_n sum lambda` a second, `W_n = sum lambda s^2 /
(2 (1 - rho_n))`. By Cauchy-Schwarz that is at least f(rho_n) = rho_n^2 / (2 (1 - rho_n)), which is
convex: at least mu rho_n - f*(mu) at every price mu >= 0. So a second of service on n counts
1 + mu_n seconds, and of the sum over all tasks f*(mu_n) is taken back.
"""

from __future__ import annotations

import numpy as np

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
