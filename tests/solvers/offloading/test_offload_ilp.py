"""`offload-ilp` finds the optimum of given subtasks, in both formulations, and proves it."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from msgspec import UNSET

import splitfog as sf
from splitfog import SolverDeclined, solve
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.games.audit import audit_again
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.lone_slices import written_assignments
from splitfog.formulations.offloading.node_sets import node_sets
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.instances.records import changed
from splitfog.solvers.offloading import columns, offload_ilp
from tests.cases import field
from tests.cases.offload_cases import best_assignment, has_sound_stages, saved
from tests.cases.random_offloading import random_offloading, without_rates
from tests.checks import check_plan


@cache
def drawn(seed):
    """A random problem of at most six subtasks, quotas, memory and radios included; or None."""
    rng = np.random.default_rng(seed)
    instance, template = random_offloading(
        rng,
        num_tasks=2 + seed % 2,
        num_devices=1 + seed % 2,
        slices=3,
        utilisation=float(rng.choice([0.15, 0.4, 0.7])),
        memory=seed % 4 == 0,
    )
    if seed % 6 == 5:
        instance = without_rates(instance)
    how = Objective("mean-latency", "per-edge" if seed % 3 == 0 else "once", seed % 2 == 0)
    subtasks = subtasks_of(instance, template, how)
    fits = has_sound_stages(instance, template) and 0 < len(subtasks.keys) <= 6
    return (instance, template, how, subtasks) if fits else None


@cache
def least(seed):
    """The value of the best of all assignments of a random problem."""
    return best_assignment(drawn(seed)[3])[0]


@pytest.mark.parametrize("formulation", ["columns", "compact"])
def test_optimum_of_all_assignments(tmp_path, formulation):
    """The value is the least of all assignments by the reference, and the bound proves it."""
    found = barriers = 0
    for seed in range(60):
        problem = drawn(seed)
        if problem is None:
            continue
        instance, template, how, subtasks = problem
        path = saved(tmp_path / "plan.json", instance, template, how)
        options = {"stages": path, "formulation": formulation}
        plan = solve(instance, "offload-ilp", how, options=options)
        check_plan(instance, plan)
        best = least(seed)
        if plan.value is None:
            assert best == np.inf
            continue
        found += 1
        barriers += len(set(subtasks.group.tolist())) < len(subtasks.keys)
        assert plan.value == pytest.approx(best, rel=1e-9)
        assert plan.status == "optimal"
        assert plan.audit is not None
        assert plan.audit.given_subtasks is not UNSET
        assert plan.audit.given_subtasks.proven
        assert plan.lower_bound == plan.audit.given_subtasks.lower_bound
        assert plan.lower_bound is not None
        assert plan.lower_bound <= best * (1 + 1e-12)
    assert found >= 12
    assert barriers >= 5


def test_lone_slice_at_home():
    """Unsliced it waits once with the layers beside it: W = 5 x .12^2 / (2 x .4) = .09 s."""
    instance = field.instance("single-slice-at-home")
    path = str(field.FOLDER / "single-slice-at-home.plan.json")
    for formulation in ("columns", "compact"):
        options = {"stages": path, "formulation": formulation}
        plan = solve(instance, "offload-ilp", "mean-latency", options=options)
        check_plan(instance, plan)
        assert plan.status == "optimal"
        assert plan.value == pytest.approx(0.21)
        assert plan.tasks[0].stages == ()


def test_bound_over_all_partitions():
    """Without `stages`, lower_bound is for every partition, the subtasks' own bound in audit."""
    instance, _ = random_offloading(np.random.default_rng(3), utilisation=0.2, quotas=False)
    plan = solve(instance, "offload-ilp", "mean-latency")
    check_plan(instance, plan)
    assert plan.audit is not None
    own = plan.audit.given_subtasks
    assert own is not UNSET and own.lower_bound is not None
    assert own.proven
    assert plan.lower_bound is not None
    assert plan.lower_bound < own.lower_bound
    assert "all partitions" in (plan.reason or "")


@pytest.mark.parametrize("form", [Assignments, written_assignments])
def test_sets_cost_what_their_assignments_cost(form):
    """Waits of all sets of a node are those of assignments; barred sets are those not allowed."""
    for seed in (0, 1, 4, 8, 12, 16):
        problem = drawn(seed)
        if problem is None:
            continue
        subtasks = problem[3]
        assignments = form(subtasks)
        sets = node_sets(assignments)
        for places in product(range(assignments.num_nodes), repeat=len(subtasks.keys)):
            chosen = np.array(places)
            if not np.isfinite(subtasks.alone_s()[np.arange(len(places)), chosen]).all():
                continue
            cost = assignments.cost(chosen)
            for own in sets:
                held = np.flatnonzero(chosen == own.node)
                taken = own.take(held)[None]
                allowed = set(held) <= set(own.members) and own.wait_s(taken)[0] < np.inf
                if allowed and own.allows(taken)[0]:
                    assert own.wait_s(taken)[0] == pytest.approx(cost.wait_s[own.node])
                    assert np.flatnonzero(own.holds[taken[0]].any(axis=0)).tolist() == list(held)
                else:
                    assert not assignments.obeys(chosen, cost)


def test_bound_with_columns_left_out(monkeypatch, tmp_path):
    """Where too many columns may matter, the bound still holds."""
    monkeypatch.setattr(columns, "MOST_COLUMNS", 3)
    seen = 0
    for seed in range(45):
        problem = drawn(seed)
        if problem is None:
            continue
        instance, template, how, _ = problem
        path = saved(tmp_path / "plan.json", instance, template, how)
        plan = solve(instance, "offload-ilp", how, options={"stages": path})
        check_plan(instance, plan)
        best = least(seed)
        if plan.value is not None and plan.lower_bound is not None:
            seen += 1
            assert plan.value >= best * (1 - 1e-9)
            assert plan.lower_bound <= best * (1 + 1e-9)
    assert seen > 4


def test_larger_problems_fall_back_or_decline(monkeypatch):
    """Too many parts of visits: the compact program, said so; too many places: declined."""
    instance, _ = random_offloading(np.random.default_rng(3), utilisation=0.2, quotas=False)
    monkeypatch.setattr(offload_ilp, "MOST_OFFERS", 5)
    plan = solve(instance, "offload-ilp", "mean-latency")
    assert "the compact program instead" in (plan.reason or "")
    assert plan.audit is not None
    assert plan.audit.given_subtasks is not UNSET
    assert plan.audit.given_subtasks.proven
    monkeypatch.setattr(offload_ilp, "MOST_PLACES", 5)
    with pytest.raises(SolverDeclined, match="places to be, more than 5"):
        solve(instance, "offload-ilp", "mean-latency")


@pytest.mark.parametrize("solver", ["offload-ilp", "joint-ilp"])
@pytest.mark.parametrize("given", [True, False])
def test_its_plan_is_written_and_found_true(tmp_path, solver, given):
    """Saved and read again, `verify` finds every claim true, and a false one about the proof."""
    instance = sf.generate("fog", users=4, seed=1, radio="parallel")
    start = tmp_path / "start.json"
    sf.save_plan(sf.solve(instance, "dina-p"), start)
    stages = given and solver == "offload-ilp"
    plan = sf.solve(instance, solver, options={"stages": str(start)} if stages else {})
    sf.save_plan(plan, tmp_path / "plan.json")
    read = sf.load_plan(tmp_path / "plan.json")
    assert false_claims(instance, read, audit_again(instance, read)) == []
    part = "given_subtasks" if solver == "offload-ilp" else "given_catalogue"
    assert read.audit is not None
    assert read.value is not None
    lied = {**read.audit, part: {**read.audit[part], "lower_bound": 0.5 * read.value}}
    false = false_claims(instance, changed(read, audit=lied), audit_again(instance, read))
    assert any(f"audit.{part}." in sentence for sentence in false)


def test_what_stays_without_a_route_is_said(tmp_path):
    """The subtasks of a plan that leaves layers where nothing comes to: a sentence, no bound."""
    stuck = 0
    for seed in range(40):
        instance, template = random_offloading(np.random.default_rng(seed))
        cut = changed(instance, links=())
        how = Objective("mean-latency", monotone=False)
        if not np.isinf(subtasks_of(cut, template, how).base_s).any():
            continue
        stuck += 1
        path = saved(tmp_path / "plan.json", cut, template, how)
        plan = solve(cut, "offload-ilp", how, options={"stages": path})
        assert plan.status in ("unknown", "infeasible")
        assert plan.reason
    assert stuck
