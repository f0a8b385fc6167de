"""The picture of a comparison: every solver's gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splitfog.studies.rows import Table
from splitfog.views.charts.figure_file import chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gap_picture(table: Table, objective: str, suffix: str) -> bytes:
    """A picture (`.png` or `.svg`): each solver's gap on every instance, and its mean.

    A solver without a gap has its row, which says why. The scale is linear up to 1 % and
    logarithmic beyond, so that 0 and 1,000 % both fit.
    """
    return chart(lambda: _figure(table, objective), suffix)


def _figure(table: Table, objective: str) -> Figure:
    from matplotlib.figure import Figure

    gaps: dict[str, list[float]] = {}
    planned = {row.solver for row in table.of(objective) if row.value is not None}
    for row in table.of(objective):
        own = gaps.setdefault(row.solver, [])
        if row.gap is not None:
            own.append(100 * row.gap)
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(gaps)), layout="constrained")
    axes = figure.subplots()
    for height, (solver, own) in enumerate(reversed(gaps.items())):
        if not own:
            why = "no bound known" if solver in planned else "no plan"
            axes.text(0, height, why, va="center", color="#555555", size="small", zorder=3)
            continue
        axes.plot(own, [height] * len(own), "o", color="tab:blue", alpha=0.45, clip_on=False)
        axes.plot(sum(own) / len(own), height, "|", color="tab:red", ms=16, mew=2)
    most = max([1.0, *(max(own, default=0.0) for own in gaps.values())])
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.05, most * 1.2)
    ticks = [0.0, *(10.0**power for power in range(16) if 10.0**power <= most)]
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.set_yticks(range(len(gaps)), list(reversed(gaps)))
    axes.set_ylim(-0.6, len(gaps) - 0.4)
    axes.set_xlabel("gap to the best bound in % (each dot one instance, red: mean)")
    axes.set_title(f"{objective}{', ' if table.counting else ''}{table.counting}")
    axes.grid(axis="x", alpha=0.3)
    return figure
