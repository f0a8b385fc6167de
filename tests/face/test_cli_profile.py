"""`splitfog profile apply`: measured times in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from tests.face.test_cli import TINY, lines, one_line_of_error, splitfog


def times_file(folder: Path, text: str) -> Path:
    path = folder / "times.csv"
    path.write_text(text)
    return path


def test_times_are_applied_and_the_missing_counted(tmp_path: Path) -> None:
    """conv of 40 ms at pi: what is left of the four (conv and fc at two nodes) is told."""
    times, new = (
        times_file(tmp_path, "layer,node,milliseconds\nconv,pi,40\n"),
        tmp_path / "new.json",
    )
    result = splitfog("profile", "apply", TINY, "--times", times, "-o", new)
    assert (result.exit_code, lines(result.stdout)) == (0, [str(new)])
    assert lines(result.stderr) == [
        "3 of 4 times are not measured but computed from FLOP: pi 1 of 2, server 2 of 2"
    ]
    made, given = sf.load_instance(new), sf.load_instance(TINY)
    assert made.models == given.with_times({"conv": {"pi": 0.04}}).models
    assert made.name == "new"
    assert made.meta["measured"] == {
        "instance": "tiny", "instance_sha256": given.sha256, "times": "times.csv",
    }  # fmt: skip


def test_nothing_is_said_where_nothing_is_missing(tmp_path: Path) -> None:
    """All four times, by tiers; but what is not reliable is counted."""
    rows = [f"{layer},{tier},1,{sure}" for layer in ("conv", "fc") for tier, sure in
            (("device", "true"), ("cloud", "false"))]  # fmt: skip
    text = "\n".join(["layer,tier,seconds,reliable", *rows])
    words = ("--times", times_file(tmp_path, text), "-o", tmp_path / "new.json")
    result = splitfog("profile", "apply", TINY, *words)
    assert lines(result.stderr) == ["2 of 4 times are marked as not reliable"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("layer,node,seconds\ncnv,pi,1\n", "times.csv: unknown layer 'cnv' (line 2, did you mean"),
        ("layer,node,seconds\nconv,pie,1\n", "times.csv: unknown node or tier 'pie' (line 2"),
        ("layer,node,seconds\nconv,pi,-1\n", "times.csv: line 2: seconds = '-1', must be"),
        ("", "times.csv: the file is empty"),
    ],
)
def test_wrong_times_are_one_line(text: str, reason: str, tmp_path: Path) -> None:
    """Exit code 2; nothing is written."""
    times, new = times_file(tmp_path, text), tmp_path / "new.json"
    assert reason in one_line_of_error("profile", "apply", TINY, "--times", times, "-o", new)
    assert not new.exists()


def test_the_model_may_be_told(tmp_path: Path) -> None:
    """--model names that of all rows; an unknown one is named."""
    times = times_file(tmp_path, "layer,node,seconds\nconv,pi,1\n")
    words = ("profile", "apply", TINY, "--times", times, "-o", tmp_path / "new.json", "--model")
    assert splitfog(*words, "net").exit_code == 0
    assert "unknown model 'nut' (line 2, did you mean 'net'?)" in one_line_of_error(*words, "nut")


def test_the_group_names_its_commands() -> None:
    """Alone it is wrong usage; its help lists them; a wrong one is named with the nearest."""
    assert "Missing command" in one_line_of_error("profile")
    assert "apply" in splitfog("profile", "--help").stdout
    assert "'aply'" in one_line_of_error("profile", "aply")
