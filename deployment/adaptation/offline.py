"""The best that changing plans could have done, in hindsight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.deployment.adaptation.switching import switch_matrix


def offline_path(costs: ArrayLike, switch_cost: Any = None) -> NDArray[np.int64]:
    """The sequence of plans of least total cost, changes included, for one who knows the future.

    Parameters
    ----------
    costs
        [requests, plans]: seconds; inf where a plan fails the request. A request that all plans
        fail counts for none of them.
    switch_cost
        Seconds of a change, or [plans, plans]: from row to column; None: nothing.

    Returns
    -------
    array of int
        [requests]: positions of plans. The first plan is free.

    Notes
    -----
    A dynamic program over requests and plans, O(requests plans^2).
    """
    given = np.asarray(costs, np.float64)
    requests, plans = given.shape
    switch_s = switch_matrix("switch_cost", switch_cost, plans)
    given = np.where(np.isinf(given).all(axis=1, keepdims=True), 0.0, given)
    came_from = np.zeros((requests, plans), np.int64)
    total = np.zeros(plans)
    for request, row in enumerate(given):
        if request:
            arrivals = total[:, None] + switch_s
            came_from[request] = arrivals.argmin(axis=0)
            total = arrivals.min(axis=0)
        total = total + row
    path = np.zeros(requests, np.int64)
    if requests:
        path[-1] = total.argmin()
    for request in range(requests - 1, 0, -1):
        path[request - 1] = came_from[request, path[request]]
    return path


def path_cost(costs: ArrayLike, path: ArrayLike, switch_cost: Any = None) -> float:
    """What a sequence of plans costs, in seconds, changes included.

    Parameters
    ----------
    costs, switch_cost
        As of `offline_path`.
    path
        [requests]: positions of plans.

    Returns
    -------
    float
    """
    given, chosen = np.asarray(costs, np.float64), np.asarray(path, np.int64)
    switch_s = switch_matrix("switch_cost", switch_cost, given.shape[1])
    given = np.where(np.isinf(given).all(axis=1, keepdims=True), 0.0, given)
    return float(given[np.arange(len(chosen)), chosen].sum() + switch_s[chosen[:-1], chosen[1:]].sum())
