"""The work and the output of every layer, one bar a layer in topological order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from splitfog.instances.records import Model
from splitfog.views import style
from splitfog.views.dag.picture import write
from splitfog.views.panels.panel import TEXT_POINTS, TITLE, write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 0.62  # inches
LEFT = 1.05


@dataclass(frozen=True)
class ProfilePanel:
    """Two strips of bars: FLOP and output bytes; `colours` are of the layers, in file order."""

    model: Model
    colours: Sequence[style.RGB]

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + 2 * STRIP + 0.42

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        layers = self.model.layers
        write_title(axes, f"Profile of {style.printable(self.model.name)}")
        flops = self.model.flops.tolist()
        outputs = self.model.output_bytes.tolist()
        self._strip(axes, width, TITLE, flops, "work", style.in_flop)
        self._strip(axes, width, TITLE + STRIP + 0.1, outputs, "output", style.in_bytes)
        total = f"{style.in_flop(sum(flops))}, {style.in_bytes(4 * self.model.parameters)} weights"
        text = f"{len(layers)} layers in topological order; {total}"
        write(axes, LEFT, self.height - 0.1, text, size=TEXT_POINTS, ha="left", color=style.FAINT)

    def _strip(
        self,
        axes: Axes,
        width: float,
        top: float,
        values: list[float],
        name: str,
        shown: Callable[[float], str],
    ) -> None:
        most = max(values) or 1.0
        base, room = top + STRIP, width - LEFT
        step = room / len(values)
        bars: dict[style.RGB, list[tuple[float, float]]] = {}
        for place, i in enumerate(self.model.order.tolist()):
            x, y = LEFT + place * step, base - STRIP * values[i] / most
            right = x + step * (0.85 if step > 0.03 else 1.0)
            corners = [(x, base), (x, y), (right, y), (right, base), (x, base)]
            bars.setdefault(self.colours[i], []).extend(corners)
        draw_polygons(axes, bars, linewidth=0.25 if step > 0.03 else 0.0)
        axes.plot([LEFT, width], [base, base], color=style.FAINT, linewidth=0.8, zorder=2)
        write(axes, LEFT - 0.08, top + 0.08, shown(most), size=TEXT_POINTS, ha="right")
        write(axes, LEFT - 0.08, base - 0.08, name, size=TEXT_POINTS, ha="right")


def draw_polygons(
    axes: Axes, corners: dict[style.RGB, list[tuple[float, float]]], linewidth: float
) -> None:
    """Closed four-cornered figures, five points each, one path a colour."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    for colour, points in corners.items():
        path = Path(points, codes * (len(points) // 5))
        axes.add_artist(
            PathPatch(path, facecolor=colour, edgecolor=style.INK, linewidth=linewidth, zorder=3)
        )
