"""A trace at a glance: in a line, and as the table of a notebook."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from splitfog.instances.readable import (
    MOST_ROWS,
    counted,
    html_table,
    html_text,
    in_seconds,
    printable,
    scaled,
)
from splitfog.instances.traces.records import UNITS, Quantity, Series


class Shown(Protocol):
    """What there is to see of a trace."""

    @property
    def name(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def end(self) -> str: ...
    @property
    def series(self) -> tuple[Series, ...]: ...


def trace_line(trace: Shown) -> str:
    """`<Trace norway-bus-1: 474 s, then repeat, 1 series, 266 values>`."""
    values = sum(len(series.values) for series in trace.series)
    return (
        f"<Trace {printable(trace.name)}: {in_seconds(trace.duration_s)}, then {trace.end}, "
        f"{len(trace.series)} series, {counted(values, 'value')}>"
    )


def trace_html(trace: Shown) -> str:
    """Whose figures vary and between which values, as a table."""
    rows = []
    for series in trace.series:
        average = mean(series, trace.duration_s)
        figures = (min(series.values), average, max(series.values))
        shown = (in_figure(value, series.quantity) for value in figures)
        rows.append((owner(series), series.quantity, str(len(series.values)), *shown))
    table = html_table(("of", "quantity", "values", "least", "mean", "most"), rows, MOST_ROWS)
    return f"<div>\n<p>{html_text(trace_line(trace).strip('<>'))}</p>\n{table}\n</div>"


def mean(series: Series, duration_s: float) -> float:
    """Of the values over time."""
    seconds = np.diff(np.array([*series.times_s, duration_s]))
    return float(np.average(np.array(series.values), weights=seconds))


def owner(series: Series) -> str:
    """Whose figure it is, in words: `device <-> edge0`, `device -> edge0`, `edge0`."""
    if series.link is None:
        return series.node or ""
    return (" -> " if series.directions == "forward" else " <-> ").join(series.link)


def in_figure(value: float, quantity: Quantity) -> str:
    """A value of a quantity for a reader: `2.5 Mbit/s`, `20 ms`, `1.5`."""
    if quantity == "latency_s":
        return in_seconds(value)
    return scaled(value, UNITS[quantity]).strip()
