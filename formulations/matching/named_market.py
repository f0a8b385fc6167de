"""Markets given by names: every participant with the list of the acceptable others, best first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from splitfog.formulations.matching.market import (
    ORDER,
    Entries,
    IntArray,
    Market,
    Names,
    market_from_entries,
)

NamedLists = Mapping[Hashable, Sequence[Hashable]]


def market_from_names(
    preferences: NamedLists,
    priorities: NamedLists,
    quotas: Mapping[Hashable, int] | None = None,
) -> tuple[Market, Names]:
    """The market and the names of its (residents, hospitals), in the order of the mappings.

    Parameters
    ----------
    preferences : resident -> hospitals, best first
    priorities : hospital -> residents, best first
    quotas : hospital -> places, optional
        1 each if not given.

    Raises
    ------
    ValueError
        A list with an unknown or repeated name, a hospital without quota, a quota for an
        unknown hospital, a negative quota.
    """
    names = tuple(preferences), tuple(priorities)
    places = None if quotas is None else _places(quotas, names)
    wanted = _numbered(preferences, names[1], "preferences of resident", "hospital")
    ranked = _numbered(priorities, names[0], "priorities of hospital", "resident")
    return market_from_entries(wanted, ranked, places, names), names


def assignment_from_names(assignment: Mapping[Hashable, Hashable | None], names: Names) -> IntArray:
    """int[residents], the numbers of the hospitals; -1 for None and for residents left out.

    Raises
    ------
    ValueError
        An unknown resident or hospital.
    """
    residents, hospitals = ({name: i for i, name in enumerate(side)} for side in names)
    numbers = np.full(len(residents), -1)
    for resident, hospital in assignment.items():
        if resident not in residents:
            told = ", it is a hospital: must be resident -> hospital"
            known = told if resident in hospitals else ""
            raise ValueError(f"assignment: resident {resident!r} is unknown{known}")
        if hospital is not None and hospital not in hospitals:
            raise ValueError(f"assignment of {resident!r}: hospital {hospital!r} is unknown")
        numbers[residents[resident]] = -1 if hospital is None else hospitals[hospital]
    return numbers


def _numbered(lists: NamedLists, known: Iterable[Hashable], whose: str, what: str) -> Entries:
    """The lists laid end to end, with numbers for names."""
    number = {name: i for i, name in enumerate(known)}
    hint = "" if any(_is_list(row) for row in lists.values()) else f"; {ORDER}"
    for owner, row in lists.items():
        if not _is_list(row):
            raise ValueError(f"{whose} {owner!r} = {row!r}, must be a list of names{hint}")
    lengths = [len(names) for names in lists.values()]
    found = map(number.__getitem__, chain.from_iterable(lists.values()))
    try:
        entries = np.fromiter(found, dtype=np.int64, count=sum(lengths))
    except KeyError:
        owner, name = next(
            (owner, name) for owner, row in lists.items() for name in row if name not in number
        )
        raise ValueError(f"{whose} {owner!r}: {what} {name!r} is unknown") from None
    return np.repeat(np.arange(len(lengths)), lengths), entries


def _is_list(row: object) -> bool:
    return isinstance(row, Sequence) and not isinstance(row, str)


def _places(quotas: Mapping[Hashable, int], names: Names) -> list[int]:
    residents, hospitals = map(set, names)
    for name in quotas:
        if name not in hospitals:
            told = f", it is a resident; {ORDER}" if name in residents else ""
            raise ValueError(f"quotas: hospital {name!r} is unknown{told}")
    for name in names[1]:
        if name not in quotas:
            raise ValueError(f"quotas: hospital {name!r} is missing")
    return [quotas[name] for name in names[1]]
