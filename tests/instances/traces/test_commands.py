"""Traces on the command line: imported, generated, checked, shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.traces.bundled import FOLDER


def splitfog(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="splitfog")


def test_import_says_what_it_read(tmp_path: Path) -> None:
    """The file on standard output, its figures beside it, so that a wrong unit is seen."""
    target = tmp_path / "bus.json"
    log = FOLDER / "norway_bus_1"
    done = splitfog("import", "trace", log, "--form", "time-rate", "--link", "a,b", "-o", target)
    assert (done.exit_code, done.stdout) == (0, f"{target}\n")
    assert done.stderr == (
        "a -> b bandwidth_bps: 266 values in 155 s, 375 kbit/s to 4.79 Mbit/s, mean 2.95 Mbit/s\n"
    )
    trace = sf.load_trace(target)
    assert trace.name == "bus" and trace.series == sf.load_trace("norway-bus-1@a,b").series


def test_every_option_of_import_is_heard(tmp_path: Path) -> None:
    """As `sf.import_trace` hears it; a CSV file by its name."""
    log, target = tmp_path / "log.csv", tmp_path / "out.csv.gz"
    log.write_text("ms,rate,way\n0,1,down\n500,9,up\n1000,,down\n9000,3,down\n")
    words: list[object] = ["--form", "columns", "--column", "rate", "--time-column", "ms"]
    words += ["--time-unit", "ms", "--group", "way=down", "--unit", "kbit/s", "--gaps", "stall"]
    words += ["--max-step-s", 4, "--link", "a,b", "--directions", "both", "--end", "hold"]
    done = splitfog("import", "trace", log, *words, "-o", target)
    assert done.exit_code == 0, done.output
    made = sf.import_trace(
        log,
        form="columns",
        column="rate",
        time_column="ms",
        time_unit="ms",
        group={"way": "down"},
        unit="kbit/s",
        gaps="stall",
        max_step_s=4,
        link=("a", "b"),
        directions="both",
        end="hold",
    )
    again = sf.load_trace(target)
    assert again.series == made.series
    assert (again.duration_s, again.end, again.name) == (made.duration_s, "hold", "out")


def test_generate_writes_traces(tmp_path: Path) -> None:
    """Named after their options, with consecutive seeds; one goes into a file, too."""
    words = ["generate", "trace", "fading", "--preset", "3g", "--duration-s", 20]
    done = splitfog(*words, "--seed", 4, "--count", 2, "-o", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    names = [Path(row["file"]).name for row in json.loads(done.stdout)]
    assert names == [f"fading-3g-duration-s=20-seed{seed}.json" for seed in (4, 5)]
    expected = sf.generate_trace("fading", seed=5, preset="3g", duration_s=20.0)
    assert sf.load_trace(tmp_path / names[1]) == expected
    assert splitfog(*words, "--seed", 5, "-o", tmp_path / "one.csv").exit_code == 0
    assert sf.load_trace(tmp_path / "one.csv").series == expected.series
    again = splitfog(*words, "--seed", 5, "-o", tmp_path / "one.csv")
    assert again.exit_code == 2 and "exists already" in again.stderr


def test_families_of_traces_are_listed() -> None:
    """With `trace` only these, without it only those of instances; --help names options."""
    listed = json.loads(splitfog("generate", "trace", "--list", "--json").stdout)
    assert [row["name"] for row in listed] == [
        "fading", "markov", "outages", "step", "diurnal", "load"
    ]  # fmt: skip
    assert "fading" not in splitfog("generate", "--list").stdout
    assert "--per-min X" in splitfog("generate", "trace", "outages", "--help").stdout


def test_validate_knows_traces(tmp_path: Path) -> None:
    """JSON by its format, CSV by its name; all defects of both."""
    trace = sf.generate_trace("load", duration_s=60)
    for name in ("good.json", "good.csv"):
        sf.save_trace(trace, tmp_path / name)
    done = splitfog("validate", tmp_path / "good.json", tmp_path / "good.csv")
    assert (done.exit_code, done.stdout.count(": OK")) == (0, 2)
    text = (tmp_path / "good.json").read_text().replace('"load"', '"speed"', 1)
    (tmp_path / "bad.json").write_text(text.replace('"load"', '"speed"'))
    (tmp_path / "bad.csv").write_text("time_s,node,quantity,value\n0,n,load,0\n0,n,load,1\n")
    done = splitfog("validate", tmp_path / "bad.json", tmp_path / "bad.csv")
    assert done.exit_code == 2
    assert 'bad.json: series[0].quantity = "speed", must be one of' in done.stderr
    assert "bad.csv: line 2: value = 0, must be > 0" in done.stderr
    assert "bad.csv: line 3: time_s = 0, must be > 0" in done.stderr


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".html"])
def test_show_draws_a_trace(suffix: str, tmp_path: Path) -> None:
    """A bundled one by its name, in every form of picture."""
    done = splitfog("show", "norway-bus-1", "-o", tmp_path / f"bus{suffix}")
    assert done.exit_code == 0, done.output
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".html": b"<!DOCTYPE"}
    assert (tmp_path / f"bus{suffix}").read_bytes().startswith(starts[suffix])


BAD: list[tuple[list[str], str]] = [
    (["import", "trace", "LOG", "--link", "a,b", "-o", "x"], "--form = None, must be one of rate"),
    (
        ["import", "trace", "LOG", "--form", "rate", "--link", "a", "-o", "x"],
        "--link = 'a', must be FROM,TO",
    ),
    (
        ["import", "trace", "LOG", "--form", "rate", "--link", "a,b", "--group", "x", "-o", "x"],
        "--group = 'x', must be NAME=VALUE",
    ),
    (
        ["import", "trace", "LOG", "--form", "rate", "--link", "a,b", "--model", "m", "-o", "x"],
        "import trace takes no --instance and no --model",
    ),
    (["import", "msr", "LOG", "--gaps", "hold", "-o", "x"], "--gaps is an option of import trace"),
    (
        ["import", "trace", "LOG", "--form", "rate", "--link", "a,b", "--speed", "2", "-o", "x"],
        "'--speed' belongs to no option of import trace",
    ),
    (
        ["import", "trace", "LOG", "--form", "rate", "--link", "a,b", "-o", "x"],
        "line 2: value = -1, must be >= 0",
    ),
    (["generate", "trace", "-o", "x"], "FAMILY is missing, must be one of fading"),
    (["generate", "trace", "--preset", "lte", "fading", "-o", "x"], "must stand after it"),
    (["generate", "trace", "fading", "--count", "2", "-o", "x.json"], "must be a folder for 2"),
    (["show", "norway-bus-1", "LOG", "-o", "x.svg"], "is a trace, which has no plan"),
    (["show", "norway-bus-1", "-o", "x.gif"], "must end in one of .png, .svg, .pdf, .html"),
]


@pytest.mark.parametrize(("words", "sentence"), BAD, ids=lambda x: " ".join(x)[:50])
def test_bad_input_ends_with_2_and_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("LOG").write_text("1\n-1\n")
    done = splitfog(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["LOG"]
