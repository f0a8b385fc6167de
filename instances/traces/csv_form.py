"""A trace as a CSV file: a line for every value, and one that says how long it lasts.

The header names the columns, in any order: `time_s`, `quantity`, `value`, `from` and `to` of a
link, `node`, and `directions`, of which what is empty may be left out. The line whose quantity is
`repeat` or `hold` gives the trace's duration and end. Without one it repeats, and the last value of
a series holds for the median of the steps before it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from math import nan
from typing import Any, get_args

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.lookup import nearest
from splitfog.instances.traces.defects import number_defects, owner_defects, repeats
from splitfog.instances.traces.numbers import all_numbers, number_in, number_text
from splitfog.instances.traces.records import Directions, End, Quantity, Series
from splitfog.instances.traces.trace import Trace

COLUMNS = ("time_s", "from", "to", "node", "quantity", "value", "directions")
NEEDED = ("time_s", "quantity", "value")
ENDS: tuple[str, ...] = get_args(End)
QUANTITIES: tuple[str, ...] = get_args(Quantity)
DIRECTIONS: tuple[str, ...] = get_args(Directions)

CELLS = {"times_s": "time_s", "values": "value"}
"""Columns of what is a field of a series."""


@dataclass
class Lines:
    """The lines of one series, as far as they are read; it says where what stands."""

    owner: Mapping[str, Any]
    numbers: list[int] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def __call__(self, field: str = "", position: int | None = None) -> str:
        line = f"line {self.numbers[position or 0]}"
        return f"{line}: {CELLS.get(field, field)}" if field else line


def encode_csv(trace: Trace) -> bytes:
    """What saving a trace as CSV writes (before compression); its name and `meta` are left out."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    both = all(series.directions == "both" for series in trace.series)
    columns = COLUMNS[:-1] if both else COLUMNS
    writer.writerow(columns)
    for series in trace.series:
        tail, head = series.link or ("", "")
        owner = (tail, head, series.node or "", series.quantity)
        ways = () if both else (series.directions if series.link else "",)
        writer.writerows(
            (number_text(time), *owner, number_text(value), *ways)
            for time, value in zip(series.times_s, series.values)
        )
    end = (number_text(trace.duration_s), "", "", "", trace.end, "", "")
    writer.writerow(end[: len(columns)])
    return text.getvalue().encode()


def parse_csv(content: bytes, origin: str, name: str) -> Trace:
    """The trace in the (decompressed) bytes of a CSV file; `origin` names it in errors. O(lines).

    Raises
    ------
    InstanceError
        With a sentence for everything that is wrong, by line (at most 20).
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        defect = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise InstanceError(origin, [defect]) from None
    reading = _Reading()
    reading.read(text)
    groups = tuple(reading.groups.values())
    numbers = [(reading.times_of(lines), reading.values_of(lines)) for lines in groups]
    defects = reading.defects
    for lines, (times, values) in zip(groups, numbers):
        end_s = reading.end[0] if reading.end else None
        defects += owner_defects(lines.owner, lines)
        defects += number_defects(times, values, lines.owner["quantity"], end_s, lines)
    defects += repeats([(lines, lines.owner) for lines in groups])
    if defects:
        raise InstanceError(origin, sorted(defects, key=_line_of))
    series = tuple(
        Series(**lines.owner, times_s=tuple(times.tolist()), values=tuple(values.tolist()))
        for lines, (times, values) in zip(groups, numbers)
    )
    lasts = max((lasting(times) for times, _ in numbers), default=1.0)
    duration_s, end = reading.end or (lasts, "repeat")
    return Trace(name=name, duration_s=duration_s, end=end, series=series)


class _Reading:
    """What is read so far of a file."""

    def __init__(self) -> None:
        self.defects: list[str] = []
        self.groups: dict[tuple[str, ...], Lines] = {}
        self.looks: dict[tuple[str, ...], Lines] = {}  # the same by cells as they stand there
        self.end: tuple[float, End] | None = None
        self.line = 1  # the last that was read

    def read(self, text: str) -> None:
        """Read all lines; what is wrong is in `defects`."""
        rows = csv.reader(StringIO(text, newline=""), strict=True)
        try:
            self._read(rows)
        except csv.Error as error:
            self.defects.append(f"line {rows.line_num}: not CSV: {error}")

    def _read(self, rows: Any) -> None:
        header = [name.strip() for name in next(rows, [])]
        self.defects += _header_defects(header)
        if self.defects:
            return
        places = [header.index(name) if name in header else -1 for name in COLUMNS]
        time, *owner, value, way = places
        columns = (*owner, way)
        for row in rows:
            self.line = rows.line_num
            if len(row) != len(header):
                if any(cell.strip() for cell in row):
                    has = f"{len(row)} cells, must have {len(header)}"
                    self.defects.append(f"line {self.line} has {has}")
                continue
            row.append("")  # of the columns that are left out
            key = tuple([row[k] for k in columns])
            lines = self.looks.get(key)
            if lines is None:
                if not any(map(str.strip, row)) or self._is_end(row[time], key):
                    continue
                lines = self._group(key)
            lines.numbers.append(self.line)
            lines.times.append(row[time])
            lines.values.append(row[value])
        if not (self.groups or self.end or self.defects):
            self.defects.append("line 1: no line follows the header, must be followed by values")

    def _group(self, key: tuple[str, ...]) -> Lines:
        """The series of a line that is the first to look like this."""
        tail, head, node, quantity, ways = (cell.strip() for cell in key)
        ways = ways or "both"
        plain = (tail, head, node, quantity, ways)
        if plain not in self.groups:
            owner: dict[str, Any] = {"quantity": quantity, "directions": ways}
            owner |= {"link": (tail, head)} if tail or head else {}
            owner |= {"node": node} if node else {}
            self.groups[plain] = Lines(owner)
            self._check_words(quantity, ways)
            if bool(tail) != bool(head):
                missing = "to" if tail else "from"
                self.defects.append(f"line {self.line}: {missing} = empty, must be a node")
        self.looks[key] = self.groups[plain]
        return self.groups[plain]

    def _check_words(self, quantity: str, ways: str) -> None:
        if quantity not in QUANTITIES:
            near = nearest(quantity, QUANTITIES)
            hint = f" (did you mean {near}?)" if near else ""
            told = f"quantity = {shown(quantity)}, must be one of {', '.join(QUANTITIES)}{hint}"
            self.defects.append(f"line {self.line}: {told}")
        if ways not in DIRECTIONS:
            told = f"directions = {shown(ways)}, must be both or forward"
            self.defects.append(f"line {self.line}: {told}")

    def _is_end(self, time: str, key: tuple[str, ...]) -> bool:
        """Whether it is the line that says how long the trace lasts."""
        quantity = key[3].strip()
        if quantity not in ENDS:
            return False
        if self.end is not None:
            self.defects.append(f"line {self.line}: a second {quantity}, must stand once")
        seconds = self._number("time_s", self.line, time)
        if seconds <= 0:
            told = f"time_s = {number_text(seconds)}, must be > 0"
            self.defects.append(f"line {self.line}: {told}")
        self.end = (seconds, "hold" if quantity == "hold" else "repeat")
        return True

    def times_of(self, lines: Lines) -> Floats:
        """[n] of a series; NaN, and what is wrong in `defects`, where there is no number."""
        return self._numbers("time_s", lines.numbers, lines.times)

    def values_of(self, lines: Lines) -> Floats:
        """The same of its values."""
        return self._numbers("value", lines.numbers, lines.values)

    def _numbers(self, column: str, numbers: Sequence[int], cells: Sequence[str]) -> Floats:
        plain = all_numbers(cells)
        if plain is not None:
            return plain
        return np.array([self._number(column, line, cell) for line, cell in zip(numbers, cells)])

    def _number(self, column: str, line: int, cell: str) -> float:
        value = number_in(cell)
        if value is not None:
            return value
        told = shown(cell) if cell.strip() else "empty, a gap"
        self.defects.append(f"line {line}: {column} = {told}, must be a finite number")
        return nan


def _header_defects(header: Sequence[str]) -> list[str]:
    if not any(header):
        return [f"line 1: no header, must be {','.join(COLUMNS[:-1])}"]
    if len(header) == 1:
        for sign in (";", "\t"):
            if sign in header[0]:
                return [f"line 1: the columns are parted by {sign!r}, must be parted by ','"]
    defects = [
        f"line 1: unknown column {name!r}, must be one of {', '.join(COLUMNS)}"
        for name in dict.fromkeys(header)
        if name not in COLUMNS
    ]
    defects += [
        f"line 1: the column {name} stands there {header.count(name)} times, must once"
        for name in COLUMNS
        if header.count(name) > 1
    ]
    defects += [f"line 1: the column {name} is missing" for name in NEEDED if name not in header]
    return defects


def lasting(times: Floats) -> float:
    """How long values last of which nothing says it: the last as long as the median of the others.

    A single one a second.
    """
    return float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 1.0))


def _line_of(defect: str) -> int:
    return int(defect.split()[1].rstrip(":"))
