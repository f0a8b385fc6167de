"""A plan leaves nothing out; a plan file may leave out most, and what it says is only claimed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.formulations.audit import Audit, ProofWithin
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import Plan, TaskPlan, encode_plan, load_plan, save_plan
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.records import changed

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")
SHORT = {
    "format": "splitfog/plan",
    "version": 1,
    "objective": {"name": "latency"},
    "tasks": [{"task": "cam", "placement": {"input": "pi", "conv": "pi", "fc": "server"}}],
}


def test_a_plan_written_and_read_says_the_same(tmp_path: Path) -> None:
    """Plan to file: what is read, written again, has the same bytes."""
    plan = sf.solve(TINY, "min-cut")
    save_plan(plan, tmp_path / "plan.json")
    file = load_plan(tmp_path / "plan.json")
    assert type(file) is PlanFile
    assert encode_plan(file) == encode_plan(plan) == (tmp_path / "plan.json").read_bytes()


def test_the_plan_of_a_file_is_computed(tmp_path: Path) -> None:
    """File to plan: all figures of the placements, and no claim of the file, here a value of 7 s.

    Conv at home 0.1 s, fc on the server 0.001 s, conv's output 500 B / 1e6 B/s = 0.0005 s.
    """
    (tmp_path / "short.json").write_text(json.dumps({**SHORT, "value": 7.0, "seed": 3}))
    file = load_plan(tmp_path / "short.json")
    assert (file.value, file.seed, file.tasks[0].latency_s) == (7.0, 3, None)
    plan = sf.plan(TINY, file)
    assert type(plan) is Plan
    assert type(plan.tasks[0]) is TaskPlan
    assert plan.seed is None
    assert plan.value == sf.evaluate(TINY, file) == pytest.approx(0.1015)
    assert plan == sf.plan(TINY, {"cam": file.placement("cam")}, "latency")


def test_a_plan_without_its_figures_is_none() -> None:
    """Only a file may leave out what is to be computed."""
    entry = TaskEntry(task="cam", placement={})
    assert PlanFile(objective=Objective("latency"), tasks=(entry,)).instance is None
    with pytest.raises(TypeError, match="instance"):
        Plan(objective=Objective("latency"), tasks=())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="latency_s"):
        TaskPlan(task="cam", placement={})  # type: ignore[call-arg]


def test_an_audit_is_written_without_what_was_not_audited() -> None:
    """No key for an absent figure; null for a price that is not known."""
    proof = ProofWithin(lower_bound=None, gap=None, proven=False)
    audit = Audit(swaps=2, price_of_anarchy=None, given_subtasks=proof)
    plan = changed(sf.solve(TINY, "min-cut"), audit=audit)
    assert json.loads(encode_plan(plan))["audit"] == {
        "swaps": 2,
        "price_of_anarchy": None,
        "given_subtasks": {"lower_bound": None, "gap": None, "proven": False},
    }


def test_an_audit_that_is_no_object_is_a_defect(tmp_path: Path) -> None:
    """The form of a file: an object or null; of what kind its figures are, `verify` says."""
    (tmp_path / "plan.json").write_text(json.dumps({**SHORT, "audit": [3]}))
    with pytest.raises(sf.InstanceError, match=r"audit = \[3\], must be an object or null"):
        load_plan(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text(json.dumps({**SHORT, "audit": {"swaps": "many"}}))
    assert load_plan(tmp_path / "plan.json").audit == {"swaps": "many"}
