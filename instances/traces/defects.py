"""What is wrong with a trace: by itself, and for an instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
import numpy as np

from splitfog.instances.arguments import brief
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.defects import shown, value_defects
from splitfog.instances.records import Name, Positive
from splitfog.instances.traces.numbers import number_text
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
    given = [(InSeries(i), each) for i, each in enumerate(listed) if isinstance(each, Mapping)]
    defects: list[str] = []
    for at, each in given:
        defects += owner_defects(each, at)
        times, values = _floats(each.get("times_s")), _floats(each.get("values"))
        if times is not None and values is not None and 0 < len(times) != len(values):
            told = f"{len(values)} entries, must have {len(times)}"
            defects.append(f"{at('values')} has {told} as its times_s")
        defects += number_defects(times, values, each.get("quantity"), duration_s, at)
    return defects + list(repeats(given))


class Place(Protocol):
    """Where something stands in a file, for sentences."""

    def __call__(self, field: str = "", position: int | None = None) -> str:
        """Of a series, of a field of it, or of an entry of that."""


@dataclass(frozen=True)
class InSeries:
    """`series[2].values[17]`."""

    series: int

    def __call__(self, field: str = "", position: int | None = None) -> str:
        entry = "" if position is None else f"[{position}]"
        return f"series[{self.series}]{'.' if field else ''}{field}{entry}"


def owner_defects(series: Mapping[str, Any], at: Place) -> Iterator[str]:
    """Whether a series of plain data is of a link or of a node, and one of its quantities."""
    link, node, quantity = series.get("link"), series.get("node"), series.get("quantity")
    if (link is None) == (node is None):
        has = "neither a link nor a node" if link is None else "a link and a node"
        yield f"{at()} has {has}, must have one of them"
        return
    what, known = ("node", NODE_QUANTITIES) if link is None else ("link", LINK_QUANTITIES)
    if isinstance(quantity, str) and quantity in RANGES and quantity not in known:
        words = " or ".join(map(shown, known))
        yield f"{at('quantity')} = {shown(quantity)}, must be {words} for a {what}"
    if isinstance(link, list | tuple) and len(link) == 2 and link[0] == link[1]:
        yield f"{at('link')} = {shown(list(link))}, must be of two nodes"
    if node is not None and series.get("directions") == "forward":
        yield f'{at("directions")} = "forward", must be left out for a node'


def number_defects(
    times: Floats | None, values: Floats | None, quantity: Any, duration_s: Any, at: Place
) -> Iterator[str]:
    """Times that do not rise and values out of range; NaN, which is told already, is left out."""
    if times is not None:
        limit = _floats([duration_s])
        known = limit is not None and limit[0] > 0
        yield from _time_defects(times, float(duration_s) if known else inf, at)
    if values is not None and isinstance(quantity, str) and quantity in RANGES:
        allowed, words = RANGES[quantity]
        for k in np.flatnonzero(~(allowed(values) | np.isnan(values))).tolist():
            yield f"{at('values', k)} = {number_text(values[k])}, must be {words}"


def _time_defects(times: Floats, duration_s: float, at: Place) -> Iterator[str]:
    if not len(times):
        yield f"{at('times_s')} = [], must be a list with at least one entry"
    elif times[0] != 0 and not isnan(times[0]):
        yield f"{at('times_s', 0)} = {number_text(times[0])}, must be 0"
    for k in np.flatnonzero(np.diff(times) <= 0).tolist():
        told, before = number_text(times[k + 1]), number_text(times[k])
        yield f"{at('times_s', k + 1)} = {told}, must be > {before}"
    for k in np.flatnonzero(times >= duration_s).tolist():
        limit = f"{number_text(duration_s)}, the duration_s"
        yield f"{at('times_s', k)} = {number_text(times[k])}, must be < {limit}"


def repeats(given: Sequence[tuple[Place, Mapping[str, Any]]]) -> Iterator[str]:
    """Figures that several series give."""
    first: dict[Key, Place] = {}
    for at, data in given:
        try:
            owner = {name: data[name] for name in FIELDS[:4] if name in data}
            keys = msgspec.convert({**owner, "times_s": (), "values": ()}, Series).keys
        except msgspec.ValidationError:
            continue
        again = next((key for key in keys if key in first), None)
        if again is not None:
            yield f"{at()} gives {figure_name(again)} as {first[again]()} does, must be given once"
        for key in keys:
            first.setdefault(key, at)


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


def figure_name(key: Key) -> str:
    """A figure in words: `bandwidth_bps of device -> edge0`, `load of edge0`."""
    return f"{key[-1]} of {' -> '.join(key[1:-1])}"
