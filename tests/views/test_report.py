"""A comparison as files: the page and the folder of a report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from splitfog.studies.row import Row
from splitfog.studies.rows import Table
from splitfog.views.charts.gaps import gap_picture
from splitfog.views.report import html_page, save_report
from tests.studies.small_rows import ROWS, row


def test_a_report_is_a_folder_of_files(tmp_path: Path) -> None:
    """Rows, a line a solver, tables for papers, three pictures of the one objective, the page."""
    names = [path.name for path in save_report(ROWS, tmp_path / "out")]
    assert names == [
        *("results.sqlite", "results.csv", "summary.csv", "statistics.csv"),
        *("tables.md", "tables.tex"),
        *("gaps-latency.png", "profiles-latency.png", "times-latency.png", "report.html"),
    ]
    assert (tmp_path / "out" / "gaps-latency.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_of_gaps_is_the_same_each_time(suffix: str) -> None:
    """Whatever the user's settings are: here, another colour of the ground."""
    import matplotlib

    plain = gap_picture(ROWS, "latency", suffix)
    with matplotlib.rc_context({"axes.facecolor": "black"}):
        assert gap_picture(ROWS, "latency", suffix) == plain


def test_a_solver_without_a_gap_has_its_row() -> None:
    """One with plans but no bound to hold them to, whose costs stand there; one without a plan."""
    rows = [
        row(gap=0.1, value=1.0),
        row(solver="d3", value=1.0),
        row(solver="vsm", value=1.0),
        row(solver="vsm", value=0.5, instance="j"),
        row(solver="ilp"),
    ]
    assert texts_of(rows) >= {"hpa", "d3", "no bound: 1 s", "ilp", "no plan"}
    assert "no bound: 2 plans, 500 ms to 1 s" in texts_of(rows)


def test_plans_without_a_gap_are_counted_beside_those_with_one() -> None:
    """Two of three: a mean over the third alone would hide them."""
    rows = [row(gap=0.1, value=1.0), row(value=1.0, instance="j"), row(value=2.0, instance="k")]
    assert "and 2 with no bound" in texts_of(rows)


def test_gaps_over_placements_say_so() -> None:
    """In the picture and the page; not where every bound is one over all plans."""
    open_point = "Optima and gaps of placements are over placements"
    for over, said in (("placements", True), ("all", False)):
        bounded = row(gap=0.0, value=1.0, lower_bound=1.0, status="optimal", proven_over=over)
        assert any(text.startswith(open_point) for text in texts_of([bounded])) is said
        assert (f"<p>{open_point}" in html_page(Table(rows=(bounded,)))) is said


def test_dots_over_placements_are_hollow() -> None:
    """Two of three: a placement with its proof, and one held to that. The plan with slices beside
    them is cheaper, though its gap to the bound over all plans is larger."""
    rows = [
        row(solver="ilp", value=1.0, gap=0.0, lower_bound=1.0, proven_over="placements"),
        row(solver="hpa", value=1.25, gap=0.2),
        row(solver="d3", value=0.9, gap=0.1, lower_bound=0.81, proven_over="all"),
    ]
    svg = gap_picture(Table(rows=tuple(rows)), "latency", ".svg").decode()
    dots = re.findall(r"<use [^>]*style=\"([^\"]*opacity: 0.45[^\"]*)\"", svg)
    assert len(dots) == 3
    assert sum("fill: #1f77b4" in dot for dot in dots) == 1


def texts_of(rows: list[Row]) -> set[str]:
    """What is written in the picture of gaps."""
    svg = gap_picture(Table(rows=tuple(rows)), "latency", ".svg").decode()
    return set(re.findall(r">([^<>]+)</text>", svg))
