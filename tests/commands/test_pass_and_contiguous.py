"""`--pass` and `--contiguous`, and the sentences on what fits nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    """A golden instance with three passes."""
    path = tmp_path / "passes.json"
    save_instance(case("passes-3")[0], path)
    return path


def changed_file(path: Path, **fields: Any) -> Path:
    """A copy with other fields of every node, or of the file."""
    data = json.loads(path.read_text())
    for node in data["nodes"]:
        node.update(fields.get("nodes", {}))
    data.update({key: own for key, own in fields.items() if key != "nodes"})
    copy = path.with_name("changed.json")
    copy.write_text(json.dumps(data))
    return copy


def test_a_plan_of_one_pass_is_verified(file: Path, tmp_path: Path) -> None:
    """The file says which pass and which kind of placement, and `verify` holds it to that; any
    change of these is a false claim."""
    plan = tmp_path / "plan.json"
    how = ("--objective", "period", "--pass", "decode", "--contiguous", "ring", "-o", plan)
    assert splitfog("solve", file, *how).exit_code == 0
    data = json.loads(plan.read_text())
    assert data["objective"]["pass"] == "decode"
    assert data["objective"]["contiguous"] == "ring"
    assert splitfog("verify", file, plan).exit_code == 0
    for name, other in (("pass", "prefill"), ("pass", None)):
        false = {**data, "objective": {**data["objective"], name: other}}
        plan.write_text(json.dumps(false))
        assert splitfog("verify", file, plan).exit_code == 1
    data["tasks"][0]["passes"]["decode"]["latency_s"] *= 2
    data["nodes"]["n0"]["state_bytes"] += 1e6
    plan.write_text(json.dumps(data))
    said = splitfog("verify", file, plan).stdout
    assert "tasks[0].passes.decode.latency_s" in said
    assert "nodes.n0.state_bytes" in said


def test_evaluate_and_compare_count_a_pass(file: Path, tmp_path: Path) -> None:
    """`evaluate --pass` another one than the plan's; rows of `compare` under a heading that says
    what counts."""
    plan = tmp_path / "plan.json"
    splitfog("solve", file, "--pass", "decode", "-o", plan)
    evaluated = json.loads(splitfog("evaluate", file, plan, "--pass", "check", "--json").stdout)
    assert evaluated["objective"]["pass"] == "check"
    assert evaluated["value"] == pytest.approx(
        evaluated["tasks"][0]["passes"]["check"]["latency_s"]
    )
    assert sum(term["seconds"] for term in evaluated["terms"]) == pytest.approx(evaluated["value"])
    solvers = ("--solvers", "ilp,brute-force", "--pass", "decode", "--contiguous", "line")
    compared = splitfog("compare", file, *solvers)
    assert compared.exit_code == 0
    assert "pass decode" in compared.stdout and "contiguous in a line" in compared.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--pass", "dekode"), "pass = 'dekode' of model m, must be one of prefill, decode, check"),
        (("--contiguous", "circle"), "contiguous = 'circle', must be one of line, ring"),
        (("--objective", "makespan"), "needs models of one pass of count 1"),
        (("--objective", "mean-latency"), "needs models of one pass of count 1"),
        (("--solver", "d3"), "it knows models that are executed once"),
    ],
)
def test_what_makes_no_sense_ends_with_2(file: Path, words: Any, sentence: str) -> None:
    """In one line, without a traceback."""
    result = splitfog("solve", file, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("solve",),
        ("solve", "--solver", "brute-force"),
        ("pareto", "--objectives", "latency:decode,period:decode"),
    ],
)
def test_missing_bytes_are_counted(file: Path, words: tuple[str, ...]) -> None:
    """700 MB of weights and 152 MB of state on 3 nodes of 250 MB each: 102 MB are missing,
    whoever is asked, and that is said once."""
    result = splitfog(*words, changed_file(file, nodes={"memory_bytes": 2.5e8}))
    assert result.exit_code == 3
    assert result.stderr.count("so 1.02e+08 bytes are missing") == 1


def test_why_there_is_no_plan_is_said_once_and_shortly(file: Path) -> None:
    """On standard error, and not what other solvers could not do."""
    result = splitfog("solve", changed_file(file, nodes={"memory_bytes": 2.5e8}))
    assert "reason" not in result.stdout
    assert "does not apply" not in result.stderr and "keeps all of these" not in result.stderr


def test_a_missing_link_is_named(file: Path) -> None:
    """Under `direct` routing nobody relays: exit code 3, and which link it takes."""
    links = [{"from": "n1", "to": "n2", "bandwidth_bps": 1e9}]
    apart = changed_file(file, routing="direct", links=links, nodes={"memory_bytes": 5e8})
    for words in (("solve",), ("pareto", "--objectives", "latency,period")):
        result = splitfog(*words, apart)
        assert result.exit_code == 3
        assert "there is no link from n0 to n1" in result.stderr


def test_a_plan_with_passes_is_drawn(file: Path, tmp_path: Path) -> None:
    """With what a request sends and takes; a tensor that is not always sent is no bug."""
    plan = tmp_path / "plan.json"
    splitfog("solve", file, "--pass", "decode", "-o", plan)
    assert splitfog("show", file, plan, "-o", tmp_path / "plan.svg").exit_code == 0
