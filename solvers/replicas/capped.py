"""What no replicas can carry: nodes do work, and no execution needs less than all layers."""

from __future__ import annotations

import numpy as np

from splitfog.instances.arrays import Floats

ROUNDS = 200
"""Halvings: more than floats have digits."""


def capped_bound(by_count: Floats) -> float:
    """The largest F with sum over nodes of max_k k min(T(k), F) >= F L; 0: the layers do not fit.

    A node that holds k layers passes at most min(T(k), F) executions, of at most k layers each, and
    all nodes together have F executions of L layers. O(N L log).

    Parameters
    ----------
    by_count
        [nodes, layers + 1]: T(k), the most that a node passes with so many layers.

    Returns
    -------
    float
        Executions per second.
    """
    count = by_count.shape[1] - 1
    held = np.arange(count + 1)

    def is_within(rate: float) -> bool:
        shares = np.minimum(by_count / rate, 1.0)
        return bool((shares * held).max(axis=1).sum() >= count * (1 - 1e-13))

    low, high = 0.0, float(by_count.max(initial=0.0)) * len(by_count)
    if high == 0 or not is_within(high * 1e-300 if high > 1e-8 else high):
        return 0.0
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if is_within(middle) else (low, middle)
    return high
