"""The picture of a replay: figures over time, every way's latencies, and the plans they used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.contest.rows import RequestRow
from splitfog.instances.readable import counted
from splitfog.instances.traces.records import UNITS
from splitfog.studies.replays.result import FigureCurve, Replay
from splitfog.views.charts.axes import plain
from splitfog.views.charts.figure_file import chart
from splitfog.views.style import INK, RULE, fitted, hue, in_seconds, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, WIDE = 11.0, 1.25, 7.4
"""Inches of the picture, left of the charts and of the charts; legends stand at their right."""
HEAD, FIGURE, LATENCY, ROW, BETWEEN, FOOT = 0.8, 0.95, 2.8, 0.24, 0.22, 0.6
"""Inches downwards: titles, the chart of a figure, that of the latencies, a way's row in the strip
of plans, between two of them, and below the last."""

MOST_FIGURES, MOST_STEPS, MOST_POINTS, MOST_RUNS, MOST_PLANS = 8, 2000, 600, 600, 12
"""Charts of figures; steps of one; points of a line; runs of one plan in a strip; plans with a
colour of their own. Of more, parts of the time are drawn as one."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8c8c8c", "#7a5c00")
_OTHER, _NONE = "#c9c9c9", "#000000"


def replay_chart(replay: Replay, seed: int, suffix: str) -> bytes:
    """The bytes of the picture of one seed's requests; `suffix` is one that `chart` knows."""
    return chart(lambda: _figure(_Drawn.of(replay, seed)), suffix)


@dataclass(frozen=True)
class _Drawn:
    """What is drawn of a replay: one seed's rows, way by way."""

    replay: Replay
    seed: int
    ways: Mapping[str, Sequence[RequestRow]]
    colours: Mapping[str, Any]
    """By name of plan, in the order of the first use."""

    @classmethod
    def of(cls, replay: Replay, seed: int) -> _Drawn:
        ways: dict[str, list[RequestRow]] = {}
        for row in replay.rows:
            if row.seed == seed:
                ways.setdefault(row.adapt, []).append(row)
        plans = _by_use([row.plan for rows in ways.values() for row in rows if row.plan])
        shown = plans[:MOST_PLANS]
        colours = {name: hue(i, min(len(plans), MOST_PLANS)) for i, name in enumerate(shown)}
        return cls(replay, seed, ways, colours)

    @property
    def curves(self) -> Sequence[FigureCurve]:
        return self.replay.curves[:MOST_FIGURES]


def _by_use(plans: Sequence[str]) -> list[str]:
    """The names of plans, that of most requests first."""
    return [name for name, _ in Counter(plans).most_common()]


def _figure(drawn: _Drawn) -> Figure:
    from matplotlib.figure import Figure

    heights = [FIGURE] * len(drawn.curves) + [LATENCY, ROW * len(drawn.ways) + 0.1]
    inside = sum(heights) + BETWEEN * (len(heights) - 1)
    height = HEAD + inside + FOOT
    figure = Figure((WIDTH, height), facecolor="white")
    grid = figure.add_gridspec(
        len(heights),
        1,
        height_ratios=heights,
        hspace=BETWEEN * len(heights) / sum(heights),
        left=LEFT / WIDTH,
        right=(LEFT + WIDE) / WIDTH,
        top=1 - HEAD / height,
        bottom=FOOT / height,
    )
    first = figure.add_subplot(grid[0])
    charts = [first, *(figure.add_subplot(grid[i], sharex=first) for i in range(1, len(heights)))]
    for axes, curve in zip(charts, drawn.curves):
        _draw_curve(axes, curve, drawn.replay.duration_s)
    _draw_latencies(charts[-2], drawn)
    _draw_plans(charts[-1], drawn)
    for axes in charts:
        plain(axes)
        axes.set_xlim(0, drawn.replay.duration_s)
        axes.tick_params(labelbottom=axes is charts[-1])
    charts[-1].set_xlabel("seconds", color=INK)
    _write_titles(figure, drawn, height)
    return figure


def _write_titles(figure: Figure, drawn: _Drawn, height: float) -> None:
    replay, settings = drawn.replay, drawn.replay.settings
    title = f"{replay.instance.name} through {replay.trace}"
    requests = counted(max(map(len, drawn.ways.values())), "request")
    queues = "" if settings.queues == "none" else ", fifo queues"
    subtitle = (
        f"{requests} ({settings.requests}, seed {drawn.seed}), {settings.clock} clock{queues}"
    )
    hidden = len(replay.curves) - len(drawn.curves)
    subtitle += f", {hidden} more figures" if hidden else ""
    lines = ((0.29, title, 12, "bold", INK), (0.52, subtitle, 9, "normal", "#555555"))
    for down, text, size, weight, colour in lines:
        text = fitted(text, 1.12 * size, WIDTH - LEFT - 0.1)
        y = 1 - down / height
        figure.text(LEFT / WIDTH, y, text, fontsize=size, fontweight=weight, color=colour)


def _draw_curve(axes: Axes, curve: FigureCurve, duration_s: float) -> None:
    """Steps over time; on a logarithmic scale where the figure spans more than a factor of 5."""
    times, values = _enveloped(np.array(curve.times_s), np.array(curve.values))
    times, values = np.append(times, duration_s), np.append(values, values[-1])
    least = values[values > 0].min(initial=np.inf)
    if curve.quantity != "up" and values.max() > 5 * least:
        axes.set_yscale("log")
        values = np.where(values > 0, values, np.nan)  # a stall is a hole
    axes.step(times, values, where="post", color=INK, linewidth=0.9)
    axes.yaxis.set_major_formatter(lambda value, _: _amount(value, UNITS[curve.quantity]))
    axes.yaxis.set_minor_formatter("")
    if curve.quantity == "up":
        axes.set_yticks([0, 1], ["down", "up"])
        axes.set_ylim(-0.1, 1.1)
    axes.grid(True, axis="y", color=RULE, linewidth=0.6)
    axes.set_title(curve.name, fontsize=8.5, color=INK, loc="left", pad=2)


def _enveloped(
    times: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps; of too many the least and the most of each of as many stretches as are shown."""
    if len(times) <= MOST_STEPS:
        return times, values
    starts = np.linspace(0, len(times), MOST_STEPS // 2, endpoint=False).astype(int)
    ends = np.append(times[starts[1:]], times[-1])
    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    moments = np.stack([times[starts], (times[starts] + ends) / 2], axis=1)
    return moments.ravel(), np.stack([lows, highs], axis=1).ravel()


def _amount(value: float, unit: str) -> str:
    return in_seconds(value) if unit == "s" else scaled(value, unit) if unit else f"{value:g}"


def _draw_latencies(axes: Axes, drawn: _Drawn) -> None:
    """A line a way, the clairvoyant's below; what failed is a cross at the top."""
    duration = drawn.replay.duration_s
    for position, (name, rows) in enumerate(drawn.ways.items()):
        colour = _COLOURS[position % len(_COLOURS)]
        ended = [(row.arrival_s, row.latency_s) for row in rows if row.latency_s is not None]
        if ended:
            at, latency = _thinned(np.array(ended), duration)
            dashes = "-" if position < len(_COLOURS) else "--"
            axes.plot(at, latency, color=colour, linewidth=1.2, ls=dashes, label=name, zorder=2)
        failed = [row.arrival_s for row in rows if row.failed]
        if failed:
            label = None if ended else name
            across = axes.get_xaxis_transform()
            heights = [0.97 - 0.03 * position] * len(failed)
            axes.plot(failed, heights, "x", color=colour, transform=across, ms=4, label=label)
    arrivals = {row.request: row.arrival_s for rows in drawn.ways.values() for row in rows}
    least = drawn.replay.clairvoyant.get(drawn.seed, {})
    known = [(arrivals[request], value) for request, value in least.items() if request in arrivals]
    if known:
        at, latency = _thinned(np.array(sorted(known)), duration)
        axes.plot(at, latency, color=INK, linewidth=0.8, ls=":", label="clairvoyant", zorder=3)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: in_seconds(value))
    axes.yaxis.set_minor_formatter(lambda value, _: _minor(axes, value))
    axes.grid(True, axis="y", color=RULE, linewidth=0.6)
    axes.set_ylabel("latency", color=INK)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(1.01, 1.02),
            frameon=False,
            fontsize=8.5,
            labelcolor=INK,
        )


def _minor(axes: Axes, value: float) -> str:
    """Labels between the powers of ten where the axis spans less than about one and a half."""
    low, high = axes.get_ylim()
    return in_seconds(value) if high / low < 30 and f"{value:e}"[0] in "25" else ""


def _thinned(points: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    """[2, points]: times and values; of too many the means of equal parts of the time."""
    if len(points) <= MOST_POINTS:
        return points.T
    part = np.minimum(points[:, 0] / duration_s * MOST_POINTS, MOST_POINTS - 1).astype(int)
    counts = np.bincount(part, minlength=MOST_POINTS)
    sums = [np.bincount(part, column, MOST_POINTS)[counts > 0] for column in points.T]
    return np.array(sums) / counts[counts > 0]


def _draw_plans(axes: Axes, drawn: _Drawn) -> None:
    """A row a way: from each request to the next the colour of its plan."""
    for height, rows in enumerate(drawn.ways.values()):
        for start, end, plan in _runs(rows, drawn.replay.duration_s):
            colour = drawn.colours.get(plan, _OTHER) if plan else _NONE
            axes.barh(height, end - start, 0.82, left=start, color=colour, linewidth=0)
    axes.set_ylim(len(drawn.ways) - 0.5, -0.5)
    axes.set_yticks(range(len(drawn.ways)), [fitted(name, 8.5, 1.1) for name in drawn.ways])
    axes.tick_params(axis="y", length=0)
    _plan_legend(axes, drawn)


def _runs(rows: Sequence[RequestRow], duration_s: float) -> list[tuple[float, float, str]]:
    """(start, end, plan) of requests one after another that used the same plan.

    Of too many the plan of most requests in each of as many parts of them as are shown.
    """
    runs: list[tuple[float, float, str]] = []
    starts, plans = [row.arrival_s for row in rows], [row.plan for row in rows]
    if sum(one != other for one, other in pairwise(plans)) >= MOST_RUNS:
        parts = np.array_split(np.arange(len(rows)), MOST_RUNS)
        plans = [Counter(plans[i] for i in part).most_common(1)[0][0] for part in parts]
        starts = [starts[part[0]] for part in parts]
    for start, end, plan in zip(starts, [*starts[1:], duration_s], plans, strict=True):
        if runs and runs[-1][2] == plan:
            runs[-1] = (runs[-1][0], end, plan)
        else:
            runs.append((start, end, plan))
    return runs


def _plan_legend(axes: Axes, drawn: _Drawn) -> None:
    """What each colour's plan does: how many layers where. Below the latencies' legend."""
    from matplotlib.patches import Patch

    handles = [
        Patch(color=colour, label=_plan_label(drawn.replay, name))
        for name, colour in drawn.colours.items()
    ]
    rows = [row for own in drawn.ways.values() for row in own]
    used = {row.plan for row in rows if row.plan}
    if len(used) > len(drawn.colours):
        handles.append(Patch(color=_OTHER, label=f"{len(used) - len(drawn.colours)} more plans"))
    if any(not row.plan for row in rows):
        handles.append(Patch(color=_NONE, label="no plan"))
    if handles:
        axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(1.01, -0.1),
            frameon=False,
            fontsize=8,
            labelcolor=INK,
            handlelength=1,
            title="plan: layers on nodes",
            title_fontsize=8,
            alignment="left",
        )


def _plan_label(replay: Replay, name: str) -> str:
    counts: dict[str, int] = {}
    if name in replay.plans:
        for entry in replay.plans[name].tasks:
            for node in entry.placement.values():
                counts[node] = counts.get(node, 0) + 1
    where = ", ".join(f"{node} {count}" for node, count in counts.items())
    return fitted(f"{name}: {where}", 8, WIDTH - LEFT - WIDE - 0.45)
