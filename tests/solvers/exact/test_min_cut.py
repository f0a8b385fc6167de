"""min-cut: exact on every line, its cut a certificate, its bound valid."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, SolverDeclined, Task, evaluate, solve
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut import cut_network, tier_line
from splitfog.instances.records import changed
from splitfog.solvers.exact.min_cut import least_cut
from tests.cases.golden import case
from tests.cases.strategies import instances, random_instance
from tests.checks import check_plan

objectives = st.builds(
    Objective, st.just("latency"), st.sampled_from(["once", "per-edge"]), st.booleans()
)


def enumerated(instance: Instance, objective: Objective) -> float:
    """The least latency over all placements; inf if there is none."""
    places = range(len(instance.nodes))
    values = [float("inf")]
    for placement in product(places, repeat=len(instance.models[0].layers)):
        decision = placed(placement)
        if not decision_violations(instance, decision, objective):
            values.append(float(decision_cost(instance, decision, objective)))
    return min(values)


BINDING = random_instance(np.random.default_rng(6798), line=True, num_layers=5)
"""7,060 bytes on a device for 6,426: 1.373 s, 1.0107 s without the limit; the door proves 1.373."""


@given(instances(line=True, num_layers=5), objectives)
@example(BINDING, Objective("latency", "once", False))
def test_equals_enumeration_on_every_line(instance: Instance, objective: Objective) -> None:
    """Value and bound are the least of all placements.

    The cut ignores memory; with limits the bound lies between the least without them and with.
    """
    plan = solve(instance, "min-cut", objective)
    check_plan(instance, plan)
    best = enumerated(instance, objective)
    if plan.status == "infeasible":
        assert best == float("inf")
        return
    free = tuple(changed(node, memory_bytes=None) for node in instance.nodes)
    least = enumerated(changed(instance, nodes=free), objective)
    assert plan.lower_bound is not None
    assert least * (1 - 1e-9) - 1e-15 <= plan.lower_bound <= best * (1 + 1e-9) + 1e-15
    if free == instance.nodes or plan.status == "optimal":
        assert plan.value == pytest.approx(best, rel=1e-9)


@given(instances(line=True), objectives, st.integers(0, 2**32 - 1))
def test_cut_of_a_placement_is_its_latency(
    instance: Instance, objective: Objective, seed: int
) -> None:
    """Certificate of the network: any allowed placement's cut has the reference cost."""
    arrays = task_arrays(instance)
    line = tier_line(arrays)
    assert not isinstance(line, str)
    network = cut_network(arrays, line, objective)
    assert not isinstance(network, str)
    rng = np.random.default_rng(seed)
    tiers = rng.integers(0, network.num_tiers, network.num_layers)
    if arrays.source is not None:
        tiers[arrays.is_input] = np.searchsorted(line.nodes, arrays.source)
    decision = placed(line.nodes[tiers])
    faults = decision_violations(instance, decision, objective)
    if any("bytes" in fault for fault in faults):
        return  # memory is no part of the cut
    if faults:
        assert network.value(tiers) == float("inf")
    else:
        cost = decision_cost(instance, decision, objective)
        assert network.value(tiers) == pytest.approx(cost, rel=1e-9)


@given(instances(line=True, limits=False), objectives)
def test_least_cut_is_a_flow(instance: Instance, objective: Objective) -> None:
    """The flow's value, a bound from below, meets the cut's, a bound from above."""
    arrays = task_arrays(instance)
    network = cut_network(arrays, tier_line(arrays), objective)  # type: ignore[arg-type]
    cut = least_cut(network)  # type: ignore[arg-type]
    if cut is not None:
        value = network.value(cut.tiers)  # type: ignore[union-attr]
        assert cut.lower_bound <= value * (1 + 1e-12)
        assert cut.lower_bound == pytest.approx(value, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_scaling_all_costs_scales_the_value(factor: float) -> None:
    """Times and bytes k times as large make the latency k times as large, at any magnitude."""
    instance, _ = case("line-1")
    nodes = tuple(
        changed(n, speed_flops=n.speed_flops / factor, overhead_s=n.overhead_s * factor)
        for n in instance.nodes
    )
    links = tuple(
        changed(x, bandwidth_bps=x.bandwidth_bps / factor, latency_s=x.latency_s * factor)
        for x in instance.links
    )
    plain = solve(instance, "min-cut")
    assert plain.value is not None
    scaled = solve(changed(instance, nodes=nodes, links=links), "min-cut")
    assert scaled.value == pytest.approx(factor * plain.value, rel=1e-9)
    assert scaled.status == "optimal"


def test_no_work_costs_nothing() -> None:
    """All costs 0: the value, the bound and the gap are 0 and the plan is optimal."""
    layers = (
        Layer(name="in", op="input", output_bytes=0),
        Layer(name="a", op="conv", output_bytes=0, inputs=("in",)),
    )
    plan = solve(_line(layers, latency_s=0.0), "min-cut")
    assert (plan.status, plan.value, plan.lower_bound, plan.gap) == ("optimal", 0.0, 0.0, 0.0)


def test_a_free_tier_is_found_beside_costs_that_round_to_nothing() -> None:
    """All costs 0 on the edge, .3 s on the device, and a link of no cost: the value is 0."""
    layers = (
        Layer(name="in", op="input", output_bytes=0),
        Layer(
            name="a",
            op="conv",
            output_bytes=0,
            inputs=("in",),
            times_s={"device": 0.3, "edge": 0.0, "cloud": 0.3},
        ),
    )
    plan = solve(_line(layers, latency_s=0.0), "min-cut")
    assert (plan.status, plan.value) == ("optimal", 0.0)


def _line(layers: tuple[Layer, ...], latency_s: float, **task: Any) -> Instance:
    """Three nodes, each ten times as fast as the one before, 8 Mbit/s (1 MB/s) between them."""
    return Instance(
        name="line",
        tiers=("device", "edge", "cloud"),
        nodes=tuple(
            Node(name=name, tier=name, speed_flops=speed)
            for name, speed in [("device", 1e6), ("edge", 1e7), ("cloud", 1e8)]
        ),
        links=(
            Link(tail="device", head="edge", bandwidth_bps=8e6, latency_s=latency_s),
            Link(tail="edge", head="cloud", bandwidth_bps=8e6, latency_s=latency_s),
        ),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="device", **task),),
    )


def test_worked_by_hand_with_a_result_that_is_read() -> None:
    """A marked result's way to the cloud also serves its reader there.

    Device: a takes 1 s; edge: .1 s; cloud: .01 s. The input of 1 MB takes 1 s a boundary. All on
    the device: 1 + 1 (b) = 2 s, then a's result of 0.1 MB goes up both links, .2 s, and b's, 0 MB,
    0 s: 2.2 s. a on the device, b in the cloud: 1 + .2 (the tensor travels once, as a result and
    for b) + .01 = 1.21 s. Everything in the cloud: 2 + .02 = 2.02 s; in the edge: 1 + .1 + .1 (b)
    + .1 = 1.3 s; a at the edge, b in the cloud: 1 + .1 + .1 + .01 = 1.21 s as well.
    """
    layers = (
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="conv", output_bytes=1e5, inputs=("in",), flops=1e6, result=True),
        Layer(name="b", op="conv", output_bytes=0, inputs=("a",), flops=1e6),
    )
    instance = _line(layers, latency_s=0.0, results_to="cloud")
    plan = solve(instance, "min-cut")
    assert plan.value == pytest.approx(1.21, rel=1e-12)
    assert plan.status == "optimal"
    assert solve(instance, "min-cut", transfers="per-edge").value == pytest.approx(
        # a at the edge and b in the cloud pay the .1 s twice: 1.31; all at the edge stays 1.3
        1.3,
        rel=1e-12,
    )


def test_a_short_cut_is_declined_and_ilp_named() -> None:
    """A direct device-cloud route breaks submodularity."""
    layers = (
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="conv", output_bytes=1e5, inputs=("in",), flops=1e6),
    )
    line = _line(layers, latency_s=0.0)
    direct = Link(tail="device", head="cloud", bandwidth_bps=1e9)
    with pytest.raises(SolverDeclined, match=r"device to cloud does not run along.*ilp applies"):
        solve(changed(line, links=(*line.links, direct)), "min-cut")


def test_nodes_where_nothing_may_run_do_not_matter() -> None:
    """A second edge node that no layer may use leaves the line a line."""
    layers = (
        Layer(name="in", op="input", output_bytes=1e6, tiers=("device",)),
        Layer(name="a", op="conv", output_bytes=1e5, inputs=("in",), tiers=("device", "edge")),
    )
    line = _line(layers, latency_s=0.0)
    spare = Node(name="spare", tier="cloud", speed_flops=1e9)
    wider = changed(line, nodes=(*line.nodes, spare))
    assert solve(wider, "min-cut").value == solve(line, "min-cut").value


@given(instances(line=True))
def test_names_do_not_matter(instance: Instance) -> None:
    """Renaming every layer changes nothing."""
    model = instance.models[0]
    renamed = tuple(
        changed(x, name=f"x-{x.name}", inputs=tuple(f"x-{n}" for n in x.inputs))
        for x in model.layers
    )
    twin = changed(instance, models=(changed(model, layers=renamed),))
    assert solve(twin, "min-cut").value == solve(instance, "min-cut").value


def test_evaluate_agrees_with_the_plan() -> None:
    """The public recomputation is the plan's value."""
    instance, _ = case("line-2")
    plan = solve(instance, "min-cut")
    assert float(evaluate(instance, plan)) == plan.value
