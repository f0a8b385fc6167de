"""`offload-assignment` finds the best nodes and orders of given subtasks."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog import solve
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.formulations.offloading.templates import whole_tasks
from splitfog.solvers.offloading.batch_assignment import Jobs, assign
from tests.cases.offload_cases import best_assignment, has_sound_stages, saved
from tests.cases.random_offloading import random_offloading
from tests.checks import check_plan

BATCH = Objective("batch")


@pytest.mark.parametrize("seed", range(25))
def test_whole_tasks(seed):
    """The optimum of all assignments of whole tasks, each with its best order."""
    rng = np.random.default_rng(seed)
    instance, _ = random_offloading(rng, num_tasks=4, num_devices=1 + seed % 2, rates=False)
    plan = solve(instance, "offload-assignment", "batch")
    check_plan(instance, plan)
    best, _ = best_assignment(subtasks_of(instance, whole_tasks(instance), BATCH))
    if plan.value is None:
        assert best == np.inf
        assert plan.status == "unknown"
    else:
        assert plan.value == pytest.approx(best, rel=1e-12)
        assert plan.status == "optimal"
        assert "whole tasks" in (plan.reason or "")


def test_subtasks_of_a_plan(tmp_path):
    """With `stages`, slices are placed; runs beside stages stay where the plan has them."""
    seen = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        instance, template = random_offloading(rng, num_tasks=2, rates=False, num_fog=1)
        subtasks = subtasks_of(instance, template, BATCH)
        if not any(answer.stages for answer in template.tasks) or len(subtasks.keys) > 5:
            continue
        if not has_sound_stages(instance, template):
            continue
        path = saved(tmp_path / "plan.json", instance, template, BATCH)
        plan = solve(instance, "offload-assignment", "batch", options={"stages": path})
        check_plan(instance, plan)
        best, _ = best_assignment(subtasks)
        if plan.value is not None:
            seen += 1
            assert plan.value == pytest.approx(best, rel=1e-12)
            assert plan.status == "optimal"
    assert seen >= 5


def drawn(seed, num_jobs, num_nodes, owners):
    """Random jobs; the first `owners` nodes have jobs and quotas of their own."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, num_nodes, num_jobs)
    service = rng.uniform(0.1, 2, (num_jobs, 1)) / rng.uniform(0.5, 3, num_nodes)
    service[rng.random(service.shape) < 0.1] = np.inf
    quota = np.where(np.arange(num_nodes) < owners, rng.integers(0, 3, num_nodes), np.inf)
    transfer = rng.uniform(0, 1, service.shape) * (source[:, None] != np.arange(num_nodes))
    return Jobs(transfer, service, source[:, None] != np.arange(num_nodes), quota)


@pytest.mark.parametrize("seed", range(30))
def test_quotas_count_guests_only(seed):
    """Nodes with jobs and a quota of their own: still the optimum of all assignments."""
    jobs = drawn(seed, 6, 3, 2)
    found = assign(jobs)
    grid = np.stack(np.meshgrid(*[range(3)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    values = [
        jobs.value(places)
        for places in grid
        if not jobs.overbooked(places).any()
        and np.isfinite(jobs.service_s[np.arange(6), places]).all()
    ]
    if found is None:
        assert values == []
    else:
        assert jobs.value(found[0]) == pytest.approx(min(values), rel=1e-9)
        assert found[1] <= min(values) * (1 + 1e-12)
        assert found[1] >= min(values) * (1 - 1e-6)
        assert not jobs.overbooked(found[0]).any()


def test_beyond_the_program_the_bound_holds(monkeypatch):
    """Where the 0-1 program would be too large: within the quotas, and never below the bound."""
    monkeypatch.setattr("splitfog.solvers.offloading.batch_assignment.MOST_COLUMNS", 0)
    gaps = []
    for seed in range(30):
        jobs = drawn(seed, 12, 4, 4)
        found = assign(jobs)
        if found is None:
            continue
        assert not jobs.overbooked(found[0]).any()
        gaps.append(jobs.value(found[0]) / found[1] - 1)
        assert gaps[-1] >= -1e-12
    assert len(gaps) > 15
    assert max(gaps) > 0


def test_slots_grow_where_one_node_takes_all():
    """A node far faster than the others gets more slots than the first guess."""
    service = np.tile([1e-3, 50.0, 50.0, 50.0], (40, 1))
    found = assign(Jobs(np.zeros((40, 4)), service, np.ones((40, 4), bool), np.full(4, np.inf)))
    assert found is not None
    assert (found[0] == 0).all()
    # 40 jobs of 1 ms, one after another: 1 + 2 + .. + 40 = 820 ms
    assert found[1] == pytest.approx(0.820)
