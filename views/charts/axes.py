"""How the axes of every chart look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splitfog.views.style import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plain(axes: Axes) -> None:
    """Two faint sides, small labels, the grid below what is drawn."""
    axes.set_axisbelow(True)
    axes.tick_params(which="both", color=FAINT, labelcolor=INK, labelsize=8.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
