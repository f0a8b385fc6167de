"""The picture of one request of a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from splitfog.deployment.driving.report import PlanReport, plan_report
from splitfog.deployment.runtime.program import Program
from splitfog.views.timelines import draw_timelines
from tests.deployment.driving.relayed import RIGHT, played, relayed


@pytest.fixture(scope="module")
def report() -> PlanReport:
    """Seven steps of 0.02 s each, where 0.0775 s were predicted."""
    return plan_report("relayed", Program(relayed()), [played(1, 5.0, 0.02)], [RIGHT])


def test_predicted_stands_above_measured(report: PlanReport, tmp_path: Path) -> None:
    """Each with its length, all nodes and links in both, and one time axis: to 0.14 s and beyond.

    So the tick at 120 ms is in both, though what was predicted ends before it.
    """
    draw_timelines(report, tmp_path / "run.svg")
    drawn = (tmp_path / "run.svg").read_text()
    titles = re.findall(r"one request as (\w+): ([\d.]+) ms", drawn)
    assert titles == [("predicted", "77.5"), ("measured", "140")]
    for label in ("box → server", "server → box", "pi → box"):
        assert drawn.count(f">{label}<") == 2
    assert drawn.count(">120 ms<") == 2


def test_the_same_run_gives_the_same_bytes(report: PlanReport, tmp_path: Path) -> None:
    """As SVG and as PNG; another ending is refused."""
    for suffix in (".svg", ".png"):
        files = [tmp_path / f"{name}{suffix}" for name in "ab"]
        for file in files:
            draw_timelines(report, file)
        assert files[0].read_bytes() == files[1].read_bytes()
    with pytest.raises(ValueError, match=r"must end in one of \.png, \.svg"):
        draw_timelines(report, tmp_path / "run.txt")
