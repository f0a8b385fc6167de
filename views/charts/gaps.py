"""The picture of a comparison: every solver's gaps."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.readable import in_seconds
from splitfog.studies.cells import NO_BOUND, reservation
from splitfog.studies.rows import Table
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from splitfog.studies.row import Row


def gap_picture(table: Table, objective: str, suffix: str) -> bytes:
    """A picture (`.png` or `.svg`): each solver's gap on every instance, and its mean.

    The scale is linear up to 1 % and logarithmic beyond, so that 0 and 1,000 % both fit. Dots of
    bounds over placements are hollow: beside those over all plans a smaller gap may be of a dearer
    plan. Plans that no bound is known for are counted beside the dots; a solver without a gap has
    its row, which says what its plans cost, or that there are none.
    """
    return chart(lambda: _figure(table, objective), suffix)


def _figure(table: Table, objective: str) -> Figure:
    from matplotlib.figure import Figure

    plans: dict[str, list[Row]] = {}
    for row in table.of(objective):
        plans.setdefault(row.solver, []).extend([] if row.value is None else [row])
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(plans)), layout="constrained")
    axes = figure.subplots()
    most = max([1.0, *(100 * row.gap for own in plans.values() for row in own if row.gap)])
    plain(axes)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.05, most * 1.2)
    reached = _reached(table.of(objective))
    for height, own in enumerate(reversed(plans.values())):
        _draw_gaps(axes, height, own, reached)
        _draw_unbounded(axes, height, own)
    label_gaps(axes.xaxis, most)
    axes.set_yticks(range(len(plans)), list(reversed(plans)))
    axes.set_ylim(-0.6, len(plans) - 0.4)
    note = reservation(table.of(objective))
    dots = "dots: instances, hollow over placements" if note else "each dot one instance"
    label = f"gap to the best bound in % ({dots}, red: mean)"
    axes.set_xlabel(f"{label}\n{note}" if note else label)
    axes.set_title(f"{objective}{', ' if table.counting else ''}{table.counting}")
    axes.grid(axis="x", alpha=0.3)
    return figure


def label_gaps(axis: Axis, most: float) -> None:
    """Ticks in per cent on a scale that is linear up to 1 and logarithmic up to `most`."""
    ticks = [0.0, *(10.0**power for power in range(16) if 10.0**power <= most)]
    axis.set_ticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axis.set_ticks([], minor=True)


def _draw_gaps(axes: Axes, height: int, plans: Sequence[Row], reached: dict[str, float]) -> None:
    """A solver's dots, hollow where no bound over all plans is as close, and their mean."""
    dots: dict[bool, list[float]] = {True: [], False: []}
    for row in plans:
        if row.gap is not None and row.value is not None:
            bound = row.value * (1 - row.gap) * (1 - EQUAL)
            dots[bound > reached.get(row.instance, inf)].append(100 * row.gap)
    for is_hollow, gaps in dots.items():
        face = "none" if is_hollow else "tab:blue"
        look: dict[str, Any] = {"mec": "tab:blue", "mfc": face, "alpha": 0.45, "clip_on": False}
        if gaps:
            axes.plot(gaps, [height] * len(gaps), "o", **look)
    both = [*dots[True], *dots[False]]
    if both:
        axes.plot(sum(both) / len(both), height, "|", color="tab:red", ms=16, mew=2)


def _reached(rows: Sequence[Row]) -> dict[str, float]:
    """Of instances with bounds over placements, the largest bound over all plans, 0 without one."""
    reached = {row.instance: 0.0 for row in rows if reservation([row])}
    for row in rows:
        if row.instance in reached and row.proven_over == "all":
            reached[row.instance] = max(reached[row.instance], row.lower_bound or 0.0)
    return reached


def _draw_unbounded(axes: Axes, height: int, plans: Sequence[Row]) -> None:
    """How many of a solver's plans have no gap; where none has one, what they cost."""
    values = [row.value for row in plans if row.gap is None and row.value is not None]
    how: dict[str, Any] = {"va": "center", "color": "#555555", "size": "small", "zorder": 3}
    if values and len(values) < len(plans):
        beside = axes.get_yaxis_transform()
        axes.text(1.02, height, f"and {len(values)} with {NO_BOUND}", transform=beside, **how)
    elif values or not plans:
        why = f"{NO_BOUND}: {_span(values)}" if values else "no plan"
        axes.text(0, height, why, **how)


def _span(values: Sequence[float]) -> str:
    """One value, or how many there are and from which to which."""
    least, most = in_seconds(min(values)), in_seconds(max(values))
    return least if len(values) == 1 else f"{len(values)} plans, {least} to {most}"
