"""The picture of a plan table: which plan is to be used where, over two of its figures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.readable import counted
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import save_chart
from splitfog.views.style import INK, fitted, hue, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from splitfog.formulations.parametric import figure as parametric

WIDTH, HEIGHT = 9.6, 5.0
LEFT, WIDE, TOP, TALL = 0.82, 5.6, 0.75, 3.6
"""Inches of the picture, and of the map in it; the legend stands at its right."""
CELLS = 400
"""Points along either axis at which a plan is looked up."""
MOST_PLANS = 18
"""Plans with a place in the legend."""


def draw_plan_map(table: PlanTable, path: str | os.PathLike[str]) -> None:
    """Write the map of a table's plans, `.png` or `.svg`.

    Both axes, the table's first two figures, are logarithmic. Further figures are as in the
    instance, or at the nearest limit of their range. A cross marks the instance's own figures.

    Parameters
    ----------
    table
        Over two figures or more, with a plan.
    path
        Ends in `.png` or `.svg`.

    Raises
    ------
    ValueError
        For another ending, and a table over one figure or without a plan.
    """
    if len(table.figures) < 2:
        raise ValueError("a map needs two figures that vary, must be more than one")
    if not table.plans:
        raise ValueError(f"the table has no plan: {table.reason}")
    save_chart(lambda: _figure(table), path)


def plan_map(table: PlanTable) -> tuple[NDArray[np.float64], NDArray[np.float64], Any]:
    """The values of both axes, and [second, first] the plan at each pair of them."""
    first, second = (_axis(figure) for figure in table.figures[:2])
    points = np.empty((len(first) * len(second), len(table.figures)))
    points[:, 0] = np.tile(first, len(second))
    points[:, 1] = np.repeat(second, len(first))
    points[:, 2:] = [_own(figure) for figure in table.figures[2:]]
    return first, second, table.choose(points).reshape(len(second), len(first))


def _axis(figure: parametric.Figure) -> NDArray[np.float64]:
    return np.asarray(np.geomspace(figure.low, figure.high, CELLS).clip(figure.low, figure.high))


def _own(figure: parametric.Figure) -> float:
    """What the instance says, within the box."""
    own = 1.0 if figure.own is None else figure.own
    return min(max(own, figure.low), figure.high)


def _figure(table: PlanTable) -> Figure:
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    first, second, plans = plan_map(table)
    used = np.unique(plans)
    colours = [hue(at, len(used)) for at in range(len(used))]
    figure = Figure((WIDTH, HEIGHT), facecolor="white")
    bottom = 1 - (TOP + TALL) / HEIGHT
    axes = figure.add_axes((LEFT / WIDTH, bottom, WIDE / WIDTH, TALL / HEIGHT))
    axes.pcolormesh(
        first,
        second,
        np.searchsorted(used, plans),
        cmap=ListedColormap(colours),
        vmin=-0.5,
        vmax=len(used) - 0.5,
        shading="nearest",
        rasterized=True,
    )
    _style(axes, table)
    rows = table.rows()
    handles = [
        Patch(color=colour, label=_label(rows[plan]["layers"], plan))
        for plan, colour in zip(used[:MOST_PLANS].tolist(), colours, strict=False)
    ]
    if len(used) > MOST_PLANS:
        handles.append(Patch(color="white", label=f"and {len(used) - MOST_PLANS} more"))
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
    for down, text, size, weight, colour in _titles(table, len(used)):
        shown = fitted(text, 1.12 * size, WIDTH - LEFT - 0.1)
        where = (LEFT / WIDTH, 1 - down / HEIGHT)
        figure.text(*where, shown, fontsize=size, fontweight=weight, color=colour)
    return figure


def _style(axes: Axes, table: PlanTable) -> None:
    across, along = table.figures[:2]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: _shown(across, value))
    axes.yaxis.set_major_formatter(lambda value, _: _shown(along, value))
    axes.set_xlabel(across.name.replace("->", "→"), color=INK)
    axes.set_ylabel(along.name.replace("->", "→"), color=INK)
    axes.plot(_own(across), _own(along), "+", color=INK, markersize=12, markeredgewidth=2)
    plain(axes)


def _shown(figure: parametric.Figure, value: float) -> str:
    return f"{value:g}" if figure.link is None else scaled(value, figure.unit)


def _label(layers: dict[str, int], plan: int) -> str:
    """What a plan does: how many layers where."""
    return f"{plan}: " + ", ".join(f"{node} {count}" for node, count in layers.items())


def _titles(table: PlanTable, used: int) -> tuple[tuple[float, str, float, str, str], ...]:
    others = [f"{one.name} {_shown(one, _own(one))}" for one in table.figures[2:]]
    proven = table.status == "optimal"
    proof = "optimal over placements everywhere" if proven else "no proof of optimality"
    below = ", ".join([counted(used, "plan"), proof, *others])
    title = f"{table.instance}: best {table.objective.name} by two figures"
    return (0.29, title, 12, "bold", INK), (0.52, below, 9, "normal", "#555555")
