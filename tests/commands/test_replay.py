"""`splitfog replay`: exit codes, one-line reasons, clean JSON, files and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.records import changed
from splitfog.solvers.parametric.plan_table import plan_table
from splitfog.studies.replays import replay as replay_module
from tests.cases.replays.two_nodes import SLOWS_DOWN, edge_up, held, two_nodes


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An instance and a trace."""
    sf.save_instance(two_nodes(), tmp_path / "instance.json")
    sf.save_trace(SLOWS_DOWN, tmp_path / "trace.json")
    return tmp_path / "instance.json", tmp_path / "trace.json"


def test_a_table_for_readers(files: tuple[Path, Path]) -> None:
    """A line a way, the best fixed plan's regret beside each; nothing on standard error."""
    result = splitfog("replay", *files, "--measure", "all")
    assert result.exit_code == 0 and result.stderr == ""
    head, _, argmin, switch, fixed = result.stdout.splitlines()[1:6]
    assert " ".join(head.split()) == (
        "way mean p95 regret best fixed switches restarted failed decision"
    )
    # 10 requests of 1.2 s and 10 of 2 s: 1.6 s; the device's plan alone: 2 s, 25 % above
    assert argmin.split()[:7] == ["argmin", "1.6", "s", "2", "s", "0", "%"]
    assert [line.split()[0] for line in (argmin, switch, fixed)] == [
        "argmin",
        "switch",
        "best-fixed",
    ]
    assert all("25.00 %" in line for line in (argmin, switch, fixed))


def test_json_is_a_list_of_ways(files: tuple[Path, Path]) -> None:
    """With exactly these keys, and nothing else on standard output."""
    result = splitfog("replay", *files, "--adapt", "argmin,offline", "--seed", "1,2", "--json")
    assert result.exit_code == 0
    ways = json.loads(result.stdout)
    assert [(way["adapt"], way["seed"]) for way in ways] == [
        (name, seed) for name in ("argmin", "offline") for seed in (1, 2)
    ]
    keys = ["adapt", "seed", "mean_s", "p95_s", "regret", "switches", "restarted", "failed"]
    assert all(list(way) == [*keys, "decision_s"] for way in ways)


def test_a_folder_and_a_picture(files: tuple[Path, Path], tmp_path: Path) -> None:
    """-o writes rows, ways, table, plans and a picture, and says so on standard error."""
    out = tmp_path / "out"
    result = splitfog("replay", *files, "-o", out)
    assert result.exit_code == 0
    assert f"written: {out / 'requests.csv'}" in result.stderr
    assert {path.name for path in out.iterdir()} == {
        "requests.csv",
        "ways.json",
        "table.json",
        "plans.json",
        "replay.json",
        "replay.svg",
    }
    page = tmp_path / "replay.html"
    assert splitfog("replay", *files, "-o", out, "--picture", page).exit_code == 0
    assert "<svg" in page.read_text() and "best-fixed" in page.read_text()


def test_all_options_reach_the_replay(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Each changes what the command prints as it changes what `sf.replay` finds."""
    options = {
        "clock": "frozen", "requests": "poisson:2", "queues": "fifo", "estimate": "kalman",
        "delay_s": 0.5, "noise": 0.1, "measure": "all", "probe": (1e4, 3.0), "switch_cost": 0.5,
        "detect_s": 2.0,
    }  # fmt: skip
    words = [
        word
        for name, value in options.items()
        for word in (
            f"--{name.replace('_', '-')}",
            ",".join(map(str, value)) if isinstance(value, tuple) else value,
        )
    ]
    found = sf.replay(two_nodes(), SLOWS_DOWN, adapt="switch", seed=3, **options)  # type: ignore[arg-type]
    result = splitfog("replay", *files, "--adapt", "switch", "--seed", 3, *words, "--json")
    assert result.exit_code == 0
    (printed,), (own,) = json.loads(result.stdout), json.loads(found.to_json())
    assert {**printed, "decision_s": 0} == {**own, "decision_s": 0}


def test_a_table_from_a_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    """One for 7 to 9 Mbit/s has the edge's plan only."""
    table = plan_table(two_nodes(), {("device", "edge"): (7e6, 9e6)})
    sf.save_policy(table, tmp_path / "table.json")
    words = ("--table", tmp_path / "table.json", "--adapt", "argmin", "--measure", "all", "--json")
    (way,) = json.loads(splitfog("replay", *files, *words).stdout)
    assert way["mean_s"] == pytest.approx(2.7)


WRONG = [
    (("--adapt", "best"), "adapt = 'best', must be one of argmin"),
    (("--clock", "wall"), "clock = 'wall', must be one of integrated, frozen"),
    (("--requests", "every:x"), "requests = 'every:x', must be every:S"),
    (("--queues", "lifo"), "queues = 'lifo', must be one of"),
    (("--estimate", "mean"), "estimate = 'mean', must be one of"),
    (("--delay-s", "-1"), "delay_s = -1.0, must be a number >= 0"),
    (("--noise", "-1"), "noise = -1.0, must be a number >= 0"),
    (("--measure", "some"), "measure = 'some', must be one of"),
    (("--probe", "1e4"), "--probe = '1e4', must be BYTES,SECONDS"),
    (("--probe", "1e4,0"), "probe seconds = 0, must be a number > 0"),
    (("--switch-cost", "much"), "--switch-cost = 'much', must be seconds >= 0 or weights:NODE"),
    (("--switch-cost", "weights:fog"), "unknown node 'fog'"),
    (("--detect-s", "-1"), "detect_s = -1.0, must be a number >= 0"),
    (("--seed", "x"), "--seed = 'x', must be a whole number >= 0"),
    (("--picture", "replay.doc"), "--picture = 'replay.doc', must end in"),
    (("--table", "no-such.json"), "no-such.json: no such file"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=lambda value: str(value)[:30])
def test_bad_input_exits_with_2(
    files: tuple[Path, Path], words: tuple[str, ...], sentence: str
) -> None:
    """And one line that names it."""
    result = splitfog("replay", *files, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr and len(result.stderr.splitlines()) == 1


def test_bad_traces_exit_with_2(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A figure given twice, names of another instance, both ways of a one-way link."""
    instance, trace = files
    twice = splitfog("replay", instance, trace, trace)
    assert twice.exit_code == 2 and "must be given once" in twice.stderr
    sf.save_instance(sf.generate("three-tier"), tmp_path / "other.json")
    other = splitfog("replay", tmp_path / "other.json", trace)
    assert other.exit_code == 2 and 'link[1] = "edge", must be a node' in other.stderr
    sf.save_trace(
        sf.Trace(
            name="both",
            duration_s=1.0,
            series=(
                sf.Series(link=("device", "edge0"), quantity="up", times_s=(0.0,), values=(1.0,)),
            ),
        ),
        tmp_path / "both.json",
    )
    both = splitfog("replay", tmp_path / "other.json", tmp_path / "both.json")
    assert both.exit_code == 2 and "the link device -> edge0 is one-way" in both.stderr
    table = plan_table(two_nodes(results_to="device"), {("device", "edge"): (1e6, 2e6)})
    sf.save_policy(table, tmp_path / "table.json")
    wrong = splitfog("replay", *files, "--table", tmp_path / "table.json")
    assert wrong.exit_code == 2 and "the table is for another instance" in wrong.stderr


def test_requests_that_fail_are_shown(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Counted, in the table and in the picture; exit code 0, for that is what was asked."""
    sf.save_instance(two_nodes(results_to="edge"), files[0])
    sf.save_trace(held(edge_up((0, 0)), duration_s=3.0), files[1])
    result = splitfog("replay", *files, "--picture", tmp_path / "replay.png")
    assert result.exit_code == 0
    # mean, p95, regret, best fixed, switches, restarted, failed
    assert result.stdout.splitlines()[3].split()[:8] == ["argmin", *"---- 003".replace(" ", "")]
    assert (tmp_path / "replay.png").stat().st_size > 10_000


def test_ctrl_c_while_the_table_is_made(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is replayed by half a table: exit code 130, and no rows."""
    half = changed(
        plan_table(two_nodes(), {("device", "edge"): (1e6, 2e6)}), stopped_by="interrupted"
    )
    monkeypatch.setattr(replay_module, "plan_table", lambda *_, **__: half)
    result = splitfog("replay", *files, "-o", tmp_path / "out")
    assert result.exit_code == 130 and "interrupted" in result.stderr
    assert not (tmp_path / "out" / "requests.csv").exists()
