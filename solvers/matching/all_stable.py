"""Every stable matching of a small market."""

from __future__ import annotations

from math import prod

import numpy as np

from splitfog.formulations.matching.market import IntArray, Market
from splitfog.formulations.matching.stability import blocking, chosen_pairs
from splitfog.instances.arguments import whole
from splitfog.solvers.matching.deferred_acceptance import deferred_acceptance

STATE_LIMIT = 200_000
_BATCH_CELLS = 1 << 22


def all_stable(market: Market, limit: int = STATE_LIMIT) -> IntArray:
    """int[matchings, residents], every stable assignment, the residents' best one first.

    Residents are between their best and their worst stable hospital in each of them (D. Knuth,
    Mariages stables, 1976), and those without one have none in all (A. Roth, On the allocation
    of residents to rural hospitals, 1986). What lies between is enumerated and checked against
    the definition.

    Raises
    ------
    ValueError
        `limit` is no whole number >= 0, or more than `limit` assignments lie between.
    """
    whole("limit", limit, low=0)
    best = chosen_pairs(market, deferred_acceptance(market, "residents").assignment)
    worst = chosen_pairs(market, deferred_acceptance(market, "hospitals").assignment)
    sizes = (worst - best + 1).tolist()
    states = prod(sizes)
    if states > limit:
        raise ValueError(f"{states} assignments to look at, at most {limit} are allowed")
    step = max(1, _BATCH_CELLS // max(1, market.num_pairs))
    batches = [np.arange(first, min(first + step, states)) for first in range(0, states, step)]
    found = [_stable(market, best + _digits(batch, sizes)) for batch in batches]
    return np.concatenate(found)


def _digits(numbers: IntArray, sizes: list[int]) -> IntArray:
    """int[numbers, sizes], each number in the mixed radix of the sizes."""
    digits = np.empty((len(numbers), len(sizes)), dtype=np.int64)
    for column in range(len(sizes) - 1, -1, -1):
        numbers, digits[:, column] = np.divmod(numbers, sizes[column])
    return digits


def _stable(market: Market, chosen: IntArray) -> IntArray:
    """The assignments among int[batch, residents] chosen pairs that are stable."""
    matched = chosen < market.start[1:]
    own = market.hospital[np.where(matched, chosen, 0)] if market.num_pairs else chosen
    assignment = np.where(matched, own, -1)
    cells = np.arange(len(chosen))[:, None] * market.num_hospitals + assignment
    size = len(chosen) * market.num_hospitals
    load = np.bincount(cells[matched], minlength=size).reshape(len(chosen), market.num_hospitals)
    fits = (load <= market.quotas).all(axis=1)
    return assignment[fits][~blocking(market, chosen[fits]).any(axis=1)]
