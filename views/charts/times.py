"""The picture of how long solvers take and how good their plans are: a point a solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from splitfog.instances.readable import in_seconds
from splitfog.studies.summary import SummaryRow
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import chart
from splitfog.views.charts.gaps import label_gaps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
COLOURS = 10
"""Of matplotlib's cycle; then the next marker."""


def times_picture(lines: Sequence[SummaryRow], title: str, suffix: str) -> bytes:
    """A picture (`.png` or `.svg`): mean gaps, with their intervals, over mean run times.

    The scale of gaps is linear up to 1 % and logarithmic beyond. Solvers without a gap or a time
    are named below; a mean over other instances than its neighbours is hollow.
    """
    return chart(lambda: _figure(lines, title), suffix)


def _figure(lines: Sequence[SummaryRow], title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(8, max(4.0, 1.2 + 0.2 * len(lines))), layout="constrained")
    axes = figure.subplots()
    left_out, most = [], 1.0
    for rank, line in enumerate(lines):
        if line.mean_gap is None or not line.mean_s:
            left_out.append(line.solver)
            continue
        gap = 100 * line.mean_gap
        low, high = (gap if each is None else 100 * each for each in (line.gap_low, line.gap_high))
        most = max(most, high)
        axes.errorbar(
            line.mean_s,
            gap,
            yerr=[[max(gap - low, 0.0)], [max(high - gap, 0.0)]],
            fmt=MARKERS[rank // COLOURS % len(MARKERS)],
            color=f"C{rank % COLOURS}",
            mfc="none" if line.not_comparable else f"C{rank % COLOURS}",
            elinewidth=0.8,
            label=line.solver,
        )
    plain(axes)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda seconds, _: in_seconds(seconds))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.minorticks_off()
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(-0.05, 1.2 * most)
    label_gaps(axes.yaxis, most)
    note = f"\nwithout a gap: {', '.join(left_out)}" if left_out else ""
    axes.set_xlabel(f"mean time of a run{note}", wrap=True)
    axes.set_ylabel("mean gap to the best bound in %")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    if len(left_out) < len(lines):
        figure.legend(loc="outside right upper", fontsize="small")
    return figure
