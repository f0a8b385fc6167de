"""The picture of a trace: every figure over time, a chart a quantity."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.json_files import write_whole
from splitfog.instances.readable import html_text
from splitfog.instances.traces.overview import in_figure, owner
from splitfog.instances.traces.records import Quantity, Series
from splitfog.instances.traces.trace import Trace
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import chart
from splitfog.views.style import INK, RULE, fitted, in_seconds, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf", ".html")

WIDTH, LEFT, WIDE = 9.6, 1.0, 6.6
"""Inches of the picture, left of the charts and of the charts; legends stand at their right."""
HEAD, CHART, BETWEEN, FOOT = 0.75, 1.9, 0.35, 0.55
"""Inches downwards: titles, a chart, what is between charts, and what is below them."""

MOST_DRAWN = 2000
"""Steps that are drawn one by one; of more the least and the most of each stretch."""

QUANTITIES: tuple[tuple[Quantity, str], ...] = (
    ("bandwidth_bps", "bandwidth"),
    ("latency_s", "latency"),
    ("load", "load"),
    ("up", "up"),
)
MOST_NAMED = 8

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8c8c8c", "#7a5c00")


def draw_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write the picture of a trace: every figure over time, a chart a quantity.

    Parameters
    ----------
    trace
        With at least one series.
    path
        Ends in `.png`, `.svg`, `.pdf` or `.html` (with the figures in a table).

    Raises
    ------
    ValueError
        For another ending, or a trace without series.
    """
    trace = record("trace", trace, Trace, "a Trace")
    path = path_of("path", path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name}: must end in one of {', '.join(SUFFIXES)}")
    if not trace.series:
        raise ValueError(f"trace {trace.name} has no series: there is nothing to draw")
    write_whole(path, _page(trace) if suffix == ".html" else chart(lambda: _figure(trace), suffix))


def _page(trace: Trace) -> bytes:
    svg = chart(lambda: _figure(trace), ".svg").decode("utf-8")
    title = html_text(trace.name)
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    body = f"<h1>{title}</h1>\n{svg[svg.index('<svg') :]}\n{trace._repr_html_()}"
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n<body>{body}</body></html>\n'.encode()


def _figure(trace: Trace) -> Figure:
    from matplotlib.figure import Figure

    groups = [
        (label, [series for series in trace.series if series.quantity == quantity])
        for quantity, label in QUANTITIES
    ]
    groups = [(label, series) for label, series in groups if series]
    height = HEAD + len(groups) * CHART + (len(groups) - 1) * BETWEEN + FOOT
    figure = Figure((WIDTH, height), facecolor="white")
    for i, (label, series) in enumerate(groups):
        bottom = height - HEAD - (i + 1) * CHART - i * BETWEEN
        axes = figure.add_axes((LEFT / WIDTH, bottom / height, WIDE / WIDTH, CHART / height))
        _chart(axes, label, series, trace.duration_s)
        axes.tick_params(labelbottom=i == len(groups) - 1)
    axes.set_xlabel("time in s", color=INK)
    across = LEFT / WIDTH
    title = fitted(printable(trace.name), 13, WIDE)
    figure.text(across, 1 - 0.3 / height, title, fontsize=12, fontweight="bold", color=INK)
    after = "then all begins again" if trace.end == "repeat" else "then the last values stay"
    about = f"{in_seconds(trace.duration_s)}, {after}"
    figure.text(across, 1 - 0.52 / height, about, fontsize=9, color="#555555")
    return figure


def _chart(axes: Axes, label: str, listed: Sequence[Series], duration_s: float) -> None:
    quantity = listed[0].quantity
    for i, series in enumerate(listed):
        how: dict[str, Any] = {"color": _COLOURS[i % len(_COLOURS)], "linewidth": 1.1}
        name = fitted(owner(series).replace("<->", "↔").replace("->", "→"), 8.5, 1.6)
        shown = name if i < MOST_NAMED else None
        times, low, high = _drawn(series, duration_s)
        axes.stairs(high, times, baseline=None, label=shown, **how)
        if low is not high:
            axes.stairs(high, times, baseline=low, fill=True, alpha=0.35, color=how["color"])
            axes.stairs(low, times, baseline=None, **how)
    axes.set_xlim(0, duration_s)
    if quantity == "up":
        axes.set_ylim(-0.1, 1.1)
        axes.set_yticks([0, 1])
        axes.set_yticklabels(["down", "up"])
    else:
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="y", nbins=5)
        axes.yaxis.set_major_formatter(lambda value, _: in_figure(value, quantity))
    axes.set_ylabel(label, color=INK)
    axes.grid(True, color=RULE, linewidth=0.6)
    plain(axes)
    more = len(listed) - MOST_NAMED
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.04),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        title=f"{more} more are not named" if more > 0 else None,
        title_fontsize=8,
    )


def _drawn(
    series: Series, duration_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edges of stretches of time, and the least and the most value of each, which may be one."""
    edges = np.array([*series.times_s, duration_s])
    values = np.array(series.values)
    if len(values) <= MOST_DRAWN:
        return edges, values, values
    starts = np.linspace(0, len(values), MOST_DRAWN // 2, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.append(edges[starts], duration_s), low, high
