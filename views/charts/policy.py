"""The picture of a policy: latency over bandwidth, with every baseline's curve and the plans."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.parametric.policy_table import Policy
from splitfog.instances.instance import Instance
from splitfog.studies.curves import Curve
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import save_chart
from splitfog.views.style import FAINT, INK, RULE, Palette, fitted, in_seconds, scaled, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, WIDE = 9.6, 0.82, 6.77
"""Inches of the picture, left of the charts and of the charts; legends stand at their right."""
HEAD, CHART, BETWEEN, STRIP, FOOT = 0.7, 4.2, 0.2, 1.05, 0.64
"""Inches downwards: titles, the chart, and below it the strip of layers."""
ROW, LABEL_POINTS = 0.14, 7.5
"""Inches of a row of figures of break points, between titles and chart."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8c8c8c", "#7a5c00")
_DASHES: tuple[Any, ...] = ("--", "-.", ":", (0, (6, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_BREAK: dict[str, Any] = {
    "color": FAINT,
    "linewidth": 0.7,
    "linestyle": (0, (2, 2)),
    "zorder": 1,
}


def draw_policy(
    instance: Instance,
    policy: Policy,
    path: str | os.PathLike[str],
    curves: Sequence[Curve] = (),
) -> None:
    """Write the picture of a policy, `.png` or `.svg`.

    Both axes are logarithmic. The thick line is the optimum, exact everywhere, with a mark at every
    break point; the thin ones are other solvers' values. Below, the share of layers on every
    node.

    Parameters
    ----------
    instance, policy
        The policy must be this instance's, and have a plan.
    path
        Ends in `.png` or `.svg`.
    curves
        Of other solvers, all at the same points: `splitfog.studies.curves.solver_curves`.

    Raises
    ------
    ValueError
        For another ending, or a policy of another instance or without a plan.
    """
    if policy.instance_sha256 != instance.sha256:
        raise ValueError(f"the policy is for another instance, {policy.instance}")
    if not policy.pieces:
        raise ValueError(f"the policy has no plan: {policy.reason}")
    save_chart(lambda: _figure(instance, policy, curves), path)


def _figure(instance: Instance, policy: Policy, curves: Sequence[Curve]) -> Figure:
    from matplotlib.figure import Figure

    rows = 1 + max(_label_rows(policy), default=-1)
    height = HEAD + rows * ROW + CHART + STRIP + FOOT
    figure = Figure((WIDTH, height), facecolor="white")
    grid = figure.add_gridspec(
        2,
        1,
        height_ratios=(CHART, STRIP - BETWEEN),
        hspace=2 * BETWEEN / (CHART + STRIP - BETWEEN),
        left=LEFT / WIDTH,
        right=(LEFT + WIDE) / WIDTH,
        top=1 - (HEAD + rows * ROW) / height,
        bottom=FOOT / height,
    )
    above = figure.add_subplot(grid[0])
    below = figure.add_subplot(grid[1], sharex=above)
    _style(above, below, policy)
    others, optimal = _grouped(policy, curves)
    _optimum(above, policy, optimal)
    _curves(above, others)
    _breaks(above, below, policy)
    _layers(below, instance, policy)
    above.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=8.5, labelcolor=INK
    )
    below.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.15), frameon=False, fontsize=8.5, labelcolor=INK
    )
    varied = "bandwidth" if policy.link else "speed"
    title = f"{policy.instance}: best {policy.objective.name} by {varied}"
    lines = ((0.29, title, 12, "bold", INK), (0.52, _subtitle(policy), 9, "normal", "#555555"))
    for down, text, size, weight, colour in lines:
        y, text = 1 - down / height, fitted(text, 1.12 * size, WIDTH - LEFT - 0.1)
        figure.text(LEFT / WIDTH, y, text, fontsize=size, fontweight=weight, color=colour)
    return figure


def _subtitle(policy: Policy) -> str:
    count = len(policy.break_points)
    breaks = f"{count} break point{'' if count == 1 else 's'}"
    proven = policy.status == "optimal"
    proof = "optimal over placements everywhere" if proven else "no proof of optimality"
    return f"{policy.parameter.name}, {breaks}, {proof} ({policy.oracle})"


def _style(above: Axes, below: Axes, policy: Policy) -> None:
    above.set_xscale("log")
    above.set_yscale("log")
    above.set_xlim(policy.low, policy.high)
    above.set_ylabel("latency", color=INK)
    above.yaxis.set_major_formatter(lambda value, _: in_seconds(value))
    above.yaxis.set_minor_formatter(lambda value, _: _minor(above, value))
    below.xaxis.set_major_formatter(lambda value, _: scaled(value, policy.unit))
    what = f"{policy.link[0]} → {policy.link[1]}" if policy.link else policy.node
    below.set_xlabel(f"{'bandwidth' if policy.link else 'speed'} of {what}", color=INK)
    above.tick_params(labelbottom=False)
    above.grid(True, which="major", color=RULE, linewidth=0.6)
    for axes in (above, below):
        plain(axes)


def _minor(axes: Axes, value: float) -> str:
    """Labels between the powers of ten where the axis spans less than about one and a half."""
    low, high = axes.get_ylim()
    leading = f"{value:e}"[0]
    return in_seconds(value) if high / low < 30 and leading in "25" else ""


def _grouped(policy: Policy, curves: Sequence[Curve]) -> tuple[list[Curve], list[str]]:
    """Curves that coincide as one with all their names, and the names of those that are optimal."""
    if not curves:
        return [], []
    best = np.array([policy.value_at(min(max(x, policy.low), policy.high)) for x in curves[0].at])
    groups: list[tuple[NDArray[np.float64], list[str]]] = [(best, [])]
    for curve in curves:
        for values, names in groups:
            if np.allclose(values, curve.value_s, rtol=1e-6, atol=0, equal_nan=True):
                names.append(curve.name)
                break
        else:
            groups.append((curve.value_s, [curve.name]))
    at = curves[0].at
    return [Curve("\n".join(names), at, values) for values, names in groups[1:]], groups[0][1]


def _curves(axes: Axes, curves: Sequence[Curve]) -> None:
    for number, curve in enumerate(curves):
        axes.plot(
            curve.at,
            curve.value_s,
            color=_COLOURS[number % len(_COLOURS)],
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.3,
            label=curve.name,
        )


def _optimum(axes: Axes, policy: Policy, same: Sequence[str]) -> None:
    """Piece by piece, so that jumps at route flips show as jumps; `same` are optimal as well."""
    name = "\n".join(["optimal", *(f"= {solver}" for solver in same)])
    for number, piece in enumerate(policy.pieces):
        at = np.geomspace(piece.low, piece.high, 60)
        values = piece.alpha_s + piece.beta / at
        label = name if number == 0 else None
        axes.plot(
            at, values, color=INK, linewidth=3, solid_capstyle="butt", label=label, zorder=1.5
        )
        if number:
            edge = "white" if policy.kind_of(number - 1) == "plan" else INK
            axes.plot(
                piece.low, values[0], "o", color=INK, markersize=6.5, markeredgecolor=edge, zorder=4
            )


def _breaks(above: Axes, below: Axes, policy: Policy) -> None:
    """A line through both charts at every break point, and its figure above them."""
    for axes in (above, below):
        for point in policy.break_points:
            axes.axvline(point, **_BREAK)
    for point, row in zip(policy.break_points, _label_rows(policy), strict=True):
        top = 1 + row * ROW / CHART
        across = above.get_xaxis_transform()
        above.plot(
            [point, point], [1, top + 0.6 * ROW / CHART], transform=across, clip_on=False, **_BREAK
        )
        above.annotate(
            scaled(point, policy.unit),
            (point, top),
            xycoords=("data", "axes fraction"),
            xytext=(2, 1),
            textcoords="offset points",
            fontsize=LABEL_POINTS,
            color="#555555",
            va="bottom",
            annotation_clip=False,
        )


def _label_rows(policy: Policy) -> list[int]:
    """For every break point the row of its figure, 0 nearest to the chart: no two meet.

    From right to left each goes one row above whatever stands, or begins, where its text is.
    """
    points = policy.break_points
    span = np.log(policy.high / policy.low)
    places = [float(np.log(point / policy.low) / span) * WIDE for point in points]
    rows = [0] * len(points)
    for i in reversed(range(len(points))):
        end = places[i] + text_width(scaled(points[i], policy.unit), LABEL_POINTS) + 0.06
        under = [rows[k] for k in range(i + 1, len(points)) if places[k] < end]
        rows[i] = max(under, default=-1) + 1
    return rows


def _layers(axes: Axes, instance: Instance, policy: Policy) -> None:
    """The share of layers on every node, by piece."""
    names = [node.name for node in instance.nodes]
    colours = dict(zip(names, Palette(instance).nodes, strict=True))
    bottom = np.zeros(len(policy.pieces))
    rows = policy.rows()
    totals = np.array([sum(row["layers"].values()) for row in rows], float)
    lows = np.array([piece.low for piece in policy.pieces])
    highs = np.array([piece.high for piece in policy.pieces])
    for name in names:
        share = np.array([row["layers"].get(name, 0) for row in rows]) / totals
        if share.any():
            how: dict[str, Any] = {"bottom": bottom, "align": "edge", "color": colours[name]}
            axes.bar(lows, share, highs - lows, linewidth=0, label=name, **how)
            bottom = bottom + share
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.set_yticklabels(["0", "½", "1"])
    axes.set_ylabel("layers", color=INK)
