"""A replay's folder: whatever ends the process, no finished request is lost, and it goes on."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from splitfog.formulations.parametric.policy_file import load_policy
from splitfog.instances.records import changed
from splitfog.studies.replays import replay as replay_module
from splitfog.studies.replays.replay import replay
from splitfog.studies.replays.result import Replay
from tests.cases.replays.two_nodes import SLOWS_DOWN, bandwidth, held, two_nodes

COLUMNS = "trace,adapt,seed,request,arrival_s,plan,latency_s,restarted,failed,decision_s"
WAYS = ("argmin", "resolve", "best-fixed")


def replayed(folder: Path | None, **how: Any) -> Replay:
    """Twenty requests by three ways, one of which solves again."""
    given: dict[str, Any] = {"adapt": WAYS, "measure": "all", "noise": 0.1, "folder": folder}
    return replay(two_nodes(), SLOWS_DOWN, **{**given, **how})


def timeless(found: Replay) -> list[Any]:
    """The rows without the seconds of this machine."""
    return [changed(row, decision_s=0.0) for row in found]


def test_the_folder_holds_what_was_found(tmp_path: Path) -> None:
    """A row a request under exactly these columns, the ways, the table, and all plans by name."""
    found = replayed(tmp_path)
    lines = (tmp_path / "requests.csv").read_text().splitlines()
    assert lines[0] == COLUMNS and len(lines) == 1 + 60
    for row, line in zip(found, csv.DictReader(lines), strict=True):
        assert (line["trace"], line["adapt"], int(line["request"])) == (
            "trace",
            row.adapt,
            row.request,
        )
        assert (
            float(line["latency_s"]) == row.latency_s
            and float(line["decision_s"]) == row.decision_s
        )
    ways = json.loads((tmp_path / "ways.json").read_text())
    assert ways == json.loads(found.to_json())
    table, plans = (
        load_policy(tmp_path / "table.json"),
        json.loads((tmp_path / "plans.json").read_text()),
    )
    assert [plans[str(i)] for i in range(2)] == [
        {entry.task: dict(entry.placement) for entry in plan.tasks} for plan in table.plans
    ]
    assert {row.plan for row in found} <= plans.keys()


def test_failed_requests_have_no_latency(tmp_path: Path) -> None:
    """An empty cell, and a row all the same."""
    stalls = held(bandwidth((0, 0)), duration_s=2.0)
    replay(two_nodes(), stalls, adapt="nominal", folder=tmp_path)
    rows = list(csv.DictReader((tmp_path / "requests.csv").read_text().splitlines()))
    assert [(row["latency_s"], row["failed"]) for row in rows] == [("", "1")] * 2


def test_one_replay_at_a_time_has_a_folder(tmp_path: Path) -> None:
    """A second is refused while the first is at it, and has all rows afterwards."""
    refused = []

    def interfere(done: int, total: int, what: str) -> None:
        if done == 1:
            with pytest.raises(ValueError, match="is in use by the process") as error:
                replayed(tmp_path)
            refused.append(str(error.value))

    first = replayed(tmp_path, progress=interfere)
    assert len(refused) == 1 and str(tmp_path) in refused[0]
    assert timeless(replayed(tmp_path)) == timeless(first)
    assert not list(tmp_path.glob(".*"))


KILLED = """
import os, signal
from pathlib import Path
from tests.studies.replays.test_folder import replayed

def stop(done, total, what):
    if done == {done}:
        os.kill(os.getpid(), signal.{signal})

replayed(Path({folder!r}), progress=stop)
"""


def lines_after(name: str, done: int, folder: Path) -> list[str]:
    """Of `requests.csv`, where a signal has ended the process after so many requests."""
    script = KILLED.format(done=done, signal=name, folder=str(folder))
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], timeout=120
    )
    assert ended.returncode == (0 if name == "SIGINT" else -signal.SIGKILL)
    return (folder / "requests.csv").read_text().splitlines()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_no_finished_row_is_lost(name: str, tmp_path: Path) -> None:
    """Killed in the midst of the second way: all rows so far stay, letter by letter, and the rest
    is as if nothing had happened; what was there is not decided anew.
    """
    before = lines_after(name, 33, tmp_path)
    assert len(before) == 1 + 33
    finished = replayed(tmp_path)
    after = (tmp_path / "requests.csv").read_text().splitlines()
    assert len(after) == 1 + 60 and set(before) <= set(after)
    assert timeless(finished) == timeless(replayed(None))


def test_a_line_that_was_cut_is_written_anew(tmp_path: Path) -> None:
    """What stands behind the last line break is no row."""
    found = replayed(tmp_path)
    path = tmp_path / "requests.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:50]) + lines[50][:20])
    again = replayed(tmp_path)
    assert timeless(again) == timeless(found)
    assert path.read_text().splitlines()[:50] == [line.rstrip() for line in lines[:50]]


def test_what_is_finished_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither requests nor the table; other ways and seeds are added to it."""
    replayed(tmp_path)
    replayed(tmp_path / "probes", probe=(1e4, 2.0))
    replayed(tmp_path / "probes", probe=(1e4, 2.0))
    monkeypatch.setattr(replay_module, "plan_table", lambda *_, **__: pytest.fail("made anew"))
    told: list[str] = []
    found = replayed(tmp_path, progress=lambda done, total, what: told.append(what))
    assert told == [] and len(found) == 60
    more = replayed(
        tmp_path, adapt=(*WAYS, "switch"), progress=lambda d, t, what: told.append(what)
    )
    assert told == ["switch, seed 0"] * 20 and len(more) == 80
    assert len((tmp_path / "requests.csv").read_text().splitlines()) == 1 + 80


def test_another_replay_is_refused(tmp_path: Path) -> None:
    """In a sentence that says what differs, and nothing is changed."""
    replayed(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"holds a replay with delay_s = 0.0, this one has 1.0"):
        replayed(tmp_path, delay_s=1.0)
    with pytest.raises(ValueError, match=r"holds a replay with trace = .*: another folder"):
        replay(two_nodes(), held(bandwidth((0, 1e6)), name="x"), adapt=WAYS, folder=tmp_path)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_what_is_no_replay_s_folder_is_refused(tmp_path: Path) -> None:
    """A file, and a folder whose `requests.csv` is another's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file, must be a folder"):
        replayed(tmp_path / "file")
    (tmp_path / "requests.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"requests.csv is there, but no replay.json"):
        replayed(tmp_path)
    replayed(tmp_path / "own")
    (tmp_path / "own/requests.csv").write_text(f"{COLUMNS}\ntrace,argmin,0,0,0.0,0,much,0,0,0.0\n")
    with pytest.raises(ValueError, match=r"requests.csv: line 2 is no row of a replay"):
        replayed(tmp_path / "own")
