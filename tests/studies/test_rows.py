"""The table of a comparison, and what it writes for other programs."""

from __future__ import annotations

import csv
import io
import sqlite3
from pathlib import Path

from splitfog.studies.rows import Row
from tests.studies.small_rows import ROWS


def test_csv_holds_every_row_unrounded(tmp_path: Path) -> None:
    """None is an empty cell; commas survive."""
    ROWS.to_csv(tmp_path / "results.csv")
    read = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())))
    assert tuple(read[0]) == Row.__struct_fields__
    assert [line["value"] for line in read] == ["0.2", "0.4", ""]
    assert read[1]["reason"] == "a, b"


def test_the_database_holds_rows_and_what_was_declined(tmp_path: Path) -> None:
    """Numbers are numbers, None is NULL."""
    ROWS.to_sqlite(tmp_path / "results.sqlite")
    database = sqlite3.connect(tmp_path / "results.sqlite")
    values = database.execute("SELECT seed, value, gap FROM results ORDER BY rowid").fetchall()
    reasons = database.execute("SELECT solver, reason FROM declined").fetchall()
    database.close()
    assert values == [(0, 0.2, 0.5), (0, 0.4, 0.0), (7, None, None)]
    assert reasons == [("dads", "three tiers & more")]


def test_the_table_is_a_sequence() -> None:
    """len, index, slice and iteration give rows."""
    assert len(ROWS) == 3
    assert ROWS[2].solver == "ilp"
    assert ROWS[:2] == ROWS.rows[:2]
    assert list(ROWS) == list(ROWS.rows)
