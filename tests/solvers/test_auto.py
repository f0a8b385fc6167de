"""`auto`: what it chooses for which objective, what it says, and that nothing found is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from splitfog import SolverDeclined, generate, solve
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers import auto
from splitfog.solvers.auto import as_latency
from splitfog.solvers.base import Answer, Request, Solver
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.registry import load_solver
from tests.cases.golden import OPTIMA, SINGLE, case, optimum
from tests.cases.strategies import instances, random_instance
from tests.checks import check_plan


def several_tasks(**how: Any) -> Instance:
    """Two tasks on three nodes."""
    return random_instance(
        np.random.default_rng(4), num_nodes=3, num_layers=3, num_tasks=2, limits=False, **how
    )


@pytest.mark.parametrize(
    ("name", "how", "solver", "says"),
    [
        ("line-1", {"objective": "latency"}, "min-cut", "exact and polynomial here"),
        ("mesh-2", {"objective": "latency"}, "ilp", "min-cut does not apply"),
        ("line-1", {"objective": "period"}, "ilp", "auto chose ilp: exact here"),
        ("line-1", {"objective": "makespan"}, "cp-sat", "auto chose cp-sat: exact here"),
    ],
)
def test_chooses_and_explains(name: str, how: dict[str, Any], solver: str, says: str) -> None:
    """Polynomial before exponential, and the reason names both what was taken and passed over."""
    plan = solve(case(name)[0], **how)
    assert plan.solver == solver
    assert plan.status == "optimal"
    assert says in str(plan.reason)
    assert str(plan.reason).startswith(f"auto chose {solver}: ")


@pytest.mark.parametrize("key", OPTIMA)
def test_proves_every_golden_optimum(key: str) -> None:
    """Whatever it chooses, the value is the least over all placements, proven."""
    for name in SINGLE:
        plan = solve(case(name)[0], "auto", **OPTIMA[key])
        check_plan(case(name)[0], plan)
        if plan.status == "infeasible":
            assert optimum(name, key) == float("inf")
        else:
            assert plan.status == "optimal"
            assert plan.value == pytest.approx(optimum(name, key), rel=1e-6)


@settings(max_examples=40)
@given(instances(num_nodes=3, num_layers=4, chain=True))
def test_makespan_of_a_chain_is_its_latency(instance: Instance) -> None:
    """Where `as_latency` says so, both optima are equal, as enumeration finds them."""
    same = as_latency(instance, objective_for(instance, "makespan"))
    if same is None:
        assert instance.models[0].results.sum() > 1
        return
    values = [
        solve(instance, "brute-force", objective=name).value for name in ("latency", "makespan")
    ]
    assert (values[0] is None) == (values[1] is None)
    if values[0] is not None:
        assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_chain_needs_no_search_for_its_makespan() -> None:
    """The least latency is the least makespan, and polynomial."""
    plan = solve(generate("three-tier", model="alexnet"), objective="makespan")
    assert plan.solver == "min-cut"
    assert plan.status == "optimal"
    assert "where makespan is the same as latency" in str(plan.reason)


def test_streams_need_a_heuristic_and_tasks_without_rates_do_not() -> None:
    """With rates nodes are queues; without, the mean latency is `latency`, unless quotas count."""
    calm = several_tasks()
    objective = objective_for(calm, "mean-latency")
    assert as_latency(calm, objective) == Objective("latency")
    nodes = (changed(calm.nodes[0], quota=0), *calm.nodes[1:])
    guarded = Instance(
        name="guarded",
        tiers=calm.tiers,
        nodes=nodes,
        links=calm.links,
        models=calm.models,
        tasks=calm.tasks,
    )
    assert as_latency(guarded, objective) is None
    plan = solve(calm, objective="mean-latency")
    exact = solve(calm, "brute-force", objective="mean-latency")
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(exact.value, rel=1e-9)
    few = several_tasks(rates=True)  # 3^6 placements: tried one by one
    tried = solve(few, objective="mean-latency")
    assert tried.status == "optimal"
    assert tried.value == solve(few, "brute-force", objective="mean-latency").value
    busy = solve(generate("fog", users=10, seed=1), objective="mean-latency", time_limit_s=20)
    assert busy.solver == "dina"
    assert "as nothing exact is known here for mean-latency" in str(busy.reason)


def test_memory_hands_over_to_the_exact_solver() -> None:
    """The cut's plan does not fit: said, and `ilp` proves what does."""
    plan = solve(case("memory-1")[0], objective="latency")
    assert plan.solver == "ilp"
    assert plan.status == "optimal"
    assert "found no plan" in str(plan.reason) or "does not apply" in str(plan.reason)


def fake_solvers(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Replace some solvers; a value is called with the request and gives the answer."""

    def loaded(info: SolverInfo) -> Solver:
        fake: Solver | None = answers.get(info.name)
        return fake or load_solver(info)

    monkeypatch.setattr(auto, "load_solver", loaded)


def everything_on(instance: Instance, node: int) -> Decision:
    """All layers on one node."""
    return placed(*([node] * len(instance.model_of(task).layers) for task in instance.tasks))


def test_an_exact_solver_out_of_time_leaves_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found, but a bound: the heuristic's plan gets it, and the reason tells of both."""
    instance = case("line-1")[0]
    least = optimum("line-1", "period, once")
    half = Answer(None, least / 2, stopped_by="time limit", reason="no placement in time")
    fake_solvers(monkeypatch, ilp=lambda request: half)
    plan = solve(instance, objective="period", time_limit_s=60)
    assert plan.solver == "evolution"
    assert plan.value == pytest.approx(least, rel=1e-9)
    # on so few layers evolution enumerates, and its bound is the better one
    assert plan.lower_bound == pytest.approx(least, rel=1e-9)
    missed = "it found neither a plan nor a proof in time"
    assert f"ilp, asked first, is exact, but {missed}" in str(plan.reason)


@pytest.mark.parametrize(("stopped_by", "when"), [("finished", ""), ("time limit", " in time")])
def test_time_is_blamed_only_where_it_was_over(
    stopped_by: StoppedBy, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`replicas` also ends after its tries, without a proof, and is no exact solver."""
    answer = Answer(None, 0.1, stopped_by=stopped_by, reason="nothing was found")
    fake_solvers(monkeypatch, replicas=lambda _: answer)
    plan = solve(case("throughput-1")[0], objective="throughput")
    assert (plan.status, plan.stopped_by) == ("unknown", stopped_by)
    said = f"a heuristic with a bound, but it found neither a plan nor a proof{when}"
    assert plan.reason == f"auto chose replicas: {said}; nothing was found"


def test_what_a_solver_missed_is_said_of_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a count proves afterwards that there is no plan, no optimum was there to be proven."""
    instance = case("line-1")[0]
    full = changed(instance, nodes=tuple(changed(own, memory_bytes=0) for own in instance.nodes))
    late = Answer(None, stopped_by="time limit")
    fake_solvers(monkeypatch, pipeline=lambda _: late, ilp=lambda _: late, evolution=lambda _: late)
    plan = solve(full, objective="period", time_limit_s=60)
    assert plan.status == "infeasible" and "bytes are missing" in str(plan.reason)
    assert "ilp: exact, but it found neither a plan nor a proof in time" in str(plan.reason)


def test_the_better_of_both_plans_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heuristic starts from the exact solver's plan and time share; what is no better loses."""
    instance = case("line-1")[0]
    best = solve(instance, "brute-force", objective="period")
    assert best.value is not None
    limits: list[float | None] = []

    def exact(request: Request) -> Answer:
        limits.append(request.time_limit_s)
        nodes = instance.node_index
        placement = best.placement(instance.tasks[0].name)
        layers = instance.models[0].layers
        decision = placed([nodes[placement[layer.name]] for layer in layers])
        return Answer(decision, best.value / 2, stopped_by="time limit")  # type: ignore[operator]

    def heuristic(request: Request) -> Answer:
        limits.append(request.time_limit_s)
        assert request.start is not None
        return Answer(request.start, best.value / 4)  # type: ignore[operator]

    fake_solvers(monkeypatch, ilp=exact, evolution=heuristic)
    plan = solve(instance, objective="period", time_limit_s=40)
    assert limits == [30.0, 40]  # 75 % for the exact one, then all of the rest
    assert (plan.solver, plan.value, plan.stopped_by) == ("ilp", best.value, "time limit")
    assert plan.lower_bound == best.value / 2
    assert "evolution, asked next, found none better" in str(plan.reason)


@pytest.mark.parametrize("limit_s", [None, 7.0])
def test_a_heuristic_alone_has_all_the_time(
    monkeypatch: pytest.MonkeyPatch, limit_s: float | None
) -> None:
    """Where nothing exact applies the whole limit is the heuristic's; none stays none."""
    instance = generate("fog", users=10, seed=1)

    def heuristic(request: Request) -> Answer:
        assert request.time_limit_s == limit_s
        return Answer(None, reason="tried")

    fake_solvers(monkeypatch, dina=heuristic, evolution=heuristic)
    plan = solve(instance, objective="mean-latency", time_limit_s=limit_s)
    assert plan.status == "unknown"


@pytest.mark.parametrize("first", [True, False])
def test_an_interrupt_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """Ctrl-C in the exact solver or in the heuristic after it ends with the best plan offered."""
    instance = case("line-1")[0]
    decision = everything_on(instance, instance.node_index[instance.tasks[0].source or ""])

    def exact(request: Request) -> Answer:
        request.offer(decision)
        if first:
            raise KeyboardInterrupt
        return Answer(decision, 0.0, stopped_by="time limit")

    def heuristic(request: Request) -> Answer:
        assert not first, "asked after an interrupt"
        raise KeyboardInterrupt

    fake_solvers(monkeypatch, ilp=exact, evolution=heuristic)
    plan = solve(instance, objective="period")
    assert plan.stopped_by == "interrupted"
    assert plan.value is not None
    check_plan(instance, plan)


def test_a_start_is_never_lost() -> None:
    """From the optimum on, whichever solver is asked."""
    instance = case("mesh-4")[0]
    best = solve(instance, "brute-force", objective="period")
    again = solve(instance, objective="period", start=best)
    assert again.value is not None
    assert best.value is not None
    assert again.value <= best.value


def test_says_why_nothing_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reason is in the plan that says so: a status, not an exception."""

    def decline(request: Request) -> Answer:
        raise SolverDeclined("some", "it is Sunday")

    fake_solvers(monkeypatch, ilp=decline, evolution=decline)
    plan = solve(case("line-1")[0], objective="period")
    assert plan.status == "unknown"
    assert "ilp does not apply: it is Sunday; evolution does" in str(plan.reason)


def test_placements_are_not_the_last_word_for_many_tasks() -> None:
    """Without rates the best placements are proven; slices still beat them, and `auto` says so."""
    drawn = generate(
        "fog", users=3, seed=2, radio="parallel", bandwidth_scale=3.0, share_devices=True
    )
    tasks = tuple(changed(task, arrivals_per_s=None) for task in drawn.tasks)
    instance = changed(drawn, tasks=tasks)
    plan = solve(instance)
    assert plan.solver == "dina"
    assert "with slices it beats the placements" in (plan.reason or "")
    assert plan.value is not None
    best = solve(instance, "evolution", time_limit_s=5)
    assert best.value is not None
    assert plan.value < best.value


def test_a_bound_keeps_to_the_plans_it_was_proven_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exact solver out of time bounds placements; `dina`, asked next, beats that with slices.

    Told as a bound over all plans, as `dina`'s own would be, the claim would be refuted.
    """
    drawn = generate(
        "fog", users=3, seed=2, radio="parallel", bandwidth_scale=3.0, share_devices=True
    )
    tasks = tuple(changed(task, arrivals_per_s=None) for task in drawn.tasks)
    instance = changed(drawn, tasks=tasks)
    best = solve(instance, "ilp", objective="latency")  # without rates it is the mean latency
    assert best.status == "optimal"

    def decline(request: Request) -> Answer:
        raise SolverDeclined("some", "it is Sunday")

    late = Answer(None, best.lower_bound, stopped_by="time limit")
    fake_solvers(
        monkeypatch, **{"min-cut": decline, "chain-dp": decline, "ilp": lambda request: late}
    )
    plan = solve(instance)
    check_plan(instance, plan)
    assert plan.solver == "dina"
    assert plan.value is not None
    assert plan.value < (best.lower_bound or 0.0)
    assert plan.lower_bound is not None
    assert plan.lower_bound <= plan.value


def test_a_later_step_that_fails_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact solver's plan stands, and the reason names who failed; alone, the failure shows."""
    instance = case("line-1")[0]
    decision = everything_on(instance, instance.node_index[instance.tasks[0].source or ""])

    def exact(request: Request) -> Answer:
        return Answer(decision, 0.0, stopped_by="time limit")

    def ill(request: Request) -> Answer:
        raise RuntimeError("numbers ran out")

    fake_solvers(monkeypatch, ilp=exact, evolution=ill)
    with pytest.raises(RuntimeError):
        solve(instance, objective="period")
    monkeypatch.delenv("SPLITFOG_STRICT")
    plan = solve(instance, objective="period")
    assert plan.value is not None
    assert "evolution failed (RuntimeError: numbers ran out)" in str(plan.reason)
    fake_solvers(monkeypatch, ilp=ill, evolution=ill)
    with pytest.raises(RuntimeError, match="numbers ran out"):
        solve(instance, objective="period")


def two_boxes(rows: int = 4) -> Instance:
    """A layer of 2 s that two boxes may share, behind a camera that takes a day for it."""
    shape = (1, rows, 1)
    node = {"camera": "device", "box0": "edge", "box1": "edge"}
    return Instance(
        name="two-boxes",
        tiers=("device", "edge"),
        nodes=tuple(
            Node(name=name, tier=tier, speed_flops=1e5 if tier == "device" else 1e9)
            for name, tier in node.items()
        ),
        links=tuple(
            Link(tail=tail, head="box0", bandwidth_bps=8e15) for tail in ("camera", "box1")
        ),
        models=(
            Model(
                name="net",
                layers=(
                    Layer(name="in", op="input", output_bytes=8e6, output_shape=shape),
                    Layer(
                        name="relu",
                        op="activation",
                        inputs=("in",),
                        flops=2e9,
                        output_bytes=8e6,
                        output_shape=shape,
                    ),
                ),
            ),
        ),
        tasks=(Task(name="task", model="net", source="camera"),),
    )


def test_slices_that_beat_the_best_placement_are_taken() -> None:
    """Whole at a box 2 s, cut in two 1 s (and 40 ns of transfers); the reason tells of both."""
    instance = two_boxes()
    whole = solve(instance, "chain-dp")
    assert (whole.status, whole.proven_over) == ("optimal", "placements")
    assert whole.value == pytest.approx(2.0, rel=1e-6)
    plan = solve(instance)
    check_plan(instance, plan)
    assert plan.value == pytest.approx(1.0, rel=1e-6)
    assert (plan.solver, plan.status, plan.proven_over) == ("vsm", "feasible", "all")
    assert plan.lower_bound == pytest.approx(1.0, rel=1e-4)  # the camera may help a little
    assert "with slices it beats the placements of chain-dp (2 s, optimal over placements)" in str(
        plan.reason
    )


def test_two_fog_boxes_for_resnet_50() -> None:
    """What `auto` once called optimal, d3 beats; now `auto` has a plan as good as d3's."""
    instance = generate("three-tier", model="resnet-50", edge_nodes=2)
    d3 = solve(instance, "d3")
    plan = solve(instance)
    check_plan(instance, plan)
    assert plan.value is not None
    assert d3.value is not None
    assert plan.value <= d3.value * (1 + 1e-9)
    placed_s = float(str(plan.reason).split("placements of ilp (")[1].split(" s, optimal over")[0])
    assert placed_s > 1.03 * plan.value


def test_where_slicing_takes_long_it_is_named_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """By size, 2 layers x 3 nodes x 4 rows: the same on every machine."""
    instance = two_boxes()
    assert auto.slicing_size(instance) == 24
    monkeypatch.setattr(auto, "MOST_SLICED", 24)
    assert solve(instance).solver == "vsm"
    monkeypatch.setattr(auto, "MOST_SLICED", 23)
    plan = solve(instance)
    assert (plan.solver, plan.status, plan.proven_over) == ("chain-dp", "optimal", "placements")
    assert "vsm and d3, which look for slices, are asked by name only (24 " in str(plan.reason)
    assert "optimal over placements" in str(plan.reason)


def test_a_proof_is_not_given_up_for_less_than_it_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 4,000,000 rows sliced off saves 2.5e-7 of 2 s, and optimal means within 1e-6."""
    rows = 4_000_000
    instance = two_boxes(rows)

    def vsm(request: Request) -> Answer:
        cuts = (Slice(1, (0, rows - 1), (0, 1)), Slice(2, (rows - 1, rows), (0, 1)))
        task = TaskDecision(np.array([0, 1]), stages=(Stage((1,), 1, cuts),))
        sliced = Decision((task,))
        assert request.value_of(sliced) < request.incumbent_value
        return Answer(sliced)

    fake_solvers(monkeypatch, vsm=vsm, d3=lambda request: Answer(None))
    monkeypatch.setattr(auto, "MOST_SLICED", 10**9)
    plan = solve(instance)
    assert (plan.solver, plan.status, plan.proven_over) == ("chain-dp", "optimal", "placements")
    assert "vsm and d3, asked for slices, found none better" in str(plan.reason)


def test_a_slicer_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The placement and its proof stand."""

    def ill(request: Request) -> Answer:
        raise RuntimeError("numbers ran out")

    fake_solvers(monkeypatch, vsm=ill, d3=ill)
    monkeypatch.delenv("SPLITFOG_STRICT")
    plan = solve(two_boxes())
    assert (plan.solver, plan.status) == ("chain-dp", "optimal")
    assert "d3 failed (RuntimeError: numbers ran out)" in str(plan.reason)


def test_a_best_placement_is_optimal_without_reservation_where_no_slices_help() -> None:
    """Nodes that are 1 s away each way are no help within the 0.5 s that a quick box takes."""
    instance = two_boxes()
    nodes = [instance.nodes[0], changed(instance.nodes[1], speed_flops=4e9), instance.nodes[2]]
    links = [changed(link, latency_s=1.0) for link in instance.links]
    instance = changed(instance, links=tuple(links), nodes=tuple(nodes))
    plan = solve(instance)
    check_plan(instance, plan)
    assert (plan.status, plan.proven_over) == ("optimal", "all")
    assert plan.value == pytest.approx(1.5, rel=1e-6)
    assert "slices" not in str(plan.reason)
