"""What is wrong with a trace: by itself, and for an instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf, isnan, nan
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from splitfog.instances.arguments import brief
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.defects import shown, value_defects
from splitfog.instances.records import Name, Positive
from splitfog.instances.traces.records import (
    LINK_QUANTITIES,
    NODE_QUANTITIES,
    End,
    Key,
    Series,
)

FIELDS = Series.__struct_fields__

RANGES: Mapping[str, tuple[Callable[[Floats], Flags], str]] = MappingProxyType(
    {
        "bandwidth_bps": (lambda values: values >= 0, ">= 0"),
        "latency_s": (lambda values: values >= 0, ">= 0"),
        "load": (lambda values: values > 0, "> 0"),
        "up": (lambda values: (values == 0) | (values == 1), "0 or 1"),
    }
)
"""What the values of a quantity must be, for arrays and in words."""


def own_defects(
    name: Any, duration_s: Any, end: Any, series: Any, meta: Mapping[str, Any]
) -> list[str]:
    """What is wrong with the values of a trace, whatever instance it is for. O(values)."""
    defects = value_defects(name, Name, "name")
    defects += value_defects(duration_s, Positive, "duration_s")
    defects += value_defects(end, End, "end")
    defects += value_defects(meta, dict[str, Any], "meta")
    if not isinstance(series, tuple):
        return [*defects, f"series = {brief(series)}, must be a list of Series"]
    strangers = [i for i, each in enumerate(series) if not isinstance(each, Series)]
    if strangers:
        return defects + [f"series[{i}] = {shown(series[i])}, must be a Series" for i in strangers]
    listed = [{name: getattr(each, name) for name in FIELDS} for each in series]
    for i, data in enumerate(listed):
        sound = [name for name in ("times_s", "values") if _is_sound(data[name])]
        defects += value_defects(data | dict.fromkeys(sound, ()), Series, f"series[{i}]")
    return defects + figure_defects(listed, duration_s)


def _is_sound(numbers: Any) -> bool:
    """Whether a list of numbers needs no walk along its type, which is slow."""
    floats = isinstance(numbers, tuple) and {float}.issuperset(map(type, numbers))
    return floats and bool(np.isfinite(np.array(numbers)).all())


def defects_beside(wrong: list[str], data: Mapping[str, Any]) -> list[str]:
    """What else is wrong in the plain data of a file of which some values are not of their type."""
    return figure_defects(data.get("series"), data.get("duration_s"))


def figure_defects(series: Any, duration_s: Any) -> list[str]:
    """What is wrong with series of plain data, but for values that are not of their type.

    Whose figures they are, times that do not rise, values out of range, figures given twice.
    """
    listed = series if isinstance(series, list | tuple) else ()
    given = [(f"series[{i}]", each) for i, each in enumerate(listed) if isinstance(each, Mapping)]
    defects: list[str] = []
    for path, each in given:
        defects += _owner_defects(each, path)
        defects += _number_defects(each, path, duration_s)
    return defects + list(_repeats(given))


def _owner_defects(series: Mapping[str, Any], path: str) -> Iterator[str]:
    link, node, quantity = series.get("link"), series.get("node"), series.get("quantity")
    if (link is None) == (node is None):
        has = "neither a link nor a node" if link is None else "a link and a node"
        yield f"{path} has {has}, must have one of them"
        return
    what, known = ("node", NODE_QUANTITIES) if link is None else ("link", LINK_QUANTITIES)
    if isinstance(quantity, str) and quantity in RANGES and quantity not in known:
        words = " or ".join(map(shown, known))
        yield f"{path}.quantity = {shown(quantity)}, must be {words} for a {what}"
    if node is not None and series.get("directions") == "forward":
        yield f'{path}.directions = "forward", must be left out for a node'


def _number_defects(series: Mapping[str, Any], path: str, duration_s: Any) -> Iterator[str]:
    times, values = _floats(series.get("times_s")), _floats(series.get("values"))
    if times is not None:
        limit = _floats([duration_s])
        yield from _time_defects(times, f"{path}.times_s", inf if limit is None else limit[0])
    if times is not None and values is not None and len(values) != len(times):
        yield f"{path}.values has {len(values)} entries, must have {len(times)} as its times_s"
    quantity = series.get("quantity")
    if values is not None and isinstance(quantity, str) and quantity in RANGES:
        allowed, words = RANGES[quantity]
        for k in np.flatnonzero(~(allowed(values) | np.isnan(values))).tolist():
            yield f"{path}.values[{k}] = {shown(float(values[k]))}, must be {words}"


def _floats(numbers: Any) -> Floats | None:
    """A list as an array, NaN for what is no finite number; None for what is no list."""
    if not isinstance(numbers, list | tuple):
        return None
    if not {int, float}.issuperset(map(type, numbers)):
        numbers = [n if type(n) in (int, float) else nan for n in numbers]
    try:
        array = np.array(numbers, float)
    except OverflowError:  # a whole number beyond floats
        return None
    array[~np.isfinite(array)] = nan
    return array


def _time_defects(times: Floats, path: str, duration_s: float) -> Iterator[str]:
    if not len(times):
        yield f"{path} = [], must be a list with at least one entry"
    elif times[0] != 0 and not isnan(times[0]):
        yield f"{path}[0] = {_number(times[0])}, must be 0"
    for k in np.flatnonzero(np.diff(times) <= 0).tolist():
        yield f"{path}[{k + 1}] = {_number(times[k + 1])}, must be > {_number(times[k])}"
    for k in np.flatnonzero(times >= duration_s).tolist():
        limit = f"{_number(duration_s)}, the duration_s"
        yield f"{path}[{k}] = {_number(times[k])}, must be < {limit}"


def _number(value: float) -> str:
    """A number as a file has it."""
    return repr(float(value)).removesuffix(".0")


def _repeats(given: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Figures that several series give."""
    first: dict[Key, str] = {}
    for path, data in given:
        try:
            owner = {name: data[name] for name in FIELDS[:4] if name in data}
            keys = msgspec.convert({**owner, "times_s": (), "values": ()}, Series).keys
        except msgspec.ValidationError:
            continue
        again = next((key for key in keys if key in first), None)
        if again is not None:
            yield f"{path} gives {figure_name(again)} as {first[again]} does, must be given once"
        for key in keys:
            first.setdefault(key, path)


def figure_name(key: Key) -> str:
    """A figure in words: `bandwidth_bps of device -> edge0`, `load of edge0`."""
    return f"{key[-1]} of {' -> '.join(key[1:-1])}"
