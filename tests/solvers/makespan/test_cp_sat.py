"""cp-sat: exact over placements and orders on any network, its bound valid at any time."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator
from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog import Instance, generate, solve
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.records import Model, changed
from tests.cases.golden import SINGLE, case, number
from tests.cases.strategies import instances, random_instance
from tests.checks import check_against_optimum, check_plan


def _orders(model: Model, taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every topological order."""
    if len(taken) == len(model.layers):
        yield taken
    for layer, inputs in enumerate(model.inputs):
        if layer not in taken and set(inputs) <= set(taken):
            yield from _orders(model, (*taken, layer))


def _enumerated(instance: Instance, objective: Objective) -> float:
    """The least makespan over all placements and orders by the reference; inf if none."""
    model, best = instance.models[0], inf
    orders = list(_orders(model))
    for placement in product(range(len(instance.nodes)), repeat=len(model.layers)):
        if not decision_violations(instance, placed(placement), objective):
            array = np.array(placement)
            for order in orders:
                decision = Decision((TaskDecision(array, order),))
                best = min(best, float(decision_cost(instance, decision, objective)))
    return best


def _contended(instance: Instance) -> Instance:
    """The same with every link shared and no node that computes while it sends."""
    nodes = tuple(changed(node, overlap=False) for node in instance.nodes)
    links = tuple(changed(link, shared=True) for link in instance.links)
    return changed(instance, nodes=nodes, links=links)


def _check_exact(instance: Instance, monotone: bool, **options: object) -> None:
    objective = Objective("makespan", monotone=monotone)
    plan = solve(instance, "cp-sat", objective, options=options)
    check_plan(instance, plan)
    least = _enumerated(instance, objective)
    assert plan.status == ("infeasible" if least == inf else "optimal")
    if least < inf:
        assert plan.value == pytest.approx(least, rel=1e-9, abs=1e-15)


@settings(max_examples=60)
@given(instances(num_nodes=3, num_layers=4), st.booleans(), st.booleans())
def test_equals_enumeration_on_any_network(
    instance: Instance, monotone: bool, decompose: bool
) -> None:
    """Memory, groups, results, one-way and shared links, nodes without overlap, several inputs."""
    _check_exact(instance, monotone, decompose=decompose)


@settings(max_examples=40)
@given(instances(num_nodes=2, num_layers=6, limits=False), st.booleans())
def test_equals_enumeration_where_everything_waits(instance: Instance, decompose: bool) -> None:
    """One rank for links and nodes at once: hops are booked right after their layer."""
    if len(list(_orders(instance.models[0]))) <= 100:
        _check_exact(_contended(instance), False, decompose=decompose)


def test_an_instance_on_which_presolve_went_wrong() -> None:
    """With CP-SAT 9.15's own presolve limits this was proven to be 0.0852 s.

    l1, l2, l3 one after another on n0: 143, 275 and 243 MFLOP at 12 GFLOP/s and three times 5 ms;
    meanwhile l4 on n1: 661e6 / 12e9 + .015 = .0700833 s.
    """
    rng = np.random.default_rng(56)
    shape = {"num_nodes": int(rng.integers(2, 4)), "num_layers": int(rng.integers(3, 6))}
    instance = random_instance(rng, **shape)  # type: ignore[arg-type]
    plan = solve(instance, "cp-sat", "makespan", monotone=False)
    assert plan.value == pytest.approx(661e6 / 12e9 + 0.015, rel=1e-9)
    assert plan.status == "optimal"


@pytest.mark.parametrize("name", SINGLE)
def test_golden_cases(name: str) -> None:
    """The known optimum is over placements in the default order: never above it, bound below."""
    instance, data = case(name)
    plan = solve(instance, "cp-sat", "makespan")
    check_plan(instance, plan)
    entry = data["optima"]["makespan, once (default order only)"]
    known = inf if entry is None else number(entry["value"])
    if plan.status == "infeasible":
        assert known == inf
    else:
        assert plan.status == "optimal"
        assert plan.value is not None
        assert plan.value <= known * (1 + 1e-9)


@given(instances(chain=True, limits=False), st.booleans())
def test_a_chain_takes_its_latency(instance: Instance, monotone: bool) -> None:
    """With its end as the only result the makespan is the latency, which chain-dp solves."""
    model = instance.models[0]
    layers = tuple(changed(layer, result=False) for layer in model.layers)
    chain = changed(instance, models=(changed(model, layers=layers),))
    plan = solve(chain, "cp-sat", "makespan", monotone=monotone)
    latency = solve(chain, "chain-dp", "latency", monotone=monotone)
    assert plan.status == latency.status
    if latency.value is not None:
        assert plan.value == pytest.approx(latency.value, rel=1e-9)


@settings(max_examples=25)
@given(instances(num_layers=12), st.booleans())
def test_cutting_into_segments_changes_nothing(instance: Instance, monotone: bool) -> None:
    """The same value and status with and without the decomposition."""
    how = {"monotone": monotone, "objective": "makespan"}
    whole = solve(instance, "cp-sat", options={"decompose": False}, **how)  # type: ignore[arg-type]
    divided = solve(instance, "cp-sat", **how)  # type: ignore[arg-type]
    check_plan(instance, divided)
    assert divided.status == whole.status
    if whole.value is not None:
        assert divided.value == pytest.approx(whole.value, rel=1e-9, abs=1e-15)


def _fast(model: str) -> Instance:
    """Four nodes alike on a fast network, where branches pay to be spread."""
    nano = {"device": "jetson-nano", "edge": "jetson-nano", "cloud": "jetson-nano"}
    links = dict.fromkeys(("device_edge", "edge_cloud", "direct_cloud"), "ethernet")
    return generate("three-tier", 0, model=model, edge_nodes=2, **nano, **links)


def test_branches_are_spread() -> None:
    """GoogLeNet on four nodes alike: proven, and faster than on any one of them."""
    instance = _fast("googlenet")
    plan = solve(instance, "cp-sat", "makespan")
    check_plan(instance, plan)
    assert plan.status == "optimal"
    device = solve(instance, "device-only", "makespan")
    assert plan.value is not None
    assert device.value is not None
    assert plan.value < 0.95 * device.value


@pytest.mark.parametrize("limit", [1e-9, 0.05, 0.3])
def test_a_time_limit_leaves_a_valid_bound(limit: float) -> None:
    """Whenever it stops: bound <= optimum <= value."""
    instance = generate("random-dag", layers=60, seed=2)
    optimum = solve(instance, "cp-sat", "makespan").value
    assert optimum is not None
    plan = solve(instance, "cp-sat", "makespan", time_limit_s=limit)
    check_plan(instance, plan)
    check_against_optimum(plan, optimum)
    assert plan.stopped_by in ("time limit", "finished")


def test_the_same_seed_gives_the_same_plan() -> None:
    """And another number of workers the same value."""
    instance = generate("random-dag", layers=30, seed=3, ccr=0.1)
    first, second, other = (
        solve(instance, "cp-sat", "makespan", seed=7, options={"workers": workers})
        for workers in (1, 1, 2)
    )
    assert first.without_times() == second.without_times()
    assert other.value == pytest.approx(first.value, rel=1e-9)


def test_memory_that_splits_a_network() -> None:
    """Half of the weights a node: segments alone do not fit, the whole program's plan does."""
    instance = generate("three-tier", model="squeezenet-1.0")
    weights = sum(layer.weight_bytes for layer in instance.models[0].layers)
    nodes = tuple(changed(node, memory_bytes=weights / 2) for node in instance.nodes)
    tight = changed(instance, nodes=nodes)
    plan = solve(tight, "cp-sat", "makespan")
    check_plan(tight, plan)
    assert plan.status == "optimal"
    free = solve(instance, "cp-sat", "makespan")
    assert plan.value is not None
    assert free.value is not None
    assert plan.value > free.value


def test_infeasible_is_a_status_with_a_reason() -> None:
    """No node can hold the weights."""
    instance = generate("three-tier", model="alexnet")
    nodes = tuple(changed(node, memory_bytes=1.0) for node in instance.nodes)
    plan = solve(changed(instance, nodes=nodes), "cp-sat", "makespan")
    assert plan.status == "infeasible"
    assert plan.reason is not None
    assert "memory" in plan.reason


def test_interrupt_keeps_the_best_so_far() -> None:
    """Ctrl-C in the midst of a search that would take long: a plan with its bound."""
    instance = _contended(_fast("inception-v3"))
    timer = threading.Timer(1.0, _thread.interrupt_main)
    timer.start()
    try:
        plan = solve(instance, "cp-sat", "makespan")
    finally:
        timer.cancel()
    check_plan(instance, plan)
    assert plan.stopped_by == "interrupted"
    assert plan.lower_bound is not None
    assert plan.lower_bound > 0


def test_auto_chooses_it() -> None:
    """For makespan nothing polynomial is exact."""
    plan = solve(generate("three-tier", model="resnet-18"), objective="makespan")
    assert plan.solver == "cp-sat"
    assert plan.status == "optimal"
