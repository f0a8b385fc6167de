"""Measured times of layers, as a CSV file holds them.

The header names the columns, in any order: `layer`, `node` (or `tier`: either may hold the name of
a node or of a tier), `seconds` (or `milliseconds`) and, where known, `model`, `spread_s`,
`reliable`, `group` (layers that ran as one); and what the layer does in that time, from which
others are predicted: `kind`, `flops`, `bytes_in`, `bytes_out`, `weight_bytes`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from io import StringIO
from math import isfinite

from splitfog.instances.arguments import entries, record
from splitfog.instances.arguments import path as path_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import read_bytes, write_whole

COLUMNS = (("layer",), ("node", "tier"), ("seconds", "milliseconds"))
"""What must be there, each under one of its names."""
TRUTH = {"true": True, "false": False, "1": True, "0": False, "": None}


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a layer does in its time.

    Attributes
    ----------
    kind
        Layers of one kind are predicted alike.
    flops
        Of one run.
    bytes_in, bytes_out, weight_bytes
        Of the tensors it reads (each once), of its own tensor, of its weights.
    """

    kind: str
    flops: float
    bytes_in: float
    bytes_out: float
    weight_bytes: float


WORK = tuple(each.name for each in fields(Work))
OPTIONAL = ("model", "spread_s", "reliable", "group", *WORK)


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """A line of the file: what a layer takes on a node, or on every node of a tier.

    Attributes
    ----------
    layer, place
        Names: of the layer, and of the node or tier.
    seconds
        Of one run.
    model
        The layer's; None where the file does not say.
    spread_s
        How far repeated runs differ; None where the file does not say.
    reliable
        Whether the time is to be trusted; None where the file does not say.
    group
        Layers of one group ran as one, and stay on one node; None where the file does not say.
    work
        What the layer does; None where the file does not say.
    line
        Where it stands in the file, for messages; 0: nowhere.
    """

    layer: str
    place: str
    seconds: float
    model: str | None = None
    spread_s: float | None = None
    reliable: bool | None = None
    group: str | None = None
    work: Work | None = None
    line: int = field(default=0, compare=False)


def load_times(path: str | os.PathLike[str]) -> tuple[LayerTime, ...]:
    """The times in a CSV file, `.csv` or `.csv.gz`, line by line.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    tuple of LayerTime

    Raises
    ------
    InstanceError
        With a sentence for every line that is wrong (at most 20): a column that is missing or
        unknown, a number that is none, negative or not finite, a time that stands there twice.
    """
    path = path_of("path", path)
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


def save_times(times: Sequence[LayerTime], path: str | os.PathLike[str]) -> None:
    """Write times as a CSV file, `.csv` or `.csv.gz`, whole or not at all.

    Columns that no time fills are left out.

    Parameters
    ----------
    times
        In the order of the lines.
    path
        Of the file.
    """
    times = entries("times", times, "a list of LayerTime")
    for time in times:
        record("times", time, LayerTime, "a list of LayerTime")
    rows = [_cells(time) for time in times]
    names = ("model", "layer", "node", "seconds", "spread_s", "reliable", "group", *WORK)
    must = ("layer", "node", "seconds")
    used = [name for name in names if name in must or any(row[name] for row in rows)]
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(used)
    writer.writerows([row[name] for name in used] for row in rows)
    write_whole(path_of("path", path), text.getvalue().encode())


def _cells(time: LayerTime) -> dict[str, str]:
    """What a line says, by column; "" where it says nothing."""
    work = {name: _cell(getattr(time.work, name, None)) for name in WORK}
    return {
        "model": time.model or "",
        "layer": time.layer,
        "node": time.place,
        "seconds": _cell(time.seconds),
        "spread_s": _cell(time.spread_s),
        "reliable": "" if time.reliable is None else str(time.reliable).lower(),
        "group": time.group or "",
        **work,
    }


def _cell(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return repr(float(value)).removesuffix(".0")


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
    work = _work(line, texts, defects)
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
        group=texts.get("group") or None,
        work=work,
    )


def _work(line: int, texts: Mapping[str, str], defects: list[str]) -> Work | None:
    """What the layer of a line does; None where no column of that is filled."""
    told = {name: texts[name] for name in WORK if texts.get(name)}
    if not told:
        return None
    numbers = {name: _number(told.get(name, "")) for name in WORK if name != "kind"}
    wrong = [name for name, value in numbers.items() if value is None]
    for name in wrong:
        said = repr(told[name])[:60] if name in told else "missing"
        defects.append(f"line {line}: {name} = {said}, must be a finite number >= 0")
    if "kind" not in told:
        defects.append(f"line {line}: kind = missing, must be a name where the work is told")
    return Work(
        kind=told.get("kind", ""), **{name: value or 0.0 for name, value in numbers.items()}
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
