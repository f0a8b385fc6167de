"""`splitfog repair`: files that fit together, exit codes, one-line reasons, and the replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.records import changed


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def fog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Six users and two fog nodes, and a plan, as files."""
    folder = tmp_path_factory.mktemp("repair")
    instance = sf.generate("fog", seed=2, users=6, fog_nodes=2, models="nin")
    sf.save_instance(instance, folder / "fog.json")
    sf.save_plan(sf.solve(folder / "fog.json", "dina-p"), folder / "plan.json")
    return folder / "fog.json", folder / "plan.json"


def test_down_and_up_again_by_files(fog: tuple[Path, Path], tmp_path: Path) -> None:
    """What is written can be verified, and is what the node comes back to."""
    without, plan, back, again = (tmp_path / f"{name}.json" for name in "abcd")
    assert splitfog("repair", *fog, "--down", "fog1", "-o", plan, "--to", without).exit_code == 0
    assert splitfog("verify", without, plan).exit_code == 0
    assert "fog1" not in sf.load_instance(without).node_index
    words = ("repair", without, plan, "--up", "fog1", "-o", again, "--to", back)
    assert splitfog(*words).exit_code == 0
    assert splitfog("verify", back, again).exit_code == 0
    assert sf.load_instance(back).nodes == sf.load_instance(fog[0]).nodes


def test_all_options_at_once(fog: tuple[Path, Path], tmp_path: Path) -> None:
    """A user leaves, a link fails, another changes, a user arrives: as in Python."""
    task = tmp_path / "task.json"
    task.write_text('{"name": "new", "model": "nin", "source": "user2", "arrivals_per_s": 0.1}')
    words = ("--leaves", "task0", "--down", "fog1,cloud", "--link", "fog0,cloud=1e7,0.05")
    result = splitfog("repair", *fog, *words, "--arrives", task, "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    changes = [
        {"task": "task0", "leaves": True},
        {"link": ["fog1", "cloud"], "up": False},
        {"link": ["fog0", "cloud"], "bandwidth_bps": 1e7, "latency_s": 0.05},
        {"task": json.loads(task.read_text()), "arrives": True},
    ]
    _, plan, report = sf.repair(*fog, changes)
    assert printed["plan"]["value"] == plan.value
    assert printed["report"]["hit"] == list(report.hit)
    assert printed["plan"]["solver"] == "repair"


def test_what_is_printed(fog: tuple[Path, Path]) -> None:
    """The plan's head, what the repair did, and the tasks that changed."""
    result = splitfog("repair", *fog, "--down", "fog1")
    assert result.exit_code == 0
    _, _, report = sf.repair(*fog, {"node": "fog1", "up": False})
    assert f"{len(report.hit)} tasks hit" in result.stdout
    shown = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("task ")]
    assert shown == [f"{name}:" for name in report.changed]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "nothing changes, must be told by --leaves"),
        (("--down", "fog9"), "unknown node 'fog9'"),
        (("--down", "user0"), "node user0 is the source of task task0, must stay"),
        (("--up", "fog1"), "node fog1 is up already"),
        (("--link", "fog0=3"), "--link = 'fog0', must be FROM,TO"),
        (("--link", "fog0,cloud"), "--link = 'fog0,cloud', must be FROM,TO=BIT/S[,S]"),
        (("--link", "fog0,cloud=-1"), "links"),
        (("--leaves", "task9"), "unknown task 'task9'"),
        (("--csv", "x.csv", "--down", "fog1"), "--csv is for --replay"),
        (("--replay", "random:9", "--down", "fog1"), "--replay stands alone, without --down"),
        (("--replay", "random:x"), "--replay = 'x', must be a file of events or random:SECONDS"),
        (("--replay", "none.json"), "none.json: no such file"),
    ],
)
def test_wrong_input(fog: tuple[Path, Path], words: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and a line that says what is wrong."""
    result = splitfog("repair", *fog, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_replay(fog: tuple[Path, Path], tmp_path: Path) -> None:
    """Random events are those of Python's at that seed; rows go to a CSV file, or as JSON."""
    rows = tmp_path / "rows.csv"
    words = ("repair", *fog, "--replay", "random:100", "--seed", 3, "--ways", "repair,static")
    result = splitfog(*words, "--csv", rows)
    assert result.exit_code == 0
    events = sf.generate_events(fog[0], 3, duration_s=100)
    assert len(rows.read_text().splitlines()) == 1 + 2 * (1 + len(events.events))
    sf.save_events(events, tmp_path / "events.json")
    assert splitfog("validate", tmp_path / "events.json").stdout.endswith("events.json: OK\n")
    result = splitfog(*words[:4], tmp_path / "events.json", "--ways", "static", "--json")
    printed = json.loads(result.stdout)
    assert printed["rows"][0]["event"] == "start"
    assert [way["way"] for way in printed["ways"]] == ["static"]


def test_no_plan_is_left(tmp_path: Path) -> None:
    """Exit code 3 where that is proven; the plan says why."""
    given = sf.generate("fog", seed=2, users=2, fog_nodes=1, models="nin")
    (model,) = given.models
    layers = (*model.layers[:-1], changed(model.layers[-1], tiers=("fog",)))
    instance = changed(given, models=(changed(model, layers=layers),), meta={})
    file, plan, out = (tmp_path / f"{name}.json" for name in "abc")
    sf.save_instance(instance, file)
    sf.save_plan(sf.solve(file, "dina-p"), plan)
    result = splitfog("repair", file, plan, "--down", "fog0", "-o", out)
    assert result.exit_code == 3
    assert "no node can take layer" in result.stderr
    assert sf.load_plan(out).status == "infeasible"
