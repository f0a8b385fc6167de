"""Measured times of layers, as a CSV file holds them.

The header names the columns, in any order: `layer`, `node` (or `tier`: either may hold the name of
a node or of a tier), `seconds` (or `milliseconds`) and, where known, `model`, `spread_s`,
`reliable`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path

from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import read_bytes

COLUMNS = (("layer",), ("node", "tier"), ("seconds", "milliseconds"))
"""What must be there, each under one of its names."""
OPTIONAL = ("model", "spread_s", "reliable")
TRUTH = {"true": True, "false": False, "1": True, "0": False, "": None}


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """A line of the file: what a layer takes on a node, or on every node of a tier.

    None where the file does not say: `model`, `spread_s` (of repeated runs), `reliable`.
    """

    line: int
    layer: str
    place: str
    seconds: float
    model: str | None = None
    spread_s: float | None = None
    reliable: bool | None = None


def load_times(path: str | os.PathLike[str]) -> tuple[LayerTime, ...]:
    """The times in a CSV file, `.csv` or `.csv.gz`, line by line.

    Raises
    ------
    InstanceError
        With a sentence for every line that is wrong (at most 20): a column that is missing or
        unknown, a number that is none, negative or not finite, a time that stands there twice.
    """
    path = Path(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        defect = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise InstanceError(path.name, [defect]) from None
    defects: list[str] = []
    lines = list(_lines(text, defects))
    header = [name.strip() for name in lines[0][1]] if lines else []
    if wrong := defects if not lines and defects else _header_defects(header):
        raise InstanceError(path.name, wrong)
    rows = [_row(number, header, cells, defects) for number, cells in lines[1:]]
    times = tuple(row for row in rows if row is not None)
    defects += _repeats(times)
    if not rows and not defects:
        defects.append("line 1: no line follows the header, must be followed by times")
    if defects:
        raise InstanceError(path.name, sorted(defects, key=_line_of))
    return times


def _line_of(defect: str) -> int:
    return int(defect.split()[1].rstrip(":"))


def _lines(text: str, defects: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line that is not empty."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        defects.append(f"line {reader.line_num}: not CSV: {error}")


def _header_defects(header: Sequence[str]) -> list[str]:
    if not header:
        return ["the file is empty, must begin with a header such as layer,node,seconds"]
    if len(header) == 1:
        for sign in (";", "\t"):
            if sign in header[0]:
                return [f"line 1: the columns are parted by {sign!r}, must be parted by ','"]
    known = [*(name for names in COLUMNS for name in names), *OPTIONAL]
    defects = [
        f"line 1: unknown column {name!r}, must be one of {', '.join(known)}"
        for name in dict.fromkeys(header)
        if name not in known
    ]
    for names in COLUMNS:
        told = [name for name in header if name in names]
        if len(told) != 1:
            what = "is missing" if not told else f"stands there as {' and '.join(told)}"
            defects.append(f"line 1: the column {' or '.join(names)} {what}, must stand there once")
    defects += [
        f"line 1: the column {name} stands there {header.count(name)} times, must once"
        for name in OPTIONAL
        if header.count(name) > 1
    ]
    return defects


def _row(
    line: int, header: Sequence[str], cells: Sequence[str], defects: list[str]
) -> LayerTime | None:
    """The time of a line; None, and what is wrong, where it holds none."""
    if len(cells) != len(header):
        defects.append(f"line {line} has {len(cells)} cells, must have {len(header)}")
        return None
    known = len(defects)
    texts = {name: text.strip() for name, text in zip(header, cells)}

    def number(name: str) -> float:
        value = _number(texts[name])
        if value is None:
            wrong = f"line {line}: {name} = {texts[name]!r:.60}, must be a finite number >= 0"
            defects.append(wrong)
        return value or 0.0

    seconds = number("seconds") if "seconds" in texts else number("milliseconds") / 1e3
    spread_s = number("spread_s") if texts.get("spread_s") else None
    sure = texts.get("reliable", "").lower()
    if sure not in TRUTH:
        defects.append(f"line {line}: reliable = {texts['reliable']!r:.60}, must be true or false")
    place = texts.get("node", texts.get("tier", ""))
    if not (texts["layer"] and place):
        defects.append(f"line {line}: a name is empty, must say which layer and where")
    if len(defects) > known:
        return None
    return LayerTime(
        line=line,
        layer=texts["layer"],
        place=place,
        seconds=seconds,
        model=texts.get("model") or None,
        spread_s=spread_s,
        reliable=TRUTH[sure],
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 and "_" not in text else None


def _repeats(times: Sequence[LayerTime]) -> Iterator[str]:
    first: dict[tuple[str | None, str, str], int] = {}
    for time in times:
        line = first.setdefault((time.model, time.layer, time.place), time.line)
        if line != time.line:
            yield (
                f"line {time.line}: layer {time.layer} on {time.place} stands in line {line} too, "
                "must stand once"
            )
