"""`splitfog.plan`: the full plan of a placement by names or of a row of indices."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.plan import PlanError
from tests.cases.golden import NAMES, SINGLE, case


def row_of(instance: sf.Instance, plan: sf.Plan) -> list[int]:
    """The plan's placements as `BatchCost` takes them."""
    names = [node.name for node in instance.nodes]
    return [
        names.index(plan.placement(task.name)[layer.name])
        for task in instance.tasks
        for layer in instance.model_of(task).layers
    ]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_rows_say_the_same(name: str) -> None:
    """Of random rows: value and breakdown as the reference's, names as given, all claims true."""
    instance = case(name)[0]
    kinds = ("latency", "makespan", "period") if name in SINGLE else ("latency", "mean-latency")
    widths = [len(instance.model_of(task).layers) for task in instance.tasks]
    rng = np.random.default_rng(0)
    for objective in kinds:
        for _ in range(5):
            row = rng.integers(len(instance.nodes), size=sum(widths))
            plan = sf.plan(instance, row, objective)
            names = {task.name: plan.placement(task.name) for task in instance.tasks}
            assert row_of(instance, plan) == row.tolist()
            assert sf.plan(instance, names, objective) == plan
            assert sf.plan(instance, plan) == plan
            cost = float(sf.evaluate(instance, names, objective))
            assert plan.value == (cost if cost < np.inf else None)
            broken = sf.violations(instance, plan)
            assert (plan.status == "feasible") == (not broken and plan.value is not None)
            assert false_claims(instance, plan) == broken


def test_a_solvers_plan_is_made_again() -> None:
    """Its placement by hand has its value, its figures and no claims."""
    instance = sf.generate("three-tier", seed=1)
    plan = sf.solve(instance, "hpa")
    again = sf.plan(instance, row_of(instance, plan))
    assert (again.value, again.tasks, again.nodes) == (plan.value, plan.tasks, plan.nodes)
    assert (again.status, again.solver, again.lower_bound) == ("feasible", None, None)


def test_what_does_not_fit_is_named() -> None:
    """Rows of another length or kind, unknown indices, missing layers, other forms."""
    instance = sf.generate("three-tier", seed=1)
    row = np.zeros(len(instance.model_of(instance.tasks[0]).layers), int)
    with pytest.raises(ValueError, match=rf"a row of {len(row)} whole numbers"):
        sf.plan(instance, row[1:])
    with pytest.raises(ValueError, match="whole numbers"):
        sf.plan(instance, row.astype(float))
    with pytest.raises(ValueError, match="node index -1, must be 0 to"):
        sf.plan(instance, [-1, *row[1:]])
    with pytest.raises(PlanError, match="has no node"):
        sf.plan(instance, {instance.tasks[0].name: {}})
    with pytest.raises(ValueError, match=r"or \{task: \{layer: node\}\}"):
        sf.plan(instance, {instance.tasks[0].name: "device"})  # type: ignore[dict-item]
