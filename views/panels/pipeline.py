"""Which blocks are where: a row for every stage of a pipeline, in order of visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from splitfog.views import style
from splitfog.views.dag.picture import write
from splitfog.views.panels.panel import (
    ROW,
    TEXT_POINTS,
    TITLE,
    draw_bar,
    omitted,
    write_title,
)
from splitfog.views.request_times import RequestTimes, stage_heads, stage_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40
LABEL = 1.7  # inches, at most, of a node's name
APART = 0.16  # inches between columns


@dataclass(frozen=True)
class PipelinePanel:
    """A stair: every stage's bar reaches from its first layer to its last; figures beside it.

    `named`: whether the title names the task.
    """

    times: RequestTimes
    named: bool

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + ROW * (self._shown + 1 + bool(self._omitted)) + 0.06

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        of = f" of {style.printable(self.times.task.name)}" if self.named else ""
        write_title(axes, f"Pipeline{of}: stages in order of visit, seconds of one execution")
        rows = stage_rows(self.times, style.in_seconds)[: self._shown]
        cells = [stage_heads(self.times), *rows]
        widths = [
            max(style.text_width(style.printable(cell), TEXT_POINTS) for cell in column)
            for column in zip(*cells, strict=True)
        ]
        left = min(widths[0], LABEL) + 0.12
        ends = [width]  # of the columns behind the bars
        for wide in widths[:1:-1]:
            ends.insert(0, ends[0] - wide - APART)
        stop = ends[0] - widths[1] - APART
        self._bars(axes, left, stop)
        for place, row in enumerate(cells):
            y, faint = TITLE + (place + 0.5) * ROW, style.FAINT if place == 0 else style.INK
            if place:
                name = style.fitted(row[0], TEXT_POINTS, left - 0.1)
                write(axes, left - 0.07, y, name, size=TEXT_POINTS, ha="right")
            for column, (cell, end) in enumerate(zip(row[1:], ends, strict=True)):
                x = end - widths[1] if column == 0 else end
                how = "left" if column == 0 else "right"
                write(axes, x, y, style.printable(cell), size=TEXT_POINTS, ha=how, color=faint)
        if self._omitted:
            y = self.height - 0.06 - ROW / 2
            write(axes, 0.0, y, self._omitted, size=TEXT_POINTS, ha="left", color=style.FAINT)

    def _bars(self, axes: Axes, left: float, stop: float) -> None:
        colours = style.Palette(self.times.instance).nodes
        step = (stop - left) / sum(len(visit.layers) for visit in self.times.visits)
        done = 0
        bottom = TITLE + (self._shown + 1) * ROW
        for place, visit in enumerate(self.times.visits[: self._shown], 1):
            y, wide = TITLE + (place + 0.5) * ROW, step * len(visit.layers)
            draw_bar(axes, left + done * step, y - 0.07, wide, 0.14, colours[visit.node])
            done += len(visit.layers)
        for x in (left, stop):
            axes.plot([x, x], [TITLE + ROW, bottom], color=style.FAINT, linewidth=0.8, zorder=2)

    @property
    def _shown(self) -> int:
        return min(len(self.times.visits), MOST_ROWS)

    @property
    def _omitted(self) -> str:
        return omitted(self._shown, len(self.times.visits), "stage")
