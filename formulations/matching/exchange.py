"""Exchange stability: matchings in which everybody's utility may depend on the whole matching."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.matching.market import IntArray
from splitfog.formulations.matching.stability import Matching
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arguments import brief, choice, number, numbers, whole_numbers, wrong

FloatArray = NDArray[np.float64]
Utilities = Callable[[IntArray], tuple[ArrayLike, ArrayLike]]
Potential = Callable[[IntArray], float]
Consent = Literal["total", "agents", "four"]


@dataclass(frozen=True)
class Exchange:
    """A resident that goes to another hospital, in the place of a partner or into a free one.

    Attributes
    ----------
    resident
        Who goes.
    hospital
        Where to; -1: to none.
    partner
        Who takes the place left; None: nobody, it is a move.
    """

    resident: int
    hospital: int
    partner: int | None


@dataclass(frozen=True)
class Judge:
    """Who has to agree before an exchange is made, and what everybody thinks of a matching.

    Attributes
    ----------
    utilities : assignment -> (float[residents], float[hospitals])
        The larger the better; -inf is allowed. Return zeros for a side that has no say.
    consent : "total", "agents" or "four"
        `total`: the potential rises. `agents`: none of the residents that change place gets
        worse, and one gets better. `four`: the same of all that are concerned, the residents and
        the hospitals they leave and join; with two residents this is two-sided exchange
        stability (E. Bodine-Baron et al., Peer effects and stability in matching markets, 2011,
        arXiv 1104.0052).
    potential : assignment -> float, optional
        For `total` the sum of all utilities if not given. For `agents` and `four` the potential
        has to rise too where it is given: then exchanges come to an end.
    tolerance : float
        Differences up to this share of the old value count as none.
    """

    utilities: Utilities
    consent: Consent = "four"
    potential: Potential | None = None
    tolerance: float = EQUAL

    def __post_init__(self) -> None:
        if not callable(self.utilities):
            raise ValueError(
                f"utilities = {brief(self.utilities)}, must be a function of an assignment; the "
                "order is utilities, assignment, quotas, consent"
            )
        if self.potential is not None and not callable(self.potential):
            raise wrong("potential", self.potential, "a function of the assignment, or None")
        choice("consent", self.consent, get_args(Consent))

    def agrees(self, assignment: IntArray, exchange: Exchange) -> bool:
        """Whether the exchange is made: it blocks the assignment."""
        after = exchanged(assignment, exchange)
        if self.consent != "total" and not self._parties_agree(assignment, after, exchange):
            return False
        if self.consent != "total" and self.potential is None:
            return True
        return self._better(self._total(assignment), self._total(after))

    def _parties_agree(self, before: IntArray, after: IntArray, exchange: Exchange) -> bool:
        old, new = self._utilities(before), self._utilities(after)
        residents, hospitals = parties(before, exchange)
        pairs = [(old[0][r], new[0][r]) for r in residents]
        if self.consent == "four":
            pairs += [(old[1][h], new[1][h]) for h in hospitals]
        nobody_worse = not any(self._better(later, now) for now, later in pairs)
        return nobody_worse and any(self._better(now, later) for now, later in pairs)

    def _better(self, old: float, new: float) -> bool:
        """Whether new exceeds old by more than the tolerance."""
        if not (isfinite(old) and isfinite(new)):
            return bool(new > old)
        return bool(new - old > self.tolerance * abs(old))

    def _total(self, assignment: IntArray) -> float:
        if self.potential is not None:
            return number("what potential returns", self.potential(assignment), endless=True)
        residents, hospitals = self._utilities(assignment)
        return float(residents.sum() + hospitals.sum())

    def _utilities(self, assignment: IntArray) -> tuple[FloatArray, FloatArray]:
        found = self.utilities(assignment.copy())
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise wrong("what utilities returns", found, "a pair, of residents and of hospitals")
        of_residents, of_hospitals = (
            numbers("what utilities returns", side, "a number each").astype(np.float64)
            for side in found
        )
        if of_residents.shape != assignment.shape or of_hospitals.ndim != 1:
            raise ValueError("utilities must return one number per resident and one per hospital")
        if np.isnan(of_residents).any() or np.isnan(of_hospitals).any():
            raise ValueError("utilities returned a value that is not a number")
        return of_residents, of_hospitals


def is_exchange_stable(
    utilities: Utilities,
    assignment: ArrayLike | Matching,
    quotas: ArrayLike | None = None,
    consent: Consent = "four",
    *,
    potential: Potential | None = None,
) -> bool:
    """Whether no exchange finds the named consent.

    Two residents exchange their hospitals (or hospital and nothing); with `quotas`, one resident
    may also move to a hospital with a free place (ours: the parties to a move are the resident
    and the hospitals left and joined).

    Parameters
    ----------
    utilities : assignment -> (float[residents], float[hospitals])
        What everybody thinks of a matching, the larger the better; -inf is allowed. Zeros for a
        side that has no say.
    assignment : int[residents] or Matching
        Hospital of each resident, -1 for none.
    quotas : int[hospitals], optional
        Places; without them there are no moves.
    consent : "total", "agents" or "four"
        Who has to agree: the sum of all; the residents that change place; they and the hospitals
        that they leave and join, which with two residents is two-sided exchange stability
        (E. Bodine-Baron et al., Peer effects and stability in matching markets, 2011, arXiv
        1104.0052). Of the parties none gets worse and one gets better.
    potential : assignment -> float, optional
        For `total` in place of the sum of all utilities; for the others it has to rise too.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        For an unknown consent, an assignment that is none or exceeds the quotas, and utilities of
        another shape or that are not numbers.

    Notes
    -----
    Up to R^2 / 2 + R H calls of `utilities` for R residents and H hospitals.
    """
    judge = Judge(utilities, consent, potential)
    return next(_blocking(judge, assignment, quotas), None) is None


def blocking_exchanges(
    utilities: Utilities,
    assignment: ArrayLike | Matching,
    quotas: ArrayLike | None = None,
    consent: Consent = "four",
    *,
    potential: Potential | None = None,
) -> list[Exchange]:
    """The exchanges that find the named consent.

    Parameters
    ----------
    utilities, assignment, quotas, consent, potential
        As for `is_exchange_stable`.

    Returns
    -------
    list of Exchange
        Swaps first, by resident, then moves; [] means exchange stable.

    Raises
    ------
    ValueError
        As `is_exchange_stable`.
    """
    return list(_blocking(Judge(utilities, consent, potential), assignment, quotas))


def possible_exchanges(assignment: IntArray, quotas: IntArray | None) -> Iterator[Exchange]:
    """Every swap of two residents that are not in the same place; with quotas, every move."""
    for resident, partner in combinations(range(len(assignment)), 2):
        if assignment[resident] != assignment[partner]:
            yield Exchange(resident, int(assignment[partner]), partner)
    if quotas is None:
        return
    load = np.bincount(assignment[assignment >= 0], minlength=len(quotas))
    for hospital in np.flatnonzero(load < quotas).tolist():
        for resident in np.flatnonzero(assignment != hospital).tolist():
            yield Exchange(resident, hospital, None)


def exchanged(assignment: IntArray, exchange: Exchange) -> IntArray:
    """The assignment after the exchange."""
    after = assignment.copy()
    after[exchange.resident] = exchange.hospital
    if exchange.partner is not None:
        after[exchange.partner] = assignment[exchange.resident]
    return after


def parties(assignment: IntArray, exchange: Exchange) -> tuple[list[int], list[int]]:
    """The residents and the hospitals that an exchange concerns."""
    residents = [r for r in (exchange.resident, exchange.partner) if r is not None]
    hospitals = [int(assignment[exchange.resident]), exchange.hospital]
    return residents, [h for h in hospitals if h >= 0]


def table_utilities(of_residents: ArrayLike, of_hospitals: ArrayLike) -> Utilities:
    """Utilities without externalities, from tables.

    Parameters
    ----------
    of_residents : float[residents, hospitals]
        Utility of a resident at a hospital; 0 without one.
    of_hospitals : float[hospitals, residents]
        Utility of a hospital for a resident; a hospital adds up those of its residents.

    Returns
    -------
    assignment -> (float[residents], float[hospitals])
        As `is_exchange_stable` takes it.

    Raises
    ------
    ValueError
        For tables of other shapes.
    """
    own, theirs = _table(of_residents, "of_residents"), _table(of_hospitals, "of_hospitals")
    if theirs.shape != own.shape[::-1]:
        raise ValueError(
            "tables must be [residents, hospitals] and [hospitals, residents], not "
            f"{list(own.shape)} and {list(theirs.shape)}"
        )
    num_residents, num_hospitals = own.shape

    def utilities(assignment: IntArray) -> tuple[FloatArray, FloatArray]:
        if len(assignment) != num_residents:
            raise ValueError(
                f"assignment is of {len(assignment)} residents, the tables are of {num_residents}"
            )
        if (assignment >= num_hospitals).any():
            raise ValueError(
                f"assignment names hospital {assignment.max()}, there are {num_hospitals}"
            )
        placed = np.flatnonzero(assignment >= 0)
        hospital = assignment[placed]
        residents = np.zeros(num_residents)
        residents[placed] = own[placed, hospital]
        hospitals = np.zeros(num_hospitals)
        np.add.at(hospitals, hospital, theirs[hospital, placed])
        return residents, hospitals

    return utilities


def _table(given: ArrayLike, name: str) -> FloatArray:
    table = numbers(name, given, "a table of numbers").astype(np.float64)
    if table.ndim != 2:
        raise wrong(name, given, "a table of numbers")
    return table


def checked_quotas(quotas: ArrayLike | None) -> IntArray | None:
    """Places of every hospital as integers; None where there are none given."""
    if quotas is None:
        return None
    places = whole_numbers("quotas", quotas, "one integer >= 0 per hospital")
    if places.ndim != 1 or (places < 0).any():
        raise wrong("quotas", quotas, "one integer >= 0 per hospital")
    return places.astype(np.int64)


def checked_assignment(assignment: ArrayLike | Matching, quotas: ArrayLike | None) -> IntArray:
    """The assignment as integers, checked against the quotas where there are any."""
    own = assignment.assignment if isinstance(assignment, Matching) else assignment
    given = whole_numbers("assignment", own, "one integer per resident")
    if given.ndim != 1:
        raise wrong("assignment", assignment, "one integer per resident")
    given = given.astype(np.int64)
    if (given < -1).any():
        raise ValueError("assignment must hold hospitals, numbered from 0, or -1 for none")
    room = checked_quotas(quotas)
    if room is not None:
        load = np.bincount(given[given >= 0], minlength=len(room))
        if len(load) > len(room):
            raise ValueError(f"assignment names hospital {len(load) - 1}, there are {len(room)}")
        if (load > room).any():
            h = int(np.argmax(load > room))
            raise ValueError(f"hospital {h} holds {load[h]} residents, its quota is {room[h]}")
    return given


def _blocking(
    judge: Judge, assignment: ArrayLike | Matching, quotas: ArrayLike | None
) -> Iterator[Exchange]:
    given = checked_assignment(assignment, quotas)
    options = possible_exchanges(given, checked_quotas(quotas))
    return (e for e in options if judge.agrees(given, e))
