"""The picture of performance profiles: how often each solver is within a factor of the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from splitfog.studies.statistics.profiles import Profile
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", "-.", ":")
COLOURS = 10
"""Of matplotlib's cycle; then the next style of line."""


def profile_picture(profiles: Sequence[Profile], title: str, suffix: str) -> bytes:
    """A picture (`.png` or `.svg`): a step line a solver, factors on a logarithmic scale.

    A line that ends below 100 % is of a solver that has no plan for some instances.
    """
    return chart(lambda: _figure(profiles, title), suffix)


def _figure(profiles: Sequence[Profile], title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(8, max(4.0, 1.2 + 0.2 * len(profiles))), layout="constrained")
    axes = figure.subplots()
    plain(axes)
    reached = [profile.ratios[np.isfinite(profile.ratios)] for profile in profiles]
    most = 1.05 * max([1.1, *(float(ratios[-1]) for ratios in reached if ratios.size)])
    for rank, (profile, ratios) in enumerate(zip(profiles, reached, strict=True)):
        shares = 100 * np.arange(ratios.size + 1) / profile.ratios.size
        at = [1.0, *ratios, most]
        style = STYLES[rank // COLOURS % len(STYLES)]
        axes.step(at, [*shares, shares[-1]], style, where="post", label=profile.solver)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
    axes.set_xlim(1, most)
    axes.set_ylim(-2, 102)
    axes.set_xlabel("cost over the best cost, at most")
    axes.set_ylabel("% of instances")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return figure
