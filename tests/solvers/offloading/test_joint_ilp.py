"""`joint-ilp` finds the best choice of one plan per task, and proves it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from msgspec import UNSET

from splitfog import SolverDeclined, generate, solve
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.catalogue import PlanTable
from splitfog.formulations.offloading.loads import Loads
from splitfog.solvers.base import Request
from splitfog.solvers.offloading import joint_ilp
from tests.cases.random_offloading import random_offloading, without_rates
from tests.checks import check_plan

MEAN = Objective("mean-latency")
NARROW = {"plans": "narrow"}


def drawn(seed, **how):
    """A random instance and a few plans of each of its tasks."""
    rng = np.random.default_rng(seed)
    utilisation = float(rng.choice([0.1, 0.3, 0.6]))
    instance, _ = random_offloading(rng, utilisation=utilisation, **how)
    if seed % 5 == 4:
        instance = without_rates(instance)
    return (
        instance,
        Loads(instance, MEAN),
        joint_ilp.catalogues_of(Request(instance, MEAN, options=NARROW)),
    )


def test_best_of_all_choices(monkeypatch):
    """The value is the least reference cost of all feasible choices, and is proven."""
    monkeypatch.setattr(joint_ilp, "MOST_PLANS", 7)
    seen = 0
    for seed in range(14):
        instance, _, catalogues = drawn(seed, memory=seed % 3 == 0, relays=seed % 4 == 1)
        values = [
            float(decision_cost(instance, decision, MEAN))
            for chosen in product(*catalogues)
            for decision in [Decision(tuple(own.answer for own in chosen))]
            if not decision_violations(instance, decision, MEAN)
        ]
        plan = solve(instance, "joint-ilp", MEAN, options=NARROW)
        check_plan(instance, plan)
        if plan.value is None:
            assert values == []
            continue
        seen += 1
        assert plan.value == pytest.approx(min(values), rel=1e-9)
        assert plan.audit is not None
        own = plan.audit.given_catalogue
        assert own is not UNSET and own.lower_bound is not None
        assert own.proven
        assert own.plans == sum(map(len, catalogues))
        assert own.lower_bound <= min(values) * (1 + 1e-12)
        assert plan.lower_bound is None or plan.lower_bound <= own.lower_bound
    assert seen > 7


def test_increments_never_exceed_what_is_added():
    """The sum of the increments of all other tasks' plans is a bound on what they add together."""
    seen = 0
    for seed in range(12):
        _, loads, catalogues = drawn(seed, num_tasks=4, quotas=False)
        if not all(catalogues):
            continue
        table = PlanTable.of(loads, catalogues)
        rng = np.random.default_rng(seed)
        for _ in range(20):
            plans = [int(rng.choice(np.flatnonzero(table.task == t))) for t in range(4)]
            rng.shuffle(plans)
            chosen = table.add(table.nothing(), plans[0])
            whole = chosen
            for plan in plans[1:]:
                whole = table.add(whole, plan)
            value = table.value(whole)
            if value < np.inf:
                seen += 1
                added = table.increments(chosen, np.array(plans[1:]))
                assert table.value(chosen) + added.sum() <= value * (1 + 1e-12)
                decision = Decision(tuple(table.footprints[plan].answer for plan in sorted(plans)))
                cost = decision_cost(loads.instance, decision, MEAN)
                assert value == pytest.approx(float(cost), rel=1e-12)
    assert seen > 50


def test_a_time_limit_leaves_a_valid_bound():
    """Stopped at once: what is there is feasible, its bound none above the optimum."""
    instance, _, _ = drawn(3, num_tasks=5)
    quick = solve(instance, "joint-ilp", MEAN, time_limit_s=1e-3)
    check_plan(instance, quick)
    whole = solve(instance, "joint-ilp", MEAN)
    assert whole.value is not None
    assert quick.stopped_by == "time limit"
    if quick.audit is not None:
        own = quick.audit.given_catalogue
        assert own is not UNSET and own.lower_bound is not None
        assert own.lower_bound <= whole.value * (1 + 1e-9)


def test_many_tasks_are_declined(monkeypatch):
    """Beyond the stated number of tasks, with the number."""
    monkeypatch.setattr(joint_ilp, "MOST_TASKS", 2)
    instance, _ = random_offloading(np.random.default_rng(0))
    with pytest.raises(SolverDeclined, match="the instance has 3 tasks, more than 2"):
        solve(instance, "joint-ilp", MEAN)


@pytest.mark.parametrize("seed", range(6))
def test_no_worse_than_what_it_starts_from(seed):
    """`dina`, `dina-p` and best responses are in the catalogues."""
    instance, _ = random_offloading(np.random.default_rng(seed), utilisation=0.3, slices=3)
    best = solve(instance, "joint-ilp", MEAN)
    for solver in ("dina", "dina-p"):
        other = solve(instance, solver, MEAN)
        if other.value is not None:
            assert best.value is not None
            assert best.value <= other.value * (1 + 1e-9)


def test_wide_plans_are_added():
    """With parallel radios a wide plan is better than the narrow catalogue's best choice, which is
    proven; and the choice out of both is proven, too."""
    instance = generate("fog", users=4, seed=1, radio="parallel")
    narrow = solve(instance, "joint-ilp", MEAN, options=NARROW)
    wide = solve(instance, "joint-ilp", MEAN)
    check_plan(instance, wide)
    assert narrow.value is not None
    assert wide.value is not None
    assert wide.value < narrow.value * (1 - 1e-6)
    for plan in (narrow, wide):
        assert plan.audit is not None
        assert plan.audit.given_catalogue is not UNSET
        assert plan.audit.given_catalogue.proven
