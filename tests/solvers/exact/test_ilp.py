"""ilp: equal to brute force on everything small, its bounds valid when time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, Task, solve
from splitfog.formulations.arrays.units import task_units
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.programs.placement_build import placement_program
from splitfog.formulations.programs.symmetry import (
    interchangeable_nodes,
    pigeonhole,
    symmetry_breaking,
)
from splitfog.instances.files import save_instance
from splitfog.instances.generators import generate
from splitfog.instances.records import changed
from splitfog.solvers.engines.milp import DOUBT, Engine, solve_program
from tests.cases.golden import OPTIMA, SINGLE, case, optimum
from tests.cases.strategies import instances, random_instance
from tests.checks import check_plan
from tests.formulations.bounds.test_overfull import packing_problem
from tests.formulations.holdings.test_period_bound import ANYHOW, random_star

objectives = st.sampled_from(
    [
        Objective("latency"),
        Objective("latency", "per-edge"),
        Objective("latency", "once", False),
        Objective("period"),
        Objective("period", "once", False),
    ]
)


def check_equal(instance: Instance, objective: Objective, **options: Any) -> None:
    """ilp proves what brute force finds."""
    plan = solve(instance, "ilp", objective, options=options)
    best = solve(instance, "brute-force", objective)
    check_plan(instance, plan)
    assert plan.status == best.status
    if best.value is None:
        assert plan.reason
    else:
        assert plan.value == pytest.approx(best.value, rel=1e-6)


@settings(max_examples=60)
@given(instances(num_layers=5), objectives)
def test_equals_brute_force(instance: Instance, objective: Objective) -> None:
    """Any topology, one-way and missing links, memory, groups, tiers, results: the optimum."""
    check_equal(instance, objective)


@settings(max_examples=25)
@given(instances(line=True, num_layers=5), objectives)
def test_equals_brute_force_on_lines(instance: Instance, objective: Objective) -> None:
    """Where the links are a forest the other way of writing crossings holds."""
    check_equal(instance, objective)


@settings(max_examples=25)
@given(instances(num_layers=3, num_nodes=3, num_tasks=2), objectives)
def test_two_tasks_share_memory(instance: Instance, objective: Objective) -> None:
    """A layer of a model that both run counts once a node; period adds up."""
    check_equal(instance, objective)


@settings(max_examples=10)
@given(instances(num_layers=4), objectives)
def test_cbc(instance: Instance, objective: Objective) -> None:
    """The other engine proves the same."""
    check_equal(instance, objective, engine="cbc")


@pytest.mark.parametrize("key", OPTIMA)
def test_golden(key: str) -> None:
    """The optima that an independent enumeration found."""
    for name in SINGLE:
        plan = solve(case(name)[0], "ilp", **OPTIMA[key])
        least = optimum(name, key)
        assert plan.status == ("infeasible" if least == inf else "optimal")
        assert plan.value == (None if least == inf else pytest.approx(least, rel=1e-6))


@settings(max_examples=40)
@given(instances(num_tasks=2, num_layers=4), objectives, st.integers(0, 2**32 - 1))
def test_decode_undoes_encode(instance: Instance, objective: Objective, seed: int) -> None:
    """Any decision without a violation comes back from the columns that it sets."""
    rng = np.random.default_rng(seed)
    built = placement_program(instance, objective)
    decision = placed(*(rng.integers(0, len(instance.nodes), 4) for _ in range(2)))
    if decision_violations(instance, decision, objective):
        return
    start = built.encode(decision)
    assert start is not None
    values = np.zeros(built.program.num_columns)
    values[list(start)] = list(start.values())
    back = built.decode(values)
    for task, answer in enumerate(decision.tasks):
        assert (back.tasks[task].placement == answer.placement).all()


@settings(max_examples=25)
@given(instances(num_layers=5, limits=False), objectives, st.integers(0, 2**32 - 1))
def test_cost_of_a_fixed_placement(instance: Instance, objective: Objective, seed: int) -> None:
    """With x fixed to a placement the program's value is that placement's reference cost."""
    rng = np.random.default_rng(seed)
    decision = placed(rng.integers(0, len(instance.nodes), 5))
    if decision_violations(instance, decision, objective):
        return
    built = placement_program(instance, objective)
    start = built.encode(decision)
    assert start is not None
    for column, value in start.items():
        built.program.upper[column] = value
    result = solve_program(built.program)
    cost = float(decision_cost(instance, decision, objective))
    assert result.optimal
    assert result.bound * built.unit_s == pytest.approx(
        cost, rel=1e-6, abs=2 * DOUBT * built.unit_s
    )


def star(num_nodes: int, times: list[float], memory_bytes: float | None = None) -> Instance:
    """Layers without edges on equal nodes around a hub that may have none of them."""
    leaves = [f"n{i}" for i in range(num_nodes)]
    layers = tuple(
        Layer(name=f"l{i}", op="other", flops=t, output_bytes=0, weight_bytes=1, tiers=("leaf",))
        for i, t in enumerate(times)
    )
    return Instance(
        name="star",
        tiers=("hub", "leaf"),
        nodes=(
            Node(name="centre", tier="hub", speed_flops=1),
            *(Node(name=n, tier="leaf", speed_flops=1, memory_bytes=memory_bytes) for n in leaves),
        ),
        links=tuple(Link(tail="centre", head=n, bandwidth_bps=1) for n in leaves),
        models=(Model(name="loose", layers=layers),),
        tasks=(Task(name="task", model="loose", source=None),),
    )


def test_leaves_of_a_star_are_interchangeable() -> None:
    """Equal leaves form a set; a leaf that a task's results go to is not one of them."""
    instance = star(3, [1.0])
    units = (task_units(instance, 0, "once"),)
    assert interchangeable_nodes(instance, units) == [[1, 2, 3]]
    named = Instance(
        name="named",
        tiers=instance.tiers,
        nodes=instance.nodes,
        links=instance.links,
        models=instance.models,
        tasks=(Task(name="task", model="loose", source="n0"),),
    )
    assert interchangeable_nodes(named, units) == [[2, 3]]


def test_pigeonhole_by_hand() -> None:
    """Five units of 4, 4, 3, 3, 3 s on two nodes: one has 3 of the 5, at least 3 + 3 + 3 = 9 s.

    The average is 8.5 s; a third node that needs 10 s each takes none within 9.5 s, but one
    within 10 s, and then 4 on two nodes are 2 each: 6 s.
    """
    times = np.array([4.0, 4.0, 3.0, 3.0, 3.0])
    costs = np.stack([times, times, np.full(5, 10.0)], axis=1)
    longest = np.arange(5)
    assert pigeonhole(costs, [0, 1], longest, 9.5) == (5, 3)
    assert pigeonhole(costs, [0, 1], longest, 10.0) == (0, 0)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(2, 3), st.booleans())
def test_equal_nodes(times: list[int], num_nodes: int, limited: bool) -> None:
    """Rows that break symmetries keep an optimum: machine scheduling against brute force."""
    memory = -(-len(times) // num_nodes) if limited else None
    check_equal(star(num_nodes, [float(t) for t in times], memory), Objective("period"))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_relabelled_start_is_kept(seed: int) -> None:
    """Any plan of a star, relabelled, satisfies the rows that break its symmetries."""
    rng = np.random.default_rng(seed)
    instance = star(3, rng.integers(1, 9, 7).astype(float).tolist())
    decision = placed(rng.integers(1, 4, 7))
    objective = Objective("period")
    cost = float(decision_cost(instance, decision, objective))
    built = placement_program(instance, objective, cost)
    for breaking in symmetry_breaking(built, cost):
        breaking.add_to(built)
        decision = breaking.relabelled(built, decision)
    start = built.encode(decision)
    assert start is not None
    assert all(built.program.upper[column] >= value for column, value in start.items())
    for column, value in start.items():
        built.program.upper[column] = value
    assert solve_program(built.program).optimal
    assert float(decision_cost(instance, decision, objective)) == pytest.approx(cost)


def test_memory_is_kept_to_the_byte() -> None:
    """Weights of 10^9 and 1 byte on nodes of 10^9 bytes: rounding must not let both share one.

    All on the fast node would take 2 s; one of them must go to the slow one: 1 + 2 s.
    """
    layers = (
        Layer(name="big", op="other", flops=1, output_bytes=0, weight_bytes=1e9),
        Layer(name="small", op="other", flops=1, output_bytes=0, weight_bytes=1),
    )
    instance = Instance(
        name="full",
        tiers=("device",),
        nodes=(
            Node(name="fast", tier="device", speed_flops=1, memory_bytes=1e9),
            Node(name="slow", tier="device", speed_flops=0.5, memory_bytes=1e9),
        ),
        links=(),
        models=(Model(name="two", layers=layers),),
        tasks=(Task(name="task", model="two", source=None),),
    )
    for engine in ("highs", "cbc"):
        plan = solve(instance, "ilp", "latency", options={"engine": engine})
        assert (plan.status, plan.value) == ("optimal", pytest.approx(3.0))


def infeasible(**node: Any) -> Instance:
    """One layer of 10 bytes on one node."""
    layer = Layer(name="only", op="other", output_bytes=0, weight_bytes=10, **node.pop("layer", {}))
    return Instance(
        name="infeasible",
        tiers=("device", "cloud"),
        nodes=(Node(name="pi", tier="device", speed_flops=1, **node),),
        links=(),
        models=(Model(name="one", layers=(layer,)),),
        tasks=(Task(name="task", model="one", source=None),),
    )


def test_infeasible_says_why() -> None:
    """Memory, with what else rules plans out, or the layer that no node may have."""
    plan = solve(infeasible(memory_bytes=9), "ilp")
    assert plan.status == "infeasible"
    assert "no node can take layer only: none is left by memory" in (plan.reason or "")
    apart = packing_problem([10, 10], [10, 10])  # each fits, but both have to be on one node
    plan = solve(changed(apart, links=()), "ilp")
    assert plan.status == "infeasible"
    assert "node n0 holds at most 10 B; node n1 holds at most 10 B; there is no route" in (
        plan.reason or ""
    )
    plan = solve(infeasible(layer={"tiers": ("cloud",)}), "ilp")
    assert plan.status == "infeasible"
    assert "no node may have layer only" in (plan.reason or "")


@pytest.fixture(scope="module")
def hard() -> Instance:
    """A period that takes an engine longer than a test has."""
    rng = np.random.default_rng(5)
    return star(7, rng.integers(100, 1000, 60).astype(float).tolist())


@pytest.mark.parametrize("engine", ["highs", "cbc"])
@pytest.mark.parametrize("limit", [0.05, 0.6])
def test_time_limit_leaves_a_valid_bound(engine: str, limit: float) -> None:
    """Whatever was reached: bound <= optimum <= value. The optimum is brute force's."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        instance = random_instance(rng, num_layers=6, num_nodes=4, limits=False)
        best = solve(instance, "brute-force", "period").value
        plan = solve(instance, "ilp", "period", time_limit_s=limit, options={"engine": engine})
        check_plan(instance, plan)
        if best is not None:
            assert plan.lower_bound is None or plan.lower_bound <= best * (1 + 1e-9)
            assert plan.value is None or plan.value >= best * (1 - 1e-9)


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_a_hard_program_stops_in_time(hard: Instance, engine: Engine) -> None:
    """Stopped by the limit: feasible, the bound at least the mean load and below the value."""
    plan = solve(hard, "ilp", "period", time_limit_s=1.5, options={"engine": engine})
    check_plan(hard, plan)
    mean = sum(hard.models[0].flops.tolist()) / 7
    assert plan.lower_bound is not None
    assert plan.lower_bound >= mean * (1 - 1e-6)
    if plan.status == "feasible":
        assert plan.stopped_by == "time limit"


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_interrupt_leaves_the_best_solution(hard: Instance, engine: Engine) -> None:
    """Ctrl-C while the engine runs: what it found so far, its bound, no exception."""
    objective = Objective("period")
    built = placement_program(hard, objective)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        result = solve_program(built.program, engine, time_limit_s=30)
    finally:
        timer.cancel()
        timer.join()
    assert result.stopped_by == "interrupted"
    assert result.values is not None
    decision = built.decode(result.values)
    assert decision_violations(hard, decision, objective) == []
    assert result.bound * built.unit_s <= float(decision_cost(hard, decision, objective))


def test_interrupt_of_the_solver_leaves_a_plan(hard: Instance) -> None:
    """Ctrl-C anywhere in `ilp`: a feasible plan with status and `interrupted`."""
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        plan = solve(hard, "ilp", "period")
    finally:
        timer.cancel()
        timer.join()
    assert plan.stopped_by == "interrupted"
    check_plan(hard, plan)
    assert plan.value is not None


def test_start_is_never_worsened() -> None:
    """With a start plan and no time the start comes back."""
    instance = generate("random-dag", seed=1, layers=30)
    start = solve(instance, "hpa")
    plan = solve(instance, "ilp", start=start, time_limit_s=1e-4)
    assert start.value is not None
    assert plan.value is not None
    assert plan.value <= start.value


def test_equal_nodes_need_no_program() -> None:
    """42 s of work on three nodes: 9 + 5, 8 + 6, 7 + 4 + 3; less than 14 s each is too little."""
    plan = solve(star(3, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]), "ilp", "period")
    assert plan.value == 14.0
    assert plan.status == "optimal"
    assert plan.reason == "the bound on what nodes may hold proves it, no program was solved"


def test_a_program_ends_what_the_bound_leaves_open() -> None:
    """Some optima of random chains on stars are above the bound: a program proves those."""
    programs = 0
    for seed in range(12):
        instance = random_star(np.random.default_rng(seed))
        plan = solve(instance, "ilp", ANYHOW)
        assert plan.status == "optimal"
        assert plan.value == solve(instance, "brute-force", ANYHOW).value
        programs += "no program" not in str(plan.reason)
    assert programs


def test_standard_output_stays_clean(tmp_path: Any) -> None:
    """HiGHS prints to standard output by itself; nothing of it may stand there."""
    instance = star(3, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0])
    save_instance(instance, tmp_path / "star.json")
    code = (
        "import json, splitfog as sf\n"
        "from splitfog.solvers.engines import highs\n"
        "import os\n"
        "run = highs.highspy.Highs.startSolve\n"
        "def noisy(self): os.write(1, b'noise'); return run(self)\n"
        "highs.highspy.Highs.startSolve = noisy\n"
        f"plan = sf.solve(sf.load_instance({str(tmp_path / 'star.json')!r}), 'ilp', 'latency')\n"
        "print(json.dumps(plan.value))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == 42.0  # 9 + 8 + 7 + 6 + 5 + 4 + 3 s of work, wherever
    assert "noise" in done.stderr


def test_program_without_a_solution_and_without_rows() -> None:
    """x >= 2 with x <= 1 is infeasible; no rows at all leaves the cheapest bounds."""
    engines: tuple[Engine, ...] = ("highs", "cbc")
    for engine in engines:
        program = LinearProgram()
        column = program.add_column(cost=-1.0, is_binary=True)
        result = solve_program(program, engine)
        assert result.optimal
        assert result.bound == pytest.approx(-1.0)
        program.add_row([(column, 1.0)], lower=2.0)
        assert solve_program(program, engine).infeasible


def test_a_program_that_highs_gives_up() -> None:
    """Units of 4, 6, 4 and 6 tenths on two nodes of 1, the first and third together: no way.

    HiGHS 1.12 ends with an error here unless its presolve is off.
    """
    program = LinearProgram()
    costs = ((74, 77), (0.3, 0.4), (36, 84), (14, 37))
    on = [[program.add_column(1e-4 * cost, is_binary=True) for cost in own] for own in costs]
    for pair in on:
        program.add_row([(column, 1.0) for column in pair], 1.0, 1.0)
    for node in (1, 0):
        crossing = program.add_column(cost=0.99, upper=0.0)
        program.add_row([(crossing, 1.0), (on[0][node], 1.0), (on[2][node], -1.0)], lower=0.0)
    for node in (0, 1):
        weights = zip(on, (0.4, 0.6, 0.4, 0.6), strict=True)
        program.add_row([(own[node], weight) for own, weight in weights], upper=1.0)
    assert solve_program(program, "highs").infeasible
