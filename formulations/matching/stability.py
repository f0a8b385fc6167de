"""What a matching is, and when it is stable: preferences, blocking pairs."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.matching.market import IntArray, Market, Names
from splitfog.instances.arguments import whole_numbers

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Matching:
    """A matching and what it took to find it.

    Attributes
    ----------
    assignment : int[residents]
        Hospital of each resident, -1 for none.
    proposals : int
        Proposals made. It does not depend on the order in which they are made.
    names : (residents, hospitals) or None
        Their names, where the market was given by names.
    """

    assignment: IntArray
    proposals: int
    names: Names | None = None

    def as_dict(self) -> dict[Hashable, Hashable | None]:
        """The hospital of every resident, by name if there are names.

        Returns
        -------
        dict
            Resident -> hospital, or None.
        """
        hospitals = [None if h < 0 else h for h in self.assignment.tolist()]
        if self.names is None:
            return dict(enumerate(hospitals))
        residents, called = self.names
        return {r: None if h is None else called[h] for r, h in zip(residents, hospitals)}


def chosen_pairs(market: Market, assignment: ArrayLike) -> IntArray:
    """int[residents], each resident's own pair; one past the last for none.

    Raises
    ------
    ValueError
        The assignment is no matching of this market: the first of `violations`.
    """
    wrong = violations(market, assignment)
    if wrong:
        raise ValueError(wrong[0])
    return _chosen(market, _checked(market, assignment))


def violations(market: Market, assignment: ArrayLike) -> list[str]:
    """Sentences that say why the assignment is no matching; empty where it is one.

    It is one where every assigned pair is on both lists and no hospital exceeds its quota.
    """
    given = _checked(market, assignment)
    stray = np.flatnonzero((given >= 0) & (_chosen(market, given) == market.start[1:]))
    load = np.bincount(given[given >= 0], minlength=market.num_hospitals)
    return [
        f"resident {r} is assigned to hospital {given[r]}, but the two do not list each other"
        for r in stray
    ] + [
        f"hospital {h} holds {load[h]} residents, its quota is {market.quotas[h]}"
        for h in np.flatnonzero(load > market.quotas)
    ]


def blocking(market: Market, chosen: IntArray) -> BoolArray:
    """Which pairs block: bool[..., pairs] for `chosen` int[..., residents] (`chosen_pairs`).

    A pair on both lists blocks where the resident prefers the hospital to the own one and the
    hospital has a free place or prefers the resident to one it holds (D. Gale and L. S. Shapley,
    College admissions and the stability of marriage, 1962). O(pairs) per matching.
    """
    worst = _worst_places(market, chosen)
    resident_would = np.arange(market.num_pairs) < chosen[..., market.resident]
    hospital_would = market.place < worst[..., market.hospital]
    return resident_would & hospital_would


def blocking_pairs(market: Market, assignment: ArrayLike) -> IntArray:
    """int[blocking, 2], the blocking (resident, hospital), resident by resident, best first.

    Raises
    ------
    ValueError
        The assignment is no matching of this market.
    """
    pairs = np.flatnonzero(blocking(market, chosen_pairs(market, assignment)))
    return np.stack((market.resident[pairs], market.hospital[pairs]), axis=1)


def is_stable(market: Market, assignment: ArrayLike) -> bool:
    """Whether the assignment is a matching of this market that no pair blocks."""
    if violations(market, assignment):
        return False
    return not blocking(market, chosen_pairs(market, assignment)).any()


def _worst_places(market: Market, chosen: IntArray) -> IntArray:
    """The place a hospital would take somebody before: that of its worst resident if it is
    full, past all its places if it is not; int[..., hospitals]."""
    flat = chosen.reshape(prod(chosen.shape[:-1]), market.num_residents)
    hospitals = market.num_hospitals
    batch, resident = np.nonzero(flat < market.start[1:])
    pair = flat[batch, resident]
    cell = batch * hospitals + market.hospital[pair]
    worst = np.full(len(flat) * hospitals, -1)
    np.maximum.at(worst, cell, market.place[pair])
    load = np.bincount(cell, minlength=len(worst)).reshape(len(flat), hospitals)
    places = np.where(load < market.quotas, market.num_pairs, worst.reshape(load.shape))
    return places.reshape(*chosen.shape[:-1], hospitals)


def _chosen(market: Market, assignment: IntArray) -> IntArray:
    pairs = np.flatnonzero(market.hospital == assignment[market.resident])
    chosen = market.start[1:].copy()
    chosen[market.resident[pairs]] = pairs
    return chosen


def _checked(market: Market, assignment: ArrayLike) -> IntArray:
    allowed = f"{market.num_residents} integers, one per resident"
    given = whole_numbers("assignment", assignment, allowed)
    if given.shape != (market.num_residents,):
        raise ValueError(f"assignment must be {allowed}")
    wrong = (given < -1) | (given >= market.num_hospitals)
    if wrong.any():
        r = int(np.argmax(wrong))
        raise ValueError(f"assignment of resident {r} is {given[r]}: no such hospital")
    return given.astype(np.int64)
