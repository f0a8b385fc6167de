"""Lines of a log cut into cells, and cells read as numbers and moments."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from math import nan

import numpy as np

from splitfog.instances.arguments import brief
from splitfog.instances.arrays import Floats
from splitfog.instances.defects import InstanceError
from splitfog.instances.traces.numbers import all_numbers, number_in

MISSING = frozenset({"", "-", "nan", "na", "n/a", "null", "none"})
"""Cells, in small letters, that say there is no value."""

DELIMITERS = ("\t", ";", ",")
"""Of as many the first: a comma may be a decimal one, which is told then."""

CLOCKS = (
    "%Y.%m.%d_%H.%M.%S",
    "%Y-%m-%d_%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%H:%M:%S.%f",
    "%H:%M:%S",
)
"""Forms of a moment that logs use, beside seconds and ISO 8601."""


def text_of(content: bytes, origin: str) -> str:
    """The text of a file, whatever ends its lines, without a mark of its encoding."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        defect = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise InstanceError(origin, [defect]) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of every line but comments; empty lines at the end are left out."""
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        del lines[-1]
    for number, line in enumerate(lines, 1):
        if not line.lstrip().startswith(("#", "%")):
            yield number, line


def delimiter_of(line: str) -> str | None:
    """What parts the cells of a line; None: blanks."""
    most = max(DELIMITERS, key=line.count)
    return most if most in line else None


def rows_of(text: str, origin: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line of a table that is not empty."""
    first = next((line for _, line in lines_of(text) if line.strip()), "")
    delimiter = delimiter_of(first)
    if delimiter is None:
        yield from ((number, line.split()) for number, line in lines_of(text) if line.strip())
        return
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells and not cells[0].lstrip().startswith("#") and any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InstanceError(origin, [f"line {reader.line_num}: not CSV: {error}"]) from None


def is_gap(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in MISSING


def number(cell: str) -> float | None:
    """The number in a cell, NaN for a gap; None where there is neither."""
    return nan if is_gap(cell) else number_in(cell)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number or is a gap."""
    return number(cell) is not None


def is_name(cell: str) -> bool:
    """Whether a cell can be the name of a column: a number with a slip in it is none."""
    return not is_number(cell) and not cell.strip().lstrip("+-.,")[:1].isdigit()


class Numbers:
    """Cells read one after another; what is wrong is told with its line."""

    def __init__(self, defects: list[str]) -> None:
        self.defects = defects

    def values(self, lines: Sequence[int], name: str, cells: Sequence[str]) -> Floats:
        """Numbers, and gaps, which are NaN."""
        plain = all_numbers(cells)
        if plain is not None:
            return plain
        return np.array([self._value(line, name, cell) for line, cell in zip(lines, cells)])

    def moments(
        self, lines: Sequence[int], name: str, cells: Sequence[str], clock: Callable[[str], float]
    ) -> Floats:
        """Moments by a clock."""
        plain = all_numbers(cells) if is_plain(clock) else None
        if plain is not None:
            return plain
        return np.array([self._moment(line, name, cell, clock) for line, cell in zip(lines, cells)])

    def _value(self, line: int, name: str, cell: str) -> float:
        found = number(cell)
        if found is None:
            self._refuse(line, name, cell, "a finite number")
        return nan if found is None else found

    def _moment(self, line: int, name: str, cell: str, clock: Callable[[str], float]) -> float:
        try:
            return clock(cell)
        except ValueError:
            self._refuse(line, name, cell, "a time as those before it")
            return nan

    def _refuse(self, line: int, name: str, cell: str, allowed: str) -> None:
        told = "empty" if not cell.strip() else brief(cell.strip())
        self.defects.append(f"line {line}: {name} = {told}, must be {allowed}")


def clock_of(cell: str) -> Callable[[str], float] | None:
    """How moments that look like this one are read: numbers as they are, others in seconds.

    None where no known form fits.
    """
    for clock in (_plain, _iso, *map(_strptime, CLOCKS)):
        try:
            clock(cell)
        except ValueError:
            continue
        return clock
    return None


def _plain(cell: str) -> float:
    value = number_in(cell)
    if value is None:
        raise ValueError(cell)
    return value


def _iso(cell: str) -> float:
    return _utc(datetime.fromisoformat(cell.strip()))


def is_plain(clock: Callable[[str], float] | None) -> bool:
    """Whether a clock reads numbers, whose unit somebody must say."""
    return clock is _plain


def _strptime(form: str) -> Callable[[str], float]:
    return lambda cell: _utc(datetime.strptime(cell.strip(), form))


def _utc(moment: datetime) -> float:
    """Seconds since 1970; without a zone as if it were UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def pairs_of(text: str) -> list[tuple[int, list[str]]]:
    """Number and cells of every line that is not empty, parted as in the last one."""
    rows = [(number, line) for number, line in lines_of(text) if line.strip()]
    delimiter = delimiter_of(rows[-1][1]) if rows else None
    return [(number, line.split(delimiter)) for number, line in rows]
