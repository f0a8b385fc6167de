"""What is proven does not depend on the units: the same plans in nanoseconds and gigaseconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

import numpy as np
import pytest

from splitfog import SolverDeclined, solve
from splitfog.formulations.fronts.criteria import criteria_of
from splitfog.instances.instance import Instance
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.fronts.epsilon_constraint import epsilon_constraint
from splitfog.solvers.fronts.search import enumerate_front
from splitfog.solvers.parametric.policy import policy
from tests.cases import field
from tests.cases.golden import OPTIMA, SINGLE, case
from tests.cases.scaling import scaled, slowed
from tests.checks import check_against_optimum, check_plan
from tests.unequal import unequal_instance

ENGINES = ("highs", "cbc")
PROVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ilp": ("ilp", {}),
    "ilp, cbc": ("ilp", {"engine": "cbc"}),
    "min-cut": ("min-cut", {}),
    "chain-dp": ("chain-dp", {}),
    "brute-force": ("brute-force", {}),
}
FACTORS = (1e-9, 1e9)
SPEEDS = (1e-9, 1e9)


def proven(instance: Instance, prover: str, **how: Any) -> float | None:
    """The value that is proven, inf for infeasible; None where the solver declines or finds none.

    Some ignore memory: a bound is then all that they have.
    """
    solver, options = PROVERS[prover]
    try:
        plan = solve(instance, solver, **how, options=options)
    except SolverDeclined:
        return None
    check_plan(instance, plan)
    if plan.status in ("infeasible", "unknown"):
        return inf if plan.status == "infeasible" else None
    assert plan.status == "optimal", plan
    return plan.value


@pytest.mark.parametrize("key", OPTIMA)
@pytest.mark.parametrize("prover", PROVERS)
def test_all_times_by_a_factor(prover: str, key: str) -> None:
    """The value proven is multiplied by the factor, to 2e-6 (two proofs to 1e-6 each)."""
    for name in SINGLE:
        instance, _ = case(name)
        before = proven(instance, prover, **OPTIMA[key])
        for factor in FACTORS:
            after = proven(scaled(instance, factor), prover, **OPTIMA[key])
            assert after == (before and pytest.approx(before * factor, rel=2e-6))


@pytest.mark.parametrize("key", OPTIMA)
def test_one_node_by_a_factor(key: str) -> None:
    """With one node much slower or faster than all others, all provers prove one value."""
    for name in SINGLE:
        instance, _ = case(name)
        for factor in SPEEDS:
            changed = slowed(instance, instance.nodes[-1].name, factor)
            optimum = proven(changed, "brute-force", **OPTIMA[key])
            for prover in PROVERS.keys() - {"brute-force"}:
                value = proven(changed, prover, **OPTIMA[key])
                assert value is None or value == pytest.approx(optimum, rel=2e-6), prover


FIELD = [
    ("pi-gpus-false-optimum-30", "period", 1.775e-3),
    ("pi-gpus-false-optimum-34", "period", 1.87667e-3),
    ("slow-period-bound", "period", 8.33734e-3),
    ("ilp-error-natural", "latency", 201e-6),
    ("ilp-error-1e4", "latency", 21e-3),
    ("ilp-error-1e6", "latency", 2.001e-3),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "objective", "value"), FIELD)
def test_field(name: str, objective: str, value: float, engine: str) -> None:
    """Once false or an error; the values are an enumeration's, to the digits that stand there."""
    plan = solve(field.instance(name), "ilp", objective, options={"engine": engine})
    check_plan(field.instance(name), plan)
    assert (plan.status, plan.value) == ("optimal", pytest.approx(value, rel=2e-6))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ratio", [1e1, 1e3, 3e4, 6e5, 1e9])
def test_a_slow_node_beside_fast_ones(ratio: float, engine: str) -> None:
    """Times within any ratio, tight memory: `ilp` proves the optimum of an enumeration."""
    for seed in range(3):
        instance = unequal_instance(np.random.default_rng(seed), ratio)
        for objective in ("latency", "period"):
            best = solve(instance, "brute-force", objective)
            plan = solve(instance, "ilp", objective, options={"engine": engine})
            check_plan(instance, plan)
            check_against_optimum(plan, inf if best.value is None else best.value)
            assert plan.status == best.status


@pytest.mark.parametrize("objective", ["latency", "period"])
def test_memory_that_is_just_filled(objective: str) -> None:
    """CBC's preprocessing dropped plans that fill a node to the byte, here all the best ones."""
    instance = unequal_instance(np.random.default_rng(2035), 30.0)
    plan = solve(instance, "ilp", objective, options={"engine": "cbc"})
    best = solve(instance, "brute-force", objective)
    assert (plan.status, plan.value) == ("optimal", pytest.approx(best.value, rel=2e-6))


@pytest.mark.parametrize("ratio", [1e1, 1e5])
def test_policy_over_a_wide_range(ratio: float) -> None:
    """From 1 mbit/s to 10^15 bit/s the table is the enumeration's value, and says it is proven."""
    instance = unequal_instance(np.random.default_rng(15), ratio)
    link = (instance.links[0].tail, instance.links[0].head)
    table = policy(instance, link=link, low_bps=1e-3, high_bps=1e15)
    assert table.status == "optimal"
    for value in np.geomspace(1e-3, 1e15, 7).clip(1e-3, 1e15).tolist():
        best = solve(table.parameter.at(instance, value), "brute-force", "latency")
        assert table.value_at(value) == pytest.approx(best.value, rel=2e-6)


CHANGES: list[Callable[[Instance], Instance]] = [
    partial(scaled, factor=1e-9),
    partial(scaled, factor=1e9),
    partial(slowed, name="n0", factor=1e-9),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [12, 18])  # of 7 and 4 points
def test_front_of_programs(seed: int, change: Callable[[Instance], Instance]) -> None:
    """All points of an enumeration, each to 2e-6 of itself in every criterion, and no others."""
    instance = change(unequal_instance(np.random.default_rng(seed), 1e4))
    criteria = criteria_of(instance, "latency,period", "once", True)
    true, found = Archive(criteria), Archive(criteria)
    enumerate_front(true)
    assert epsilon_constraint(found, lambda: inf) == (len(true.values) > 0)
    assert len(true.values) > 0
    near = 1 + 2e-6
    for some, others in ((true.values, found.values), (found.values, true.values)):
        for values in some:
            assert (others <= values * near).all(axis=1).any()
