"""The table of a comparison, and what it writes for other programs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.commands.shell import say
from splitfog.studies.row import Row
from splitfog.studies.rows import Table
from splitfog.views.tables import print_tables
from tests.studies import small_rows
from tests.studies.small_rows import ROWS

TINY = Path(__file__).parents[1] / "data" / "tiny.json"


def test_csv_holds_every_row_unrounded(tmp_path: Path) -> None:
    """None is an empty cell; commas survive."""
    ROWS.to_csv(tmp_path / "results.csv")
    read = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())))
    assert tuple(read[0]) == Row.__struct_fields__
    assert [line["value"] for line in read] == ["0.2", "0.4", ""]
    assert read[1]["reason"] == "a, b"


def test_a_terminal_obeys_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that colours, rings or begins a line is shown with marks in the place of that, by
    tables, summaries and messages."""
    wild = Table(rows=(small_rows.row(instance="a\x1b[31m\nb", solver="c\x07d", value=1.0),))
    print_tables(wild)
    print(wild.summary())
    say("e\x1b[0m\nf")
    shown = capsys.readouterr()
    assert "a\ufffd[31m\ufffdb" in shown.out and shown.out.count("c\ufffdd") == 2
    assert not {"\x1b", "\x07"} & set(shown.out)
    assert shown.err == "e\ufffd[0m\nf\n", "a message may have several lines"


def test_the_database_holds_rows_and_what_was_declined(tmp_path: Path) -> None:
    """Numbers are numbers, None is NULL."""
    ROWS.to_sqlite(tmp_path / "results.sqlite")
    database = sqlite3.connect(tmp_path / "results.sqlite")
    values = database.execute("SELECT seed, value, gap FROM results ORDER BY rowid").fetchall()
    reasons = database.execute("SELECT solver, reason FROM declined").fetchall()
    database.close()
    assert values == [(0, 0.2, 0.5), (0, 0.4, 0.0), (7, None, None)]
    assert reasons == [("dads", "three tiers & more")]


def test_results_hold_what_it_takes_to_run_again(tmp_path: Path) -> None:
    """Hash and file of the instance in CSV and database; there also plan, options, version."""
    table = sf.compare(sf.load_instance(TINY), ["min-cut", "device-only"], time_limit_s=7.0)
    table.to_csv(tmp_path / "results.csv")
    table.to_sqlite(tmp_path / "results.sqlite")
    digest = hashlib.sha256(TINY.read_bytes()).hexdigest()
    with (tmp_path / "results.csv").open() as file:
        assert {(line["instance_sha256"], line["file"]) for line in csv.DictReader(file)} == {
            (digest, str(TINY))
        }
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as database:
        database.row_factory = sqlite3.Row
        lines = [dict(line) for line in database.execute("SELECT * FROM results")]
    for line, row in zip(lines, table, strict=True):
        assert row.to_dict().items() <= line.items()
        assert (line["instance_sha256"], line["file"]) == (digest, str(TINY))
        (tmp_path / "plan.json").write_text(line["plan"])
        plan = sf.load_plan(tmp_path / "plan.json")
        assert (plan.solver, plan.value) == (row.solver, row.value)
        assert json.loads(line["options"]) == {"time_limit_s": 7.0}
        assert (line["splitfog_version"], line["plugin"]) == (sf.__version__, None)
        assert datetime.fromisoformat(line["started_at"]).utcoffset() == timedelta(0)
        assert "CPUs" in line["machine"]


def test_an_instance_made_in_memory_has_a_hash_but_no_file() -> None:
    """The hash is of what saving it writes; a changed instance is not the file's any more."""
    read = sf.load_instance(TINY)
    changed = read.with_node("pi", speed_flops=2e9)
    (row,) = sf.compare(changed, ["device-only"])
    assert (row.instance_sha256, row.file) == (changed.sha256, None)
    assert changed.sha256 != read.sha256


def test_a_crash_keeps_hash_and_file(tmp_path: Path) -> None:
    """The run of a solver that crashes has no plan, but all else."""

    def broken(instance: sf.Instance, objective: object) -> dict[str, dict[str, str]]:
        raise RuntimeError("lost")

    table = sf.compare(sf.load_instance(TINY), [broken])
    assert (table[0].status, table[0].file) == ("error", str(TINY))
    assert (table.runs[0].plan, table.runs[0].splitfog_version) == (None, sf.__version__)


def test_the_table_is_a_sequence() -> None:
    """len, index, slice and iteration give rows."""
    assert len(ROWS) == 3
    assert ROWS[2].solver == "ilp"
    assert ROWS[:2] == ROWS.rows[:2]
    assert list(ROWS) == list(ROWS.rows)


def test_a_table_is_one_line_and_a_page() -> None:
    """Counts of what is in it; the page is well-formed, and names in it are texts."""
    assert repr(ROWS) == "<Table of latency: 3 rows, 2 instances, 2 solvers>"
    page = ROWS._repr_html_()
    texts = list(ElementTree.fromstring(page).itertext())
    assert {"<j>", "hpa", "ilp", "50.00 %", "2x"} <= set(texts)
    assert "<j>" not in page


def test_a_data_frame_has_a_line_a_row() -> None:
    """Columns as the fields of a row; no number is missing."""
    pytest.importorskip("pandas")
    frame = ROWS.to_pandas()
    assert list(frame.columns) == list(Row.__struct_fields__)
    assert frame["solver"].tolist() == ["hpa", "hpa", "ilp"]
    assert frame["value"].iloc[:2].tolist() == [0.2, 0.4]
    assert frame["value"].isna().tolist() == [False, False, True]


def test_without_pandas_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="needs pandas, which is not installed: pip"):
        ROWS.to_pandas()
