"""A comparison on a terminal."""

from __future__ import annotations

import io

from splitfog.views.tables import print_tables
from tests.studies.small_rows import ROWS


def test_printing_is_plain_text_where_there_is_no_terminal() -> None:
    """Seeds have a column as there are two; no colour, no blanks at line ends."""
    text = io.StringIO()
    print_tables(ROWS, text)
    lines = text.getvalue().splitlines()
    assert "seed" in lines[1]
    assert lines[3].split() == ["i", "hpa", "0", "0.2", "50.00", "%", "2x", "0.5000", "feasible"]
    assert lines == [line.rstrip() for line in lines]
    assert "\x1b" not in text.getvalue()
