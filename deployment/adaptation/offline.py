"""The best that changing plans could have done, in hindsight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.deployment.adaptation.switching import switch_matrix
from splitfog.instances.arguments import numbers


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

    Raises
    ------
    ValueError
        For costs that are no such array, or of no plan, and for a `switch_cost` that is none.

    Notes
    -----
    A dynamic program over requests and plans, O(requests plans^2).
    """
    given = _costs(costs)
    requests, plans = given.shape
    switch_s = switch_matrix("switch_cost", switch_cost, plans)
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
    given, chosen = _costs(costs), np.asarray(path, np.int64)
    switch_s = switch_matrix("switch_cost", switch_cost, given.shape[1])
    served = given[np.arange(len(chosen)), chosen].sum()
    return float(served + switch_s[chosen[:-1], chosen[1:]].sum())


def _costs(costs: Any) -> NDArray[np.float64]:
    """[requests, plans]: with 0 for all plans where all fail."""
    what = "numbers of seconds, [requests, plans]"
    given = numbers("costs", costs, what).astype(np.float64)
    if given.ndim != 2 or not given.shape[1] or np.isnan(given).any():
        raise ValueError(f"costs has shape {given.shape}, must be {what}")
    return np.where(np.isinf(given).all(axis=1, keepdims=True), 0.0, given)
