"""The picture of a Pareto front: its first two objectives, and where the layers are."""

from __future__ import annotations

import os
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from splitfog.formulations.fronts.criteria import unit_of
from splitfog.formulations.fronts.front import Front, FrontPoint
from splitfog.formulations.phases import DECODE, PREFILL
from splitfog.instances.instance import Instance
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import save_chart
from splitfog.views.style import FAINT, INK, RULE, Palette, fitted, in_bytes, in_seconds, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = "#0072B2"
_TOKENS = {
    f"latency:{PREFILL}": " (TTFT)",
    f"latency:{DECODE}": " (TPOT)",
    f"period:{DECODE}": " (pipelined, a token)",
}
MOST_BARS = 60
WIDTH = 9.6  # inches, unless names of nodes need more
LEGEND, WIDEST_LEGEND = 0.13 * WIDTH, 3.2  # inches of it
KEY = 0.65  # inches of a key and what is around it
TITLE_POINTS, LEGEND_POINTS = 12.0, 8.5
TIMES = " \u00d7 "


def draw_front(instance: Instance, front: Front, path: str | os.PathLike[str]) -> None:
    """Write the picture of a front, `.png` or `.svg`.

    Points by the first two objectives, a third one by colour; the staircase is the edge of what
    the points dominate. Beside it the share of layers on every node, point by point.

    Raises
    ------
    ValueError
        For another ending, a front of another instance or without points.
    """
    if front.instance_sha256 != instance.sha256:
        raise ValueError(f"the front is of another instance, {front.instance}")
    if not front.points:
        raise ValueError(f"the front has no points: {front.reason}")
    save_chart(lambda: _figure(instance, front), path)


def _figure(instance: Instance, front: Front) -> Figure:
    from matplotlib.figure import Figure

    legend = max(text_width(node.name, LEGEND_POINTS) for node in instance.nodes) + KEY
    width = WIDTH + max(0.0, min(legend, WIDEST_LEGEND) - LEGEND)
    figure = Figure((width, 5.2), facecolor="white")
    left, right = 0.09 * WIDTH / width, 1 - (LEGEND + width - WIDTH) / width
    grid = figure.add_gridspec(
        1, 2, width_ratios=(3, 2), wspace=0.28, left=left, right=right, top=0.84, bottom=0.13
    )
    _points(figure.add_subplot(grid[0]), front)
    _layers(figure.add_subplot(grid[1]), instance, front)
    weighed = f": {TIMES.join(map(_label, front.objectives))}"
    what = "contiguous placements" if front.proven_over == "contiguous" else "placements"
    proof = {
        "exact": f"all non-dominated {what}",
        "supported": f"the convex hull of the non-dominated {what}",
        "archive": "found by a search, without a proof",
    }[front.kind]
    held = f", contiguous in a {front.contiguous}" if front.contiguous else ""
    count = len(front.points)
    room = (0.98 - left) * width - text_width(weighed, 1.12 * TITLE_POINTS)
    title = fitted(front.instance, 1.12 * TITLE_POINTS, room) + weighed
    figure.text(left, 0.935, title, fontsize=TITLE_POINTS, fontweight="bold", color=INK)
    subtitle = f"{front.kind} front, {count} point{'' if count == 1 else 's'}{held}: {proof}"
    figure.text(left, 0.885, subtitle, fontsize=9, color="#555555")
    return figure


def _points(axes: Axes, front: Front) -> None:
    values = np.array([point.values for point in front.points])
    first, second = values[:, 0], values[:, 1]
    if len(front.objectives) == 2 and front.kind != "supported":
        axes.step(first, second, where="post", color=_LINE, linewidth=1.4, alpha=0.6, zorder=2)
    elif len(front.objectives) == 2:
        axes.plot(first, second, color=_LINE, linewidth=1.4, alpha=0.6, zorder=2)
    how: dict[str, Any] = {"s": 46, "edgecolor": "white", "linewidth": 1.0, "zorder": 3}
    if len(front.objectives) == 2:
        axes.scatter(first, second, color=_LINE, **how)
    else:
        shown = axes.scatter(first, second, c=values[:, 2], cmap="viridis", **how)
        bar = axes.figure.colorbar(shown, ax=axes, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_formatter(_formatter(front.objectives[2]))
        bar.set_label(_label(front.objectives[2]), fontsize=9, color=INK)
        bar.ax.tick_params(labelsize=8, color=FAINT)
    axes.margins(0.08)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(_formatter(front.objectives[0]))
    axes.yaxis.set_major_formatter(_formatter(front.objectives[1]))
    axes.set_xlabel(_label(front.objectives[0]), color=INK)
    axes.set_ylabel(_label(front.objectives[1]), color=INK)
    axes.grid(True, color=RULE, linewidth=0.6)
    plain(axes)
    if len(first) <= 12:
        for number, point in enumerate(zip(first, second, strict=True), 1):
            axes.annotate(
                str(number),
                point,
                xytext=(5, 5),
                textcoords="offset points",
                fontsize=8,
                color="#555555",
            )


def _layers(axes: Axes, instance: Instance, front: Front) -> None:
    """A bar a point, divided by node; the first point on top."""
    shown = front.points[:MOST_BARS]
    colours = Palette(instance).nodes
    at = np.arange(1, len(shown) + 1)
    bars: list[list[tuple[int, float, float]]] = [[] for _ in instance.nodes]
    for row, point in enumerate(shown, 1):
        runs = _runs(instance, point)
        left, total = 0, sum(count for _, count in runs)
        for name, count in runs:
            bars[instance.node_index[name]].append((row, left / total, count / total))
            left += count
    for node, own, colour in zip(instance.nodes, bars, colours, strict=True):
        if own:
            rows, lefts, widths = zip(*own, strict=True)
            label = fitted(node.name, LEGEND_POINTS, WIDEST_LEGEND - KEY)
            axes.barh(rows, widths, 0.8, left=lefts, color=colour, label=label)
    axes.set_ylim(len(shown) + 0.6, 0.4)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.set_xticklabels(["0", "½", "1"])
    axes.set_xlabel("layers, in order of visit" if _is_pipeline(instance) else "layers", color=INK)
    more = len(front.points) - len(shown)
    some = f" (the first {len(shown)} of {len(front.points)})" if more else ""
    axes.set_ylabel(f"point{some}", color=INK)
    axes.set_yticks(at[:: 1 + len(at) // 13])
    plain(axes)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1.02),
        frameon=False,
        fontsize=LEGEND_POINTS,
        labelcolor=INK,
    )


def _runs(instance: Instance, point: FrontPoint) -> list[tuple[str, int]]:
    """How many layers are where: node by node, of a request in order of visit."""
    if _is_pipeline(instance):
        model, (entry,) = instance.model_of(instance.tasks[0]), point.tasks
        layers = [model.layers[i] for i in model.order.tolist()]
        places = [entry.placement[layer.name] for layer in layers if layer.op != "input"]
        return [(name, len(list(run))) for name, run in groupby(places)]
    counts = Counter(name for entry in point.tasks for name in entry.placement.values())
    return [(node.name, counts[node.name]) for node in instance.nodes if counts[node.name]]


def _is_pipeline(instance: Instance) -> bool:
    """Whether there is one task only, whose model lists passes."""
    return len(instance.tasks) == 1 and instance.model_of(instance.tasks[0]).passes is not None


def _formatter(objective: str) -> Any:
    shown = in_bytes if unit_of(objective) == "B" else in_seconds
    return lambda value, _: shown(value) if value >= 0 else ""


def _label(objective: str) -> str:
    kind, _, where = objective.partition(":")
    if kind == "memory":
        return f"weights on {where}"
    if kind == "bytes":
        return f"bytes {where.replace(',', ' → ', 1)}"
    return f"{kind} of {where}{_TOKENS.get(objective, '')}" if where else kind
