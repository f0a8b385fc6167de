"""Costs of batches of assignments are those of the reference, one by one."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.batch_cost import OffloadBatchCost
from splitfog.formulations.offloading.subtasks import subtasks_of
from tests.cases.random_offloading import random_offloading, without_rates

MEAN = Objective("mean-latency")


def drawn(seed, objective=MEAN, **how):
    """Subtasks of a random problem."""
    instance, template = random_offloading(np.random.default_rng(seed), **how)
    if seed % 5 == 4:
        instance = without_rates(instance)
    return subtasks_of(instance, template, objective)


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_costs_what_its_rows_cost(seed):
    """Every row of a batch: the value of `Assignments.cost`, inf where that is inf."""
    objective = Objective("mean-latency", "per-edge" if seed % 3 == 0 else "once", seed % 2 == 0)
    fog = 20 if seed == 0 else 2
    subtasks = drawn(seed, objective, utilisation=0.25, slices=4, num_fog=fog)
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 2 + fog, (60, len(subtasks.keys)))
    assignments = Assignments(subtasks)
    right = [assignments.cost(row).value for row in places]
    assert OffloadBatchCost(subtasks, chunk=60)(places) == pytest.approx(right, rel=1e-12)


def test_overloaded_links_cost_infinity():
    """A link that is overloaded in some rows, with all nodes keeping up, and not in others."""
    subtasks = drawn(5, Objective("mean-latency", monotone=False), utilisation=0.5)
    rows = np.random.default_rng(5).integers(0, 4, (200, len(subtasks.keys)))
    assignments, found = Assignments(subtasks), OffloadBatchCost(subtasks, chunk=200)(rows)
    costs = [assignments.cost(row) for row in rows]
    overloaded = [cost.rho.max() < 1 <= cost.link_load.max() for cost in costs]
    assert sum(overloaded) > 10
    assert (found[overloaded] == np.inf).all()
    assert np.isfinite(found).sum() > 10
    assert found == pytest.approx([cost.value for cost in costs], rel=1e-12)


def test_any_batch_size_compiles_once():
    """Chunks are padded: sizes 0, 1, chunk and beyond give the same rows from one trace."""
    subtasks = drawn(1)
    cost = sf.OffloadBatchCost(subtasks, chunk=8)
    rows = np.random.default_rng(0).integers(0, 4, (20, len(subtasks.keys)))
    whole = cost(rows)
    assert cost(rows[:0]).shape == (0,)
    for size in (1, 8, 9):
        assert np.array_equal(cost(rows[:size]), whole[:size])
    assert cost.traces == 1
    assert np.array_equal(np.asarray(cost.on_device(jnp.asarray(rows))), whole)


def test_bad_batches_are_named():
    """Shape, type and range errors say where and what is allowed."""
    subtasks = drawn(2)
    cost, count = OffloadBatchCost(subtasks), len(subtasks.keys)
    with pytest.raises(ValueError, match=r"has shape \(3,\), must be \(batch, "):
        cost([0, 0, 0])
    with pytest.raises(ValueError, match="must be integers"):
        cost(np.zeros((1, count)))
    with pytest.raises(ValueError, match=r"assignments\[0, 0\] = 9, must be from 0 to 3"):
        cost(np.full((1, count), 9))
    with pytest.raises(ValueError, match="must be 'mean-latency'"):
        OffloadBatchCost(drawn(2, Objective("batch")))
    with pytest.raises(ValueError, match="chunk = 0, must be a whole number >= 1"):
        OffloadBatchCost(subtasks, chunk=0)


def test_subtasks_of_a_plan_by_public_names():
    """A plan's subtasks, its own assignment, and its value; whole tasks without a plan."""
    import splitfog as sf

    instance = sf.generate("fog", users=4, seed=1, radio="parallel")
    plan = sf.solve(instance, "dina")
    subtasks = sf.subtasks(instance, plan)
    assert subtasks.is_state()
    values = sf.OffloadBatchCost(subtasks)(subtasks.assignment()[None])
    assert float(values[0]) == pytest.approx(plan.value, rel=1e-9)
    assert len(sf.subtasks(instance).keys) == 4
    placed = {task.name: plan.placement(task.name) for task in instance.tasks}
    assert len(sf.subtasks(instance, placed).keys) == 4
