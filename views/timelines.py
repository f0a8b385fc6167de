"""One request of a run: when parts ran and tensors crossed, predicted above measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from splitfog.deployment.driving.report import PlanReport
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.views import style
from splitfog.views.charts.figure_file import save_chart
from splitfog.views.panels.panel import Span, TimelinePanel
from splitfog.views.sheet import GAP, MARGIN, Canvas, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from splitfog.deployment.runtime.program import Step

WIDTH = 9.0  # inches

Times = Mapping["Step", tuple[float, float]]


def draw_timelines(report: PlanReport, path: str | os.PathLike[str]) -> None:
    """Write a picture of the request of median latency: predicted above measured, to one scale.

    Parameters
    ----------
    report
        Of a plan of which a request has ended.
    path
        Ends in `.png` or `.svg`.
    """
    record("report", report, PlanReport, "a plan's report, as splitfog.run(...).plans holds")
    save_chart(lambda: _figure(_panels(report)), path_of("path", path))


def _panels(report: PlanReport) -> list[TimelinePanel]:
    from splitfog.deployment.splitting.timeline import predicted_timeline

    timeline = predicted_timeline(report.program.manifest)
    predicted: dict[Step, tuple[float, float]] = dict(timeline.parts.items())
    predicted |= {(name, tail, head): (s, e) for name, tail, head, s, e in timeline.hops}
    measured = {step: (span.start_s, span.end_s) for step, span in report.shown.items()}
    until_s = max(end for times in (predicted, measured) for _, end in times.values())
    return [
        _panel(report, f"{report.plan}, one request {what}", times, until_s)
        for what, times in (("as predicted", predicted), ("as measured", measured))
    ]


def _panel(report: PlanReport, what: str, times: Times, until_s: float) -> TimelinePanel:
    end_s = max((end for _, end in times.values()), default=0.0)
    title = f"{what}: {style.in_seconds(end_s)}"
    return TimelinePanel(style.printable(title), list(_rows(report, times)), until_s=until_s)


def _rows(report: PlanReport, times: Times) -> Iterable[tuple[str, Sequence[Span]]]:
    """Nodes that run a part, then links that a tensor crosses, each in the node's colour."""
    manifest = report.program.manifest
    names = [node.name for node in manifest.nodes]
    colours = {name: style.hue(i, len(names)) for i, name in enumerate(names)}
    rows: dict[str, list[Span]] = {name: [] for name in names}
    rows |= {f"{link.tail} → {link.head}": [] for link in manifest.links}
    for step, (start_s, end_s) in times.items():
        if isinstance(step, str):
            node = label = report.program.node_of[step]
            text = step
        else:
            text, node, head = step
            label = f"{node} → {head}"
        rows[label].append(Span(start_s, end_s, colours[node], text))
    return [(label, spans) for label, spans in rows.items() if spans]


def _figure(panels: Sequence[TimelinePanel]) -> Figure:
    from matplotlib.figure import Figure

    height = sum(panel.height + GAP / 2 for panel in panels) + 2 * MARGIN
    figure = Figure((WIDTH + 2 * MARGIN, height), facecolor="white")
    canvas = Canvas(figure, WIDTH + 2 * MARGIN, height)
    draw_panels(canvas, panels, MARGIN, MARGIN, WIDTH)
    return figure
