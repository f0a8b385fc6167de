"""`BatchCost` is the reference cost and the reference feasibility, row by row, on any instance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.vectorised import batch_cost
from splitfog.formulations.vectorised.batch_cost import BatchCost
from splitfog.formulations.vectorised.chunks import accelerator, pieces
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from tests.cases.golden import COSTS, NAMES, SINGLE, case, number
from tests.cases.strategies import random_instance

KINDS = [
    ("latency", "once"),
    ("latency", "per-edge"),
    ("period", "once"),
    ("mean-latency", "once"),
    ("mean-latency", "per-edge"),
    ("makespan", "once"),
]


@pytest.fixture(autouse=True)
def _strict_jax() -> Iterator[None]:
    """No type or rank is promoted by accident."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def sizes(instance: Instance) -> list[int]:
    """Number of layers of every task."""
    return [len(instance.model_of(task).layers) for task in instance.tasks]


def decision(instance: Instance, row: NDArray[np.int64]) -> Decision:
    """A row of placements as a decision."""
    return placed(*np.split(row, np.cumsum(sizes(instance))[:-1]))


def drawn(instance: Instance, rng: np.random.Generator, batch: int) -> NDArray[np.int64]:
    """Placements of which some are feasible: scattered ones, and ones mostly on one node."""
    placements = rng.integers(0, len(instance.nodes), (batch, sum(sizes(instance))))
    gathered = rng.random(placements.shape) < 0.85
    gathered[: batch // 3] = False
    placements = np.where(gathered, placements[:, :1], placements)
    column = 0
    for task in instance.tasks:
        for layer in instance.model_of(task).layers:
            if layer.op == "input" and task.source is not None:
                placements[2:, column] = instance.node_index[task.source]
            column += 1
    return placements


def check(
    instance: Instance, kind: tuple[str, str], monotone: bool, rng: np.random.Generator
) -> None:
    """Every row's cost and feasibility are the reference's."""
    cost = BatchCost(instance, *kind, monotone=monotone, chunk=16)
    placements = drawn(instance, rng, 24)
    answers = [decision(instance, row) for row in placements]
    expected = [float(decision_cost(instance, answer, cost.objective)) for answer in answers]
    np.testing.assert_allclose(cost(placements), expected, rtol=1e-12, atol=0)
    obeyed = [not decision_violations(instance, answer, cost.objective) for answer in answers]
    assert cost.feasible(placements).tolist() == obeyed


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_random_instance(kind: tuple[str, str]) -> None:
    """Equal to the reference on an instance with limits and one-way links."""
    rng = np.random.default_rng(3)
    tasks = 1 if kind[0] == "makespan" else 3
    instance = random_instance(rng, num_tasks=tasks, rates=kind[0] == "mean-latency")
    check(instance, kind, True, rng)


def test_compiled_as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with XLA's own options, which all other tests leave out to compile quickly."""
    usual = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}
    monkeypatch.setattr(jax, "jit", partial(jax.jit, compiler_options=usual))
    rng = np.random.default_rng(3)
    instance = random_instance(rng, num_tasks=3, rates=True)
    check(instance, ("mean-latency", "once"), True, rng)


@pytest.mark.parametrize("name", ["latency", "mean-latency", "makespan"])
def test_feasible_cost(name: str) -> None:
    """The cost where a placement is feasible, as some but not all are, and inf elsewhere."""
    rng = np.random.default_rng(8)
    instance = random_instance(rng, num_tasks=1, rates=name == "mean-latency")
    cost = BatchCost(instance, name, monotone=False, chunk=64)
    placements = drawn(instance, rng, 60)
    obeyed = cost.feasible(placements)
    assert 0 < obeyed.sum() < np.isfinite(cost(placements)).sum()
    expected = np.where(obeyed, cost(placements), np.inf)
    np.testing.assert_allclose(cost.feasible_cost(placements), expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 6, 8])
def test_many_random_instances(seed: int) -> None:
    """The same for all objectives on up to 20 nodes, which leave the tables of node sets."""
    rng = np.random.default_rng(seed)
    instance = random_instance(
        rng,
        num_nodes=[None, 6, 11, 20][seed % 4],
        num_tasks=1 + seed % 3,
        limits=seed % 2 == 0,
        rates=seed % 5 > 0,
    )
    for kind in KINDS[: 6 if seed % 3 == 0 else 5]:
        check(instance, kind, seed % 7 > 2, rng)


@pytest.mark.parametrize("key", COSTS)
@pytest.mark.parametrize(
    "name",
    ["mesh-2", *(pytest.param(n, marks=pytest.mark.slow) for n in SINGLE if n.endswith("1"))],
)
def test_golden_costs(name: str, key: str) -> None:
    """The golden placements have the costs that their file lists."""
    instance, data = case(name)
    layers = instance.models[0].layers
    placements = [
        [instance.node_index[listed["placement"][layer.name]] for layer in layers]
        for listed in data["placements"]
    ]
    expected = [number(listed[key]) for listed in data["placements"]]
    how = {"objective": "latency", **COSTS[key]}
    np.testing.assert_allclose(BatchCost(instance, **how)(placements), expected, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SINGLE))[:1])
def test_golden_streams(name: str) -> None:
    """The golden fog placements have the mean latencies that their file lists, waits included."""
    instance, data = case(name)
    placements = [
        [
            instance.node_index[listed["placements"][task.name][layer.name]]
            for task in instance.tasks
            for layer in instance.model_of(task).layers
        ]
        for listed in data["placements"]
    ]
    expected = [number(listed["mean-latency"]) for listed in data["placements"]]
    cost = BatchCost(instance, "mean-latency")
    np.testing.assert_allclose(cost(placements), expected, rtol=1e-12)


def long_line(nodes: int, **of_nodes: Any) -> Instance:
    """A model of four layers, a fork of two readers, on a line of nodes with shared links."""
    layers = [
        Layer(name="a", op="input", output_bytes=1e6),
        Layer(name="b", op="other", output_bytes=2e6, inputs=("a",), flops=1e9),
        Layer(name="c", op="other", output_bytes=3e6, inputs=("a",), flops=2e9),
        Layer(name="d", op="other", output_bytes=1e5, inputs=("b", "c"), flops=1e9),
    ]
    names = [f"n{i}" for i in range(nodes)]
    return Instance(
        name="line",
        tiers=("fog",),
        nodes=tuple(Node(name=n, tier="fog", speed_flops=1e10, **of_nodes) for n in names),
        links=tuple(
            Link(tail=tail, head=head, bandwidth_bps=1e8 * (1 + i % 3), latency_s=1e-3, shared=True)
            for i, (tail, head) in enumerate(pairwise(names))
        ),
        models=(Model(name="fork", layers=tuple(layers)),),
        tasks=(Task(name="t", model="fork", source="n5", results_to="n0"),),
    )


@pytest.mark.parametrize("kind", [("latency", "once"), ("makespan", "once")])
def test_routes_of_many_hops(kind: tuple[str, str]) -> None:
    """Trees of more than 64 hops take several words, and overlapping routes count once."""
    check(long_line(70, overlap=False), kind, True, np.random.default_rng(0))


def random_order(model: Model, rng: np.random.Generator) -> list[int]:
    """A topological order, drawn layer by layer."""
    order: list[int] = []
    while len(order) < len(model.layers):
        ready = [
            layer
            for layer, inputs in enumerate(model.inputs)
            if layer not in order and set(inputs) <= set(order)
        ]
        order.append(int(rng.choice(ready)))
    return order


@pytest.mark.parametrize("waits", [False, True])
def test_makespan_of_orders(waits: bool) -> None:
    """Each row's own order is booked as the reference books it; one that is none costs inf."""
    rng = np.random.default_rng(4)
    instance = generate("random-dag", seed=1, layers=9, width=3)  # transfers never wait
    if waits:
        instance = random_instance(rng, num_layers=7, limits=False)
    assert waits == any(link.shared for link in instance.links)
    cost = BatchCost(instance, "makespan", chunk=8)
    model = instance.models[0]
    placements = drawn(instance, rng, 12)
    orders = np.array([random_order(model, rng) for _ in placements])
    answers = [
        Decision((TaskDecision(row, tuple(order)),))
        for row, order in zip(placements, orders.tolist(), strict=True)
    ]
    expected = [float(decision_cost(instance, answer, cost.objective)) for answer in answers]
    np.testing.assert_allclose(cost(placements, orders), expected, rtol=1e-12, atol=0)
    obeyed = [not decision_violations(instance, answer, cost.objective) for answer in answers]
    assert cost.feasible(placements, orders).tolist() == obeyed
    backwards, repeated = orders[:, ::-1], np.zeros_like(orders)
    for wrong in (backwards, repeated):
        assert np.isinf(cost(placements, wrong)).all()
        assert not cost.feasible(placements, wrong).any()


def test_the_default_order_may_be_given() -> None:
    """No orders mean the file's order made topological."""
    instance = random_instance(np.random.default_rng(8), num_layers=6)
    cost = BatchCost(instance, "makespan", chunk=8)
    placements = drawn(instance, np.random.default_rng(0), 8)
    orders = np.tile(instance.models[0].order, (8, 1))
    np.testing.assert_allclose(cost(placements, orders), cost(placements), rtol=1e-12)


def small() -> Instance:
    """AlexNet, 20 layers, on device, edge and cloud."""
    return generate("three-tier", model="alexnet")


def test_chunks_and_traces() -> None:
    """Batches around the chunk's size are all costed alike, and trace once between them."""
    cost = BatchCost(small(), chunk=8)
    placements = np.random.default_rng(0).integers(0, 3, (40, 20))
    whole = cost(placements)
    for batch in (0, 1, 7, 8, 9, 40):
        assert cost(placements[:batch]).tolist() == whole[:batch].tolist()
        assert cost.feasible(placements[:batch]).shape == (batch,)
    assert cost.traces == {"cost": 1, "feasible": 1, "feasible cost": 0, "excess": 0}


def test_types_of_input_and_output() -> None:
    """Any integers in, any layout, float64 and bool out; float64 stays off outside."""
    cost = BatchCost(small(), chunk=8)
    placements = np.random.default_rng(0).integers(0, 3, (10, 20))
    values = cost(placements)
    assert values.dtype == np.float64
    assert cost.feasible(placements).dtype == bool
    for rows in (placements.astype(np.uint8), placements.astype(">i4"), placements.tolist()):
        assert cost(rows).tolist() == values.tolist()
    assert cost(np.asfortranarray(placements)).tolist() == values.tolist()
    assert cost.traces["cost"] == 1
    assert jax.numpy.zeros(1).dtype == np.float32


def test_on_the_device() -> None:
    """Device arrays in and out agree with a call, also within another jitted function."""
    cost = BatchCost(small(), chunk=8)
    placements = np.random.default_rng(0).integers(0, 3, (10, 20))
    with jax.enable_x64(True):
        device = jax.numpy.asarray(placements)
        values = cost.on_device(device)
        best = jax.jit(lambda rows: cost.on_device(rows).min())(device)
    assert isinstance(values, jax.Array)
    np.testing.assert_allclose(values, cost(placements), rtol=1e-12)
    assert float(best) == pytest.approx(cost(placements).min(), rel=1e-12)
    assert cost.feasible_on_device(device).tolist() == cost.feasible(placements).tolist()


@pytest.mark.parametrize(
    ("placements", "message"),
    [
        (np.full((2, 20), 3), r"placements\[0, 0\] = 3, must be from 0 to 2"),
        (np.eye(20, dtype=int) * -1, r"placements\[0, 0\] = -1, must be from 0 to 2"),
        (np.zeros((2, 19), int), r"placements has shape \(2, 19\), must be \(batch, 20\)"),
        (np.zeros(20, int), r"placements has shape \(20,\), must be \(batch, 20\)"),
    ],
)
def test_wrong_placements(placements: NDArray[np.int64], message: str) -> None:
    """An index out of range and a wrong shape are named with what is allowed."""
    with pytest.raises(ValueError, match=message):
        BatchCost(small())(placements)


def test_the_first_wrong_index_is_named() -> None:
    """Row, column and value of the datum at fault."""
    placements = np.zeros((5, 20), int)
    placements[3, 17] = 300  # 300 mod 256 = 44: must not be narrowed before it is checked
    with pytest.raises(ValueError, match=r"placements\[3, 17\] = 300"):
        BatchCost(small()).feasible(placements)


def test_wrong_calls() -> None:
    """What is no integer, no order, or no objective of this class is refused with a reason."""
    with pytest.raises(ValueError, match="placements has type float64, must be integers"):
        BatchCost(small())(np.zeros((2, 20)))
    with pytest.raises(ValueError, match="orders are given, must be None for latency"):
        BatchCost(small())(np.zeros((2, 20), int), np.zeros((2, 20), int))
    with pytest.raises(ValueError, match="orders has 1 rows, must be 2"):
        BatchCost(small(), "makespan")(np.zeros((2, 20), int), np.zeros((1, 20), int))
    with pytest.raises(ValueError, match="objective = 'batch'"):
        BatchCost(small(), "batch")
    with pytest.raises(ValueError, match="chunk = 0, must be a whole number >= 1"):
        BatchCost(small(), chunk=0)


def test_chunks_shrink_with_what_a_placement_takes() -> None:
    """By default a chunk's working memory is bounded, so that larger problems take fewer rows."""
    few, many = BatchCost(small(), "makespan"), BatchCost(long_line(70), "makespan")
    assert few.chunk * few.bytes_per_placement < 2**28
    assert many.bytes_per_placement > 70 * 4 * 8  # arrivals of 4 tensors at 70 nodes


@pytest.fixture
def _accelerated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are cut and travel as for a device with a memory of its own."""
    device = changed(accelerator(1 << 30), most_rows=16, least_rows=4)
    monkeypatch.setattr(batch_cost, "device_here", lambda: device)


@pytest.mark.usefixtures("_accelerated")
@pytest.mark.parametrize("kind", [("latency", "once"), ("makespan", "once")])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_an_accelerator_says_the_same(kind: tuple[str, str], dtype: type) -> None:
    """Rows that travel as they lie cost the same, in one piece or several, whatever their type."""
    placements = np.random.default_rng(0).integers(0, 3, (40, 20))
    instance, objective = small(), Objective(kind[0], kind[1])  # type: ignore[arg-type]
    expected = [decision_cost(instance, decision(instance, row), objective) for row in placements]
    cost = BatchCost(instance, *kind)
    for batch in (0, 1, 3, 16, 17, 40):
        found = cost(placements[:batch].astype(dtype)).tolist()
        assert found == pytest.approx(expected[:batch], rel=1e-12)


@pytest.mark.usefixtures("_accelerated")
@pytest.mark.parametrize("wrong", [3, -1, 300])
def test_an_accelerator_finds_the_wrong_index(wrong: int) -> None:
    """The device sees that an index is out of range, and the host says which."""
    placements = np.zeros((40, 20), int)
    placements[33, 17] = wrong
    with pytest.raises(ValueError, match=rf"placements\[33, 17\] = {wrong}, must be from 0 to 2"):
        BatchCost(small())(placements)


@given(batch=st.integers(0, 50), size=st.integers(1, 20))
def test_pieces_cover_a_batch(batch: int, size: int) -> None:
    """Every row is in a piece, and only a batch smaller than a piece makes a short one."""
    found = list(pieces(batch, size))
    assert {row for piece in found for row in range(piece.start, piece.stop)} == set(range(batch))
    assert all(piece.stop - piece.start == min(size, batch) for piece in found)


def test_an_accelerator_takes_what_its_memory_holds() -> None:
    """An eighth of it, and at most 262,144 rows; small batches are padded to powers of two."""
    device = accelerator(80 << 30)
    assert device.rows(1000) == 1 << 18
    assert device.rows(1 << 20) == 10 << 10
    assert [device.padded(batch, 5000) for batch in (1, 256, 257, 4097)] == [256, 256, 512, 5000]
