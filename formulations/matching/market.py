"""Two-sided markets: who lists whom, in which order, and how many places there are."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.instances.arguments import brief

IntArray = NDArray[np.int64]
Rows = NDArray[Any] | Sequence[Sequence[Any]]
Entries = tuple[IntArray, IntArray]
Names = tuple[Sequence[Hashable], Sequence[Hashable]]

ORDER = "the order is preferences (of residents), priorities (of hospitals), quotas"
"""Said where a part of the market seems to stand in another's place."""

# A table over all (resident, hospital) is used for look-ups up to this many entries, or up to
# four times the pairs listed; beyond that, sorting.
_TABLE_ENTRIES = 1 << 22


@dataclass(frozen=True, eq=False, kw_only=True)
class Market:
    """The acceptable pairs of a hospital/residents market, in the order of both sides.

    A pair exists where both list each other. Pairs are numbered resident by resident, best
    hospital first: resident r owns the pairs `start[r]:start[r + 1]`, so among these a
    smaller number is a better hospital. `place` numbers the same pairs hospital by hospital,
    best resident first: hospital h owns the places `hospital_start[h]:hospital_start[h + 1]`.

    Attributes
    ----------
    resident, hospital, place : int[pairs]
    start : int[residents + 1]
    hospital_start : int[hospitals + 1]
    quotas : int[hospitals], >= 0
    """

    resident: IntArray
    hospital: IntArray
    place: IntArray
    start: IntArray
    hospital_start: IntArray
    quotas: IntArray

    @property
    def num_residents(self) -> int:
        """Number of residents."""
        return len(self.start) - 1

    @property
    def num_hospitals(self) -> int:
        """Number of hospitals."""
        return len(self.hospital_start) - 1

    @property
    def num_pairs(self) -> int:
        """Number of acceptable pairs."""
        return len(self.resident)

    def pair_at_place(self) -> IntArray:
        """int[pairs], the pair at each place: the inverse of `place`."""
        pair = np.empty_like(self.place)
        pair[self.place] = np.arange(self.num_pairs)
        return pair


def market_from_lists(
    preferences: Rows, priorities: Rows, quotas: ArrayLike | None = None
) -> Market:
    """The market in which both sides give lists, best first.

    Parameters
    ----------
    preferences : int[residents, length] or one list per resident
        Hospitals, best first. -1 is padding.
    priorities : int[hospitals, length] or one list per hospital
        Residents, best first. -1 is padding. A pair that only one side lists is left out.
    quotas : int[hospitals], optional
        Places of every hospital, 0 allowed; 1 each if not given.

    Raises
    ------
    ValueError
        An entry out of range, an entry twice in a list, a negative quota.
    """
    listed = _entries(preferences, "preferences"), _entries(priorities, "priorities")
    called = range(len(preferences)), range(len(priorities))
    return market_from_entries(*listed, quotas, called)


def market_from_entries(
    preferences: Entries, priorities: Entries, quotas: ArrayLike | None, names: Names
) -> Market:
    """The market from both sides' lists laid end to end: what the other forms become.

    Parameters
    ----------
    preferences, priorities : (int[entries], int[entries])
        Whose list, and who stands there; whose list ascends, and within it best first.
    quotas : as in `market_from_lists`
    names : (residents, hospitals)
        What error messages call them.
    """
    row, hospital = preferences
    owner, resident = priorities
    residents, hospitals = len(names[0]), len(names[1])
    places = _quotas(quotas, hospitals, names[1])
    _check_lists(row, hospital, names, "preferences of resident {}: hospital {}")
    _check_lists(owner, resident, names[::-1], "priorities of hospital {}: resident {}")
    wanted = row * hospitals + hospital
    position = _positions(resident * hospitals + owner, wanted, residents * hospitals)
    mutual = position >= 0
    listed = np.zeros(len(owner), dtype=bool)
    listed[position[mutual]] = True
    place = (np.cumsum(listed) - 1)[position[mutual]]
    return Market(
        resident=row[mutual],
        hospital=hospital[mutual],
        place=place,
        start=_starts(row[mutual], residents),
        hospital_start=_starts(owner[listed], hospitals),
        quotas=places,
    )


def market_from_ranks(preferences: Rows, ranks: Rows, quotas: ArrayLike) -> Market:
    """The market in which every pair listed by a resident carries the hospital's rank.

    The form for large markets: no list per hospital is needed.

    Parameters
    ----------
    preferences : int[residents, length] or one list per resident
        Hospitals, best first. -1 is padding.
    ranks : number[residents, length] or one list per resident
        `ranks[r][k]` is what hospital `preferences[r][k]` makes of resident r: the smaller the
        better, ties go to the smaller resident. Any finite numbers; ignored at padding.
    quotas : int[hospitals]
        Places of every hospital, 0 allowed.

    Raises
    ------
    ValueError
        As `market_from_lists`; also where the shapes differ or a rank is not finite.

    Notes
    -----
    O(P log P) for P pairs.
    """
    places = _quotas(quotas, None, range(_count(quotas)))
    lengths, flat = _flat(preferences, "preferences", integer=True)
    rank_lengths, flat_ranks = _flat(ranks, "priorities", integer=False)
    if not np.array_equal(lengths, rank_lengths):
        raise ValueError("priorities given as ranks must have the shape of preferences")
    keep = flat != -1
    row = np.repeat(np.arange(len(lengths)), lengths)[keep]
    hospital, rank = flat[keep], flat_ranks[keep]
    called = range(len(lengths)), range(len(places))
    _check_lists(row, hospital, called, "preferences of resident {}: hospital {}")
    if rank.dtype.kind == "f" and not np.isfinite(rank).all():
        r, h = row[~np.isfinite(rank)][0], hospital[~np.isfinite(rank)][0]
        raise ValueError(f"the rank of resident {r} at hospital {h} must be a finite number")
    by_rank = np.argsort(_narrow(rank), kind="stable")
    pair = by_rank[np.argsort(_narrow(hospital[by_rank]), kind="stable")]
    place = np.empty_like(pair)
    place[pair] = np.arange(len(pair))
    return Market(
        resident=row,
        hospital=hospital,
        place=place,
        start=_starts(row, len(lengths)),
        hospital_start=_starts(hospital, len(places)),
        quotas=places,
    )


def _flat(rows: Rows, what: str, *, integer: bool) -> tuple[IntArray, NDArray[Any]]:
    """Lengths of the rows, and their entries end to end."""
    kinds, allowed = ("iu", "integers") if integer else ("iuf", "numbers")
    if isinstance(rows, np.ndarray):
        if rows.ndim != 2:
            raise ValueError(f"{what} must have two dimensions, not {rows.ndim}; {ORDER}")
        lengths, flat = np.full(rows.shape[0], rows.shape[1]), rows.ravel()
    else:
        try:  # an array of integers refuses everything else, and is filled fast
            lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
            entries = list(chain.from_iterable(rows))
            flat = np.array(array("q", entries) if integer else entries)
        except (TypeError, OverflowError):
            raise ValueError(_wrong_row(rows, what, allowed)) from None
    if flat.size and flat.dtype.kind not in kinds:
        raise ValueError(f"{what} must hold {allowed}, not {flat.dtype}")
    return lengths, flat.astype(np.int64, copy=False) if integer else flat


def _wrong_row(rows: Any, what: str, allowed: str) -> str:
    """A sentence for the first row that is no list of integers (or numbers)."""
    side = "resident" if what == "preferences" else "hospital"
    if not isinstance(rows, Sequence):
        return f"{what} = {rows!r:.80}, must be one list per {side}; {ORDER}"
    hint = "" if any(isinstance(row, Sequence | np.ndarray) for row in rows) else f"; {ORDER}"
    for number, row in enumerate(rows):
        if not isinstance(row, Sequence | np.ndarray) or isinstance(row, str):
            return f"{what} of {side} {number} = {row!r}, must be a list of {allowed}{hint}"
        for entry in row:
            try:
                array("q", [entry])
            except (TypeError, OverflowError):
                return f"{what} of {side} {number} hold {entry!r}, must hold {allowed}"
    return f"{what} must hold {allowed}"


def _entries(rows: Rows, what: str) -> Entries:
    """(row, entry) of everything that is not padding, in reading order."""
    lengths, flat = _flat(rows, what, integer=True)
    row = np.repeat(np.arange(len(lengths)), lengths)
    keep = flat != -1
    return (row, flat) if keep.all() else (row[keep], flat[keep])


def _quotas(
    quotas: ArrayLike | None, hospitals: int | None, called: Sequence[Hashable]
) -> IntArray:
    """Checked quotas, one per hospital."""
    if quotas is None and hospitals is not None:
        return np.ones(hospitals, dtype=np.int64)
    try:
        given = np.asarray(quotas)
    except ValueError:
        raise ValueError(_wrong_quota(quotas, called)) from None
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(_wrong_quota(quotas, called))
    if hospitals is not None and len(given) != hospitals:
        raise ValueError(f"{len(given)} quotas given for {hospitals} hospitals; {ORDER}")
    if (given < 0).any():
        h = int(np.argmax(given < 0))
        raise ValueError(f"quota of hospital {called[h]!r} is {given[h]}, must be >= 0")
    return given.astype(np.int64)


def _count(quotas: Any) -> int:
    return len(quotas) if isinstance(quotas, Sequence | np.ndarray) and np.ndim(quotas) else 0


def _wrong_quota(quotas: Any, called: Sequence[Hashable]) -> str:
    """A sentence for the first quota that is no integer."""
    if isinstance(quotas, Sequence):
        for hospital, places in zip(called, quotas):
            if isinstance(places, bool) or not isinstance(places, int | np.integer):
                return f"quota of hospital {hospital!r} is {brief(places)}, must be an integer >= 0"
    return f"quotas = {brief(quotas)}, must be one integer per hospital; {ORDER}"


def _check_lists(row: IntArray, entry: IntArray, called: Names, sentence: str) -> None:
    """Every entry known and in its row's list once."""
    owners, others = called
    wrong = (entry < 0) | (entry >= len(others))
    if wrong.any():
        at = int(np.argmax(wrong))
        start = sentence.format(repr(owners[row[at]]), entry[at])
        raise ValueError(f"{start} is unknown, there are {len(others)}, numbered from 0")
    repeated = _repeated(row * len(others) + entry, len(owners) * len(others))
    if repeated is not None:
        owner, twice = divmod(repeated, len(others))
        start = sentence.format(repr(owners[owner]), repr(others[twice]))
        raise ValueError(f"{start} is listed more than once")


def _repeated(keys: IntArray, size: int) -> int | None:
    """A key (in 0..size-1) that occurs more than once, None where there is none."""
    if not len(keys):
        return None
    if _has_table(size, len(keys)):
        counts = np.bincount(keys)
        return int(np.argmax(counts)) if counts.max() > 1 else None
    ordered = np.sort(keys)
    same = ordered[1:] == ordered[:-1]
    return int(ordered[np.argmax(same)]) if same.any() else None


def _positions(keys: IntArray, wanted: IntArray, size: int) -> IntArray:
    """Where each wanted key stands among distinct `keys` (all in 0..size-1), -1 where not."""
    if _has_table(size, len(keys)):
        table = np.full(size, -1)
        table[keys] = np.arange(len(keys))
        return table[wanted]
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    return np.where(keys[order[at]] == wanted, order[at], -1)


def _has_table(size: int, pairs: int) -> bool:
    return size <= max(_TABLE_ENTRIES, 4 * pairs)


def _starts(row: IntArray, rows: int) -> IntArray:
    """Where each row begins among entries sorted or counted by row, and the end."""
    return np.concatenate(([0], np.cumsum(np.bincount(row, minlength=rows))))


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The same integers in 16 bits where they fit: numpy sorts those by radix, in linear time."""
    if values.dtype.kind == "f" or not values.size:
        return values
    low, high = int(values.min()), int(values.max())
    return (values - low).astype(np.uint16) if high - low < 1 << 16 else values
