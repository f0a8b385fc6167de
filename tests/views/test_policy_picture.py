"""The picture of a policy: every break point has its figure, and no two figures meet."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.formulations.parametric.policy_table import Policy, PolicyPiece
from splitfog.instances.readable import scaled
from splitfog.instances.records import changed
from splitfog.views.charts import policy as charts

INSTANCE = sf.generate("three-tier", model="alexnet")


def stepped(lows: list[float]) -> Policy:
    """A policy whose plan changes at given bandwidths, from 1 kbit/s to 1 Gbit/s."""
    whole = sf.policy(INSTANCE, link=("device", "edge0"), low_bps=1e3, high_bps=1e9)
    ends = [1e3, *lows, 1e9]
    pieces = [
        PolicyPiece(
            low=low, high=high, alpha_s=1.0, beta=float(i), placement=whole.pieces[0].placement
        )
        for i, (low, high) in enumerate(pairwise(ends))
    ]
    return changed(whole, low=1e3, high=1e9, pieces=tuple(pieces))


CROWD = [1e6 * 1.05**i for i in range(25)] + [9e8]


@pytest.mark.parametrize("lows", [[], [1e6], CROWD])
def test_every_break_point_is_labelled_and_readable(lows: list[float]) -> None:
    """One figure a break point; texts keep apart, and no leader goes through another's text."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = charts._figure(INSTANCE, stepped(lows), ())
    renderer = FigureCanvasAgg(figure).get_renderer()
    above = figure.axes[0]
    labels = [text for text in above.texts if text.get_text().endswith("bit/s")]
    assert len(labels) == len(lows)
    boxes = [label.get_window_extent(renderer) for label in labels]
    for i, box in enumerate(boxes):
        assert box.y0 >= above.get_window_extent(renderer).y1  # above the chart
        for other in boxes[:i]:
            assert not box.overlaps(other)
            if box.y0 > other.y1:  # its leader passes the other's row, on its left or right
                assert not other.x0 + 1 < box.x0 - 4 < other.x1


def test_a_policy_is_drawn_to_a_file(tmp_path: Path) -> None:
    """SVG holds the figures as text."""
    table = sf.policy(INSTANCE, link=("device", "edge0"), low_bps=1e5, high_bps=1e9)
    charts.draw_policy(INSTANCE, table, tmp_path / "policy.svg")
    text = (tmp_path / "policy.svg").read_text(encoding="utf-8")
    for point in table.break_points:
        assert scaled(point, "bit/s") in text
