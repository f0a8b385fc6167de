"""`splitfog evaluate`: what a plan costs here and now, and what `solve` sends over links."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from tests.face.test_cli import TINY, changed, lines, one_line_of_error, splitfog

# tiny.json: input of 1000 B at pi (1e9 FLOP/s), conv 1e8 FLOP -> 500 B, fc 1e7 FLOP; server of
# 1e10 FLOP/s behind 8e6 bit/s = 1e6 B/s. All but the input at the server: the input's 1 ms, then
# 10 ms and 1 ms.
FAR = {"input": "pi", "conv": "server", "fc": "server"}


def plan_file(folder: Path, placement: dict[str, str] = FAR, **more: Any) -> Path:
    """A plan as short as one may be."""
    path = folder / "plan.json"
    entry = {"task": "cam", "placement": placement, **more.pop("entry", {})}
    plan = {
        "format": "splitfog/plan",
        "version": 1,
        "objective": {"name": "latency"},
        "tasks": [entry],
        **more,
    }
    path.write_text(json.dumps(plan))
    return path


def evaluated(*words: object) -> dict[str, Any]:
    """What `evaluate --json` says; it must end with 0."""
    result = splitfog("evaluate", *words, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_json_is_the_plan_with_its_terms(tmp_path: Path) -> None:
    """The plan of a plan file, no violations, four terms that add up to 12 ms."""
    plan = evaluated(TINY, plan_file(tmp_path))
    assert (plan["format"], plan["violations"]) == ("splitfog/plan", [])
    assert plan["value"] == pytest.approx(0.012)
    assert plan["terms"] == [
        {"task": "cam", "kind": "compute", "layer": "input", "node": "pi"}
        | {"bytes": 0.0, "seconds": 0.0},
        {"task": "cam", "kind": "compute", "layer": "conv", "node": "server"}
        | {"bytes": 0.0, "seconds": pytest.approx(0.01)},
        {"task": "cam", "kind": "compute", "layer": "fc", "node": "server"}
        | {"bytes": 0.0, "seconds": pytest.approx(0.001)},
        {"task": "cam", "kind": "transfer", "tensor": "input", "from": "pi", "to": "server"}
        | {"bytes": 1000.0, "seconds": pytest.approx(0.001)},
    ]


def test_what_it_prints(tmp_path: Path) -> None:
    """Value, one row for the run of two layers, one for the tensor; loads below."""
    text = splitfog("evaluate", TINY, plan_file(tmp_path)).stdout
    rows = [" ".join(line.split()) for line in lines(text)]
    assert "value 12 ms" in rows
    assert "breaks no rule" in rows
    assert "compute conv .. fc (2 layers) server 11 ms" in rows
    assert "transfer input pi -> server 1 kB 1 ms" in rows
    assert "pi -> server 1 kB 1 ms" in rows


def test_another_bandwidth_than_the_plan_was_made_for(tmp_path: Path) -> None:
    """At a tenth of the bandwidth the input takes 10 ms: 21 in place of 12, and it says so."""
    made, slow = tmp_path / "made.json", tmp_path / "slow.json"
    assert splitfog("solve", TINY, "-o", made).exit_code == 0
    assert splitfog("edit", TINY, "--link", "pi,server=8e5", "-o", slow).exit_code == 0
    assert evaluated(slow, made)["value"] == pytest.approx(0.021)
    text = splitfog("evaluate", slow, made).stdout
    assert "for another instance (tiny), where it cost 12 ms" in text
    assert "value    21 ms" in text


def test_another_objective(tmp_path: Path) -> None:
    """The period of 12 ms in a row is that of the busiest node, 11 ms."""
    plan = evaluated(TINY, plan_file(tmp_path), "--objective", "period")
    assert (plan["objective"]["name"], plan["value"]) == ("period", pytest.approx(0.011))


def test_rules_that_are_broken_are_listed(tmp_path: Path) -> None:
    """Back to the device, a full memory and a deadline missed: exit code 0, cost and sentences."""
    tight = tmp_path / "tight.json"
    words = ["--memory", "server=1", "--deadline", "0.001"]
    assert splitfog("edit", TINY, *words, "-o", tight).exit_code == 0
    plan = plan_file(tmp_path, {"input": "pi", "conv": "server", "fc": "pi"})
    answer = evaluated(tight, plan)
    assert any("(monotone)" in sentence for sentence in answer["violations"])
    assert any("must be <= 1" in sentence for sentence in answer["violations"])
    assert answer["tasks"][0]["deadline_met"] is False
    assert answer["value"] == pytest.approx(0.001 + 0.01 + 0.0005 + 0.01)
    text = splitfog("evaluate", tight, plan).stdout
    assert "breaks   2 rules" in text
    assert "deadline of 1 ms missed" in text
    assert "of 1 B" in text
    monotone = evaluated(tight, plan, "--no-monotone")["violations"]
    assert len(monotone) == len(answer["violations"]) - 1


def test_no_route_is_a_rule_that_is_broken(tmp_path: Path) -> None:
    """Without the link there is no value; the tensor that cannot go is named."""
    cut = changed(TINY, tmp_path, links=[])
    answer = evaluated(cut, plan_file(tmp_path))
    assert answer["value"] is None
    assert "has no route from pi to a reader" in answer["violations"][0]
    assert answer["terms"][-1] == {"task": "cam", "kind": "transfer", "tensor": "input"} | {
        "from": "pi", "bytes": 1000.0, "seconds": None,
    }  # fmt: skip
    text = splitfog("evaluate", cut, plan_file(tmp_path)).stdout
    assert "value    infinite" in text
    assert "pi -> no route" in text


def test_a_load_of_one_is_a_rule_that_is_broken(tmp_path: Path) -> None:
    """100 requests/s of 11 ms each at the server: rho = 1.1, the value is null."""
    busy = tmp_path / "busy.json"
    assert splitfog("edit", TINY, "--rate", "100", "-o", busy).exit_code == 0
    answer = evaluated(busy, plan_file(tmp_path), "--objective", "mean-latency")
    assert answer["value"] is None
    assert "node server is overloaded: rho = 1.1, must be < 1" in answer["violations"]


def test_a_plan_of_another_instance_is_named_line_by_line(tmp_path: Path) -> None:
    """A layer that is not there, one without node, a node that is not there: exit code 2."""
    plan = plan_file(tmp_path, {"input": "pi", "conv": "fog", "conv9": "pi"})
    result = splitfog("evaluate", TINY, plan)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert lines(result.stderr) == [
        "plan.json: task cam: layer conv9 is not in the model",
        "plan.json: task cam: layer conv is on fog, which is not a node of the instance",
        "plan.json: task cam: layer fc has no node",
    ]


def test_a_cost_that_is_not_defined_is_refused(tmp_path: Path) -> None:
    """A sliced plan has no period, and none is counted per edge: exit code 2, a line each."""
    instance, plan = tmp_path / "nin.json", tmp_path / "sliced.json"
    problem = sf.generate("three-tier", model="nin", edge_nodes=2)
    sf.save_instance(problem, instance)
    sliced = sf.solve(problem, "d3")
    assert sliced.tasks[0].stages
    sf.save_plan(sliced, plan)
    answer = evaluated(instance, plan)
    seconds = [term["seconds"] for term in answer["terms"]]
    assert sum(seconds) == pytest.approx(answer["tasks"][0]["latency_s"])
    stages = [term for term in answer["terms"] if term["kind"] == "stage"]
    assert len(stages) == len(sliced.tasks[0].stages)
    reason = one_line_of_error("evaluate", instance, plan, "--objective", "period")
    assert "period is defined for unsliced plans only" in reason
    per_edge = ("--objective", "makespan", "--transfers", "per-edge")
    assert "must be once" in one_line_of_error("evaluate", instance, plan, *per_edge)


def test_a_stage_that_is_none_is_a_rule_that_is_broken(tmp_path: Path) -> None:
    """conv of tiny.json has no shape and cannot be sliced: no value, no terms, exit code 0."""
    piece = {"node": "server", "rows": [0, 1], "columns": [0, 1]}
    stage = {"layers": ["conv"], "home": "server", "slices": [piece]}
    answer = evaluated(TINY, plan_file(tmp_path, entry={"stages": [stage]}))
    assert (answer["value"], answer["terms"]) == (None, [])
    assert "stage 0" in answer["violations"][0]


def test_solve_names_the_tensors_to_send() -> None:
    """Layer, from, to and bytes."""
    text = splitfog("solve", TINY, "--solver", "min-cut").stdout
    assert "  send input: pi -> server, 1 kB, 1 ms" in lines(text)
