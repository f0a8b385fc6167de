"""How long visits wait at a node: Pollaczek and Khinchine's formula, in numpy.

The reference has its own line in `costs/mean_latency`, JAX its own in `vectorised/waits`.
"""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from splitfog.instances.arrays import Seconds

OVERLOAD = 1e9
"""Times between two requests of the rarest task: above all that a feasible plan may take."""


def wait_seconds(second: ArrayLike, rho: ArrayLike, overload_s: float = inf) -> Seconds:
    """Mean waits, of any shape, of requests that come as Poisson streams.

    Parameters
    ----------
    second
        Sum of lambda s^2 over the visits of a node.
    rho
        Its load, the sum of lambda s.
    overload_s
        Times rho, what stands for the wait of a node that never gets done, rho >= 1.

    Returns
    -------
    Seconds
        `second / (2 (1 - rho))` where rho < 1.
    """
    second, rho = np.asarray(second, float), np.asarray(rho, float)
    with np.errstate(divide="ignore", invalid="ignore"):  # where it is not asked for
        return np.where(rho < 1, second / (2 * (1 - rho)), overload_s * rho)


def overload_seconds(rate: Seconds) -> float:
    """Wait, times rho, that stands for an overloaded node where one choice must beat another.

    In any units the same choice: no visit and no transfer of a feasible plan takes longer than the
    time between two requests of its task, 1 / `rate`.
    """
    return float(OVERLOAD / rate[rate > 0].min()) if rate.any() else OVERLOAD
