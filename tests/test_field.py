"""What `data/field/INDEX.md` says is right, through the door that users take.

What single solvers make of these inputs is in their tests: `test_heft`, `test_units`,
`test_lost_plans`, `test_offload_units`.
"""

from __future__ import annotations

from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Model, Node, Task
from tests.cases import field
from tests.checks import check_plan

# name, how to solve it, the right value by INDEX.md (enumeration or a published optimum)
OPTIMA: list[tuple[str, dict[str, Any], float]] = [
    ("pi-gpus-false-optimum-30", {"objective": "period"}, 1.775e-3),
    ("pi-gpus-false-optimum-34", {"objective": "period"}, 1.8766666666666667e-3),
    ("slow-period-bound", {"objective": "period"}, 8.33734e-3),
    ("ilp-error-natural", {}, 201e-6),
    ("ilp-error-1e4", {"solver": "ilp"}, 21e-3),
    ("ilp-error-1e6", {"solver": "ilp"}, 2.001e-3),
    ("all-layers-pinned", {"objective": "makespan"}, 18.0),
    ("edge-sizes-need-gadget", {"objective": "makespan"}, 73.0),
    ("crash-input-only", {"objective": "mean-latency"}, 0.0),
    ("crash-input-only", {"objective": "latency"}, 0.0),
]


@pytest.mark.parametrize(("name", "how", "right"), OPTIMA)
def test_optimum(name: str, how: dict[str, Any], right: float) -> None:
    """Found and proven."""
    instance = field.instance(name)
    plan = sf.solve(instance, **how)
    check_plan(instance, plan)
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(right, rel=1e-5)


def test_pinned_layers_leave_evolution_and_fronts_a_plan() -> None:
    """One placement: 18 s for evolution too, and a front of one point or more."""
    instance = field.instance("all-layers-pinned")
    plan = sf.solve(instance, "evolution", objective="makespan")
    assert plan.value == pytest.approx(18.0)
    assert sf.pareto(instance, "latency,makespan", time_limit_s=1).points
    rows = sf.compare([instance], "all", "makespan", time_limit_s=1)
    assert "error" not in {row.status for row in rows}


def test_one_slice_at_home_is_written_unsliced() -> None:
    """0.21 s, one visit; as a stage it would be two, and `violations` refuses it."""
    name = "single-slice-at-home"
    instance, stages = field.instance(name), field.plan_path(name)
    how: dict[str, Any] = {"objective": "mean-latency", "options": {"stages": str(stages)}}
    plan = sf.solve(instance, "offload-ilp", **how)
    assert plan.value == pytest.approx(0.21)
    assert all(not entry.stages for entry in plan.tasks)
    assert sf.violations(instance, field.plan(name), "mean-latency")


def test_large_times_work_and_values_beyond_floats_are_no_plans() -> None:
    """1e200 s squared is inf, not an exception; a value above 1.8e308 s is `unknown`."""
    for objective in ("mean-latency", "period", "latency"):
        plan = sf.solve(field.instance("time-1e200"), objective=objective, time_limit_s=10)
        assert plan.value is not None or plan.status in ("infeasible", "unknown")
    plan = sf.solve(field.instance("value-overflows"), "device-only", objective="makespan")
    assert (plan.status, plan.value) == ("unknown", None)
    assert "beyond what floats hold" in (plan.reason or "")


@pytest.mark.parametrize(
    ("name", "solver", "objective"),
    [
        ("packing-keyerror", "ilp", "latency"),
        ("offload-columns-matmul", "offload-ilp", "mean-latency"),
        ("cp-sat-finished-unproven", "cp-sat", "makespan"),
    ],
)
def test_figures_at_the_end_of_floats(name: str, solver: str, objective: str) -> None:
    """An answer with a status, where bytes, seconds and bit/s are beyond 1e18 or below 1e-18."""
    plan = sf.solve(field.instance(name), solver, objective, monotone=False)
    assert plan.status in ("optimal", "infeasible")


@pytest.mark.parametrize("solver", [None, "device-only", "min-cut", "ilp", "brute-force"])
def test_beyond_floats_is_no_proof(solver: str | None) -> None:
    """Two layers of 1e308 s on the only node: 2e308 s keep every rule, so it is not infeasible."""
    layers = (
        Layer(name="x", op="other", output_bytes=0.0, flops=1e308),
        Layer(name="y", op="other", inputs=("x",), output_bytes=0.0, flops=1e308),
    )
    instance = Instance(
        name="endless",
        tiers=("device",),
        nodes=(Node(name="pi", tier="device", speed_flops=1.0),),
        links=(),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="pi"),),
    )
    plan = sf.solve(instance, solver, "latency")
    assert (plan.status, plan.value) == ("unknown", None)
    assert "beyond what floats hold" in (plan.reason or "")
