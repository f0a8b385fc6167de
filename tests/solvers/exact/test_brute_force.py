"""brute-force: equal to a plain enumeration, and to the golden optima."""

from __future__ import annotations

from itertools import product
from math import inf

import pytest
from hypothesis import given, settings

from splitfog import Instance, Layer, Model, Node, SolverDeclined, Task, generate, solve
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective, ObjectiveName
from splitfog.solvers.exact.brute_force import least_makespan, num_placements, topological_orders
from tests.cases.golden import OPTIMA, SINGLE, case, optimum
from tests.cases.strategies import instances
from tests.checks import check_plan

TWO_TASKS = instances(num_tasks=2, num_nodes=2, num_layers=3, rates=True)


def enumerated(instance: Instance, objective: Objective) -> float:
    """The least cost over the product of all nodes, inf if nothing is feasible."""
    sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
    least = inf
    for nodes in product(range(len(instance.nodes)), repeat=sum(sizes)):
        parts = [nodes[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes))]
        decision = placed(*parts)
        cost = float(decision_cost(instance, decision, objective))
        if cost < least and not decision_violations(instance, decision, objective):
            least = cost
    return least


@pytest.mark.parametrize("objective", ["latency", "period", "mean-latency"])
@settings(max_examples=25)
@given(instance=TWO_TASKS)
def test_equals_plain_enumeration(instance: Instance, objective: ObjectiveName) -> None:
    """What its branches leave out is no better: two tasks with memory, groups, rates, quotas."""
    plan = solve(instance, "brute-force", Objective(objective))
    check_plan(instance, plan)
    least = enumerated(instance, Objective(objective))
    assert plan.status == ("infeasible" if least == inf else "optimal")
    assert plan.value == (None if least == inf else pytest.approx(least, rel=1e-12))


@settings(max_examples=25)
@given(instance=instances(num_nodes=2, num_layers=4))
def test_makespan_over_all_orders(instance: Instance) -> None:
    """The least over placements and every order, by plain enumeration of both."""
    objective = Objective("makespan")
    least = inf
    for nodes in product(range(len(instance.nodes)), repeat=4):
        for order in topological_orders(instance.models[0]):
            decision = Decision((TaskDecision(placed(nodes).tasks[0].placement, order),))
            if not decision_violations(instance, decision, objective):
                cost = float(decision_cost(instance, decision, objective))
                assert least_makespan(instance, decision) <= cost * (1 + 1e-12)
                least = min(least, cost)
    plan = solve(instance, "brute-force", objective)
    check_plan(instance, plan)
    assert plan.value == (None if least == inf else pytest.approx(least, rel=1e-12))


@pytest.mark.parametrize("key", OPTIMA)
def test_golden(key: str) -> None:
    """The optima that an independent enumeration found."""
    for name in SINGLE:
        plan = solve(case(name)[0], "brute-force", **OPTIMA[key])
        least = optimum(name, key)
        assert plan.status == ("infeasible" if least == inf else "optimal")
        assert plan.value == (None if least == inf else pytest.approx(least, rel=1e-12))


@pytest.mark.parametrize("name", ["line-1", "mesh-2", "memory-3"])
def test_golden_makespan_is_not_beaten_by_the_default_order(name: str) -> None:
    """Over all orders the optimum is at most that of the file's own order."""
    plan = solve(case(name)[0], "brute-force", objective="makespan")
    assert plan.status == "optimal"
    assert plan.value is not None
    assert plan.value <= optimum(name, "makespan, once (default order only)") * (1 + 1e-12)


def test_topological_orders_of_a_diamond() -> None:
    """a before b and c, both before d: b and c in either order, the file's order first."""
    layers = [("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b", "c"))]
    model = Model(
        name="diamond",
        layers=tuple(
            Layer(name=name, op="other", inputs=inputs, output_bytes=1) for name, inputs in layers
        ),
    )
    assert list(topological_orders(model)) == [(0, 1, 2, 3), (0, 2, 1, 3)]


def wide(num_layers: int) -> Instance:
    """Layers without edges on two nodes: 2^layers placements, layers! orders."""
    layers = tuple(
        Layer(name=f"l{i}", op="other", flops=1 + i % 3, output_bytes=1) for i in range(num_layers)
    )
    return Instance(
        name="wide",
        tiers=("device",),
        nodes=tuple(Node(name=f"n{i}", tier="device", speed_flops=1) for i in range(2)),
        links=(),
        models=(Model(name="wide", layers=layers),),
        tasks=(Task(name="task", model="wide", source=None),),
    )


def test_refuses_too_many_placements() -> None:
    """2^20 = 1,048,576 placements are more than 10^6; 7 layers have 2^7 * 7! = 645,120, and are
    begun."""
    assert num_placements(wide(20)) == 2**20
    with pytest.raises(SolverDeclined, match=r"1\.04858e\+6 placements"):
        solve(wide(20), "brute-force")
    with pytest.raises(SolverDeclined, match="placements times orders"):
        solve(wide(8), "brute-force", objective="makespan")
    begun = solve(wide(7), "brute-force", objective="makespan", time_limit_s=0.1)
    assert (begun.status, begun.stopped_by) == ("feasible", "time limit")


def test_time_limit_leaves_a_feasible_plan_without_a_bound() -> None:
    """Stopped early, it claims nothing about what it has not seen."""
    plan = solve(wide(19), "brute-force", objective="period", time_limit_s=1e-3)
    assert (plan.status, plan.stopped_by) == ("feasible", "time limit")
    assert plan.lower_bound is None


def test_declines_what_no_float_can_count() -> None:
    """Ten users' placements: the number itself is beyond floats."""
    with pytest.raises(SolverDeclined, match=r"e\+\d{3} placements or more"):
        solve(generate("fog", users=10, seed=1), "brute-force", "mean-latency")


def test_a_very_long_time_leaves_no_rounding() -> None:
    """10^16 s put on a node and taken off again: the sums of 1 to 8 s there must not be lost.

    All but the last layer on b take 2 + 2 + 1 + 2 = 7 s, the last on a 7 s. Less than 7 s none
    can: the last takes 7 s anywhere.
    """
    times = [(1, 2), (6, 2), (8, 1), (1e16, 2), (7, 7)]
    layers = tuple(
        Layer(name=f"l{i}", op="other", output_bytes=0, times_s={"a": float(a), "b": float(b)})
        for i, (a, b) in enumerate(times)
    )
    instance = Instance(
        name="long",
        tiers=("fog",),
        nodes=tuple(Node(name=name, tier="fog", speed_flops=1) for name in "ab"),
        links=(),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source=None),),
    )
    assert solve(instance, "brute-force", "period").value == 7.0
