"""A comparison in a line a solver: shares, means, and how sure they are."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from splitfog.studies.row import Row
from splitfog.studies.rows import Table
from splitfog.studies.statistics.intervals import RESAMPLES, mean_interval
from splitfog.studies.summary import summarised
from tests.studies.small_rows import ROWS, row


def test_the_summary_of_a_solver() -> None:
    """hpa: two plans of which one is optimal, gaps 50 % and 0, geometric mean of 2 and 8 = 4."""
    hpa, ilp = ROWS.summary()
    assert (hpa.solver, hpa.instances, hpa.runs, hpa.plans) == ("hpa", 2, 2, 2)
    assert (hpa.share_optimal, hpa.mean_gap, hpa.worst_gap) == (0.5, 0.25, 0.5)
    assert hpa.speedup == pytest.approx(4)
    assert hpa.mean_s == 0.5
    assert (ilp.plans, ilp.share_optimal, ilp.mean_gap, ilp.gap_low) == (0, 0.0, None, None)


def test_a_plan_is_optimal_whoever_proved_it() -> None:
    """A heuristic's plan of gap 0 counts; one 1e-5 off does not, nor one without a bound."""
    rows = [row(gap=0.0), row(gap=1e-6), row(gap=1e-5), row(gap=None, value=1.0)]
    assert summarised(rows)[0].share_optimal == 0.5


def test_a_mean_gap_says_of_how_many_plans_it_is() -> None:
    """Three plans of which one has no bound: the mean of 0 and 20 % is of 2 of 3, and says so."""
    gaps: dict[str, float | None] = {"i": 0.0, "j": 0.2, "k": None}
    rows = [row(instance=name, gap=gap, value=1.0) for name, gap in gaps.items()]
    assert summarised(rows)[0].bounded == 2
    assert "10.00 % (2 of 3)" in str(summarised(rows))
    assert "(" not in str(summarised(rows[:2]))


def test_seeds_of_one_instance_are_one_case() -> None:
    """Means 0.1 and 0.5 of two instances, the first run with three seeds: 0.3, not 0.2."""
    rows = [row(gap=gap, seed=s) for s, gap in enumerate((0.0, 0.1, 0.2))]
    (line,) = summarised([*rows, row(instance="j", gap=0.5)])
    assert line.instances == 2
    assert line.mean_gap == pytest.approx(0.3)
    assert line.gap_low is not None and line.gap_low >= 0.1 - 1e-12


def test_every_objective_has_its_lines() -> None:
    """Rows of two objectives are not mixed, in the list and in the text."""
    rows = [row(gap=0.0), row(gap=0.4, objective="period")]
    lines = summarised(rows)
    assert [(line.objective, line.mean_gap) for line in lines] == [
        ("latency", 0.0),
        ("period", 0.4),
    ]
    assert [text.splitlines()[0] for text in str(lines).split("\n\n")] == ["latency", "period"]


def test_an_interval_is_the_bootstraps() -> None:
    """Wide data: near mean +- 1.96 standard errors, and the same each time for one seed."""
    values = np.random.default_rng(1).normal(10, 2, 400).tolist()
    low, high = mean_interval(values)
    assert low is not None and high is not None
    # a standard error is 2 / sqrt(400) = 0.1; the interval's ends stray by a few per cent of it
    assert low == pytest.approx(np.mean(values) - 0.196, abs=0.03)
    assert high == pytest.approx(np.mean(values) + 0.196, abs=0.03)
    assert mean_interval(values) == (low, high)
    assert mean_interval(values, seed=1) != (low, high)
    assert RESAMPLES == 9999


@pytest.mark.parametrize(
    ("values", "interval"),
    [([], (None, None)), ([0.3], (None, None)), ([0.3, 0.3, 0.3], (0.3, 0.3))],
)
def test_intervals_of_little_data(
    values: list[float], interval: tuple[float | None, float | None]
) -> None:
    """None for less than two values; equal values have no spread, and warn of nothing."""
    assert mean_interval(values) == interval


def test_two_values_have_an_interval_inside_them() -> None:
    """Resamples of 0.1 and 0.5 have means between them."""
    low, high = mean_interval([0.1, 0.5])
    assert low is not None and high is not None and 0.1 <= low < high <= 0.5


def test_the_text_is_a_table() -> None:
    """A head, a rule and a line a solver, columns in line, no blanks at line ends."""
    lines = str(ROWS.summary()).splitlines()
    assert lines[0] == "latency"
    assert lines[1].split("  ")[0] == "solver"
    assert lines[3].split()[:7] == ["hpa", "2", "2", "of", "2", "50", "%"]
    assert lines == [line.rstrip() for line in lines]


def test_html_and_latex_of_a_summary_escape() -> None:
    """A solver named <script> or a_b is a text in both."""
    summary = summarised([row(solver="<script>a_b", gap=0.5)])
    html = ElementTree.fromstring(summary._repr_html_())
    assert "<script>a_b" in [cell.text for cell in html.iter("td")]
    assert r"\textless{}script\textgreater{}a\_b & 1 & 0 of 1" in summary.to_latex()


def test_rows_of_a_summary_are_records() -> None:
    """By name, for a data frame."""
    assert ROWS.summary()[0].to_dict()["share_optimal"] == 0.5
    assert summarised(()).rows == ()
    assert isinstance(ROWS, Table) and isinstance(ROWS[0], Row)
