"""A plan is checked once, and a verdict never holds for another plan than the one checked."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from functools import partial
from operator import setitem
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.ledger import Cost
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers import verdicts as verdicts_module
from splitfog.solvers.base import Answer, Request, WrongAnswer
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.solve import finished_plan
from splitfog.solvers.verdicts import MOST, Verdicts

LATENCY = Objective("latency")
CLAIMS = (
    "solver",
    "seed",
    "stopped_by",
    "status",
    "lower_bound",
    "gap",
    "proven_over",
    "runtime_s",
    "progress",
    "audit",
)


def _pair() -> Instance:
    """Input, then a layer of 1 s on the device, 0.5 s on the edge, whither 1 bit takes 1 s."""
    layers = (
        Layer(name="in", op="input", output_bytes=1 / 8),
        Layer(name="a", op="other", inputs=("in",), flops=1.0, output_bytes=0.0),
    )
    return Instance(
        name="pair",
        tiers=("device", "edge"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1.0),
            Node(name="box", tier="edge", speed_flops=2.0),
        ),
        links=(Link(tail="pi", head="box", bandwidth_bps=1.0),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="pi"),),
    )


def _counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the reference was asked, from now on, by name and by what the placements hold."""
    asked: Counter[str] = Counter()

    def counting(name: str) -> Any:
        function = getattr(verdicts_module, name)

        def counted(instance: Instance, decision: Decision, objective: Objective) -> Any:
            asked[f"{name} {[task.placement.tolist() for task in decision.tasks]}"] += 1
            return function(instance, decision, objective)

        return counted

    for name in ("decision_cost", "decision_violations"):
        monkeypatch.setattr(verdicts_module, name, counting(name))
    return asked


@pytest.mark.parametrize("solver", ["hpa", "greedy", "device-only", "cloud-only"])
def test_no_decision_is_checked_twice(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's own checks, its offers and the door ask the reference once a decision."""
    asked = _counted(monkeypatch)
    plan = sf.solve(sf.generate("fog", users=3, seed=1), solver, "latency")
    assert plan.status in ("feasible", "optimal")
    assert set(asked.values()) == {1}


def test_auto_believes_whom_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the solver that it chose has checked is not checked again by `auto`."""
    asked = _counted(monkeypatch)
    instance = sf.generate("fog", users=3, seed=1)
    assert sf.solve(instance, "auto", "mean-latency", time_limit_s=20).solver == "dina"
    assert set(asked.values()) == {1}


def test_a_plan_changed_after_its_check_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input moved from its source to the box, in the very array that was found feasible."""
    monkeypatch.setenv("SPLITFOG_STRICT", "1")
    request = Request(_pair(), LATENCY)
    array = np.array([0, 0])
    decision = Decision((TaskDecision(array),))
    assert request.value_of(decision) == 1.0
    assert request.faults_of(decision) == ()
    array[:] = 1
    assert request.value_of(decision) == 0.5
    with pytest.raises(WrongAnswer, match="must be at the source pi"):
        finished_plan(request, "hpa", Answer(decision))


def test_a_cheaper_answer_than_the_one_offered_is_costed_by_itself() -> None:
    """1 s at home; over the link 1 s and 0.5 s: no value passes from one plan to the other."""
    request = Request(_pair(), LATENCY)
    home, away = placed([0, 0]), placed([0, 1])
    assert request.offer(away)
    assert request.incumbent_value == 1.5
    plan = finished_plan(request, "hpa", Answer(home))
    assert (plan.value, plan.tasks[0].placement) == (1.0, {"in": "pi", "a": "pi"})


def test_what_differs_in_anything_is_another_plan() -> None:
    """Placement, its type, order, stages and queues: seven decisions, seven checks."""
    stage = Stage((1,), 0, (Slice(0, (0, 1), (0, 1)),))
    own = TaskDecision(np.array([0, 1]))
    answers = [
        own,
        TaskDecision(np.array([0, 0])),
        TaskDecision(np.array([0, 0, 1, 0], np.int32)),  # the bytes of [0, 1] as int64
        changed(own, order=(0, 1)),
        changed(own, stages=(stage,)),
    ]
    decisions = [Decision((answer,)) for answer in answers]
    decisions += [Decision((own, own)), Decision((own,), queues=((), ()))]
    assert len({verdicts_module._content(decision) for decision in decisions}) == 7


def test_as_many_verdicts_as_said_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan asked for again and again stays; of the others the one longest not asked for goes."""
    chain = tuple(
        Layer(name=f"l{i}", op="other", inputs=(f"l{i - 1}",), flops=1.0, output_bytes=0.0)
        if i
        else Layer(name="l0", op="input", output_bytes=0.0)
        for i in range(8)
    )
    instance = changed(_pair(), models=(Model(name="m", layers=chain),))
    decisions = [placed([0, *map(int, f"{number:07b}")]) for number in range(MOST + 2)]
    verdicts, asked = Verdicts(instance, LATENCY), _counted(monkeypatch)
    for decision in decisions:
        verdicts.cost(decisions[0])
        verdicts.cost(decision)
    assert set(asked.values()) == {1}
    assert len(verdicts._costs) == MOST
    verdicts.cost(decisions[1])
    assert sorted(asked.values())[-2:] == [1, 2]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=60))
def test_verdicts_are_the_reference(asked: list[tuple[int, int]]) -> None:
    """Whatever is asked in whatever order, each answer is that of a fresh computation."""
    instance = _pair()
    verdicts = Verdicts(instance, LATENCY)
    for pair in asked:
        decision = placed(pair)
        assert verdicts.cost(decision) == decision_cost(instance, decision, LATENCY)
        faults = tuple(decision_violations(instance, decision, LATENCY))
        assert verdicts.faults(decision) == faults


def _attempts(cost: Cost) -> list[Callable[[], Any]]:
    """Every way to write into a cost that a solver is shown."""
    records: list[Any] = [cost.tasks[0], cost.ledger]
    records += [] if cost.schedule is None else [cost.schedule]
    attempts: list[Callable[[], Any]] = [
        partial(setattr, record, each.name, 0.0) for record in records for each in fields(record)
    ]
    attempts += [partial(setattr, cost, name, None) for name in Cost.__slots__]
    attempts += [partial(setattr, cost, "other", 0.0)]
    holders: list[Any] = [getattr(cost.ledger, each.name) for each in fields(cost.ledger)]
    holders += [cost.tasks, cost.utilisation]
    holders += [] if cost.schedule is None else [cost.schedule.layers, cost.schedule.transfers]
    return attempts + [partial(setitem, holder, 0, 0.0) for holder in holders if holder is not None]


@pytest.mark.parametrize("objective", ["latency", "makespan", "mean-latency", "batch"])
def test_a_solver_cannot_write_into_what_it_is_shown(objective: str) -> None:
    """A solver is shown the cost of its plan and writes into every part of it, then answers the
    plan. Each write is refused, and every number of the plan is that of a fresh computation."""
    instance = changed(_pair(), tasks=(Task(name="t", model="m", source="pi", arrivals_per_s=0.1),))
    refused = []

    def forger(request: Request) -> Answer:
        decision = placed([0, 1])
        assert request.offer(decision)
        for attempt in _attempts(request.verdicts.cost(decision)):
            try:
                attempt()
            except (AttributeError, TypeError):
                refused.append(attempt)
            else:
                pytest.fail(f"{attempt} was not refused")
        with pytest.raises(AttributeError):
            request.faults_of(decision).clear()  # type: ignore[attr-defined]
        return Answer(decision)

    info = SolverInfo(
        name="forger",
        summary="writes into what it is shown",
        kind="heuristic",
        objectives=(objective,),
        entry=forger,
    )
    plan = sf.solve(instance, info, objective)
    assert len(refused) > 12
    assert plan == changed(
        describe(instance, placed([0, 1]), Objective(objective)),  # type: ignore[arg-type]
        **{name: getattr(plan, name) for name in CLAIMS},
    )


def test_a_cost_is_copied_with_all_that_it_is_made_of() -> None:
    """Pickled and copied: the same number, the same parts."""
    cost = decision_cost(_pair(), placed([0, 1]), Objective("makespan"))
    for again in (pickle.loads(pickle.dumps(cost)), deepcopy(cost)):
        assert (again, again.tasks, again.ledger) == (cost, cost.tasks, cost.ledger)
        assert (again.utilisation, again.schedule) == (cost.utilisation, cost.schedule)
