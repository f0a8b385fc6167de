"""The map of a plan table: each place has the colour of the plan that is looked up there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import splitfog as sf
from splitfog.views.charts.plan_map import draw_plan_map, plan_map
from tests.cases.small_tables import LINK, two_places

VARY = {LINK: (1e5, 1e8), "e": (0.5, 20.0)}


def test_the_map_is_what_look_ups_say() -> None:
    """At every 40th point along both axes, and at the corners of the box."""
    table = sf.plan_table(two_places(), VARY)
    first, second, plans = plan_map(table)
    assert (first[0], first[-1], second[0], second[-1]) == (1e5, 1e8, 0.5, 20.0)
    for i in (*range(0, len(first), 40), -1):
        for j in (*range(0, len(second), 40), -1):
            assert plans[j, i] == table.position_at([first[i], second[j]])
    assert set(np.unique(plans)) == {0, 1}


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_table_is_drawn_to_a_file(tmp_path: Path, ending: str) -> None:
    """The same bytes twice; further figures are told to be as in the instance."""
    table = sf.plan_table(two_places(), {**VARY, "d": (0.5, 2.0)})
    paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for path in paths:
        draw_plan_map(table, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    if ending == "svg":
        text = first.decode()
        assert "load of d 1" in text
        assert "d 1, e 1" in text


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    """One figure is a line, not a map; no other ending is known."""
    with pytest.raises(ValueError, match="two figures that vary"):
        draw_plan_map(sf.plan_table(two_places(), {LINK: (1e5, 1e8)}), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must end in one of .png, .svg"):
        draw_plan_map(sf.plan_table(two_places(), VARY), tmp_path / "a.pdf")
