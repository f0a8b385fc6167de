"""`throughput` from the command line: plans of replicas solved, shown, verified and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from splitfog.cli import app
from splitfog.instances.files import save_instance
from tests.cases.golden import case


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The golden fleet with direct links, whose best rate is 60."""
    path = tmp_path / "fleet.json"
    save_instance(case("throughput-1")[0], path)
    return path


def test_a_plan_of_replicas(file: Path, tmp_path: Path) -> None:
    """Solved, told as a rate with an upper bound, verified; a false rate is named."""
    plan = tmp_path / "plan.json"
    solved = splitfog("solve", file, "--objective", "throughput", "--partial", "-o", plan)
    assert solved.exit_code == 0
    assert "value    60 per s" in solved.stdout and "bound    60 per s" in solved.stdout
    assert "l0 .. l2 (3 layers), passes 30 per s" in solved.stdout
    data = json.loads(plan.read_text())
    assert data["objective"]["partial"] is True and data["lower_bound"] is None
    assert data["upper_bound"] == pytest.approx(60)
    assert {tuple(own) for own in data["tasks"][0]["replicas"]} == {("node", "layers", "flow")}
    verified = splitfog("verify", file, plan)
    assert verified.exit_code == 0 and "value = 60.0 per s" in verified.stdout
    plan.write_text(json.dumps({**data, "value": 61.0}))
    wrong = splitfog("verify", file, plan)
    assert wrong.exit_code == 1 and "value = 61.0, must be 60.0" in wrong.stdout


def test_a_plan_by_hand(file: Path, tmp_path: Path) -> None:
    """Three keys and ranges are enough; without `partial` the range that overlaps gets nothing."""
    plan = tmp_path / "plan.json"
    ranges = [
        {"node": "g0", "layers": [0, 2]},
        {"node": "g1", "layers": [1, 4]},
        {"node": "g2", "layers": [2, 4]},
    ]
    tasks = [{"task": "job", "replicas": ranges}]
    objective = {"name": "throughput"}
    head = {"format": "splitfog/plan", "version": 1, "objective": objective}
    plan.write_text(json.dumps({**head, "tasks": tasks}))
    for how, rate in (((), 20), (("--partial",), 41)):
        told = json.loads(splitfog("evaluate", file, plan, *how, "--json").stdout)
        assert (told["value"], told["violations"], told["terms"]) == (rate, [], [])
    assert "value    41 per s" in splitfog("evaluate", file, plan, "--partial").stdout
    assert splitfog("verify", file, plan).exit_code == 0
    ranges[0]["layers"] = [0, 5]
    plan.write_text(json.dumps({**head, "tasks": tasks}))
    refused = splitfog("evaluate", file, plan)
    assert refused.exit_code == 2
    assert "replicas[0].layers = [0, 5], must be [a, b] with 0 <= a < b <= 4" in refused.stderr


def test_rates_are_compared(file: Path) -> None:
    """Gaps are to the least upper bound, speed-ups how many times the baseline's rate."""
    how = ("--objective", "throughput", "--solvers", "replicas,swarm", "--baseline", "swarm")
    rows = json.loads(splitfog("compare", file, *how, "--json").stdout)
    best, swarm = rows
    assert (best["solver"], best["status"], best["value"]) == ("replicas", "optimal", 60)
    assert best["upper_bound"] == pytest.approx(60) and best["lower_bound"] is None
    assert swarm["gap"] == pytest.approx(1 - swarm["value"] / 60)
    assert best["speedup"] == pytest.approx(60 / swarm["value"])
    assert "value /s" in splitfog("compare", file, *how).stdout


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            ("--objective", "latency", "--partial"),
            "partial = true, must be false for the objective latency",
        ),
        (
            ("--objective", "throughput", "--solver", "greedy"),
            "greedy does not apply: it minimises latency, makespan, period, mean-latency, not",
        ),
        (
            ("--objective", "throughput", "--transfers", "per-edge"),
            "transfers = 'per-edge', must be once for the objective throughput",
        ),
    ],
)
def test_what_is_refused(file: Path, how: tuple[str, ...], said: str) -> None:
    """In a sentence, exit code 2."""
    refused = splitfog("solve", file, *how)
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_an_instance_of_rates_wants_its_objective_told(file: Path) -> None:
    """Its layers have no work, hence no latency: the sentence names what has a meaning."""
    refused = splitfog("solve", file)
    assert refused.exit_code == 2
    assert "has stage_rates, and nothing that a layer takes; --objective throughput" in (
        refused.stderr
    )
    assert splitfog("solve", file, "--objective", "throughput").exit_code == 0
    assert splitfog("solve", file, "--objective", "latency").exit_code == 0


def test_what_fits_nowhere(file: Path) -> None:
    """Exit code 3, and why."""
    data = json.loads(file.read_text())
    for node in data["nodes"]:
        node["memory_bytes"] = 50
    file.write_text(json.dumps(data))
    none = splitfog("solve", file, "--objective", "throughput")
    assert none.exit_code == 3
    assert "layer l0" in none.stderr
