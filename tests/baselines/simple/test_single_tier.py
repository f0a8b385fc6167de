"""device-only, edge-only, cloud-only: everything on one node, the best of those there are."""

from __future__ import annotations

import pytest

from splitfog import Instance, SolverDeclined, solve
from splitfog.instances.records import changed
from tests.cases.small_networks import chain, layer, link, network, node, places

# in 1 MB, a 0.5 GFLOP -> 0.1 MB, b 2 GFLOP -> 0.5 MB
CHAIN = chain((0, 1.0), (0.5, 0.1), (2, 0.5))


@pytest.mark.parametrize(
    ("solver", "objective", "value", "where"),
    [
        # d: 0.5 + 2. e: 1 MB at 1 MB/s, then 2.5 GFLOP at 10 GFLOP/s. c: 1 + 0.25 s, then 0.025 s
        ("device-only", "latency", 2.5, "ddd"),
        ("edge-only", "latency", 1.25, "dee"),
        ("cloud-only", "latency", 1.275, "dcc"),
        ("device-only", "makespan", 2.5, "ddd"),
        ("cloud-only", "makespan", 1.275, "dcc"),
        # the longest of link d-e 1 s, link e-c 0.25 s, computing
        ("device-only", "period", 2.5, "ddd"),
        ("edge-only", "period", 1.0, "dee"),
        ("cloud-only", "period", 1.0, "dcc"),
        ("edge-only", "mean-latency", 1.25, "dee"),
    ],
)
def test_by_hand(solver: str, objective: str, value: float, where: str) -> None:
    """Three tiers in a line, inputs at the source, every objective."""
    instance = network(CHAIN)
    plan = solve(instance, solver, objective)
    assert plan.value == pytest.approx(value)
    assert places(instance, plan) == where


def servers(**big: float) -> Instance:
    """A device and two servers: `near` slow on a fast link, `far` fast on a slow one."""
    nodes = [
        node("d", 1e9, "device"),
        node("near", 5e9, "edge"),
        node("far", 50e9, "edge", **big),
        node("top", 50e9, "cloud"),
    ]
    links = [link("d", "near", 80e6), link("d", "far", 8e6)]
    return network(CHAIN, nodes, links)


def test_best_node_is_the_one_of_least_cost() -> None:
    """near: 0.1 + 0.5 = 0.6 s; far: 1 + 0.05 = 1.05 s."""
    plan = solve(servers(), "edge-only", "latency")
    assert plan.value == pytest.approx(0.6)


def test_a_full_node_is_passed_over() -> None:
    """Weights of 5 bytes do not fit on near: far takes them."""
    instance = servers()
    heavy = tuple(changed(layer, weight_bytes=5.0) for layer in instance.models[0].layers)
    nodes = tuple(
        changed(n, memory_bytes=9.0 if n.name == "near" else None) for n in instance.nodes
    )
    models = (changed(instance.models[0], layers=heavy),)
    plan = solve(changed(instance, nodes=nodes, models=models), "edge-only", "latency")
    assert plan.value == pytest.approx(1.05)


def test_a_layer_that_may_not_be_there_leaves_it_unknown() -> None:
    """The reason names the layer and the nodes."""
    layers = [*CHAIN[:-1], changed(CHAIN[-1], tiers=("cloud",))]
    plan = solve(network(layers), "device-only", "latency")
    assert plan.status == "unknown"
    assert plan.reason == "task t: layer b may not be on d"


def test_a_node_without_a_route_leaves_it_unknown() -> None:
    """The reason says that data cannot go there."""
    plan = solve(servers(), "cloud-only", "latency")
    assert plan.status == "unknown"
    assert "cannot go" in (plan.reason or "")


def test_edge_only_declines_without_a_tier_between() -> None:
    """Two tiers have nothing between."""
    two = network(CHAIN, [node("d", 1e9, "device"), node("c", 1e9, "cloud")], [link("d", "c", 8e6)])
    with pytest.raises(SolverDeclined, match="no node is in a tier between"):
        solve(two, "edge-only", "latency")


def several(rate: float | None) -> Instance:
    """Two tasks of one layer (2 GFLOP) at d and two equal servers, 0.1 s away."""
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge"), node("f", 10e9, "edge")]
    links = [link("d", "e", 80e6), link("d", "f", 80e6)]
    base = network([layer("in", 0, 1), layer("a", 2, 0, "in")], nodes, links)
    tasks = tuple(changed(base.tasks[0], name=n, arrivals_per_s=rate) for n in ("t", "u"))
    return changed(base, tasks=tasks)


def test_tasks_spread_where_they_would_wait_or_load_each_other() -> None:
    """Each server takes one task.

    mean-latency: 0.1 + 0.2 + 2 * 0.2^2 / (2 (1 - 0.4)) = 0.3 + 0.0666...;
    period: 0.2 on each server, 0.1 on each link. latency: both on the first server, 0.3.
    """
    instance = several(2.0)
    plan = solve(instance, "edge-only", "mean-latency")
    assert plan.value == pytest.approx(0.3 + 0.08 / 1.2)
    assert solve(instance, "edge-only", "period").value == pytest.approx(0.2)
    together = solve(instance, "edge-only", "latency")
    assert together.value == pytest.approx(0.3)
    assert places(instance, together, "u") == "de"


def test_overload_leaves_it_unknown() -> None:
    """Three tasks with rho = 0.6 each do not go on two servers."""
    instance = several(3.0)
    tasks = (*instance.tasks, changed(instance.tasks[0], name="v"))
    assert solve(changed(instance, tasks=tasks), "edge-only", "mean-latency").status == "unknown"
