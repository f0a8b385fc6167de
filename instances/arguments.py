"""What callers give: numbers, flags, names and lists, checked; else a sentence with what is wanted.

Every check takes the argument's name and value and returns the value in plain Python, or raises
`ValueError`: `seed = 1.5, must be a whole number >= 0`. NumPy's numbers are numbers, and its arrays
lists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite, isnan
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind")

LONGEST = 60
"""Characters of a value in a sentence."""

SCALARS = frozenset({str, int, float, bool, type(None)})
"""Types of plain values that hold no others."""


def plain(value: Any) -> Any:
    """The value with Python's numbers for NumPy's, and tuples for arrays and lists, at any depth.

    What is neither stays as it is.
    """
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is tuple and SCALARS.issuperset(map(type, value)):
        return value
    if kind is tuple or kind is list:
        return tuple([plain(entry) for entry in value])
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return float(value) if isinstance(value, np.floating) else value.item()
    return str(value) if isinstance(value, np.str_) else value


def wrong(name: str, value: Any, allowed: str) -> ValueError:
    """The error whose sentence names an argument, its value and what is allowed."""
    return ValueError(f"{name} = {brief(value)}, must be {allowed}")


def brief(value: Any) -> str:
    """A value in a sentence, on one line and shortened."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # of a record that holds what it must not
        text = f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """A whole number between limits that are allowed themselves; True and 1.0 are none."""
    given = plain(value)
    fits = isinstance(given, int) and not isinstance(given, bool)
    if not fits or not (-inf if low is None else low) <= given <= (inf if high is None else high):
        raise wrong(name, value, f"a whole number{_limits(('>=', low), ('<=', high))}")
    return int(given)


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    low: float | None = None,
    endless: bool = False,
) -> float:
    """A number above a limit, or at it; infinite only if it may be `endless`."""
    given = plain(value)
    if not _is_number(given, endless) or not (
        (above is None or given > above) and (low is None or given >= low)
    ):
        raise wrong(name, value, f"a number{_limits(('>', above), ('>=', low))}")
    return float(given)


def _is_number(value: Any, endless: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value) or (endless and not isnan(value))
    except OverflowError:  # a whole number beyond floats
        return False


def _limits(*limits: tuple[str, float | None]) -> str:
    words = " and ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)
    return f" {words}" if words else ""


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that only counts as one."""
    given = plain(value)
    if not isinstance(given, bool):
        raise wrong(name, value, "True or False")
    return given


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of the texts that are allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong(name, value, f"one of {', '.join(allowed)}")
    return value


def text(name: str, value: Any, what: str = "a text") -> str:
    """A text."""
    if not isinstance(value, str):
        raise wrong(name, value, what)
    return value


def texts(name: str, value: Any, what: str = "a name or a list of names") -> tuple[str, ...]:
    """One text, or any number of them."""
    given = (value,) if isinstance(value, str) else entries(name, value, what)
    if not all(isinstance(entry, str) for entry in given):
        raise wrong(name, value, what)
    return given


def entries(name: str, value: Any, what: str = "a list") -> tuple[Any, ...]:
    """The entries of a list, an array or whatever else yields some; a text and a mapping do not."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise wrong(name, value, what)
    found: tuple[Any, ...] = plain(tuple(value))
    return found


def some(name: str, value: Any, what: str = "a list") -> tuple[Any, ...]:
    """The entries of what `entries` takes, of which there must be one."""
    found = entries(name, value, what)
    if not found:
        raise wrong(name, found, "at least one")
    return found


def as_tuple(value: Any) -> Any:
    """The entries of whatever `entries` takes; what it refuses, as it is."""
    try:
        return entries("", value)
    except ValueError:
        return value


def mapping(name: str, value: Any, what: str) -> Mapping[str, Any]:
    """A mapping from texts."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(name, value, what)
    return value


def record(name: str, value: Any, kind: type[Kind], what: str) -> Kind:
    """A value of a kind."""
    if not isinstance(value, kind):
        raise wrong(name, value, what)
    return value


def path(name: str, value: Any) -> Path:
    """Where a file or a folder is."""
    if not isinstance(value, str | os.PathLike) or value == "":
        raise wrong(name, value, "a path")
    return Path(value)


def whole_numbers(name: str, value: Any, what: str) -> NDArray[Any]:
    """An array of whole numbers, whatever its shape and their width."""
    array = numbers(name, value, what)
    if array.size and array.dtype.kind not in "iu":
        if isinstance(value, np.ndarray):
            raise ValueError(f"{name} has type {array.dtype}, must be {what}")
        raise wrong(name, value, what)
    return array


def numbers(name: str, value: Any, what: str) -> NDArray[Any]:
    """An array of numbers, whatever its shape."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        raise wrong(name, value, what) from None
    if array.size and array.dtype.kind not in "iuf":
        raise wrong(name, value, what)
    return array
