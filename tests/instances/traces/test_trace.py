"""Traces: what is written is read again, and what one looks like."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given

import splitfog as sf
from splitfog.instances.records import changed
from tests.docs.pages import FOLDER, blocks
from tests.instances.traces.strategies import traces

PAGE = blocks(FOLDER / "trace-file.md")


@given(traces())
def test_json_round_trip(trace: sf.Trace) -> None:
    """Everything is as it was, and the hash that of what was written; compressed or not."""
    with TemporaryDirectory() as folder:
        for name in ("t.json", "t.json.gz"):
            path = Path(folder) / name
            sf.save_trace(trace, path)
            again = sf.load_trace(path)
            assert again == trace and again.meta == trace.meta
            assert again.sha256 == trace.sha256


@given(traces())
def test_csv_round_trip(trace: sf.Trace) -> None:
    """Duration, end and every series bit by bit; named after the file."""
    with TemporaryDirectory() as folder:
        for name in ("t.csv", "t.csv.gz"):
            path = Path(folder) / name
            sf.save_trace(trace, path)
            assert sf.load_trace(path) == changed(trace, name="t", meta={})


def test_the_page_says_the_same_twice(tmp_path: Path) -> None:
    """The example and its CSV hold the same figures of device - edge0 as far as both tell them."""
    (file,) = (block.text for block in PAGE if block.kind == "json")
    (table,) = (block.text for block in PAGE if block.text.startswith("time_s,"))
    (tmp_path / "commute.json").write_text(file)
    (tmp_path / "commute.csv").write_text(table)
    whole, part = (sf.load_trace(tmp_path / f"commute.{kind}") for kind in ("json", "csv"))
    assert (whole.duration_s, whole.end) == (part.duration_s, part.end) == (120, "repeat")
    assert part.series[1] == whole.series[2]
    assert part.series[0].times_s == whole.series[0].times_s[:2]
    bandwidth = whole.figures["link", "device", "edge0", "bandwidth_bps"]
    assert bandwidth.at(70.0) == 0.0
    # at 59 s 1 s of 2.8 Mbit/s is left; 5.2 Mbit more come from 120 s on: 0.81 s of 2.5, then 2.8
    assert bandwidth.finish(59.0, 8e6) == pytest.approx(120.81 + (5.2 - 0.81 * 2.5) / 2.8)


def test_both_directions_have_the_figure() -> None:
    """`forward` only the one."""
    steps: dict[str, Any] = {"quantity": "latency_s", "times_s": (0,), "values": (0.5,)}
    both, forward = (
        sf.Series(link=("a", "b"), **steps),
        sf.Series(link=("c", "d"), directions="forward", **steps),
    )
    trace = sf.Trace(name="t", duration_s=1, series=(both, forward))
    assert list(trace.figures) == [
        ("link", "a", "b", "latency_s"),
        ("link", "b", "a", "latency_s"),
        ("link", "c", "d", "latency_s"),
    ]


def test_a_csv_without_an_end_repeats(tmp_path: Path) -> None:
    """The last value holds for the median of the steps: of 1, 1 and 5 s it is 1; so 8 s."""
    path = tmp_path / "t.csv"
    rows = "".join(f"{time},n,load,2\n" for time in (0, 1, 2, 7))
    path.write_text(f"time_s,node,quantity,value\n{rows}")
    trace = sf.load_trace(path)
    assert (trace.duration_s, trace.end, trace.name) == (8, "repeat", "t")


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    """A byte order mark, CR LF, quotes, blanks, exponents, empty lines, columns in any order."""
    path = tmp_path / "t.csv.gz"
    text = 'value,quantity ,"node",time_s\r\n1e0,load,n,0\r\n\r\n 2.5E1 , load,n ,1e-3\r\n,,,\r\n'
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    (series,) = sf.load_trace(path).series
    assert (series.node, series.times_s, series.values) == ("n", (0, 1e-3), (1, 25))


def test_figures_are_kept_nowhere_else() -> None:
    """A trace is pickled without what follows from it, and is the same then."""
    trace = sf.load_trace("norway-bus-1")
    assert len(trace.figures) == 1
    assert pickle.loads(pickle.dumps(trace)) == trace
    assert "figures" not in pickle.loads(pickle.dumps(trace)).__dict__


def test_a_trace_on_another_link_or_node() -> None:
    """The figures stay; of several series nobody says which is meant."""
    trace = sf.load_trace("norway-bus-1")
    other = trace.on(link=("x", "y"))
    assert other.series[0].link == ("x", "y")
    assert other.series[0].values == trace.series[0].values
    two = changed(trace, series=(trace.series[0], other.series[0]))
    with pytest.raises(ValueError, match="has 2 series, must have one"):
        two.on(link=("x", "y"))


def test_faces() -> None:
    """In a line, and as a table: 1 s of 4 Mbit/s and 3 s of 0 are 1 Mbit/s on average."""
    series = sf.Series(link=("<a>", "b"), quantity="bandwidth_bps", times_s=(0, 1), values=(4e6, 0))
    trace = sf.Trace(name="t", duration_s=4, series=(series,))
    assert repr(trace) == "<Trace t: 4 s, then repeat, 1 series, 2 values>"
    page = trace._repr_html_()
    assert "&lt;a&gt; &lt;-&gt; b" in page and "1 Mbit/s" in page and "4 Mbit/s" in page


def test_the_form_of_a_file(tmp_path: Path) -> None:
    """The keys of the page, defaults left out."""
    trace = sf.Trace(
        name="t",
        duration_s=2,
        series=(sf.Series(node="n", quantity="up", times_s=(0,), values=(1,)),),
    )
    sf.save_trace(trace, tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text()) == {
        "format": "splitfog/trace",
        "version": 1,
        "name": "t",
        "duration_s": 2,
        "series": [{"node": "n", "quantity": "up", "times_s": [0], "values": [1]}],
    }
