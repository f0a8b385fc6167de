"""`evolution`: it reaches known optima, repeats itself, stops as told and loses nothing."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog import generate, solve
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import objective_for
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.base import Request
from splitfog.solvers.search import evolution
from splitfog.solvers.search.cheap_bounds import cheap_bound
from splitfog.solvers.search.moves import Moves
from splitfog.solvers.search.order_keys import OrderKeys
from splitfog.solvers.search.stop_rules import (
    EnoughIterations,
    OutOfTime,
    Progress,
    Stagnation,
    bound_met,
    first_to_stop,
)
from splitfog.solvers.starts.placement_space import PlacementSpace, homeless
from tests.cases.golden import OPTIMA, case, optimum
from tests.cases.strategies import instances, random_instance
from tests.checks import check_plan

OPTIONS = {"iterations": 1000, "stagnation": 30, "warm": True}


@pytest.fixture
def _no_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small instances are searched like large ones."""
    monkeypatch.setattr(evolution, "MOST_ENUMERATED", 0)


def request_for(instance: Instance, name: str, **how: Any) -> Request:
    """A request with the default options and no time limit that matters."""
    objective = objective_for(instance, name)
    return Request(instance, objective, time_limit_s=300.0, options=OPTIONS, **how)


@pytest.mark.usefixtures("_no_enumeration")
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("mesh-3", "latency, once"),
        ("memory-1", "latency, once, not monotone"),
        ("mesh-1", "latency, per-edge"),
        ("memory-4", "period, once"),
        ("line-4", "period, once"),
    ],
)
def test_reaches_the_optimum(name: str, key: str) -> None:
    """The least value over all placements, with memory and groups, any topology, no warm start."""
    options = {"warm": False}
    plan = solve(case(name)[0], "evolution", **OPTIMA[key], time_limit_s=300, options=options)
    check_plan(case(name)[0], plan)
    assert plan.value == pytest.approx(optimum(name, key), rel=1e-9)


@pytest.mark.usefixtures("_no_enumeration")
@pytest.mark.parametrize("name", ["memory-3", "line-3"])
def test_reaches_the_least_makespan(name: str) -> None:
    """Placements and orders together, as enumeration of both finds them."""
    instance = case(name)[0]
    plan = solve(instance, "evolution", objective="makespan", time_limit_s=300)
    exact = solve(instance, "brute-force", objective="makespan")
    check_plan(instance, plan)
    assert plan.value == pytest.approx(exact.value, rel=1e-9)


@pytest.mark.usefixtures("_no_enumeration")
def test_reaches_the_least_mean_latency() -> None:
    """Two streams on three nodes: the waits of both are weighed."""
    rng = np.random.default_rng(6)
    instance = random_instance(
        rng, num_nodes=3, num_layers=3, num_tasks=2, limits=False, rates=True
    )
    exact = solve(instance, "brute-force", objective="mean-latency")
    assert exact.status == "optimal"
    plan = solve(instance, "evolution", objective="mean-latency", time_limit_s=300)
    check_plan(instance, plan)
    assert plan.value == pytest.approx(exact.value, rel=1e-9)


def test_same_seed_same_plan() -> None:
    """Stopped by iterations, a search repeats itself; without a cut's bound it does search."""
    instance = generate("random-dag", layers=30, seed=3)
    plans = [
        solve(instance, "evolution", objective="makespan", seed=5, options={"iterations": 4})
        for _ in range(2)
    ]
    assert plans[0].stopped_by == "iteration limit"
    assert plans[0].tasks == plans[1].tasks


@pytest.mark.usefixtures("_no_enumeration")
def test_a_start_is_never_lost() -> None:
    """Starting from the optimum, one generation without patience ends no worse."""
    instance = case("memory-1")[0]
    best = solve(instance, "brute-force", objective="period")
    again = solve(
        instance,
        "evolution",
        objective="period",
        start=best,
        options={"iterations": 1, "stagnation": 1},
    )
    assert again.value is not None
    assert best.value is not None
    assert again.value <= best.value


def _pinned(instance: Instance, seed: int) -> Instance:
    """Every layer but inputs bound to a node."""
    rng, names = np.random.default_rng(seed), [node.name for node in instance.nodes]
    models = tuple(
        changed(
            model,
            layers=tuple(
                layer if layer.op == "input" else changed(layer, tiers=(str(rng.choice(names)),))
                for layer in model.layers
            ),
        )
        for model in instance.models
    )
    return changed(instance, models=models)


@pytest.mark.usefixtures("_no_enumeration")
@pytest.mark.parametrize("name", ["latency", "period", "makespan", "mean-latency"])
def test_nothing_to_choose(name: str) -> None:
    """One placement, or one node: its plan, proven where the order has no say either.

    Chains have one order; brute-force says what is feasible and the least makespan.
    """
    options = {"iterations": 60, "stagnation": 20}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        nodes = 1 if seed % 3 == 0 else 3
        chain = seed % 2 == 0
        instance = random_instance(rng, num_nodes=nodes, num_layers=5, chain=chain, limits=False)
        instance = instance if nodes == 1 else _pinned(instance, seed)
        least = solve(instance, "brute-force", name, monotone=False)
        plan = solve(instance, "evolution", name, monotone=False, options=options)
        assert (plan.value is None) == (least.value is None)
        if least.value is not None:
            check_plan(instance, plan)
            assert plan.value == pytest.approx(least.value, rel=1e-9)
            assert plan.status == "optimal" or (name == "makespan" and not chain)


@pytest.mark.usefixtures("_no_enumeration")
def test_starts_that_fill_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `generate fog --users 100 --seed 1` did: no room is left for random placements."""
    monkeypatch.setattr(evolution, "FEWEST", 2)
    monkeypatch.setattr(evolution, "MOST", 2)
    instance = generate("random-dag", layers=8, seed=1)
    for name in ("latency", "makespan"):
        plan = solve(instance, "evolution", name, options={"iterations": 20})
        check_plan(instance, plan)
        assert plan.value is not None


def test_too_little_time_still_gives_a_plan() -> None:
    """Not even compiled in time: the best of the cheap solvers' plans."""
    instance = generate("random-dag", layers=30, seed=3)
    plan = solve(instance, "evolution", objective="makespan", time_limit_s=1e-6)
    assert plan.stopped_by == "time limit"
    assert plan.status == "feasible"


@pytest.mark.usefixtures("_no_enumeration")
def test_an_interrupt_keeps_the_best() -> None:
    """Ctrl-C in the third generation: the best placement seen until then is the answer."""
    instance = case("memory-4")[0]
    request = request_for(instance, "period")
    seen: list[float] = []

    def watch(places: np.ndarray, orders: np.ndarray | None, costs: np.ndarray) -> None:
        seen.append(float(costs.min()))
        if len(seen) == 3:
            raise KeyboardInterrupt

    answer = evolution.evolve(request, watch)
    assert answer.stopped_by == "interrupted"
    assert answer.decision is not None
    assert decision_violations(instance, answer.decision, request.objective) == []
    value = decision_cost(instance, answer.decision, request.objective)
    assert value <= min(seen[:2]) * (1 + 1e-12)


@pytest.mark.usefixtures("_no_enumeration")
def test_what_is_watched_is_feasible_and_costed_right() -> None:
    """An archive may trust the rows that it is shown: placements, orders and costs."""
    instance = case("line-3")[0]
    request = changed(request_for(instance, "makespan"), options={**OPTIONS, "iterations": 2})
    checked = []

    def watch(places: np.ndarray, orders: np.ndarray | None, costs: np.ndarray) -> None:
        assert orders is not None
        for row in range(0, len(costs), 97):
            order = tuple(orders[row].tolist())
            decision = Decision((TaskDecision(places[row].astype(np.int64), order),))
            assert decision_violations(instance, decision, request.objective) == []
            cost = decision_cost(instance, decision, request.objective)
            assert cost == pytest.approx(costs[row], rel=1e-12)
            checked.append(row)

    evolution.evolve(request, watch)
    assert len(checked) > 3


def test_a_layer_without_a_node_is_infeasible() -> None:
    """Enumeration and the narrowed space agree that nothing is feasible."""
    for name, key in (("memory-2", "latency, once"), ("chain-1", "latency, once")):
        plan = solve(case(name)[0], "evolution", **OPTIMA[key])
        assert (plan.status == "infeasible") == (optimum(name, key) == inf)


@pytest.mark.parametrize(
    ("rule", "progress", "says"),
    [
        (EnoughIterations(5), Progress(iterations=5), "iteration limit"),
        (EnoughIterations(5), Progress(iterations=4), None),
        (Stagnation(3), Progress(stale=3), "finished"),
        (Stagnation(3), Progress(stale=2), None),
        (OutOfTime(Deadline(1.0, lambda: 1.0)), Progress(), "time limit"),
        (OutOfTime(Deadline(1.0, lambda: 0.0)), Progress(), None),
        (bound_met, Progress(value=1.0, lower_bound=1.0), "finished"),
        (bound_met, Progress(value=1.1, lower_bound=1.0), None),
        (bound_met, Progress(value=1.0), None),
        (bound_met, Progress(lower_bound=1.0), None),
    ],
)
def test_stop_rules(rule: Any, progress: Progress, says: str | None) -> None:
    """Each rule stops at its limit and not before."""
    assert rule(progress) == says
    assert first_to_stop((lambda _: None, rule), progress) == says


def test_progress_counts_from_the_last_improvement() -> None:
    """Only a lower value is an improvement."""
    progress = Progress()
    assert [progress.count(value) for value in (3.0, 3.0, 2.0, 2.5)] == [True, False, True, False]
    assert (progress.iterations, progress.stale, progress.value) == (4, 1, 2.0)


@settings(max_examples=60)
@given(instances(num_layers=6), st.booleans(), st.integers(0, 2**32 - 1))
def test_repair_leaves_only_routes_and_memory(
    instance: Instance, monotone: bool, seed: int
) -> None:
    """Any placement, repaired, respects tiers, groups, the source and `monotone`.

    An unlimited space (`limited` false) is wholly feasible where its routes exist.
    """
    objective = objective_for(instance, "latency", monotone=monotone)
    space = PlacementSpace(instance, objective)
    if homeless(space) is not None:
        return
    rng = np.random.default_rng(seed)
    codes = rng.choice(space.code_of, (space.num_units, 12))
    space.repair(codes, lower=6)
    assert all(np.isin(codes[u], space.choices[u]).all() for u in range(space.num_units))
    for place in space.placements(codes):
        decision = Decision((TaskDecision(place.astype(np.int64)),))
        faults = decision_violations(instance, decision, objective)
        left = [f for f in faults if "no route" not in f]
        if space.limited:
            left = [f for f in left if "bytes, must be" not in f and "monotone" not in f]
        assert left == []


@settings(max_examples=60)
@given(instances(num_tasks=2), st.integers(0, 2**32 - 1))
def test_excess_is_what_breaks_memory(instance: Instance, seed: int) -> None:
    """Positive exactly where the reference finds an overfull node; shared layers count once."""
    objective = objective_for(instance, "latency", monotone=False)
    space = PlacementSpace(instance, objective)
    if homeless(space) is not None:
        return
    codes = np.random.default_rng(seed).choice(space.code_of, (space.num_units, 6))
    space.repair(codes)
    excess = space.excess(codes)
    for place, found in zip(space.placements(codes), excess, strict=True):
        parts = np.split(place.astype(np.int64), space.columns.first[1:-1])
        decision = Decision(tuple(TaskDecision(part) for part in parts))
        faults = decision_violations(instance, decision, objective)
        assert (found > 0) == any("bytes, must be" in fault for fault in faults)


@settings(max_examples=40)
@given(instances(num_tasks=2, num_layers=6), st.integers(0, 2**32 - 1))
def test_moves_work_along_topological_orders(instance: Instance, seed: int) -> None:
    """Every order puts inputs first; closed sets hold all predecessors; moves stay allowed."""
    space = PlacementSpace(instance, objective_for(instance, "latency", monotone=False))
    if homeless(space) is not None or not len(space.free):
        return
    moves = Moves(space, np.random.default_rng(seed))
    forward = space.edges[space.edges[:, 0] < space.edges[:, 1]]
    assert (moves.positions[:, forward[:, 0]] < moves.positions[:, forward[:, 1]]).all()
    assert moves.reach is not None
    assert moves.reach[space.edges[:, 1], space.edges[:, 0]].all()
    codes = moves.random_cuts(40)
    space.repair(codes)
    for move, _ in moves.all:
        children = codes.copy()
        move(children, codes[:, ::-1].copy())
        space.repair(children)
        assert all(np.isin(children[u], space.choices[u]).all() for u in range(space.num_units))


@settings(max_examples=40)
@given(instances(num_layers=7), st.integers(0, 2**32 - 1))
def test_keys_are_orders(instance: Instance, seed: int) -> None:
    """Any keys give topological orders, and an order's keys give that order back."""
    model = instance.models[0]
    orders = OrderKeys(task_arrays(instance))
    keys = np.random.default_rng(seed).normal(size=(len(model.layers), 8))
    found = orders.orders(keys)
    for row in found:
        rank = np.argsort(row)
        assert sorted(row.tolist()) == list(range(len(row)))
        assert (rank[model.edges[:, 0]] < rank[model.edges[:, 1]]).all()
        assert orders.orders(orders.encoded(tuple(row.tolist())))[0].tolist() == row.tolist()
    assert orders.orders(orders.encoded(None))[0].tolist() == model.order.tolist()


def test_urgency_is_the_longest_path_to_the_end() -> None:
    """All on the device, urgency is the layer's own time plus the most urgent reader's."""
    instance = generate("random-dag", layers=12, seed=7)
    model, arrays = instance.models[0], task_arrays(instance)
    keys = OrderKeys(arrays).urgency(np.zeros((len(model.layers), 1), np.uint8))[:, 0]
    early = OrderKeys(arrays).earliness(np.zeros((len(model.layers), 1), np.uint8))[:, 0]
    times = arrays.times_s[:, 0]
    for layer, readers in enumerate(model.consumers):
        after = max((keys[reader] for reader in readers), default=0.0)
        assert keys[layer] == pytest.approx(times[layer] + after)
        before = max((times[t] - early[t] for t in model.inputs[layer]), default=0.0)
        assert -early[layer] == pytest.approx(before)


@settings(max_examples=60)
@given(
    st.one_of(
        instances(num_nodes=3, num_layers=4),
        instances(num_nodes=3, num_layers=4, chain=True, rates=True),
    ),
    st.sampled_from(["latency", "makespan", "period", "mean-latency"]),
    st.booleans(),
)
def test_cheap_bounds_are_bounds(instance: Instance, name: str, monotone: bool) -> None:
    """No bound exceeds the optimum by enumeration; chains off a line have their shortest path."""
    bound = cheap_bound(instance, objective_for(instance, name, monotone=monotone))
    exact = solve(instance, "brute-force", objective=name, monotone=monotone)
    if bound is not None and exact.value is not None:
        assert bound <= exact.value * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "rate", "seconds"),
    [
        ("latency", None, 1.5),
        ("makespan", None, 1.5),
        ("mean-latency", None, 1.5),
        ("mean-latency", 0.01, 1.5),
        ("period", None, 1 / (1 / 5 + 1 / 0.5)),
    ],
)
def test_cheap_bounds_are_there(name: str, rate: float | None, seconds: float) -> None:
    """Under every objective there is one, and on a chain of two layers it is tight.

    The layers take 2 and 3 s at the source, 0.2 and 0.3 s on a node behind 1 MB at 1 s a MB: 5 s,
    or 1 + 0.5 s. A period is bounded by dividing the work as one likes, 1/5 + 1/0.5 of it a
    second; its weights come to that within 1 %.
    """
    layers = (
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="other", inputs=("in",), flops=2e9, output_bytes=1e6),
        Layer(name="b", op="other", inputs=("a",), flops=3e9, output_bytes=0.0),
    )
    instance = Instance(
        name="pair",
        tiers=("device", "edge"),
        nodes=(
            Node(name="slow", tier="device", speed_flops=1e9),
            Node(name="fast", tier="edge", speed_flops=1e10),
        ),
        links=(Link(tail="slow", head="fast", bandwidth_bps=8e6),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="slow", arrivals_per_s=rate),),
    )
    bound = cheap_bound(instance, objective_for(instance, name))
    assert bound is not None
    assert seconds * 0.99 <= bound <= seconds
