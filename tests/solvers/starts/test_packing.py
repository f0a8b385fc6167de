"""Plans made to fit in memory: found where they exist, never above a limit, the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog import Instance, solve
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from splitfog.solvers.starts.packed_plans import packed_plans, refitted
from splitfog.solvers.starts.packing import NOWHERE, Bins, pack
from splitfog.solvers.starts.placement_space import PlacementSpace
from tests.cases.strategies import random_instance, with_shared_weights
from tests.formulations.bounds.test_overfull import packing_problem

ROOM = 150.0


def bin_packing(seed: int, layers: int = 120, least: int = 20, most: int = 100) -> Instance:
    """Layers of `least` to `most` bytes on as few nodes of 150 as their sum allows (as u120 of
    E. Falkenauer's bin-packing problems)."""
    weights = np.random.default_rng(seed).integers(least, most + 1, layers)
    count = int(np.ceil(weights.sum() / ROOM))
    return packing_problem(weights.tolist(), [ROOM] * count)


def first_fit_decreasing(weights: list[float], count: int) -> bool:
    """Whether textbook first fit decreasing finds a packing."""
    held = [0.0] * count
    for weight in sorted(weights, reverse=True):
        node = next((n for n in range(count) if held[n] + weight <= ROOM), None)
        if node is None:
            return False
        held[node] += weight
    return True


@pytest.mark.parametrize("seed", [0, 1, 3, 5, 7, 11])
def test_as_few_nodes_as_the_sum_allows(seed: int) -> None:
    """120 layers on 47 to 50 nodes with 9 to 118 bytes to spare in all.

    First fit decreasing fails on all of these; the packing is found, and twice the same.
    """
    instance = bin_packing(seed)
    weights = [layer.weight_bytes for layer in instance.models[0].layers]
    assert not first_fit_decreasing(weights, len(instance.nodes))
    places = []
    for _ in range(2):
        bins = Bins(PlacementSpace(instance, Objective("latency")))
        assert pack(bins, [range(len(bins.room))] * len(weights), seed)
        held = np.bincount(bins.place, weights)
        assert held.max() <= ROOM
        assert held.tolist() == pytest.approx(bins.held)
        places.append(list(bins.place))
    assert places[0] == places[1]


def test_what_fits_nowhere_is_left() -> None:
    """Three of 51 on two nodes of 100: no packing, and what was placed is within the limits."""
    instance = packing_problem([51, 51, 51], [100, 100])
    bins = Bins(PlacementSpace(instance, Objective("latency")))
    assert not pack(bins, [range(2)] * 3, 0)
    assert sorted(bins.place)[0] == NOWHERE
    assert max(bins.held) <= 100


@pytest.mark.parametrize(
    ("solver", "objective"),
    [
        ("ilp", "latency"),
        ("ilp", "period"),
        ("alpha-expansion", "latency"),
        ("evolution", "latency"),
        ("evolution", "period"),
        ("evolution", "makespan"),
        ("cp-sat", "makespan"),
        ("auto", "mean-latency"),
        ("dina", "mean-latency"),
        ("best-response", "mean-latency"),
    ],
)
def test_a_plan_for_every_objective(solver: str, objective: str) -> None:
    """30 layers on 13 nodes with a few bytes to spare: a feasible plan in a moment's search."""
    instance = bin_packing(2, layers=30)
    task = changed(instance.tasks[0], source="n0", arrivals_per_s=1.0)
    first = instance.models[0].layers[0]
    layers = (changed(first, op="input"), *instance.models[0].layers[1:])
    model = changed(instance.models[0], layers=layers)
    instance = changed(instance, tasks=(task,), models=(model,))
    plan = solve(instance, solver, objective=objective, time_limit_s=1.5)
    assert plan.status in ("feasible", "optimal"), plan.reason


def test_nothing_to_do_where_memory_does_not_bind() -> None:
    """Every node has room for all of it."""
    instance = packing_problem([10, 20], [30, None])
    assert list(packed_plans(instance, Objective("latency"), 0)) == []


def tight_instance(seed: int) -> Instance:
    """A random instance with shared weights, groups, tiers, and little memory."""
    rng = np.random.default_rng(seed)
    tasks = 1 + seed % 2
    instance = random_instance(
        rng, num_nodes=int(rng.integers(2, 5)), num_layers=6 - 3 * (tasks > 1), num_tasks=tasks
    )
    models = instance.models
    if not any(model.shares_weights for model in models):
        models = with_shared_weights(rng, models, 0.4)
    used = [model for model in models if any(t.model == model.name for t in instance.tasks)]
    sizes = [layer.weight_bytes for model in used for layer in model.layers]
    least = np.where(rng.random(len(instance.nodes)) < 0.6, max(sizes), 0.0)
    rooms = np.maximum(least, rng.uniform(0.6, 1.7, len(least)) * sum(sizes) / len(least))
    nodes = [
        changed(node, memory_bytes=float(room))
        for node, room in zip(instance.nodes, np.floor(rooms), strict=True)
    ]
    return changed(instance, models=models, nodes=tuple(nodes))


def test_found_where_enumeration_finds_one() -> None:
    """Of random instances that have a feasible placement at least 95 % get a plan that fits.

    No plan is above a limit, in whatever way it was made; a refitted one is not, either.
    """
    found = missed = 0
    for seed in range(250):
        instance, objective = tight_instance(seed), Objective("latency", monotone=seed % 3 > 0)
        space = PlacementSpace(instance, objective)
        how: dict[str, Any] = {"objective": "latency", "monotone": objective.monotone}
        if not space.memory_binds or solve(instance, "brute-force", **how).value is None:
            continue
        first = placed(
            *(np.zeros(len(instance.model_of(task).layers), np.int64) for task in instance.tasks)
        )
        plans = list(packed_plans(instance, objective, 0))
        again = refitted(space, first, 0)
        faults = [decision_violations(instance, plan, objective) for plan in plans]
        if again is not None:
            faults.append(decision_violations(instance, again, objective))
        assert not any("holds" in sentence for own in faults for sentence in own)
        found, missed = found + any(not own for own in faults), missed + all(faults)
    assert found > 60
    assert missed <= 0.05 * found


def test_refitting_keeps_what_fits() -> None:
    """70 and 60 on a node of 100 beside an empty one: the lighter one moves."""
    instance = packing_problem([70, 60, 10], [100, 100])
    space = PlacementSpace(instance, Objective("latency"))
    decision = refitted(space, placed(np.zeros(3, np.int64)), 0)
    assert decision is not None
    assert decision.tasks[0].placement.tolist()[:2] == [0, 1]
