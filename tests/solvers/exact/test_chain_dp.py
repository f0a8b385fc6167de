"""chain-dp: the least latency of every chain, on any nodes and routes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, SolverDeclined, Task, solve
from splitfog.formulations.objective import Objective
from tests.cases.golden import OPTIMA, case, optimum
from tests.cases.strategies import instances
from tests.checks import check_plan

objectives = st.builds(
    Objective, st.just("latency"), st.sampled_from(["once", "per-edge"]), st.booleans()
)


@given(instances(chain=True, limits=False), objectives)
def test_equals_brute_force(instance: Instance, objective: Objective) -> None:
    """Any topology, one-way links, results on the way, monotone or not: the optimum, proven."""
    plan, best = solve(instance, "chain-dp", objective), solve(instance, "brute-force", objective)
    check_plan(instance, plan)
    assert plan.status == best.status
    if best.value is not None:
        assert plan.value == pytest.approx(best.value, rel=1e-12)


@given(instances(chain=True, num_tasks=2, num_nodes=3, num_layers=3), objectives)
def test_two_tasks_with_limits(instance: Instance, objective: Objective) -> None:
    """Tasks are solved by themselves; memory left out makes the value a bound at least."""
    try:
        plan = solve(instance, "chain-dp", objective)
    except SolverDeclined as declined:
        assert "group" in declined.reason
        return
    best = solve(instance, "brute-force", objective)
    check_plan(instance, plan)
    if plan.status == "unknown":
        assert plan.reason is not None
        assert "memory" in plan.reason
        assert plan.lower_bound is not None
        assert best.value is None or plan.lower_bound <= best.value * (1 + 1e-12)
    else:
        assert plan.status == best.status
        if best.value is not None:
            assert plan.value == pytest.approx(best.value, rel=1e-12)


@pytest.mark.parametrize("key", [key for key in OPTIMA if key.startswith("latency")])
@pytest.mark.parametrize("name", ["chain-1", "chain-3", "chain-4"])
def test_golden(name: str, key: str) -> None:
    """The optima that an independent enumeration found."""
    plan = solve(case(name)[0], "chain-dp", **OPTIMA[key])
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(optimum(name, key), rel=1e-12)


def test_a_result_that_is_also_read_shares_its_way() -> None:
    """A result crosses a link once, even if its reader is farther on the same way.

    a (1 s on the pi, 100 s elsewhere) is a result of 1000 bytes; b takes 9 s on the pi, 1 s on
    the cloud. Links pi-fog and fog-cloud take 1 s for it each; results go to the fog. With b on
    the cloud: 1 + 1 + 1 (a's tree, through the fog) + 1 s for b, whose result of 0 bytes costs
    nothing = 4 s; with b on the pi 1 + 1 + 9 = 11 s. Per edge a pays its way to the fog again.
    """
    times = {"pi": 1.0, "edge": 100.0, "cloud": 100.0}
    layers = (
        Layer(name="a", op="other", output_bytes=1000, times_s=times, result=True),
        Layer(
            name="b",
            op="other",
            inputs=("a",),
            output_bytes=0,
            times_s={"pi": 9.0, "fog": 9.0, "cloud": 1.0},
        ),
    )
    instance = Instance(
        name="shared-way",
        tiers=("device", "edge", "cloud"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1),
            Node(name="fog", tier="edge", speed_flops=1),
            Node(name="cloud", tier="cloud", speed_flops=1),
        ),
        links=(
            Link(tail="pi", head="fog", bandwidth_bps=8000),
            Link(tail="fog", head="cloud", bandwidth_bps=8000),
        ),
        models=(Model(name="two", layers=layers),),
        tasks=(Task(name="task", model="two", source="pi", results_to="fog"),),
    )
    assert solve(instance, "chain-dp").value == pytest.approx(4.0)
    assert solve(instance, "chain-dp", transfers="per-edge").value == pytest.approx(5.0)


def test_declines_groups() -> None:
    """chain-2 has a group of several layers: the reason names them."""
    with pytest.raises(SolverDeclined, match="L6, L2"):
        solve(case("chain-2")[0], "chain-dp")


def test_declines_what_is_no_chain() -> None:
    """Two consumers of one tensor: the reason names the layer and a solver that applies."""
    with pytest.raises(SolverDeclined, match=r"no chain: .* ilp applies"):
        solve(case("line-1")[0], "chain-dp")


def test_infeasible_where_a_layer_has_no_node() -> None:
    """A layer that must be in a tier without nodes: proven infeasible, with its name."""
    layers = (
        Layer(name="in", op="input", output_bytes=1),
        Layer(name="homeless", op="other", inputs=("in",), output_bytes=1, tiers=("cloud",)),
    )
    instance = Instance(
        name="homeless",
        tiers=("device", "cloud"),
        nodes=(Node(name="pi", tier="device", speed_flops=1),),
        links=(),
        models=(Model(name="two", layers=layers),),
        tasks=(Task(name="task", model="two", source="pi"),),
    )
    plan = solve(instance, "chain-dp")
    assert plan.status == "infeasible"
    assert plan.reason is not None
    assert "homeless" in plan.reason
