"""`sf.import_trace`: a log of a network or a node as a trace."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

import numpy as np

from splitfog.instances.arguments import brief, choice, mapping, number, text, texts, wrong
from splitfog.instances.arguments import path as path_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import read_bytes
from splitfog.instances.traces.csv_form import lasting
from splitfog.instances.traces.importers.cells import text_of
from splitfog.instances.traces.importers.forms import FORMS, NONE, Reading
from splitfog.instances.traces.importers.gaps import Gaps, filled
from splitfog.instances.traces.importers.samples import (
    cell_defects,
    gap_defects,
    line_of,
    per_second,
)
from splitfog.instances.traces.records import LINK_QUANTITIES, NODE_QUANTITIES, Series
from splitfog.instances.traces.trace import Trace, named_after

AMOUNT = "bytes"
"""The unit of what has come since the line before."""

UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "bandwidth_bps": {
            "Mbit/s": 1e6,
            "kbit/s": 1e3,
            "bit/s": 1.0,
            "Gbit/s": 1e9,
            "bytes/s": 8.0,
            "kB/s": 8e3,
            "MB/s": 8e6,
            AMOUNT: 8.0,
        },
        "latency_s": {"s": 1.0, "ms": 1e-3},
        "load": {"": 1.0},
        "up": {"": 1.0},
    }
)
"""By quantity what a value in each unit is multiplied by; the first is the default."""

TIME_UNITS = MappingProxyType({"s": 1.0, "ms": 1e-3, "us": 1e-6})
GAPS: tuple[Gaps, ...] = get_args(Gaps)


def import_trace(
    path: str | os.PathLike[str],
    *,
    form: str,
    link: tuple[str, str] | None = None,
    node: str | None = None,
    quantity: str | None = None,
    directions: str = "forward",
    unit: str | None = None,
    column: str | None = None,
    time_column: str | None = None,
    time_unit: str = "s",
    group: Mapping[str, str] | None = None,
    step_s: float = 1.0,
    bin_s: float = 1.0,
    max_step_s: float | None = None,
    gaps: str = "error",
    end: str = "repeat",
    name: str | None = None,
) -> Trace:
    """A log as a trace with one series, whose first time is 0.

    The last value holds for the median of the steps before it.

    Parameters
    ----------
    path
        Of the log, `.gz` or not.
    form : "rate", "time-rate", "mahimahi" or "columns"
        A value a line; a time and a value a line; a millisecond a line for every packet of 1500
        bytes that may pass; a column of a table.
    link, node
        Whose figure it is: a link (from, to), or a node.
    quantity
        `bandwidth_bps` (default), `latency_s` or `up` of a link; `load` (default) or `up` of a
        node.
    directions : "forward" or "both"
        Of a link: one way, or both of a duplex one.
    unit
        Of the values: of a bandwidth Mbit/s (default), kbit/s, bit/s, Gbit/s, bytes/s, kB/s, MB/s,
        or bytes, those since the line before; of a latency s (default) or ms.
    column, time_column
        Of `columns`: names in the header, or places from 1 on in a log without one. Without
        `time_column` lines are `step_s` apart.
    time_unit : "s", "ms" or "us"
        Of times that are numbers; others are ISO 8601 or as in 2018.01.18_15.30.52.
    group
        Of `columns`: {column: text}, of the lines to read.
    step_s
        Seconds from one value to the next where the log has no times.
    bin_s
        Of `mahimahi`: seconds of packets that are counted together.
    max_step_s
        A longer step is a gap; None: no step is.
    gaps : "error", "hold", "linear" or "stall"
        Values that are missing, and steps that are too long, are refused; or the value before
        lasts, or the way to the next is drawn, or there is 0.
    end : "repeat" or "hold"
        What comes after the log.
    name
        Of the trace; None: the file's.

    Returns
    -------
    Trace
        Its `meta` says what it was made of.

    Raises
    ------
    InstanceError
        With a sentence for everything that is wrong in the log, by line (at most 20).
    ValueError
        For arguments that do not make sense.
    """
    path = path_of("path", path)
    owner = _owner(link, node, quantity, directions)
    kind = owner["quantity"]
    form = choice("form", form, tuple(FORMS))
    for argument, given in (("column", column), ("time_column", time_column), ("group", group)):
        if given is not None and form != "columns":
            raise wrong(argument, given, f"left out: only form columns has columns, not {form}")
    unit, factor = _unit(kind, form, unit)
    gaps = _checked_gaps(gaps, kind)
    limit = None if max_step_s is None else number("max_step_s", max_step_s, above=0)
    how: dict[str, Any] = {
        "step_s": number("step_s", step_s, above=0),
        "bin_s": number("bin_s", bin_s, above=0),
        "column": None if column is None else text("column", column, "a column's name"),
        "time_column": None if time_column is None else text("time_column", time_column),
        "time_unit_s": TIME_UNITS[choice("time_unit", time_unit, tuple(TIME_UNITS))],
        "group": {} if group is None else _texts(group),
    }
    end = choice("end", end, ("repeat", "hold"))
    name = named_after(path) if name is None else text("name", name)
    content = read_bytes(path)
    samples = FORMS[form](Reading(text=text_of(content, path.name), origin=path.name, **how))
    bad = cell_defects(samples, kind) + (gap_defects(samples, limit) if gaps == "error" else [])
    if bad:
        raise InstanceError(path.name, sorted(bad, key=line_of))
    samples = samples.in_seconds()
    samples = per_second(samples) if unit == AMOUNT else samples
    if np.isnan(samples.values).all():
        raise InstanceError(path.name, [NONE])
    whole = filled(samples, gaps, limit)
    times, values = tuple(whole.times.tolist()), tuple((whole.values * factor).tolist())
    told = {"unit": unit, "column": column, "group": group, "max_step_s": max_step_s}
    origin = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "form": form,
        "gaps": gaps,
        **{key: value for key, value in told.items() if value is not None},
    }
    return Trace(
        name=name,
        duration_s=lasting(samples.times) if whole.duration is None else whole.duration,
        end="hold" if end == "hold" else "repeat",
        series=(Series(**owner, times_s=times, values=values),),
        meta={"imported": origin},
    )


def _owner(link: Any, node: Any, quantity: Any, directions: Any) -> dict[str, Any]:
    """Whose figure it is, as a series has it."""
    if (link is None) == (node is None):
        both = f"link = {brief(link)} and node = {brief(node)}"
        raise ValueError(f"{both}, one of them must say whose figure it is")
    choice("directions", directions, ("both", "forward"))
    if node is not None:
        kind = choice("quantity", "load" if quantity is None else quantity, NODE_QUANTITIES)
        return {"node": text("node", node, "a node's name"), "quantity": kind}
    pair = texts("link", link, "two names: (from, to)")
    if isinstance(link, str) or len(pair) != 2:
        raise wrong("link", link, "two names: (from, to)")
    kind = choice("quantity", "bandwidth_bps" if quantity is None else quantity, LINK_QUANTITIES)
    return {"link": pair, "quantity": kind, "directions": directions}


def _unit(kind: str, form: str, unit: Any) -> tuple[str | None, float]:
    """The unit, where there is one, and what a value is multiplied by."""
    if form == "mahimahi":
        if kind != "bandwidth_bps":
            raise wrong("quantity", kind, "bandwidth_bps: form mahimahi counts packets")
        if unit is not None:
            raise wrong("unit", unit, "left out: form mahimahi counts packets")
        return None, 1.0
    units = UNITS[kind]
    if "" in units:
        if unit is not None:
            raise wrong("unit", unit, f"left out: {kind} has none")
        return None, 1.0
    chosen = choice("unit", next(iter(units)) if unit is None else unit, tuple(units))
    return chosen, units[chosen]


def _checked_gaps(gaps: Any, kind: str) -> Gaps:
    """How gaps are filled, where that makes sense for the figure."""
    choice("gaps", gaps, GAPS)
    if gaps == "stall" and kind in ("latency_s", "load"):
        raise wrong("gaps", gaps, f"error, hold or linear for {kind}")
    if gaps == "linear" and kind == "up":
        raise wrong("gaps", gaps, "error, hold or stall for up")
    found: Gaps = gaps
    return found


def _texts(group: Any) -> dict[str, str]:
    """The texts that lines must hold, by column."""
    what = "texts by column"
    return {name: text("group", held, what) for name, held in mapping("group", group, what).items()}
