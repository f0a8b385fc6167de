"""pipedream, tarnawski-dp and DSH: splits for the period."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, SolverDeclined, Task, solve
from splitfog.baselines.pipelines import contiguous
from splitfog.baselines.pipelines.prefixes import all_prefixes, units_of
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.importers.msr import import_msr
from splitfog.instances.records import changed
from tests.cases.small_networks import (
    best_of_all,
    chain,
    from_lowest,
    layer,
    link,
    network,
    node,
    places,
)
from tests.cases.strategies import instances

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "msr-dnn-partitioning"
DYNAMIC_PROGRAMS = ("pipedream", "tarnawski-dp")


@pytest.mark.parametrize("solver", DYNAMIC_PROGRAMS)
@pytest.mark.parametrize(("overlap", "where", "value"), [(True, "dde", 1.0), (False, "dee", 1.2)])
def test_by_hand(solver: str, overlap: bool, where: str, value: float) -> None:
    """a 1 s at d, 0.5 s over the link, b 1 s at e.

    Without overlap that is 1.5 s for both; all at e: 0.1 s in, 1.1 s computing.
    """
    nodes = [node("d", 1e9, "device", overlap=overlap), node("e", 10e9, "edge", overlap=overlap)]
    instance = network(chain((0, 0.1), (1, 0.5), (10, 0)), nodes, [link("d", "e", 8e6)])
    plan = solve(instance, solver, "period")
    assert (places(instance, plan), plan.value) == (where, pytest.approx(value))


def test_three_nodes_in_a_row() -> None:
    """1 s, 10 GFLOP at 10 GFLOP/s, 100 GFLOP at 100 GFLOP/s: period 1 s, two links 0.5 s."""
    layers = chain((0, 0.5), (1, 0.5), (10, 2), (100, 0))
    for solver in DYNAMIC_PROGRAMS:
        plan = solve(network(layers), solver, "period")
        assert (places(network(layers), plan), plan.value) == ("ddec", pytest.approx(1.0))


@given(instances(line=True, num_layers=5))
def test_the_best_of_all_on_a_line(instance: Instance) -> None:
    """Monotone, from the lowest tier: memory, groups, tiers and `overlap: false` included.

    There every placement is a split into downward-closed sets in the tiers' order.
    """
    instance = from_lowest(instance)
    plan = solve(instance, "tarnawski-dp", "period")
    best = best_of_all(instance, Objective("period"))
    assert (plan.value if plan.value is not None else float("inf")) == pytest.approx(best)
    run = solve(instance, "pipedream", "period")
    assert run.value is None or run.value >= best * (1 - 1e-9)


def star(seed: int) -> Instance:
    """Three unlike nodes around a hub, six layers without a source, some `overlap: false`."""
    rng = np.random.default_rng(seed)
    layers = []
    for i in range(6):
        count = min(i, int(rng.integers(1, 3)))
        inputs = [f"l{j}" for j in rng.choice(i, count, replace=False)] if i else []
        weights = {"weight_bytes": float(rng.integers(0, 5))}
        layers.append(
            layer(f"l{i}", float(rng.integers(1, 9)), float(rng.integers(0, 3)), *inputs, **weights)
        )
    nodes = [node("hub", 1e9, "device")]
    for i in range(2 + seed % 2):
        memory = float(rng.integers(4, 20)) if rng.random() < 0.5 else None
        speed = float(rng.integers(1, 3)) * 1e9
        overlap = bool(rng.random() < 0.5)
        nodes.append(node(f"n{i}", speed, "edge", overlap=overlap, memory_bytes=memory))
    links = [link("hub", n.name, float(rng.integers(1, 3)) * 16e6) for n in nodes[1:]]
    return network(layers, nodes, links, source=None)


@pytest.mark.parametrize("seed", range(12))
def test_the_best_contiguous_split_of_a_star(seed: int) -> None:
    """Enumerated: all placements whose parts do not read from each other in a circle."""
    instance, objective = star(seed), Objective("period", monotone=False)
    edges = instance.models[0].edges
    best = float("inf")
    for nodes in product(range(len(instance.nodes)), repeat=6):
        decision = placed(nodes)
        pairs = {(nodes[a], nodes[b]) for a, b in edges.tolist() if nodes[a] != nodes[b]}
        cost = float(decision_cost(instance, decision, objective))
        if cost < best and nx.is_directed_acyclic_graph(nx.DiGraph(list(pairs))):
            best = best if decision_violations(instance, decision, objective) else cost
    plan = solve(instance, "tarnawski-dp", objective)
    assert plan.value == pytest.approx(best)


def test_downward_closed_sets_are_counted() -> None:
    """A chain of n has n + 1; n layers that all read one input 2^n; a group is one unit."""

    def count(layers: list[Layer]) -> int:
        prefixes = all_prefixes(units_of(task_arrays(network(layers))), 1000)
        return 0 if prefixes is None else len(prefixes)

    assert count(chain((0, 1), (1, 1), (1, 1), (1, 1))) == 4
    wide = [layer("in", 0, 1), *(layer(f"l{i}", 1, 1, "in") for i in range(5))]
    assert count(wide) == 32
    grouped = [layer("in", 0, 1), *(layer(f"l{i}", 1, 1, "in", group="g") for i in range(5))]
    assert count(grouped) == 2


def test_a_group_takes_what_lies_between_along() -> None:
    """b stands between a and c of one group: all three are one unit."""
    layers = [layer("in", 0, 1), layer("a", 1, 1, "in", group="g"), layer("b", 1, 1, "a")]
    units = units_of(task_arrays(network([*layers, layer("c", 1, 1, "b", group="g")])))
    assert units.of_layer.tolist() == [-1, 0, 0, 0]


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many sets, too many layers, and several tasks, each with the figure."""
    instance = network([layer("in", 0, 1), *(layer(f"l{i}", 1, 1, "in") for i in range(5))])
    monkeypatch.setattr(contiguous, "MAX_PREFIXES", 31)
    with pytest.raises(SolverDeclined, match="more than 31 downward-closed sets"):
        solve(instance, "tarnawski-dp", "period")
    monkeypatch.setattr(contiguous, "MAX_UNITS", 4)
    with pytest.raises(SolverDeclined, match="5 layers or groups, at most 4"):
        solve(instance, "pipedream", "period")
    twice = changed(instance, tasks=(*instance.tasks, _second(instance)))
    with pytest.raises(SolverDeclined, match="there are several"):
        solve(twice, "pipedream", "period")


def _second(instance: Instance) -> Task:
    return Task(name="u", model=instance.models[0].name, source="d")


@given(instances(num_nodes=2, line=True, limits=False), st.integers(0, 2))
def test_dsh_is_within_three_times_the_optimum(instance: Instance, grid: int) -> None:
    """In its model: two nodes, one way, no results to send; whatever the grid."""
    instance = from_lowest(instance)
    plan = solve(instance, "dads", "period", options={"grid": grid})
    best = best_of_all(instance, Objective("period"))
    if plan.value is None:
        assert best == float("inf")
    else:
        assert plan.value <= 3 * best * (1 + 1e-9)


def uneven() -> Instance:
    """a: 1 s at d, 0.8 s at e; b: 3 s at d, 0.9 s at e; 0.05 s for every tensor."""
    layers = [layer("in", 0, 0.05), layer("a", 0, 0.05, "in", times_s={"d": 1.0, "e": 0.8})]
    layers.append(layer("b", 0, 0, "a", times_s={"d": 3.0, "e": 0.9}))
    nodes = [node("d", 1e9, "device"), node("e", 1e9, "edge")]
    return network(layers, nodes, [link("d", "e", 8e6)])


def test_the_grid_balances_what_the_sum_does_not() -> None:
    """The least sum is all at e, 1.75 s, and then busy for 1.7 s; apart it is 1.95 s.

    With e's times doubled 1 + 1.8 + 0.05 s beat 3.45 s and d's 4 s: a goes to d, period 1 s.
    """
    assert solve(uneven(), "dads", "period", options={"grid": 0}).value == pytest.approx(1.7)
    assert solve(uneven(), "dads", "period").value == pytest.approx(1.0)


def test_dsh_adds_up_all_tasks() -> None:
    """Two such tasks, cut alike: d 1 + 1 s, e 0.9 + 0.9 s."""
    base = uneven()
    both = changed(base, tasks=(*base.tasks, _second(base)))
    assert solve(both, "dads", "period").value == pytest.approx(2.0)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published workloads are not here")
@pytest.mark.parametrize(
    ("name", "published_ms"), [("throughput-bert24", 17.790), ("throughput-resnet50", 33.775)]
)
def test_published_values(name: str, published_ms: float) -> None:
    """The loads that the authors' dynamic program reaches on their workloads, to the digit."""
    instance = import_msr(PUBLISHED / f"{name}.json")
    plan = solve(instance, "tarnawski-dp", "period", monotone=False)
    assert plan.value is not None
    assert round(plan.value * 1e3, 3) == published_ms


def test_a_published_case_in_small() -> None:
    """A host (8 s a layer) and two accelerators (1 s): four layers, 0.25 s a crossing.

    2 + 2: 2.25 s each; the host is charged for computing only and takes nothing.
    """
    layers = tuple(
        Layer(
            name=f"l{i}",
            op="other",
            inputs=(f"l{i - 1}",) if i else (),
            output_bytes=0.25e9,
            times_s={"host": 8.0, "accelerator": 1.0},
        )
        for i in range(4)
    )
    names = ("accelerator0", "accelerator1")
    nodes = [Node(name="host", tier="host", speed_flops=1e9)]
    nodes += [Node(name=n, tier="accelerator", speed_flops=1e9, overlap=False) for n in names]
    instance = Instance(
        name="small",
        tiers=("host", "accelerator"),
        nodes=tuple(nodes),
        links=tuple(Link(tail="host", head=name, bandwidth_bps=8e9) for name in names),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source=None),),
    )
    for solver in DYNAMIC_PROGRAMS:
        assert solve(instance, solver, "period", monotone=False).value == pytest.approx(2.25)
