"""The picture of a front."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.formulations.fronts.front import Front
from splitfog.instances.records import changed
from splitfog.views.charts.front import MOST_BARS, draw_front

INSTANCE = sf.generate("three-tier", model="alexnet")


@pytest.fixture(scope="module")
def front() -> Front:
    """Latency against bytes that leave the device."""
    return sf.pareto(INSTANCE, "latency,bytes:device,edge0")


def test_bars_that_are_left_out_are_counted(front: Front, tmp_path: Path) -> None:
    """Of more points than bars fit, the picture says how many have one; of fewer, nothing."""
    many = (front.points * 60)[: MOST_BARS + 5]
    draw_front(INSTANCE, changed(front, points=many), tmp_path / "many.svg")
    assert (
        f"point (the first {MOST_BARS} of {MOST_BARS + 5})" in (tmp_path / "many.svg").read_text()
    )
    draw_front(INSTANCE, front, tmp_path / "few.svg")
    assert "(the first" not in (tmp_path / "few.svg").read_text()


def test_a_front_is_one_line(front: Front) -> None:
    """What is weighed, how many points, and what kind of front."""
    words = f"latency x bytes:device,edge0, {len(front.points)} points, exact"
    assert repr(front) == f"<Front of {INSTANCE.name}: {words}>"
