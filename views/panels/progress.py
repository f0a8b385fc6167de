"""How a search got on: its best value and its bound over the seconds since the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from splitfog.formulations.overview import value_text
from splitfog.formulations.plan_file import PlanFile, Step
from splitfog.formulations.tolerances import EQUAL
from splitfog.views import style
from splitfog.views.dag.picture import write
from splitfog.views.panels.panel import TEXT_POINTS, TITLE, draw_time_axis, write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 1.1  # inches
LEFT, RIGHT = 1.05, 1.3
WIDE = 5.0  # the ratio of the largest figure to the least above which heights are logarithms
VALUE, BOUND = "#0072B2", "#E69F00"


def progress_panel(plan: PlanFile) -> ProgressPanel | None:
    """The progress of a plan's search; None where there is no more than its end."""
    end_s = max(plan.runtime_s or 0.0, *(step[0] for step in plan.progress), 0.0)
    if len(plan.progress) < 2 or end_s == 0:
        return None
    return ProgressPanel(plan.progress, end_s, plan.objective.name)


@dataclass(frozen=True)
class ProgressPanel:
    """Two stairs to one scale up to `end_s`: values go down, bounds up, the gap is between; of a
    rate the other way round."""

    steps: Sequence[Step]
    end_s: float
    objective: str = "latency"

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + STRIP + 0.35

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        write_title(axes, "Progress of the search: value (blue), bound (orange)")
        room = width - LEFT - RIGHT
        draw_time_axis(axes, LEFT, room, TITLE + STRIP, self.end_s)
        values = [(seconds, value) for seconds, value, _ in self.steps if value is not None]
        bounds = [(seconds, bound) for seconds, _, bound in self.steps if bound is not None]
        figures = [figure for _, figure in (*values, *bounds)]
        for stair, colour in ((values, VALUE), (bounds, BOUND)):
            if stair:
                x, y = self._stair(stair, room, min(figures), max(figures))
                axes.plot(x, y, color=colour, linewidth=1.3, zorder=3)
                axes.plot(x[::2], y[::2], "o", color=colour, markersize=2.5, zorder=4)
                at = (x[-1] + 0.06, y[-1] + (-0.05 if colour == VALUE else 0.05))
                text = value_text(self.objective, stair[-1][1])
                write(axes, *at, text, size=TEXT_POINTS, ha="left")
        ends = (min(figures), max(figures))
        for text, height in {
            value_text(self.objective, end): self._height(end, *ends) for end in ends
        }.items():
            write(axes, LEFT - 0.08, height, text, size=TEXT_POINTS, ha="right", color=style.FAINT)

    def _stair(
        self, stair: list[tuple[float, float]], room: float, low: float, high: float
    ) -> tuple[list[float], list[float]]:
        """A line that goes on level from each step to the next, and to the end."""
        x: list[float] = []
        y: list[float] = []
        for (seconds, figure), until in zip(
            stair, [*(seconds for seconds, _ in stair[1:]), self.end_s], strict=True
        ):
            x += [LEFT + at / self.end_s * room for at in (seconds, until)]
            y += [self._height(figure, low, high)] * 2
        return x, y

    def _height(self, figure: float, low: float, high: float) -> float:
        """Where a figure is, from the top; its logarithm's place where figures are far apart."""
        if high - low <= EQUAL * high:
            return TITLE + STRIP / 2
        share = (figure - low) / (high - low)
        if 0 < low < high / WIDE:
            share = log(figure / low) / log(high / low)
        return TITLE + 0.08 + (STRIP - 0.16) * (1 - share)
