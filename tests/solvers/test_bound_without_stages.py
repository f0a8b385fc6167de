"""Every answer for mean latency says what no plan is below, and what none without stages is."""

from __future__ import annotations

import pytest
from msgspec import UNSET

import splitfog as sf
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.games.audit import audit_again
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.formulations.stage_bounds.best_bound import best_mean_latency_bound

USERS = sf.generate("fog", users=4, fog_nodes=2)


@pytest.mark.parametrize("solver", ["dina", "greedy", "device-only"])
def test_every_answer_has_it(solver):
    """Audited or not, and never above a plan without stages."""
    plan = sf.solve(USERS, solver, "mean-latency")
    assert plan.audit is not None
    bound = plan.audit.bound_without_stages
    assert bound == bound_without_stages(USERS)
    assert plan.value is not None
    assert any(task.stages for task in plan.tasks) or bound <= plan.value


def test_other_objectives_have_none():
    """An audit is for games only."""
    assert sf.solve(USERS, "greedy", "latency").audit is None


def test_a_bound_above_a_plan_without_stages_is_refuted(tmp_path):
    """The audit made again holds the value in place of a claim above it; a true one is believed."""
    plan = sf.solve(USERS, "device-only", "mean-latency")
    sf.save_plan(plan, tmp_path / "plan.json")
    read = sf.load_plan(tmp_path / "plan.json")
    assert plan.audit is not None and plan.audit.bound_without_stages is not UNSET
    assert audit_again(USERS, read) == read.audit
    text = (tmp_path / "plan.json").read_text()
    high = text.replace(repr(plan.audit.bound_without_stages), "1000.0")
    (tmp_path / "plan.json").write_text(high)
    again = audit_again(USERS, sf.load_plan(tmp_path / "plan.json"))
    assert again is not None
    assert again["bound_without_stages"] == pytest.approx(plan.value)


@pytest.mark.parametrize("solver", ["dina", "greedy", "device-only"])
def test_every_answer_has_the_bound_over_all_plans(solver):
    """Whoever answers, its lower bound is the larger of the two over all plans, and says so."""
    plan = sf.solve(USERS, solver, "mean-latency")
    assert plan.proven_over == "all"
    assert plan.lower_bound == best_mean_latency_bound(USERS)
    queued, alone = bound_over_all_plans(USERS), mean_latency_bound(USERS)
    assert queued is not None and alone is not None
    assert plan.lower_bound == max(queued, alone) > alone
    assert plan.value is not None and plan.lower_bound <= plan.value
