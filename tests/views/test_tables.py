"""A comparison on a terminal."""

from __future__ import annotations

import io

from splitfog.studies.rows import Table
from splitfog.views.tables import print_tables
from tests.studies.small_rows import ROWS, row


def test_printing_is_plain_text_where_there_is_no_terminal() -> None:
    """Seeds have a column as there are two; no colour, no blanks at line ends."""
    text = io.StringIO()
    print_tables(ROWS, text)
    lines = text.getvalue().splitlines()
    assert "seed" in lines[1]
    assert lines[3].split() == ["i", "hpa", "0", "0.2", "50.00", "%", "2x", "0.5000", "feasible"]
    assert lines == [line.rstrip() for line in lines]
    assert "\x1b" not in text.getvalue()


def test_a_table_says_over_which_plans_and_where_no_bound_is() -> None:
    """An optimum over placements beside a plan with slices, which nothing is known below."""
    rows = (
        row(value=0.3, lower_bound=0.3, gap=0.0, status="optimal", proven_over="placements"),
        row(solver="d3", value=0.2),
        row(solver="ilp", status="unknown"),
    )
    text = io.StringIO()
    print_tables(Table(rows=rows), text)
    lines = text.getvalue().splitlines()
    assert lines[3].endswith("optimal over placements")
    assert "no bound" in lines[4]
    assert lines[5].split() == ["i", "ilp", "-", "-", "-", "0.5000", "unknown"]
    assert lines[6].startswith("Optima and gaps of placements are over placements")
    summary = Table(rows=rows).summary()
    assert str(summary).splitlines()[-1] == lines[6]
    assert lines[6] in summary._repr_html_()
    assert "no bound" in str(summary).splitlines()[4]
    assert "& 0.2 & no bound &" in Table(rows=rows).to_latex()
