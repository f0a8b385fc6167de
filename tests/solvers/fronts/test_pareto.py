"""Fronts are held to the enumeration of every placement by the reference costs."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from splitfog import SolverDeclined, evaluate, violations
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.fronts.criteria import Criteria, criteria_of
from splitfog.formulations.fronts.front import Front, load_front, save_front
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.defects import InstanceError
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.exact.brute_force import topological_orders
from splitfog.solvers.fronts.archive import Archive, ArchiveRequest
from splitfog.solvers.fronts.epsilon_constraint import RESOLUTION, epsilon_constraint
from splitfog.solvers.fronts.pareto import pareto
from splitfog.solvers.fronts.search import _together
from splitfog.solvers.fronts.supported import supported_front
from splitfog.solvers.fronts.watch import ArchiveWatch
from splitfog.solvers.registry import load_solver, solver_info
from tests.cases.strategies import random_instance

Values = tuple[float, ...]


def true_front(criteria: Criteria) -> list[Values]:
    """Non-dominated values of all feasible placements (and orders), one by one."""
    instance = criteria.instance
    sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
    orders: list[Any] = [None]
    if criteria.with_order:
        orders = list(topological_orders(instance.model_of(instance.tasks[0])))
    seen: set[Values] = set()
    for nodes in product(range(len(instance.nodes)), repeat=sum(sizes)):
        decision = placed(*np.split(np.array(nodes), np.cumsum(sizes)[:-1]))
        if not decision_violations(instance, decision, criteria.objective):
            for order in orders:
                tasks = tuple(TaskDecision(t.placement, order) for t in decision.tasks)
                seen.add(criteria.values(Decision(tasks)))
    return [v for v in seen if not any(better(w, v) for w in seen)]


def better(one: Values, other: Values) -> bool:
    """Whether one dominates the other, by more than rounding somewhere."""
    slack = [1e-12 * abs(y) for y in other]
    no_worse = all(x <= y + s for x, y, s in zip(one, other, slack, strict=True))
    return no_worse and any(x < y - s for x, y, s in zip(one, other, slack, strict=True))


def check_same(found: list[Values], true: list[Values], tolerance: float) -> None:
    """Every true point is met, and every point found is a true one, both within a tolerance."""
    if not true:
        assert found == []
        return
    unit = np.maximum(np.max(true, axis=0), 1e-12)
    distance = np.abs(np.array(found)[:, None] - np.array(true)) / unit
    largest = distance.max(axis=2)
    assert largest.min(axis=0).max() <= tolerance
    assert largest.min(axis=1).max() <= tolerance


def values(front: Front) -> list[Values]:
    return [point.values for point in front.points]


def some_objectives(instance: Instance, rng: np.random.Generator, count: int) -> list[str]:
    names = [node.name for node in instance.nodes]
    known = ["latency", "period", *(f"memory:{name}" for name in names)]
    known += [f"bytes:{names[x.tail]},{names[x.head]}" for x in instance.directed_links]
    return [known[i] for i in rng.choice(len(known), count, replace=False)]


@given(seed=st.integers(0, 10**6), count=st.integers(2, 3), monotone=st.booleans())
@settings(max_examples=20)
def test_enumeration_is_the_front(seed: int, count: int, monotone: bool) -> None:
    """Small instances of any kind: the points are those of all placements, to the last digit."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=4)
    objectives = some_objectives(instance, rng, count)
    front = pareto(instance, objectives, monotone=monotone)
    true = true_front(criteria_of(instance, objectives, monotone=monotone))
    assert front.kind == "exact"
    assert front.status == ("feasible" if true else "infeasible")
    check_same(values(front), true, 1e-12)
    check_sound(instance, front)


@given(seed=st.integers(0, 10**6), count=st.integers(2, 3), tasks=st.integers(1, 2))
@example(seed=2000323, count=3, tasks=2)  # once lost points: a limit in bytes beside one of 0
@settings(max_examples=20)
def test_programs_give_the_front(seed: int, count: int, tasks: int) -> None:
    """The falling limits of 0-1 programs miss no point (but within their resolution)."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=5 - tasks, num_tasks=tasks)
    criteria = criteria_of(instance, some_objectives(instance, rng, count))
    archive = Archive(criteria)
    feasible = epsilon_constraint(archive, lambda: 60.0)
    true = true_front(criteria)
    assert feasible == bool(true)
    check_same([v for v, _ in archive.ordered()], true, 10 * RESOLUTION)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_enumeration_with_makespan_tries_every_order(seed: int) -> None:
    """With `makespan` the order counts: the front is that of all placements in all orders."""
    instance = random_instance(np.random.default_rng(seed), num_nodes=2, num_layers=4)
    for objectives in ("makespan,period", "latency,makespan"):
        front = pareto(instance, objectives)
        assert front.kind == "exact"
        check_same(values(front), true_front(criteria_of(instance, objectives)), 1e-12)
        check_sound(instance, front)


@given(seed=st.integers(0, 10**6), by_memory=st.booleans())
@settings(max_examples=20)
def test_supported_points_are_the_convex_hull(seed: int, by_memory: bool) -> None:
    """On a line: each is on the true front, and no true point is below the line of any two."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, line=True, num_nodes=3, num_layers=5, limits=False)
    tail, head = (instance.nodes[i].name for i in range(2))
    other = f"memory:{tail}" if by_memory else f"bytes:{tail},{head}"
    if not by_memory and not any((x.tail, x.head) == (0, 1) for x in instance.directed_links):
        return
    criteria = criteria_of(instance, ["latency", other])
    archive = Archive(criteria)
    true = true_front(criteria)
    assert supported_front(archive) == bool(true)
    if not true:
        return
    points = [v for v, _ in archive.ordered()]
    scale = np.maximum(np.max(true, axis=0), 1e-12)
    for point in points:
        assert not any(better(v, point) for v in true)
    ends = [min(true), min(true, key=lambda v: (v[1], v[0]))]
    assert points[0] == pytest.approx(ends[0], rel=1e-9)
    assert points[-1] == pytest.approx(ends[1], rel=1e-9)
    for first, second in pairwise(points):
        normal = np.array([first[1] - second[1], second[0] - first[0]])  # both > 0
        level = float(normal @ np.array(first))
        assert all(normal @ np.array(v) >= level - 1e-9 * float(normal @ scale) for v in true)


def check_sound(instance: Instance, front: Front) -> None:
    """Plans are feasible and cost what the front says; no point is dominated by another."""
    for at, row in enumerate(front.rows()):
        plan = front.plan(at)
        assert violations(instance, plan) == []
        for name, value in row.items():
            if name in ("latency", "period", "makespan"):
                assert float(evaluate(instance, plan, name, monotone=front.monotone)) == value
        others = [v for i, v in enumerate(values(front)) if i != at]
        assert not any(better(v, front.points[at].values) for v in others)


def test_an_archive_is_no_better_than_the_truth_and_says_so() -> None:
    """A search's points are feasible, not dominated among themselves, and labelled `archive`."""
    instance = generate("three-tier", model="alexnet", edge_cloud="fibre")
    objectives = "latency,bytes:device,edge0"
    exact = pareto(instance, objectives, kind="exact")
    front = pareto(instance, objectives, kind="archive", time_limit_s=2, seed=1)
    assert (exact.kind, front.kind) == ("exact", "archive")
    check_sound(instance, front)
    for point in values(front):
        assert any(better(v, point) or v == pytest.approx(point) for v in values(exact))


def test_supported_is_part_of_exact_on_a_real_network() -> None:
    """ResNet-18: the supported points are among the exact ones, which are more."""
    instance = generate("three-tier", model="resnet-18", edge_cloud="fibre")
    objectives = ("latency", "bytes:device,edge0")
    exact = values(pareto(instance, objectives))
    supported = values(pareto(instance, objectives, kind="supported"))
    assert len(supported) < len(exact)
    for point in supported:
        assert any(v == pytest.approx(point, rel=1e-9) for v in exact)


@pytest.mark.slow  # compiles the costs of two objectives
def test_the_search_is_repeatable() -> None:
    """The same seed gives the same archive."""
    instance = generate("random-dag", layers=12, seed=3)
    fronts = [
        pareto(instance, "makespan,period", kind="archive", time_limit_s=60, seed=5)
        for _ in range(2)
    ]
    assert values(fronts[0]) == values(fronts[1])
    assert fronts[0].stopped_by == "finished"


RIVALS = ("random-dag", {"layers": 9, "seed": 2, "speed_ratio": 1.2, "heterogeneity": 0.9})
ALEXNET = ("three-tier", {"model": "alexnet", "edge_cloud": "fibre"})


@pytest.mark.parametrize(
    ("family", "objectives"),
    [
        (RIVALS, "latency,period,bytes:edge,cloud"),
        (ALEXNET, "latency,memory:device"),
        (ALEXNET, "period,memory:device,bytes:device,edge0"),
    ],
)
def test_sifting_a_generation_loses_nothing(family: Any, objectives: str) -> None:
    """A batch shown to the watch leaves what offering its placements one by one leaves."""
    instance = generate(family[0], **family[1])
    criteria = criteria_of(instance, objectives)
    count = len(instance.models[0].layers)
    cuts = np.random.default_rng(0).integers(0, count, (50, 2))
    places = (np.arange(count)[None] >= cuts.min(1)[:, None]).astype(np.int64)
    places += np.arange(count)[None] >= cuts.max(1)[:, None]
    places[:, instance.models[0].index["input"]] = 0
    sifted, true = Archive(criteria), Archive(criteria)
    for row in places:
        true.offer(placed(row))
    watched = Objective(criteria.each[0].kind)  # type: ignore[arg-type]
    costs = [float(decision_cost(instance, placed(row), watched)) for row in places]
    ArchiveWatch(sifted, watched)(places, None, np.array(costs))
    assert len(true.decisions) > 1
    check_same([v for v, _ in sifted.ordered()], [v for v, _ in true.ordered()], 1e-12)


def test_offers_of_any_solver_fill_an_archive() -> None:
    """What a solver offers on its way is kept where it is not dominated."""
    instance = generate("random-dag", layers=12, seed=3)
    criteria = criteria_of(instance, "latency,period")
    archive = Archive(criteria)
    how = {"samples": 50}
    request = ArchiveRequest(instance, criteria.objective, archive=archive, options=how)
    load_solver(solver_info("random"))(request)
    assert archive.decisions
    best = min(v[0] for v, _ in archive.ordered())
    assert best == request.incumbent_value


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_a_program_without_costs_keeps_its_columns(engine: Any) -> None:
    """One of two is 1, and the first is not: where all costs are 0, PuLP once added a column."""
    program = LinearProgram()
    first, second = (program.add_column(is_binary=True) for _ in range(2))
    program.add_row([(first, 1.0), (second, 1.0)], 1.0, 1.0)
    program.add_row([(first, 1.0)], upper=0.0)
    found = solve_program(program, engine).values
    assert found is not None
    assert found.tolist() == [0.0, 1.0]


def test_a_front_worked_by_hand() -> None:
    """AlexNet's first layers shrink the data: fewer bytes to the edge cost more latency."""
    instance = generate("three-tier", model="alexnet", edge_cloud="4g")
    front = pareto(instance, "latency,bytes:device,edge0")
    first, last = front.points[0], front.points[-1]
    assert last.values[1] == 0  # everything stays on the device
    assert {*last.tasks[0].placement.values()} == {"device"}
    assert first.values[0] < last.values[0]


def test_files_are_read_back(tmp_path: Path) -> None:
    """Writing and reading gives the same front; a point with a value too few is named."""
    front = pareto(generate("three-tier", model="alexnet"), "latency,memory:device")
    save_front(front, tmp_path / "f.json")
    assert load_front(tmp_path / "f.json") == front
    text = front.to_json().decode()
    broken = text.replace('"memory:device"\n', '"memory:device", "period"\n')
    assert broken != text
    (tmp_path / "b.json").write_text(broken)
    with pytest.raises(InstanceError, match=r"points\[0\].values = 2 numbers, must be 3"):
        load_front(tmp_path / "b.json")


def test_names_with_commas_are_told_apart() -> None:
    """A node called `a,b` beside `a`: the longest name that fits is meant."""
    base = generate("three-tier", model="alexnet")
    names = {"device": "a", "edge0": "a,b", "cloud": "c"}
    instance = changed(
        base,
        nodes=tuple(changed(n, name=names[n.name]) for n in base.nodes),
        links=tuple(changed(x, tail=names[x.tail], head=names[x.head]) for x in base.links),
        tasks=tuple(changed(t, source="a") for t in base.tasks),
    )
    criteria = criteria_of(instance, "memory:a,b,bytes:a,a,b,period,bytes:a,b,a,latency")
    found = [criterion.name for criterion in criteria.each]
    assert found == ["memory:a,b", "bytes:a,a,b", "period", "bytes:a,b,a", "latency"]


@pytest.mark.parametrize(
    ("objectives", "error", "message"),
    [
        ("latency", ValueError, "1 given, must be two or more"),
        ("", ValueError, "0 given, must be two or more"),
        ("latency,latency", ValueError, "must be different"),
        ("latency,speed", ValueError, "'speed', must be one of latency, makespan"),
        ("latency,memory:moon", LookupError, "unknown node 'moon'"),
        ("latency,bytes:device", ValueError, "must be bytes:FROM,TO"),
        ("latency,bytes:device,cloud", LookupError, "no link leads from device to cloud"),
        ("latency,bytes:device,period", LookupError, "unknown node 'period'"),
        ("latency,memory", ValueError, "'memory', must be one of"),
    ],
)
def test_bad_objectives(objectives: str, error: type[Exception], message: str) -> None:
    """What makes no sense is said in one sentence."""
    with pytest.raises(error, match=message):
        pareto(generate("three-tier", model="alexnet"), objectives)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"kind": "best"}, ValueError, "must be one of exact, supported, archive"),
        ({"time_limit_s": 0}, ValueError, "must be a number > 0"),
        ({"transfers": "per-edge"}, ValueError, "must be once for the objective period"),
        ({"kind": "supported"}, SolverDeclined, "must be latency and one of bytes and memory"),
    ],
)
def test_bad_input(how: dict[str, Any], error: type[Exception], message: str) -> None:
    """Kinds, limits and ways of counting that do not go with the objectives."""
    with pytest.raises(error, match=message):
        pareto(generate("three-tier", model="alexnet"), "latency,period", **how)


def test_a_method_that_fails_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact programs fail half way, and a heuristic too: the points found stay, said why."""
    instance = generate("three-tier", model="alexnet")

    def broken(archive: Archive, *_: Any) -> None:
        archive.offer(_together(instance, 0))
        raise RuntimeError("numbers ran out")

    def load(info: SolverInfo) -> Any:
        if info.name == "hpa":
            raise RuntimeError("hpa is ill")
        return load_solver(info)

    monkeypatch.setattr("splitfog.solvers.fronts.pareto.epsilon_constraint", broken)
    monkeypatch.setattr("splitfog.solvers.fronts.search.load_solver", load)
    with pytest.raises(RuntimeError, match="numbers ran out"):
        pareto(instance, "latency,period", time_limit_s=2)
    monkeypatch.delenv("SPLITFOG_STRICT")
    front = pareto(instance, "latency,period", time_limit_s=2)
    assert front.points
    assert "it failed (RuntimeError: numbers ran out)" in (front.reason or "")
    assert "hpa failed (RuntimeError: hpa is ill)" in (front.reason or "")


@pytest.mark.parametrize("second", [1e-9, 1.0, 1e9])
def test_supported_points_beside_a_latency_of_zero(second: float) -> None:
    """A layer that is free on the device but holds 10 bytes there, or a second's way from it."""
    layers = (
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, weight_bytes=10),
    )
    instance = Instance(
        name="free",
        tiers=("device", "cloud"),
        nodes=tuple(Node(name=name, tier=name, speed_flops=1) for name in ("device", "cloud")),
        links=(Link(tail="device", head="cloud", bandwidth_bps=8e6 / second),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="device"),),
    )
    front = pareto(instance, "latency,memory:device", kind="supported")
    assert values(front) == [(0.0, 10.0), (pytest.approx(second), 0.0)]
