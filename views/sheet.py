"""One sheet of paper: where lines, legend, DAGs and panels go on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from splitfog.views import style
from splitfog.views.dag.picture import DagPicture, write
from splitfog.views.panels.panel import TEXT_POINTS, Panel, draw_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN, GAP = 0.35, 0.4
NARROWEST, LONE = 8.5, 3.0  # inches; of a DAG with nothing but its legend
SIDE = 4.9  # inches of the panels beside the DAGs
SHELF = 15.0  # DAGs stand beside each other up to this width
STRIPE = " (stripe)"
HEADING = 0.22  # above a DAG, where there are several


@dataclass(kw_only=True)
class Sheet:
    """What stands on a sheet: lines above all, a legend, DAGs with panels beside, panels below.

    `headings` are of the DAGs, empty ones where there is only one to draw.
    """

    lines: Sequence[str] = ()
    swatches: Sequence[tuple[str, style.RGB]] = ()
    dags: Sequence[DagPicture] = ()
    headings: Sequence[str] = ()
    side: Sequence[Panel] = ()
    below: Sequence[Panel] = ()

    @cached_property
    def shelves(self) -> list[list[int]]:
        """DAGs beside each other, row by row."""
        shelves: list[list[int]] = [[]] if self.dags else []
        for i, dag in enumerate(self.dags):
            width = sum(self.dags[k].width + GAP for k in shelves[-1])
            if shelves[-1] and width + dag.width > SHELF:
                shelves.append([])
            shelves[-1].append(i)
        return shelves

    def figure(self) -> Figure:
        """The drawn sheet."""
        from matplotlib.figure import Figure

        width = self._width()
        legend = self._legend_rows(width)
        head = self._lines_height() + 0.24 * len(legend)
        head += 0.2 if head else 0.0
        dag_width = self._dag_width()
        dag_height = sum(self._shelf_size(shelf)[1] + GAP for shelf in self.shelves)
        side_height = sum(panel.height + GAP / 2 for panel in self.side)
        middle = max(dag_height, side_height)
        height = head + middle + sum(panel.height + GAP / 2 for panel in self.below) + 2 * MARGIN
        figure = Figure((width + 2 * MARGIN, height), facecolor="white")
        canvas = Canvas(figure, width + 2 * MARGIN, height)
        if head:
            self._draw_head(canvas.axes(MARGIN, MARGIN, width, head), legend)
        top = MARGIN + head
        self._draw_dags(canvas, top, dag_width if self.side else width)
        draw_panels(canvas, self.side, MARGIN + dag_width + GAP, top, width - dag_width - GAP)
        draw_panels(canvas, self.below, MARGIN, top + middle, width)
        for axes in figure.axes:
            for artist in axes.get_children():
                artist.set_clip_on(False)
        return figure

    def _width(self) -> float:
        alone = not (self.lines or self.side or self.below)
        least = LONE if alone else NARROWEST
        return max(least, self._dag_width() + (GAP + SIDE if self.side else 0.0))

    def _lines_height(self) -> float:
        return 0.1 + 0.19 * len(self.lines) if self.lines else 0.0

    def _dag_width(self) -> float:
        return max((self._shelf_size(shelf)[0] for shelf in self.shelves), default=0.0)

    def _shelf_size(self, shelf: list[int]) -> tuple[float, float]:
        width = sum(self.dags[i].width + GAP for i in shelf) - GAP
        heights = [self.dags[i].height + HEADING * bool(self.headings[i]) for i in shelf]
        return width, max(heights)

    def _legend_rows(self, width: float) -> list[list[tuple[float, str, style.RGB]]]:
        """(x, text, colour) of the swatches, in rows."""
        rows: list[list[tuple[float, str, style.RGB]]] = [[]] if self.swatches else []
        x = 0.0
        for text, colour in self.swatches:
            text = style.fitted(text, TEXT_POINTS, 2.5)
            wide = style.text_width(text, TEXT_POINTS) + 0.45
            if rows[-1] and x + wide > width:
                rows.append([])
                x = 0.0
            rows[-1].append((x, text, colour))
            x += wide
        return rows

    def _draw_head(self, axes: Axes, rows: list[list[tuple[float, str, style.RGB]]]) -> None:
        width = axes.get_xlim()[1]
        for i, line in enumerate(self.lines):
            size, weight = (13.0, "bold") if i == 0 else (8.5, "normal")
            text = style.fitted(line, size * 1.12, width)
            write(
                axes,
                0.0,
                0.1 + 0.19 * i + 0.05 * (i > 0),
                text,
                size=size,
                weight=weight,
                ha="left",
            )
        for i, row in enumerate(rows):
            y = 0.15 + self._lines_height() + 0.22 * i
            for x, text, colour in row:
                wide = 0.06 if text.endswith(STRIPE) else 0.2
                draw_bar(axes, x + 0.2 - wide, y - 0.065, wide, 0.13, colour)
                write(axes, x + 0.26, y, text, size=TEXT_POINTS, ha="left")

    def _draw_dags(self, canvas: Canvas, top: float, room: float) -> None:
        for shelf in self.shelves:
            width, height = self._shelf_size(shelf)
            x = MARGIN + max(0.0, (room - width) / 2)
            for i in shelf:
                dag, heading = self.dags[i], self.headings[i]
                y = top
                if heading:
                    axes = canvas.axes(x, y, dag.width, HEADING)
                    text = style.fitted(heading, 9.5, max(dag.width, 1.0))
                    write(axes, 0.0, 0.08, text, size=8.5, weight="bold", ha="left")
                    y += HEADING
                dag.draw(canvas.axes(x, y, dag.width, dag.height))
                x += dag.width + GAP
            top += height + GAP


@dataclass(frozen=True)
class Canvas:
    """Axes by inches from the top left of a figure."""

    figure: Figure
    width: float
    height: float

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose units are inches, (0, 0) at their top left; nothing is clipped."""
        place = (x / self.width, 1 - (y + height) / self.height)
        size = (width / self.width, height / self.height)
        axes = self.figure.add_axes((*place, *size))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        return axes


def draw_panels(canvas: Canvas, panels: Sequence[Panel], x: float, y: float, width: float) -> None:
    """Draw panels below each other, from (x, y) on."""
    for panel in panels:
        panel.draw(canvas.axes(x, y, width, panel.height), width)
        y += panel.height + GAP / 2
