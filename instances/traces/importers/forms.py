"""The forms of logs: each read as samples, with everything that is wrong told by its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from splitfog.instances.arguments import brief
from splitfog.instances.defects import InstanceError
from splitfog.instances.lookup import look_up
from splitfog.instances.traces.importers.cells import (
    CLOCKS,
    Numbers,
    clock_of,
    is_name,
    is_number,
    is_plain,
    lines_of,
    pairs_of,
    rows_of,
)
from splitfog.instances.traces.importers.samples import Samples, evenly

PACKET_BITS = 1500 * 8
"""Of a packet of mahimahi's."""

MOST_WINDOWS = 10_000_000

NONE = "no line holds a value"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a log is read, and its text.

    Attributes
    ----------
    text, origin
        Of the file, and its name for sentences.
    step_s
        From one value to the next where the log has no times.
    bin_s
        Of packets that are counted together.
    column, time_column
        Names in the header, or places from 1 on in a log without one.
    time_unit_s
        Of times that are numbers.
    group
        Which lines are read: those that hold these texts, by column.
    """

    text: str
    origin: str
    step_s: float = 1.0
    bin_s: float = 1.0
    column: str | None = None
    time_column: str | None = None
    time_unit_s: float = 1.0
    group: Mapping[str, str] = field(default_factory=dict)


def rate(how: Reading) -> Samples:
    """A value a line, `step_s` apart; an empty line within is a gap."""
    rows = list(lines_of(how.text))
    if rows and is_name(rows[0][1]):
        del rows[0]  # the header
    return _even(how, rows, "value")


def time_rate(how: Reading) -> Samples:
    """A time and a value a line, parted by blanks, a tab, a comma or a semicolon."""
    rows = pairs_of(how.text)
    if rows and is_name(rows[0][1][0]) and not any(map(is_number, rows[0][1])):
        del rows[0]
    defects = [
        f"line {line} has {len(cells)} column{'s' * (len(cells) > 1)}, must have 2: time and value"
        for line, cells in rows
        if len(cells) != 2
    ]
    sound = [(line, cells[0], cells[1]) for line, cells in rows if len(cells) == 2]
    return _timed(how, sound, ("time", "value"), defects)


def columns(how: Reading) -> Samples:
    """One column of a table, with the times in another or `step_s` apart."""
    if how.column is None:
        raise ValueError("column = None, must be the name of the column that holds the values")
    rows = list(rows_of(how.text, how.origin))
    _require(how, [], len(rows))
    header = [cell.strip() for cell in rows[0][1]]
    places = _places(how, header)
    if how.column in header or is_name(header[places[how.column]]):
        del rows[0]
    defects = [
        f"line {line} has {len(cells)} cells, must have {len(header)}"
        for line, cells in rows
        if len(cells) != len(header)
    ]
    rows = _of_group(how, [row for row in rows if len(row[1]) == len(header)], places)
    value = places[how.column]
    if how.time_column is None:
        return _even(how, [(line, cells[value]) for line, cells in rows], how.column, defects)
    time = places[how.time_column]
    timed = [(line, cells[time], cells[value]) for line, cells in rows]
    return _timed(how, timed, (how.time_column, how.column), defects)


def mahimahi(how: Reading) -> Samples:
    """A line for every packet of 1500 bytes that may pass, the millisecond in which it may.

    Those of every `bin_s` seconds are counted, in bit/s; a last window that the log does not fill
    is dropped.
    """
    rows = [(line, text.strip()) for line, text in lines_of(how.text) if text.strip()]
    defects = [
        f"line {line} = {brief(text)}, must be a whole number of milliseconds"
        for line, text in rows
        if not (text.isascii() and text.isdigit() and len(text) < 16)
    ]
    _refuse(how, defects, len(rows))
    lines, times = np.array([line for line, _ in rows]), np.array([int(text) for _, text in rows])
    back = [
        f"line {lines[k + 1]} = {times[k + 1]}, must be >= {times[k]}, that of line {lines[k]}"
        for k in np.flatnonzero(np.diff(times) < 0).tolist()
    ]
    _refuse(how, back, len(rows))
    width = how.bin_s * 1000
    windows = int(times[-1] // width)
    if windows == 0:
        told = f"the packets end at {times[-1]} ms, within the first window of {width:g} ms"
        if times[-1] == 0:
            raise InstanceError(how.origin, [f"{told}, must go on beyond it"])
        raise InstanceError(how.origin, [f"{told}: --bin-s must be <= {times[-1] / 1000:g}"])
    if windows > MOST_WINDOWS:
        told = f"the packets end at {times[-1]} ms, after {windows} windows of {width:g} ms"
        raise InstanceError(how.origin, [f"{told}, must be <= {MOST_WINDOWS} windows"])
    counts = np.bincount((times // width).astype(int), minlength=windows)[:windows]
    starts = lines[np.minimum(np.searchsorted(times, np.arange(windows) * width), len(lines) - 1)]
    return evenly(counts * PACKET_BITS / how.bin_s, starts, how.bin_s)


FORMS: Mapping[str, Callable[[Reading], Samples]] = MappingProxyType(
    {"rate": rate, "time-rate": time_rate, "mahimahi": mahimahi, "columns": columns}
)


def _even(
    how: Reading, rows: Sequence[tuple[int, str]], name: str, defects: Sequence[str] = ()
) -> Samples:
    """Samples of rows of line and value."""
    found = list(defects)
    numbers = Numbers(found)
    lines, cells = [line for line, _ in rows], [cell for _, cell in rows]
    values = numbers.values(lines, name, cells)
    _require(how, found, len(values))
    return evenly(values, np.array(lines), how.step_s, found)


def _timed(
    how: Reading, rows: Sequence[tuple[int, str, str]], names: tuple[str, str], defects: list[str]
) -> Samples:
    """Samples of rows of line, time and value."""
    _require(how, defects, len(rows))
    clock = clock_of(rows[0][1])
    if clock is None:
        told = f"line {rows[0][0]}: {names[0]} = {brief(rows[0][1].strip())}"
        wrong = f"{told}, must be a number, ISO 8601 or like {CLOCKS[0]}"
        raise InstanceError(how.origin, [*defects, wrong])
    numbers = Numbers(defects)
    lines = [line for line, _, _ in rows]
    return Samples(
        times=numbers.moments(lines, names[0], [time for _, time, _ in rows], clock),
        values=numbers.values(lines, names[1], [value for _, _, value in rows]),
        lines=np.array(lines),
        tick_s=how.time_unit_s if is_plain(clock) else 1.0,
        defects=tuple(defects),
    )


def _require(how: Reading, defects: Sequence[str], count: int) -> None:
    """Raise what is wrong where there is nothing, or that there is nothing."""
    if not count:
        raise InstanceError(how.origin, list(defects) or [NONE])


def _refuse(how: Reading, defects: Sequence[str], count: int) -> None:
    """Raise what is wrong, or that there is nothing."""
    if defects or not count:
        raise InstanceError(how.origin, list(defects) or [NONE])


def _places(how: Reading, header: Sequence[str]) -> dict[str, int]:
    """Where every named column stands, by its name or by its place from 1 on."""
    known: dict[str, int] = {}
    for place, name in enumerate(header):
        known.setdefault(name, place)
    places = {}
    for named in (how.column, how.time_column, *how.group):
        if named is None:
            continue
        if named not in known and named.isdigit() and 1 <= int(named) <= len(header):
            places[named] = int(named) - 1
            continue
        try:
            places[named] = look_up(known, named, "column")
        except LookupError as error:
            raise InstanceError(how.origin, [f"line 1: {error}"]) from None
    return places


def _of_group(
    how: Reading, rows: list[tuple[int, list[str]]], places: Mapping[str, int]
) -> list[tuple[int, list[str]]]:
    """The lines that hold certain texts."""
    for name, text in how.group.items():
        there = dict.fromkeys(cells[places[name]].strip() for _, cells in rows)
        if text not in there:
            told = ", ".join(list(there)[:8]) + (", ..." if len(there) > 8 else "")
            raise InstanceError(how.origin, [f"no line has {name} = {text}; there are {told}"])
        rows = [row for row in rows if row[1][places[name]].strip() == text]
    return rows
