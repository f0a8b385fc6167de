"""The door's doubts: what becomes of a proof beside a better plan, and what it is a proof over."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import splitfog as sf
from splitfog.formulations.bounds.choice import is_only_placement, slices_matter
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile, PlanSlice, PlanStage, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, WrongAnswer
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.exact.brute_force import num_placements
from splitfog.solvers.registry import load_solver, solver_info
from splitfog.solvers.second_opinion import SHARE, WORK, asked
from splitfog.solvers.solve import finished_plan
from tests.cases import field
from tests.cases.golden import case
from tests.cases.strategies import instances
from tests.checks import check_plan

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")

# tiny.json (test_cli.py derives them): all on the device 0.11 s, only fc on the server 0.1015 s,
# both there 0.012 s, which is the optimum.
DEVICE, SERVER = placed([0, 0, 0]), placed([0, 1, 1])

Solver = Callable[[Request], Answer]


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Solver], None]:
    """Put a function in the place of `ilp`; cheap solvers stay as they are."""

    def put(function: Solver) -> None:
        def load(info: SolverInfo) -> Solver:
            return function if info.name == "ilp" else load_solver(info)

        monkeypatch.setattr("splitfog.solvers.solve.load_solver", load)

    return put


def solved_leniently(monkeypatch: pytest.MonkeyPatch, **how: Any) -> sf.Plan:
    """What a user gets, who does not set SPLITFOG_STRICT."""
    monkeypatch.delenv("SPLITFOG_STRICT")
    return sf.solve(TINY, "ilp", **how)


@pytest.mark.parametrize("objective", ["latency", "period"])
def test_a_cheap_plan_refutes_a_false_optimum(
    lying: Any, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    """The plan on the device called optimal: greedy has the one on the server."""
    lying(lambda request: Answer(DEVICE, request.value_of(DEVICE)))
    with pytest.raises(WrongAnswer, match="ilp claimed the lower bound"):
        sf.solve(TINY, "ilp", objective=objective)
    plan = solved_leniently(monkeypatch, objective=objective)
    assert plan.value == float(sf.evaluate(TINY, {"cam": SERVER_PLACES}, objective))
    assert plan.lower_bound is None or plan.lower_bound <= plan.value
    assert "its bound is corrected" in (plan.reason or "")
    check_plan(TINY, plan)


SERVER_PLACES = {"input": "pi", "conv": "server", "fc": "server"}


def test_a_plan_offered_on_the_way_refutes_too(lying: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's own incumbent is below its bound."""

    def forgetful(request: Request) -> Answer:
        request.offer(SERVER)
        return Answer(DEVICE, 0.05)

    lying(forgetful)
    with pytest.raises(WrongAnswer):
        sf.solve(TINY, "ilp")
    plan = solved_leniently(monkeypatch)
    assert plan.value == pytest.approx(0.012)
    assert plan.lower_bound is not None  # the least cut, from another origin
    assert plan.status == "optimal"


def test_infeasible_is_refuted_by_any_plan(lying: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is claimed any more, and the plan is there."""
    lying(lambda request: Answer(None, infeasible=True, reason="I looked everywhere"))
    with pytest.raises(WrongAnswer, match="claimed that there is no plan"):
        sf.solve(TINY, "ilp")
    plan = solved_leniently(monkeypatch)
    assert plan.value == pytest.approx(0.012)
    assert "claimed that there is no plan" in (plan.reason or "")


def test_an_infeasible_decision_is_an_error(lying: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a wrong plan: fc back on the device breaks `monotone`."""
    lying(lambda request: Answer(placed([0, 1, 0]), 0.0))
    with pytest.raises(WrongAnswer, match="monotone"):
        sf.solve(TINY, "ilp")
    plan = solved_leniently(monkeypatch)
    assert (plan.status, plan.value, plan.tasks) == ("error", None, ())


def test_opinions_take_a_small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stated, so that the choice is the same on every machine; under STRICT all are asked."""
    everybody = {pair: list(asked(*pair)) for pair in WORK}
    monkeypatch.delenv("SPLITFOG_STRICT")
    assert SHARE == 0.05
    assert list(asked("ilp", "latency")) == ["min-cut", "greedy"]
    assert list(asked("ilp", "period")) == ["greedy"]
    assert list(asked("min-cut", "latency")) == []
    assert all(set(asked(*pair)) <= set(names) for pair, names in everybody.items())


def test_no_placement_is_no_proof_where_slices_may_help() -> None:
    """A layer pinned to the edge, its reader to the device: against `monotone`, but a stage whose
    home is the device computes it there (slices come back home)."""
    instance = field.instance("batch-auto-exits-2")
    for solver in ("ilp", "chain-dp", "brute-force"):
        plan = sf.solve(instance, solver, objective="latency")
        assert plan.status == "unknown"
        assert "slices" in (plan.reason or "")
    sliced = _with_stage(instance, layers=["a"], home="u", node="f")
    assert sf.violations(instance, sliced) == []


def _with_stage(instance: Instance, layers: list[str], home: str, node: str) -> PlanFile:
    stage = PlanStage(tuple(layers), home, (PlanSlice(node, (0, 4), (0, 4)),))
    places = {layer.name: home for layer in instance.models[0].layers}
    entry = TaskEntry(task=instance.tasks[0].name, placement=places, stages=(stage,))
    return PlanFile(objective=Objective("latency"), tasks=(entry,))


def test_auto_asks_those_who_slice_where_there_is_no_placement() -> None:
    """It finds a plan, or says that they found none."""
    instance = field.instance("batch-auto-exits-2")
    plan = sf.solve(instance, objective="latency")
    assert plan.value is not None or "found no plan with slices" in (plan.reason or "")
    check_plan(instance, plan)


def test_batch_without_an_assignment_is_a_status() -> None:
    """`auto` does not refuse an objective that the instance allows."""
    plan = sf.solve(field.instance("batch-auto-exits-2"), objective="batch")
    assert plan.status == "unknown"
    assert "no assignment respects" in (plan.reason or "")


@settings(max_examples=60)
@given(instances(num_nodes=3, num_layers=4))
def test_one_placement_is_optimal_for_everybody(instance: Instance) -> None:
    """Every layer pinned to where a feasible plan has it: there is nothing to choose."""
    plan = sf.solve(instance, "brute-force")
    if plan.value is None:
        return
    places = plan.placement(instance.tasks[0].name)
    pinned = changed(
        instance,
        models=tuple(
            changed(model, layers=tuple(_pinned(layer, places) for layer in model.layers))
            for model in instance.models
        ),
    )
    if not is_only_placement(pinned, Objective("latency"), decision_of(pinned, plan)):
        return  # a node bears its tier's name, and so others of the tier are allowed
    for solver in ("greedy", "hpa", "evolution", "random", "auto"):
        again = sf.solve(pinned, solver)
        assert again.status == "optimal"
        assert again.value == pytest.approx(plan.value, rel=1e-12)


def _pinned(layer: sf.Layer, places: dict[str, str]) -> sf.Layer:
    return layer if layer.op == "input" else changed(layer, tiers=(places[layer.name],))


@settings(max_examples=150)
@given(instances(num_nodes=3, num_layers=4))
def test_the_only_placement_has_no_rival(instance: Instance) -> None:
    """Where it is said to be the only one, enumeration finds no other feasible one."""
    objective = Objective("latency")
    if num_placements(instance) > 300:
        return
    feasible = [
        decision
        for places in product(range(3), repeat=len(instance.models[0].layers))
        if not decision_violations(instance, decision := placed(places), objective)
    ]
    for decision in feasible:
        if is_only_placement(instance, objective, decision):
            assert len(feasible) == 1


def test_a_proof_over_placements_says_so() -> None:
    """Where slices may be cheaper; where no layer can be sliced it is a proof over all plans."""
    sliceable = sf.generate("three-tier", model="alexnet", edge_nodes=2)
    plan = sf.solve(sliceable, "ilp", time_limit_s=20)
    assert (plan.status, plan.proven_over) == ("optimal", "placements")
    assert slices_matter(sliceable, Objective("latency"))
    assert not slices_matter(sliceable, Objective("period"))
    chain = case("chain-1")[0]  # its layers have no shapes
    assert sf.solve(chain).proven_over == "all"
    assert sf.solve(chain, "device-only").proven_over in (None, "all")


def test_auto_answers_for_the_solver_that_it_chose() -> None:
    """Its proof is for the plans of that solver, whatever `auto` itself could return."""
    sliceable = sf.generate("three-tier", model="resnet-18")
    plan = sf.solve(sliceable, time_limit_s=20)
    assert solver_info(plan.solver or "").answers == "placements"
    assert plan.proven_over == "placements"


def test_infeasible_plans_have_no_bound() -> None:
    """Whoever says so."""
    instance = case("line-1")[0]
    small = changed(instance, nodes=tuple(changed(n, memory_bytes=0.0) for n in instance.nodes))
    for solver in ("min-cut", "ilp", "auto", "evolution"):
        plan = sf.solve(small, solver, time_limit_s=5)
        assert (plan.status, plan.lower_bound, plan.gap) == ("infeasible", None, None)


def test_utilisation_stands_under_every_objective() -> None:
    """rate x seconds: 10 a second of 0.011 s on the server is 0.11 (rho)."""
    rated = changed(TINY, tasks=(changed(TINY.tasks[0], arrivals_per_s=10.0),))
    for name in ("latency", "period", "makespan", "mean-latency", "batch"):
        objective = objective_for(rated, name)
        plan = sf.solve(rated, objective=objective)
        assert plan.nodes["server"].utilisation == pytest.approx(0.11)
        assert sf.solve(TINY, objective=objective).nodes["server"].utilisation is None
    given_plan = sf.solve(field.instance("utilisation-null"), objective="latency")
    assert all(load.utilisation is not None for load in given_plan.nodes.values())


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("strided-home-slices", "latency"),
        ("visits-split-at-home", "mean-latency"),
        ("batch-slices-at-home", "batch"),
    ],
)
def test_slices_at_home_alone_may_be_cheaper(name: str, objective: str) -> None:
    """One node: no proof over placements is one over all plans, for the given plan is cheaper."""
    instance, sliced = field.instance(name), field.plan(name)
    assert sf.violations(instance, sliced, objective) == []
    cheaper = float(sf.evaluate(instance, sliced, objective))
    for info in sf.solvers():
        if objective not in info.objectives:
            continue
        try:
            plan = sf.solve(instance, info.name, objective=objective, time_limit_s=5)
        except sf.SolverDeclined:
            continue
        if plan.lower_bound is not None and plan.proven_over == "all":
            assert plan.lower_bound <= cheaper * (1 + 1e-9), info.name


@pytest.mark.parametrize("objective", ["latency", "period", "mean-latency", "makespan"])
def test_nobody_misses_the_only_placement(objective: str) -> None:
    """All layers pinned away from the source: the one plan, optimal, whoever is asked; for
    `makespan` orders are left, so there it is a plan."""
    instance = field.instance("all-layers-pinned")
    truth = sf.solve(instance, "brute-force" if objective != "makespan" else "cp-sat", objective)
    for info in sf.solvers():
        if objective not in info.objectives:
            continue
        try:
            plan = sf.solve(instance, info.name, objective, time_limit_s=5)
        except sf.SolverDeclined:
            continue
        assert plan.value is not None, info.name
        check_plan(instance, plan)
        if objective != "makespan":
            assert plan.status == "optimal", info.name
            assert plan.value == pytest.approx(truth.value, rel=1e-12)


def test_a_queue_of_several_is_a_choice() -> None:
    """9 s before 1 s on the only node is one placement, but no proof: (9 + 10) / 2 > (1 + 10) / 2.

    Nor is it one for a user who interrupts what started from that queue.
    """
    node = sf.Node(name="n", tier="t", speed_flops=1.0)
    work = {"long": 9.0, "short": 1.0}
    models = [
        sf.Model(name=name, layers=(sf.Layer(name="a", op="other", output_bytes=0, flops=flops),))
        for name, flops in work.items()
    ]
    tasks = [sf.Task(name=name, model=name, source=None) for name in work]
    instance = Instance(
        name="queue",
        tiers=("t",),
        nodes=(node,),
        links=(),
        models=tuple(models),
        tasks=tuple(tasks),
    )
    decision = changed(placed([0], [0]), queues=(((0, None, None), (1, None, None)),))
    objective = Objective("batch")
    assert not is_only_placement(instance, objective, decision)
    request = Request(instance, objective)
    plan = finished_plan(request, "auto", Answer(decision, stopped_by="interrupted"))
    assert (plan.value, plan.status) == (9.5, "feasible")


def test_a_proof_over_placements_names_who_looks_further() -> None:
    """In the reason, whoever proves it; not where slices cannot matter."""
    sliceable = sf.generate("three-tier", model="resnet-18")
    reason = sf.solve(sliceable, "min-cut").reason or ""
    assert "optimal over placements: a plan with slices may be cheaper (vsm and d3 look" in reason
    assert "over placements" not in (sf.solve(sliceable, "ilp", "period").reason or "")
    assert sf.solve(TINY, "min-cut").reason is None


def test_who_fails_when_asked_for_an_opinion_is_named(
    lying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other solver that fails in a further step; the plan and its proof stand."""

    def ill(*_: Any) -> None:
        raise RuntimeError("numbers ran out")

    monkeypatch.setattr("splitfog.solvers.second_opinion.plan_of", ill)
    lying(lambda request: Answer(SERVER, request.value_of(SERVER)))
    with pytest.raises(RuntimeError):
        sf.solve(TINY, "ilp")
    plan = solved_leniently(monkeypatch)
    assert plan.status == "optimal"
    asked_first = next(asked("ilp", "latency"))
    said = f"asked for a second opinion, {asked_first} failed (RuntimeError: numbers ran out)"
    assert said in (plan.reason or "")


def test_the_only_placement_is_no_failure_of_the_cut() -> None:
    """Nothing but inputs fits at pi; the cut ignores that, and its excuse is not the reason."""
    slow = changed(
        TINY,
        nodes=(changed(TINY.nodes[0], memory_bytes=0.0), TINY.nodes[1]),
        links=(changed(TINY.links[0], bandwidth_bps=8e3),),  # 1 s for the input: the cut stays
    )
    plan = sf.solve(slow, "min-cut")
    assert (plan.status, plan.placement("cam")) == ("optimal", SERVER_PLACES)
    assert plan.reason == "there is one placement to choose from"
