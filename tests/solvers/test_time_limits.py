"""Whatever takes long looks at one clock, and leaves off when the time is up. Nothing is timed:
the clocks here only count how often they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.deadline import NEVER, Deadline, TimeIsUp
from splitfog.formulations.games.audit import audit_of
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.programs.linear_program import LOOKS, LinearProgram
from splitfog.formulations.programs.placement_build import num_pairs, placement_program
from splitfog.solvers.base import Answer, Request, SolverDeclined, timely
from splitfog.solvers.dina.partition import first_pass, home_decision
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.exact.brute_force import num_orders, topological_orders
from splitfog.solvers.makespan.cp_sat import _last_look
from splitfog.solvers.registry import load_solver, own_infos, parse_options
from tests.cases.small_games import games
from tests.cases.small_networks import layer, link, network, node

SLICED = sf.generate("three-tier", model="squeezenet-1.0", size=32, edge_nodes=3)
USERS = sf.generate("fog", users=4, seed=1)
LATENCY, MEAN = Objective("latency"), Objective("mean-latency")


class Clock:
    """A clock that stands still until it was looked at so many times, and then is far ahead."""

    def __init__(self, patience: int = 0) -> None:
        self.patience, self.looks = patience, 0

    def __call__(self) -> float:
        self.looks += 1
        return 0.0 if self.looks <= self.patience else 1e9


OVER = Deadline(1.0, Clock())


def late(instance: sf.Instance, name: str, objective: Objective, patience: int = 0) -> Answer:
    """What a solver answers whose time is up after some looks at the clock."""
    info = next(info for info in own_infos() if info.name == name)
    clock = Clock(patience)
    options = parse_options(info, {})
    request = Request(
        instance, objective, time_limit_s=1.0, started=0.0, clock=clock, options=options
    )
    return load_solver(info)(request)


def test_no_deadline_is_never_looked_up() -> None:
    """Without a time limit the clock has no say, and a run is the same every time."""

    def broken() -> float:
        raise AssertionError

    Deadline(clock=broken).check("nothing")
    assert Deadline(clock=broken).remaining_s == np.inf
    assert not NEVER.is_over


def test_a_deadline_says_what_was_not_finished() -> None:
    """One second before it work goes on; at it and after it, it stops."""
    Deadline(2.0, lambda: 1.0).check("the bound")
    for now in (2.0, 3.0):
        with pytest.raises(TimeIsUp, match="before the bound was finished"):
            Deadline(2.0, iter([now]).__next__).check("the bound")


@pytest.mark.parametrize("instance", [SLICED, USERS], ids=["sliced", "users"])
@pytest.mark.parametrize("patience", [0, 20])
def test_every_solver_answers_when_its_time_is_up(instance: sf.Instance, patience: int) -> None:
    """At once, or early in its work: with a feasible plan or none, never with an exception, and
    with no proof that there is no plan (there is one: all at home)."""
    for info in own_infos():
        for name in info.objectives:
            try:
                objective = objective_for(instance, name)
            except ValueError:  # of one task only, or of a chain
                continue
            try:
                answer = late(instance, info.name, objective, patience)
            except SolverDeclined:
                continue
            assert not answer.infeasible, info.name
            if answer.decision is not None and name != "batch":
                assert Request(instance, objective).faults_of(answer.decision) == (), info.name


def test_time_that_is_up_costs_no_plan() -> None:
    """What was offered is the answer, with the bound so far; the reason says what was stopped."""
    home = home_decision(USERS, MEAN)

    def solver(request: Request) -> Answer:
        request.offer(home)
        request.raise_bound(0.125)
        OVER.check("the large program")
        raise AssertionError

    answer = timely(solver)(Request(USERS, MEAN))
    assert answer.decision is home
    assert (answer.lower_bound, answer.stopped_by) == (0.125, "time limit")
    assert "the large program" in (answer.reason or "")


def test_ilp_has_a_plan_before_its_program() -> None:
    """A simple plan is there before the program, were there no time at all; with a few looks at
    the clock more the program is begun and not finished."""
    for patience, why in ((0, "pairs of places"), (8, "before a 0-1 program was finished")):
        answer = late(SLICED, "ilp", LATENCY, patience)
        assert answer.decision is not None
        assert answer.stopped_by == "time limit"
        assert why in (answer.reason or "")


def test_a_program_is_not_begun_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a second a pair, in 1 s: the reason has the number of pairs."""
    monkeypatch.setattr("splitfog.solvers.exact.ilp.PAIR_S", 1.0)
    monkeypatch.setattr("splitfog.solvers.exact.ilp.placement_program", None)
    plan = sf.solve(SLICED, "ilp", time_limit_s=1.0)
    assert plan.value is not None
    assert f"{num_pairs(SLICED, LATENCY)} pairs" in (plan.reason or "")


def test_pairs_are_counted() -> None:
    """Two layers that may be on any of three nodes in a ring have 3 x 3 pairs; the input has one
    node only, so its edge has none."""
    nodes = [node(name, 1e9, "device") for name in "dab"]
    links = [link(tail, head, 1e6) for tail, head in ("da", "ab", "bd")]
    layers = [layer("input", 0, 1), layer("one", 1, 1, "input"), layer("two", 1, 1, "one")]
    instance = network(layers, nodes, links)
    assert num_pairs(instance, LATENCY) == 9
    assert num_pairs(sf.generate("line"), LATENCY) == 0  # a forest needs no pairs


def test_programs_look_at_the_clock_while_they_grow() -> None:
    """Once for the first and then every `LOOKS` columns and rows."""
    clock = Clock(patience=10**9)
    program = LinearProgram(deadline=Deadline(1.0, clock))
    columns = [program.add_column() for _ in range(2 * LOOKS)]
    for _ in range(LOOKS + 1):
        program.add_row([(columns[0], 1.0)])
    assert clock.looks == 2 + 2
    with pytest.raises(TimeIsUp):
        placement_program(SLICED, LATENCY, deadline=OVER)


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_engines_begin_nothing_late(engine: Any) -> None:
    """No time: no values, no bound and no proof."""
    program = LinearProgram()
    program.add_column(cost=1.0, is_binary=True)
    result = solve_program(program, engine, time_limit_s=0.0)
    assert (result.values, result.bound, result.infeasible) == (None, -np.inf, False)
    assert result.stopped_by == "time limit"


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_a_row_of_nothing_is_infeasible(engine: Any) -> None:
    """A program without columns has its rows all the same: 0 = 1 is none, 0 <= 1 is kept."""
    program = LinearProgram()
    program.add_row([], upper=1.0)
    assert not solve_program(program, engine).infeasible
    program.add_row([], 1.0, 1.0)
    assert solve_program(program, engine).infeasible


@pytest.mark.parametrize(
    "finished",
    [
        lambda deadline: mean_latency_bound(USERS, deadline),
        lambda deadline: audit_of(USERS, home_decision(USERS, MEAN), MEAN, deadline=deadline),
    ],
    ids=["bound", "audit"],
)
def test_bounds_and_audits_stop(finished: Callable[[Deadline], Any]) -> None:
    """They raise, and the next call, with time, gets them whole: nothing half done is kept."""
    with pytest.raises(TimeIsUp):
        finished(OVER)
    assert finished(NEVER)


def test_the_first_pass_leaves_late_tasks_at_home() -> None:
    """DINA-P's first pass with no time left is the plan of all at home."""
    passed, home = first_pass(USERS, MEAN, OVER), home_decision(USERS, MEAN)
    places = [(a.placement.tolist(), a.stages) for a in passed.tasks]
    assert places == [(a.placement.tolist(), a.stages) for a in home.tasks]
    assert places != [(a.placement.tolist(), a.stages) for a in first_pass(USERS, MEAN).tasks]


def test_a_late_plan_has_no_bound_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the time for closing is over, too, the plan of a large instance is there, and its
    reason says why it has no lower bound; with time it has one."""
    monkeypatch.setattr("splitfog.solvers.base.CLOSING_S", -1e9)
    monkeypatch.setattr("splitfog.solvers.solve.BOUND_SHARE", -1e9)
    plan = sf.solve(sf.generate("fog", users=4, seed=1), "device-only", time_limit_s=1.0)
    assert plan.status == "feasible"
    assert plan.lower_bound is None
    assert "no lower bound" in (plan.reason or "")
    assert sf.solve(USERS, "device-only", time_limit_s=1e6).lower_bound is not None


def test_a_bound_is_made_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no time at its end a plan has the bound that was made before the solver began."""
    monkeypatch.setattr("splitfog.solvers.base.CLOSING_S", -1e9)
    plan = sf.solve(sf.generate("fog", users=2, seed=1), "device-only", time_limit_s=1e3)
    assert plan.lower_bound is not None


def test_orders_are_counted_without_being_listed() -> None:
    """As many as the list has; and of 40 layers side by side, which have 40! orders, more than a
    million after a few steps."""
    for seed in range(12):
        model = sf.generate("random-dag", seed=seed, layers=6, width=3).models[0]
        count = sum(1 for _ in topological_orders(model))
        assert num_orders(model, 10**6) == count
        assert (num_orders(model, 3) > 3) == (count > 3)
    wide = [layer(f"l{i}", 1, 1, "input") for i in range(40)]
    instance = network([layer("input", 0, 1), *wide])
    assert num_orders(instance.models[0], 10**6) > 10**6


@pytest.mark.parametrize(("limit_s", "late_s"), [(100.0, 5.0), (1.0, 0.1), (0.1, 0.05)])
def test_cp_sat_leaves_time_for_others(limit_s: float, late_s: float) -> None:
    """A twentieth of the limit, at least 0.1 s, at most half of the limit."""
    request = Request(SLICED, Objective("makespan"), time_limit_s=limit_s, started=7.0)
    assert _last_look(request).moment == pytest.approx(7.0 + limit_s - late_s, rel=1e-12)
    assert _last_look(Request(SLICED, Objective("makespan"))) is NEVER


@pytest.mark.parametrize("seed", range(4))
def test_moves_and_swaps_are_the_same_by_jax(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Small games by NumPy, which compiles nothing, and as large ones by JAX."""
    for game, places in games(seed, memory=False):
        state = game.state(places)
        small = state.moves(), state.swaps()
        monkeypatch.setattr("splitfog.formulations.games.gains.MOST_BY_NUMPY", -1)
        large = state.moves(), state.swaps()
        monkeypatch.undo()
        for k in range(2):
            assert small[k].total == pytest.approx(large[k].total, rel=1e-12, abs=1e-15)
            assert small[k].agent == pytest.approx(large[k].agent, rel=1e-12, abs=1e-15)
