"""Finding a record by its name, with a helpful error when there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Record = TypeVar("Record")

MOST_SHOWN = 100
"""Names in a sentence: more than there are solvers, fewer than there may be layers."""


def look_up(records: Mapping[str, Record], name: str, what: str) -> Record:
    """The record called `name`.

    Raises
    ------
    LookupError
        If there is none: naming the nearest name and all known ones. `what` says what they name.
    """
    if isinstance(name, str) and name in records:
        return records[name]
    raise LookupError(unknown_name(name, records, what))


def unknown_name(name: str, known: Iterable[str], what: str) -> str:
    """The sentence that says that `name` is unknown, with the nearest and all known names."""
    known = list(known)
    near = nearest(name, known)
    hint = ";" if near is None else f", did you mean {near!r}?"
    more = f" and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return f"unknown {what} {name!r}{hint} known: {', '.join(known[:MOST_SHOWN])}{more}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`; None where none is much like it."""
    near = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    return near[0] if near else None
