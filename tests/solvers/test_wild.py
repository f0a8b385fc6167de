"""What answers slices or streams answers anything: no crash, no plan lost, nothing worse than its
start. The same loop over thousands of seeds is what `docs/trust.md` counts."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from splitfog import SolverDeclined, solve
from splitfog.formulations.plan import Plan
from splitfog.instances.instance import Instance
from tests.cases.wild import wild_instance
from tests.checks import check_plan, solved

SLICES = ("hpa", "vsm", "vsm-ilp", "d3", "modnn", "deepthings", "aofl", "coedge")
STREAMS = (
    "local",
    "best-response",
    "dina",
    "dina-p",
    "dina-o",
    "swap",
    "deferred-acceptance",
    "unsplittable",
    "offload-ilp",
    "joint-ilp",
    "nearest",
    "random-match",
    "greedy-match",
)
SOLVERS = {"latency": SLICES, "mean-latency": STREAMS, "batch": ("offload-assignment",)}

NEVER_WORSE = [
    ("latency", "d3", "hpa"),
    ("latency", "vsm-ilp", "vsm"),
    ("mean-latency", "best-response", "local"),
    ("mean-latency", "dina", "best-response"),
    ("mean-latency", "dina-p", "local"),
    ("mean-latency", "swap", "local"),
    ("mean-latency", "joint-ilp", "dina"),
]
"""The second is the start of the first."""


def _answers(instance: Instance, name: str, how: dict[str, Any]) -> dict[str, Plan]:
    plans = {}
    for solver in SOLVERS[name]:
        try:
            plans[solver] = solve(instance, solver, objective=name, seed=1, **how)
        except SolverDeclined:
            continue
        check_plan(instance, plans[solver])
    return plans


def _value(plan: Plan) -> float:
    return inf if plan.value is None else plan.value


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", range(10))
def test_any_instance(name: str, seed: int) -> None:
    """Every answer keeps to the contract, is no worse than its start, and comes again."""
    rng = np.random.default_rng([seed, 2])
    instance = wild_instance(rng)
    how: dict[str, Any] = {"transfers": "once", "monotone": bool(rng.random() < 0.6)}
    if name != "batch" and rng.random() < 0.25:
        how["transfers"] = "per-edge"
    plans = _answers(instance, name, how)
    for objective, solver, start in NEVER_WORSE:
        if objective == name and {solver, start} <= plans.keys():
            assert _value(plans[solver]) <= _value(plans[start]) * (1 + 1e-9), solver
    if not plans:
        return
    again = list(plans)[int(rng.integers(len(plans)))]
    solved(instance, again, objective=name, seed=1, **how)
    best = min(plans.values(), key=_value)
    if best.value is not None:
        from_best = solve(instance, again, objective=name, start=best, **how)
        assert _value(from_best) <= best.value * (1 + 1e-9)
