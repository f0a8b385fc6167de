"""Logs as others write them: forms, units, gaps; everything that is wrong by its line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf

LINK: dict[str, Any] = {"link": ("device", "edge0")}


def read(folder: Path, text: str, form: str, **options: Any) -> sf.Trace:
    """The trace of a log with this text; of device - edge0 if nothing else is said."""
    path = folder / "log.txt"
    path.write_bytes(text.encode())
    owner = {} if "node" in options else LINK
    return sf.import_trace(path, form=form, **{**owner, **options})


def steps(trace: sf.Trace) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Times, values and duration of the one series."""
    (series,) = trace.series
    return series.times_s, series.values, trace.duration_s


def wrong(folder: Path, text: str, form: str, **options: Any) -> list[str]:
    """What is told of a log."""
    with pytest.raises(sf.InstanceError) as caught:
        read(folder, text, form, **options)
    return caught.value.defects


def test_a_rate_a_line(tmp_path: Path) -> None:
    """Mbit/s if nothing is said, `step_s` apart; the last one lasts as long."""
    assert steps(read(tmp_path, "1.5\n2e0\n", "rate")) == ((0, 1), (1.5e6, 2e6), 2)
    assert steps(read(tmp_path, "1\n2\n", "rate", step_s=0.5, unit="bytes/s")) == (
        (0, 0.5),
        (8, 16),
        1,
    )


def test_time_and_rate(tmp_path: Path) -> None:
    """However they are parted; the first time becomes 0; the last holds for the median step, 1."""
    for sign in (" ", "\t", ",", ";", ", ", "   "):
        text = "".join(f"{time}{sign}{rate}\n" for time, rate in ((5, 1), (6, 2), (7, 3), (10, 4)))
        assert steps(read(tmp_path, text, "time-rate", unit="kbit/s")) == (
            (0, 1, 2, 5),
            (1000, 2000, 3000, 4000),
            6,
        )


def test_a_bundled_log_is_read_as_published() -> None:
    """Its second line: 0.549999952316 s, 4.79283060109 Mbit/s."""
    times, values, _ = steps(sf.load_trace("norway-bus-1"))
    assert (times[1], values[1]) == (0.549999952316, pytest.approx(4792830.60109, rel=1e-15))


COLUMNS = """Timestamp,Operator,DL_bitrate,State
2018.01.18_15.30.52,A,100,D
2018.01.18_15.30.53,B,5,D
2018.01.18_15.30.54,A,-,I
2018.01.18_15.30.55,A,300,D
"""


def test_columns(tmp_path: Path) -> None:
    """By name or place, of the lines that hold a text, with moments or without."""
    how: dict[str, Any] = {"column": "DL_bitrate", "unit": "kbit/s", "gaps": "hold"}
    timed = read(
        tmp_path, COLUMNS, "columns", time_column="Timestamp", group={"Operator": "A"}, **how
    )
    assert steps(timed) == ((0, 2, 3), (1e5, 1e5, 3e5), 4.5)
    assert steps(read(tmp_path, COLUMNS, "columns", **how)) == (
        (0, 1, 2, 3),
        (1e5, 5e3, 5e3, 3e5),
        4,
    )
    placed = read(tmp_path, COLUMNS, "columns", **{**how, "column": "3"}, time_column="1")
    assert steps(placed) == ((0, 1, 2, 3), (1e5, 5e3, 5e3, 3e5), 4)


def test_amounts_since_the_line_before(tmp_path: Path) -> None:
    """A table without a header, as published for Ghent: 2000 bytes in 1 s, then 3000 in 2 s.

    The first amount says nothing: nobody knows since when.
    """
    text = "145 7 51.0 3.7 1000 1007\n146 1007 51.0 3.7 2000 1000\n148 3007 51.0 3.7 3000 2000\n"
    how: dict[str, Any] = {"column": "5", "time_column": "2", "time_unit": "ms", "unit": "bytes"}
    assert steps(read(tmp_path, text, "columns", **how)) == ((0, 1), (16000, 12000), 3)
    assert steps(read(tmp_path, "100\n200\n", "rate", unit="bytes", step_s=2)) == (
        (0, 2),
        (400, 800),
        4,
    )


def test_packets_of_mahimahi(tmp_path: Path) -> None:
    """Windows of 1 s: 4 packets below 1000 ms are 48 kbit/s, 2 in the next; the rest is dropped."""
    text = "0\n0\n5\n999\n1000\n1500\n2100\n"
    assert steps(read(tmp_path, text, "mahimahi")) == ((0, 1), (48000, 24000), 2)
    # of 0.5 s: 3, 1, 1, 1 packets of 12000 bits
    halves = steps(read(tmp_path, text, "mahimahi", bin_s=0.5))
    assert halves == ((0, 0.5, 1, 1.5), (72000, 24000, 24000, 24000), 2)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.sampled_from([0.05, 0.1, 0.25]))
def test_no_packet_is_lost(tmp_path_factory: Any, times: list[int], bin_s: float) -> None:
    """All that pass before the last whole window ends are in the rates, and no others."""
    width = round(bin_s * 1000)
    whole = max(times) // width * width
    folder = tmp_path_factory.mktemp("log")
    text = "".join(f"{time}\n" for time in sorted(times))
    if whole == 0:
        told = "--bin-s must be <=" if max(times) else "must go on beyond it"
        assert told in wrong(folder, text, "mahimahi", bin_s=bin_s)[0]
        return
    trace = read(folder, text, "mahimahi", bin_s=bin_s)
    bits = trace.figures["link", "device", "edge0", "bandwidth_bps"].integral(0, trace.duration_s)
    assert bits == pytest.approx(12000 * sum(time < whole for time in times))


GAPPED = "0,1\n1,\n2,3\n3,4\n8,9\n"


def test_gaps_are_filled(tmp_path: Path) -> None:
    """A value is missing at 1 s, and lines from 3 to 8 s, where steps are 1 s.

    The duration is 8 s and the median step, 1 s.
    """

    def filled(gaps: str) -> tuple[tuple[float, ...], tuple[float, ...], float]:
        return steps(read(tmp_path, GAPPED, "time-rate", gaps=gaps, max_step_s=2.0, unit="bit/s"))

    assert filled("hold") == ((0, 1, 2, 3, 8), (1, 1, 3, 4, 9), 9)
    every = (0, 1, 2, 3, 4, 5, 6, 7, 8)
    assert filled("stall") == (every, (1, 0, 3, 4, 0, 0, 0, 0, 9), 9)
    assert filled("linear") == (every, (1, 2, 3, 4, 5, 6, 7, 8, 9), 9)


def test_a_gap_at_the_beginning(tmp_path: Path) -> None:
    """There is the first value, or nothing; at the end the last one lasts."""
    text = "-\n2\nNaN\n"
    for gaps, values in (("hold", (2, 2, 2)), ("linear", (2, 2, 2)), ("stall", (0, 2, 0))):
        assert steps(read(tmp_path, text, "rate", gaps=gaps, unit="bit/s"))[1] == values


def test_a_hole_of_a_year_is_filled_with_a_thousand_values(tmp_path: Path) -> None:
    """A clock that jumps makes no file of millions of lines."""
    text = "0,1\n1,2\n31536000,3\n"
    trace = read(tmp_path, text, "time-rate", gaps="linear", max_step_s=5)
    assert len(trace.series[0].values) == 1003


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_surrounds_values_is_passed_over(ending: str, tmp_path: Path) -> None:
    """A byte order mark, any ends of lines, comments, a header, empty lines at the end, gzip."""
    text = ending.join(["# a log", "time rate", "0 1.5", "1 2.5", "", ""])
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    trace = sf.import_trace(path, form="time-rate", **LINK)
    assert steps(trace) == ((0, 1), (1.5e6, 2.5e6), 2)
    assert trace.name == "log"


def test_the_figure_of_a_node_and_a_latency(tmp_path: Path) -> None:
    """A load has no unit; a latency is in s or ms; a link that is up is 1."""
    load = read(tmp_path, "1\n5\n", "rate", node="edge0", step_s=60).series[0]
    assert (load.node, load.quantity, load.values) == ("edge0", "load", (1, 5))
    latency = read(tmp_path, "12\n", "rate", quantity="latency_s", unit="ms").series[0]
    assert (latency.directions, latency.values) == ("forward", (pytest.approx(0.012),))
    up = read(tmp_path, "1\n0\n", "rate", quantity="up", directions="both").series[0]
    assert (up.directions, up.values) == ("both", (1, 0))


def test_it_says_what_it_was_made_of(tmp_path: Path) -> None:
    """File, hash, form, unit and what was done with gaps."""
    meta = read(tmp_path, "1\n", "rate", unit="kbit/s").meta["imported"]
    assert {"file": "log.txt", "form": "rate", "unit": "kbit/s", "gaps": "error"}.items() <= (
        meta.items()
    )


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Times that go back or stand twice, gaps, long steps, texts, values below 0."""
    text = "time,rate\n0,1.5\n1,2\n0.5,3\n0.5,nan\n9,x\n10,-4\n"
    assert wrong(tmp_path, text, "time-rate", max_step_s=5.0) == [
        "line 4: time = 0.5, must be > 1, that of line 3",
        "line 5: time = 0.5, must be > 0.5, that of line 4",
        "line 5: a gap, must be a number, or --gaps hold, linear or stall",
        "line 6: value = 'x', must be a finite number",
        "line 6: a gap of 8.5 s after line 5, must be <= 5 s, or --gaps hold, linear or stall",
        "line 7: value = -4, must be >= 0",
    ]


WRONG: dict[tuple[str, str], str] = {
    # no header: a number with a slip in it
    ("rate", "1,5\n2\n"): "line 1: value = '1,5', must be a finite number",
    ("mahimahi", "0\n0\n"): "the packets end at 0 ms, within the first window of 1000 ms, must go "
    "on beyond it",
    ("rate", ""): "no line holds a value",
    ("rate", "nan\n"): "line 1: a gap, must be a number, or --gaps hold, linear or stall",
    ("rate", "1\ninf\n"): "line 2: value = 'inf', must be a finite number",
    ("rate", "1\n\n2\n"): "line 2: a gap, must be a number, or --gaps hold, linear or stall",
    ("time-rate", "0 1\n1 2 3\n"): "line 2 has 3 columns, must have 2: time and value",
    ("time-rate", "0 1\n1\n"): "line 2 has 1 column, must have 2: time and value",
    ("time-rate", "0 1\nnoon 1\n"): "line 2: time = 'noon', must be a time as those before it",
    ("time-rate", "a,b\nnoon,1\n"): (
        "line 2: time = 'noon', must be a number, ISO 8601 or like %Y.%m.%d_%H.%M.%S"
    ),
    ("mahimahi", "1.5\n"): "line 1 = '1.5', must be a whole number of milliseconds",
    ("mahimahi", "5\n2000\n7\n"): "line 3 = 7, must be >= 2000, that of line 2",
    ("mahimahi", "0\n700\n"): (
        "the packets end at 700 ms, within the first window of 1000 ms: --bin-s must be <= 0.7"
    ),
    ("mahimahi", "99999999999999\n"): (
        "the packets end at 99999999999999 ms, after 99999999999 windows of 1000 ms, "
        "must be <= 10000000 windows"
    ),
    ("time-rate", "0;1,5\n"): "line 1: value = '1,5', must be a finite number",
    ("columns", "time,rate\n0,1\n1\n"): "line 3 has 1 cells, must have 2",
    ("columns", "time,Rate\n0,1\n"): (
        "line 1: unknown column 'rate', did you mean 'Rate'? known: time, Rate"
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[0]} {case[1]!r}")
def test_what_is_wrong_is_named(case: tuple[str, str], tmp_path: Path) -> None:
    """By its line, and nothing else."""
    form, text = case
    options = {"column": "rate"} if form == "columns" else {}
    assert wrong(tmp_path, text, form, **options) == [WRONG[case]]


def test_a_slip_in_the_first_line_of_a_table_is_no_header(tmp_path: Path) -> None:
    """A column named by its place, 1.5.2 for a number: told, not passed over."""
    sentence = "line 1: 1 = '1.5.2', must be a finite number"
    assert wrong(tmp_path, "1.5.2 7\n2 8\n", "columns", column="1") == [sentence]
    read(tmp_path, "rate 7\n2 8\n", "columns", column="1")  # words are


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    """Those that are there are told."""
    how: dict[str, Any] = {"column": "DL_bitrate", "group": {"Operator": "C"}}
    assert wrong(tmp_path, COLUMNS, "columns", **how) == [
        "no line has Operator = C; there are A, B"
    ]


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"form": "rates"}, "form = 'rates', must be one of rate, time-rate"),
    ({"link": None}, "link = None and node = None, one of them"),
    ({"node": "n"}, "and node = 'n', one of them must say"),
    ({"link": "a,b"}, "link = 'a,b', must be two names"),
    ({"quantity": "load"}, "quantity = 'load', must be one of bandwidth_bps"),
    ({"unit": "mbps"}, "unit = 'mbps', must be one of Mbit/s"),
    ({"quantity": "up", "unit": "s"}, "unit = 's', must be left out: up has none"),
    ({"form": "mahimahi", "unit": "bit/s"}, "unit = 'bit/s', must be left out: form mahimahi"),
    ({"quantity": "latency_s", "gaps": "stall"}, "gaps = 'stall', must be error, hold or linear"),
    ({"quantity": "up", "gaps": "linear"}, "gaps = 'linear', must be error, hold or stall"),
    ({"step_s": 0}, "step_s = 0, must be a number > 0"),
    ({"column": "rate"}, "column = 'rate', must be left out: only form columns has columns"),
    ({"group": {"a": "b"}}, "must be left out: only form columns has columns, not rate"),
    ({"form": "columns"}, "column = None, must be the name of the column"),
    ({"end": "stop"}, "end = 'stop', must be one of repeat, hold"),
]


@pytest.mark.parametrize(("options", "sentence"), SENSELESS, ids=lambda x: str(x)[:40])
def test_arguments_that_make_no_sense(
    options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """Each is named with what is allowed."""
    path = tmp_path / "log.txt"
    path.write_text("1\n")
    with pytest.raises(ValueError, match=r", (one|must)") as caught:
        sf.import_trace(path, **{"form": "rate", **LINK, **options})
    assert sentence in str(caught.value)
