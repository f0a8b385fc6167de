"""Assignments of subtasks cost what the reference says of the plan they describe."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import subtasks_of
from tests.cases.random_offloading import random_offloading, without_rates

KINDS = [
    Objective("mean-latency", transfers, monotone)
    for transfers in ("once", "per-edge")
    for monotone in (True, False)
]


def problems(seed, **how):
    """Random subtasks and twenty assignments of them."""
    rng = np.random.default_rng(seed)
    instance, template = random_offloading(rng, **how)
    objective = KINDS[int(rng.integers(len(KINDS)))]
    if rng.random() < 0.15:
        instance = without_rates(instance)
    subtasks = subtasks_of(instance, template, objective)
    places = rng.integers(0, len(instance.nodes), (20, len(subtasks.keys)))
    return instance, objective, subtasks, places


@pytest.mark.parametrize("seed", range(40))
def test_cost_is_that_of_the_plan(seed):
    """Value, latencies, rho and waits of an assignment are the reference's.

    Of the plan as its slices stand: a lone one at home, too, is a stage here (`lone_slices`).
    """
    instance, objective, subtasks, places = problems(seed, utilisation=0.3, memory=seed % 2 == 0)
    assignments = Assignments(subtasks)
    for own in places:
        decision = subtasks.decision(own)
        right = decision_cost(instance, decision, objective)
        found = assignments.cost(own)
        broken = decision_violations(instance, decision, objective)
        allowed = all("must be written unsliced" in sentence for sentence in broken)
        assert assignments.obeys(own, found) == allowed
        if found.value == inf:
            assert not allowed
            continue
        assert found.value == pytest.approx(right, rel=1e-12)
        latencies = [task.latency_s for task in right.tasks]
        assert found.task_latency_s == pytest.approx(latencies, rel=1e-12)
        assert found.rho == pytest.approx(right.utilisation or 0.0, rel=1e-12, abs=1e-15)
        assert found.link_load == pytest.approx(right.ledger.link_load, rel=1e-12, abs=1e-15)


def test_most_random_assignments_are_possible():
    """The property above is not about nothing: at least a fifth of all costs are finite."""
    values = []
    for seed in range(40):
        _, _, subtasks, places = problems(seed, utilisation=0.3)
        values += [Assignments(subtasks).cost(own).value for own in places]
    assert np.isfinite(values).mean() > 0.2


@pytest.mark.parametrize("seed", range(8))
def test_potential_of_whole_tasks_is_the_objective(seed):
    """Without stages nothing is a barrier: the potential is the mean times the sum of rates."""
    _, _, subtasks, places = problems(seed, utilisation=0.2, whole=True, quotas=False)
    assignments = Assignments(subtasks)
    factor = subtasks.task_rate.sum() or len(subtasks.task_rate)
    for own in places:
        cost = assignments.cost(own)
        assert cost.potential == pytest.approx(factor * cost.value, rel=1e-12)


def test_potential_counts_all_visits_of_a_stage():
    """Two halves on two nodes: both transfers, services and waits, beside the barrier's longest."""
    for seed in range(20):
        _, objective, subtasks, places = problems(seed, utilisation=0.2, quotas=False)
        if (np.bincount(subtasks.group) > 1).any() and objective.transfers == "once":
            costs = [Assignments(subtasks).cost(own) for own in places]
            factor = subtasks.task_rate.sum() or len(subtasks.task_rate)
            finite = [cost for cost in costs if cost.value < inf]
            assert all(c.potential >= factor * c.value * (1 - 1e-12) for c in finite)
            if finite:
                assert max(cost.potential - factor * cost.value for cost in finite) > 0
                return
    raise AssertionError("no case was drawn")
