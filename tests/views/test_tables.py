"""A comparison on a terminal: grids, summaries, gaps in per cent."""

from __future__ import annotations

import io

import pytest

from splitfog.views.tables import percent, print_tables, summary
from tests.studies.small_rows import ROWS


def test_the_summary_of_a_solver() -> None:
    """hpa: two plans, gaps 50 % and 0, geometric mean of 2 and 8 = 4; ilp: no plan."""
    assert summary(ROWS.rows) == [
        ("hpa", "2 of 2", "1", "25.00 %", "50.00 %", "4x", "1.000"),
        ("ilp", "0 of 1", "0", "-", "-", "-", "0.500"),
    ]


def test_printing_is_plain_text_where_there_is_no_terminal() -> None:
    """Seeds have a column as there are two; no colour, no blanks at line ends."""
    text = io.StringIO()
    print_tables(ROWS, text)
    lines = text.getvalue().splitlines()
    assert "seed" in lines[1]
    assert lines[3].split() == ["i", "hpa", "0", "0.2", "50.00", "%", "2x", "0.5000", "feasible"]
    assert lines == [line.rstrip() for line in lines]
    assert "\x1b" not in text.getvalue()


@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (1e-6, "0 %"),
        (2e-6, "< 0.01 %"),
        (4.9e-5, "< 0.01 %"),
        (5e-5, "0.01 %"),
        (1.25, "125.00 %"),
    ],
)
def test_a_gap_that_is_not_zero_does_not_look_so(gap: float | None, shown: str) -> None:
    """Proven up to 1e-6 is 0; what rounds to 0.00 % is said to be below 0.01 %."""
    assert percent(gap) == shown
