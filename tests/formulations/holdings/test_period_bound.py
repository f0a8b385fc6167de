"""The bound of what nodes may hold: never above the least period, and tight where it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from splitfog import Instance, Layer, Link, Model, Node, Task, solve
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.holdings import period_bound, unit_graph
from splitfog.formulations.holdings.node_kinds import node_kinds
from splitfog.formulations.holdings.node_loads import NodeLoads
from splitfog.formulations.holdings.period_bound import period_bounds
from splitfog.formulations.holdings.unit_graph import UnitGraph
from splitfog.formulations.objective import Objective
from splitfog.instances.importers.msr import import_msr
from splitfog.instances.records import changed
from tests.cases.strategies import random_instance

ANYHOW = Objective("period", "once", False)
PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "msr-dnn-partitioning"


def accelerators(
    times: list[float], sizes: list[float], count: int, host_times: float = 10.0
) -> Instance:
    """A chain on equal half-duplex nodes around a host that is `host_times` slower; 1 s a byte."""
    layers = tuple(
        Layer(
            name=f"l{i}",
            op="other",
            inputs=(f"l{i - 1}",) if i else (),
            flops=time,
            output_bytes=size,
        )
        for i, (time, size) in enumerate(zip(times, sizes, strict=True))
    )
    names = [f"a{i}" for i in range(count)]
    return Instance(
        name="accelerators",
        tiers=("host", "accelerator"),
        nodes=(
            Node(name="host", tier="host", speed_flops=1 / host_times),
            *(Node(name=n, tier="accelerator", speed_flops=1, overlap=False) for n in names),
        ),
        links=tuple(Link(tail="host", head=n, bandwidth_bps=8) for n in names),
        models=(Model(name="chain", layers=layers),),
        tasks=(Task(name="task", model="chain", source=None),),
    )


def random_star(rng: np.random.Generator) -> Instance:
    """Two or three accelerators and a chain of whole seconds."""
    layers = int(rng.integers(3, 8))
    times = rng.integers(1, 10, layers).astype(float).tolist()
    sizes = rng.integers(0, 4, layers).astype(float).tolist()
    return accelerators(times, sizes, int(rng.integers(2, 4)), float(rng.choice([2.0, 10.0])))


@pytest.mark.parametrize("block", range(5))
def test_never_above_the_least_period(block: int) -> None:
    """Every bound is at most what brute force finds: any topology, limits, results, tasks."""
    for seed in range(30 * block, 30 * block + 30):
        rng = np.random.default_rng(seed)
        instance = random_instance(rng, num_tasks=1 + seed % 2, num_layers=3)
        nodes = tuple(changed(node, overlap=rng.random() < 0.4) for node in instance.nodes)
        instance = changed(instance, nodes=nodes)
        best = solve(instance, "brute-force", ANYHOW).value
        if best is None:
            continue
        bounds = list(period_bounds(instance, 1.3 * best))
        assert bounds == sorted(bounds)
        assert max(bounds, default=0.0) <= best


@pytest.mark.parametrize("block", range(5))
def test_never_above_the_least_period_of_accelerators(block: int) -> None:
    """The same on stars, where nodes' loads are counted whole, so that nothing hides an error."""
    for seed in range(30 * block, 30 * block + 30):
        instance = random_star(np.random.default_rng(seed))
        best = solve(instance, "brute-force", ANYHOW).value
        assert best is not None
        assert max(period_bounds(instance, 1.2 * best)) <= best


def test_tensors_count() -> None:
    """Four layers of 3 s, three tensors of 1 s, two nodes: no plan is below 7 s, and that is shown.

    The host, 100 times slower, holds nothing. Two layers each take 6 s, and a cut costs both 1 s.
    Without tensors the bound would be 6 s.
    """
    instance = accelerators([3.0] * 4, [1.0] * 4, 2, 100.0)
    assert solve(instance, "brute-force", ANYHOW).value == 7.0
    assert max(period_bounds(instance, 8.0)) == pytest.approx(7.0)


def test_no_node_is_filled_in_parts() -> None:
    """Three layers of 4 s on two nodes: 8 s, though half of the work is 6 s."""
    instance = accelerators([4.0] * 3, [0.0] * 3, 2, 100.0)
    assert max(period_bounds(instance, 12.0)) == pytest.approx(8.0)


def test_prices_look_beyond_times() -> None:
    """Times as prices prove 8 s, better ones the optimum.

    Layers of 7, 6 and 4 s, cuts of 1 and 3 s. Within 9 s a node may have the 7 s layer alone (8 s
    with its cut), but not the 6 s one, whose cuts make it 10 s, with or without a neighbour 13 s or
    more; nor may the host, on which it takes 12 s. So 10 s, but 8 s pay for the times: 7 + 4 + 4
    on accelerators and 4 on the host come to 19 s of 17 s.
    """
    instance = accelerators([7.0, 6.0, 4.0], [1.0, 3.0, 0.0], 3, 2.0)
    assert solve(instance, "brute-force", ANYHOW).value == 10.0
    assert list(period_bounds(instance, 12.0)) == [pytest.approx(8.0), pytest.approx(10.0)]


def test_never_above_what_is_known() -> None:
    """A bound stops at the known value, however far below it that is."""
    instance = accelerators([4.0] * 3, [0.0] * 3, 2, 100.0)
    assert max(period_bounds(instance, 5.0)) <= 5.0


def test_same_bounds_each_time() -> None:
    """Nothing is drawn at random."""
    instance = random_star(np.random.default_rng(7))
    assert list(period_bounds(instance, 30.0)) == list(period_bounds(instance, 30.0))


def test_nothing_is_said_of_large_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above `MOST_PLACES`, here 7 units on 4 nodes, there is no bound."""
    instance = accelerators([1.0] * 7, [1.0] * 7, 3)
    monkeypatch.setattr(unit_graph, "MOST_PLACES", 28)
    assert list(period_bounds(instance, 10.0))
    monkeypatch.setattr(unit_graph, "MOST_PLACES", 27)
    assert not list(period_bounds(instance, 10.0))


def test_ends_in_time() -> None:
    """After the deadline there is no more of it."""
    instance = random_star(np.random.default_rng(7))
    with pytest.raises(TimeIsUp):
        list(period_bounds(instance, 30.0, Deadline(0.0)))


def test_equal_accelerators_are_of_one_kind() -> None:
    """Nodes that differ in name alone; a node that wants results is a kind of its own."""
    instance = accelerators([1.0, 2.0], [1.0, 1.0], 3)
    kinds = node_kinds(instance, UnitGraph.of(instance))
    assert [kind.nodes for kind in kinds] == [(0,), (1, 2, 3)]
    task = changed(instance.tasks[0], results_to="a1")
    wanted = changed(instance, tasks=(task,))
    kinds = node_kinds(wanted, UnitGraph.of(wanted))
    assert [kind.nodes for kind in kinds] == [(0,), (1, 3), (2,)]


@pytest.mark.parametrize("seed", range(40))
def test_loads_are_never_above_the_reference(seed: int) -> None:
    """A node's counted seconds are at most its busy time; on stars, and their leaves, equal."""
    rng = np.random.default_rng(seed)
    is_star = bool(seed % 2)
    instance = random_star(rng) if is_star else random_instance(rng, num_tasks=2)
    loads = NodeLoads(instance, UnitGraph.of(instance))
    may = np.isfinite(loads.graph.times_s)
    if not may.any(axis=1).all():
        return
    node_of = np.array([rng.choice(np.flatnonzero(row)) for row in may])
    decision = loads.graph.decision(node_of)
    np.testing.assert_array_equal(loads.graph.nodes(decision), node_of)
    cost = decision_cost(instance, decision, ANYHOW)
    if cost.ledger is None or not np.isfinite(float(cost)):
        return
    busy = np.array(cost.ledger.node_busy_s)
    for link, seconds in zip(instance.directed_links, cost.ledger.link_busy_s, strict=True):
        for node in (link.tail, link.head):
            busy[node] += 0.0 if instance.nodes[node].overlap else seconds
    if is_star:
        np.testing.assert_allclose(loads.seconds(node_of), busy)
    else:
        assert (loads.seconds(node_of) <= busy * (1 + 1e-12)).all()


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published workloads lie elsewhere")
def test_counts_what_six_accelerators_must_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """ResNet-50: the work alone takes 201.45 ms / 6.1 = 33.02 ms; 10 rounds of prices add tensors.

    Less than 33.2423 ms, which a plan takes.
    """
    monkeypatch.setattr(period_bound, "MOST_ROUNDS", 10)
    instance = import_msr(PUBLISHED / "throughput-resnet50.json")
    bounds = list(period_bounds(instance, 33.5e-3))
    assert bounds[0] > 201.45e-3 / 6.1
    assert 33.1e-3 < bounds[-1] < 33.2423e-3
