"""The bundled instances: valid, with a reference, and what their `meta` calls optimal is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splitfog import Instance, Plan, SolverDeclined, load_instance, solve

FILES = sorted((Path(__file__).parents[2] / "instances" / "data").glob("*.json*"))
D3_NETWORKS = ("alexnet", "vgg-16", "resnet-18", "darknet-53", "inception-v4")

PROOFS: dict[str, dict[str, Any]] = {
    "latency": {"objective": "latency"},
    "latency, per-edge": {"objective": "latency", "transfers": "per-edge"},
    "latency, not monotone": {"objective": "latency", "monotone": False},
    "makespan": {"objective": "makespan", "solver": "cp-sat"},
}
LATE = (
    "dag-ccr-5", "dag-forks-a", "dag-forks-b", "dag-two-fogs-a", "dag-two-fogs-b",
    "ocr-detector-measured",
)  # fmt: skip
"""Whose makespan takes long to be proven: 5 to 60 s."""


def test_the_collection() -> None:
    """At least twelve, and the five networks recalled of D3 over four backhauls."""
    names = [path.name.split(".json")[0] for path in FILES]
    assert len(names) >= 12
    for network in D3_NETWORKS:
        assert sum(name.startswith(f"{network}-") for name in names) >= 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.split(".json")[0])
def test_optimum_of_meta_is_proven_again(path: Path) -> None:
    """Every optimum comes out of a solver that proves it, and the reference says whence."""
    instance = load_instance(path)
    assert instance.meta["reference"]
    if len(instance.tasks) == 1:
        assert {"latency", "latency, per-edge"} <= set(instance.meta["optimum"])
    for name, optimum in instance.meta["optimum"].items():
        if name in PROOFS and (name != "makespan" or instance.name not in LATE):
            plan = placed_best(instance, **PROOFS[name])
            assert plan.status == "optimal"
            assert plan.value == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("fog-")])
def test_bounds_of_users_hold(path: Path) -> None:
    """What `meta` says of the mean latency: a bound that is reached again, and a value above it
    that `dina` comes to, or below."""
    instance = load_instance(path)
    low, high = instance.meta["bounds"]["mean-latency"]
    plan = solve(instance, "dina")
    assert low < high
    assert plan.lower_bound is not None
    assert plan.value is not None
    assert low * (1 - 1e-9) <= plan.lower_bound <= plan.value <= high * (1 + 1e-6)
    assert low <= plan.value


def placed_best(instance: Instance, solver: str = "min-cut", **how: Any) -> Plan:
    """The best placement; by the program where nodes form no line for the cut.

    (`auto` may have a plan with slices that is better.)
    """
    try:
        return solve(instance, solver, **how)
    except SolverDeclined:
        return solve(instance, "ilp", **how)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet-4g", "vgg-16-fibre", "resnet-18-wi-fi", "dag-small"])
def test_period_of_meta_is_proven_again(name: str) -> None:
    """The 0-1 program proves the periods of the quick ones."""
    path = next(path for path in FILES if path.name.startswith(f"{name}."))
    instance = load_instance(path)
    plan = solve(instance, "ilp", objective="period", time_limit_s=60)
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(instance.meta["optimum"]["period"], rel=1e-6)
