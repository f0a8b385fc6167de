"""Every benchmark says what it is about before it runs anything."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
RUNS = 'if __name__ == "__main__"'
FILES = {
    ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts): path
    for path in sorted(FOLDER.rglob("*.py"))
    if RUNS in path.read_text("utf-8")
}


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")  # of one that another imports
@pytest.mark.parametrize("name", FILES)
def test_a_benchmark_has_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m benchmarks.ROOM.NAME --help` shows what the module says of itself; exit code 0."""
    monkeypatch.setattr(sys, "argv", ["benchmark", "--help"])
    monkeypatch.delitem(sys.modules, name, raising=False)  # others import some
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    first = FILES[name].read_text("utf-8").splitlines()[0].strip('"').split(":")[0]
    assert shown.startswith("usage: ")
    assert first in " ".join(shown.split())


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_unknown_words_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a benchmark does not know ends it with 2 and says what it knows."""
    monkeypatch.setattr(sys, "argv", ["benchmark", "tiles"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.partition.slices", run_name="__main__", alter_sys=True)
    assert ended.value.code == 2
    assert "'tiles', must be one of regions, vsm, gaps" in capsys.readouterr().err
