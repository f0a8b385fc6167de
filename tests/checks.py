"""The contract: what holds for the plan of every solver on every instance (EXAMPLES section 4)."""

from __future__ import annotations

from typing import Any

import msgspec

from splitfog import SolverDeclined, evaluate, solve, violations
from splitfog.formulations.plan import Plan, encode_plan
from splitfog.instances.files import encode_instance
from splitfog.instances.records import Instance

RELATIVE = 1e-9


def solved(instance: Instance, solver: str, **how: Any) -> Plan | None:
    """The plan, held to the contract; None where the solver declines with a reason."""
    before = encode_instance(instance)
    try:
        plan = solve(instance, solver, **how)
    except SolverDeclined as declined:
        assert declined.reason
        return None
    assert encode_instance(instance) == before, "the instance was changed"
    check_plan(instance, plan)
    again = solve(instance, solver, **how)
    assert msgspec.structs.replace(again, runtime_s=plan.runtime_s) == plan, "not repeatable"
    return plan


def check_plan(instance: Instance, plan: Plan) -> None:
    """Feasible, its value the reference cost, its bound and status consistent."""
    assert plan.instance_sha256 == instance.sha256
    assert encode_plan(plan)
    if plan.status in ("infeasible", "unknown"):
        assert plan.value is None
        assert plan.tasks == ()
        return
    assert plan.status in ("optimal", "feasible"), plan.reason
    assert violations(instance, plan) == []
    assert plan.value is not None
    assert float(evaluate(instance, plan)) == plan.value
    if plan.lower_bound is None:
        assert plan.gap is None
        assert plan.status == "feasible"
    else:
        assert 0 <= plan.lower_bound <= plan.value
        assert plan.gap is not None
        assert (plan.status == "optimal") == (plan.gap <= 1e-6)


def check_against_optimum(plan: Plan, optimum: float) -> None:
    """`optimum` (inf: infeasible) is known from elsewhere: nothing claimed contradicts it."""
    if plan.value is not None:
        assert plan.value >= optimum * (1 - RELATIVE)
    if plan.lower_bound is not None:
        assert plan.lower_bound <= optimum * (1 + RELATIVE)
    if plan.status == "optimal":
        assert plan.value is not None
        assert plan.value <= optimum * (1 + 1e-6 + RELATIVE)
    if plan.status == "infeasible":
        assert optimum == float("inf")
