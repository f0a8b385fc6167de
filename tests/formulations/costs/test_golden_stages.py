"""Every number of the golden sliced plans, by the reference and by all that must equal it."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import numpy as np
import pytest

from splitfog import OffloadBatchCost, evaluate, simulate, subtasks, terms, violations
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.values import values_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.golden import STAGES, case, number

MEAN = Objective("mean-latency")
CASES = [(name, plan) for name in STAGES for plan in range(len(case(name)[1]["plans"]))]
each_plan = pytest.mark.parametrize(("name", "position"), CASES)


def given(name: str, position: int) -> tuple[Instance, PlanFile, dict[str, Any]]:
    """An instance, one of its plans, and what the file says of it."""
    instance, data = case(name)
    listed = data["plans"][position]
    known = {"format": "splitfog/plan", "version": 1, "objective": {"name": "mean-latency"}}
    return instance, msgspec.convert({**known, "tasks": listed["tasks"]}, PlanFile), listed


@each_plan
def test_the_reference(name: str, position: int) -> None:
    """Value, every task's sums, utilisation, loads of links, and whether a rule is broken."""
    instance, plan, listed = given(name, position)
    cost = evaluate(instance, plan)
    assert cost == pytest.approx(number(listed["mean-latency"]), rel=1e-9)
    for task, own in zip(instance.tasks, cost.tasks, strict=True):
        for figure, right in listed["per_task"][task.name].items():
            assert getattr(own, figure) == pytest.approx(number(right), rel=1e-9)
    assert cost.utilisation == pytest.approx(list(listed["utilisation"].values()), rel=1e-9)
    nodes = instance.node_index
    load = {(nodes[own["from"]], nodes[own["to"]]): own["load"] for own in listed["link_load"]}
    right = [load.get((link.tail, link.head), 0.0) for link in instance.directed_links]
    assert cost.ledger.link_load == pytest.approx(right, rel=1e-9, abs=1e-15)
    assert bool(violations(instance, plan)) == listed["violates"]


@each_plan
def test_what_must_equal_it(name: str, position: int) -> None:
    """An assignment, the loads of DINA and the states of a game have the same value; the potential
    counts own hops; a task's terms add up to its latency."""
    instance, plan, listed = given(name, position)
    given_subtasks = subtasks(instance, plan)
    places = given_subtasks.assignment()
    right = number(listed["mean-latency"])
    cost = Assignments(given_subtasks).cost(places)
    assert cost.value == pytest.approx(right, rel=1e-9)
    assert Loads.of(instance, MEAN, decision_of(instance, plan)).value()[1] == pytest.approx(right)
    if right == inf:
        return
    assert cost.potential == pytest.approx(listed["potential"], rel=1e-9)
    game = ExchangeGame(given_subtasks)
    assert game.state(places).potential == pytest.approx(listed["potential"], rel=1e-9)
    for task in instance.tasks:
        seconds = [term.seconds or 0.0 for term in terms(instance, plan) if term.task == task.name]
        latency_s = listed["per_task"][task.name]["latency_s"]
        assert sum(seconds) == pytest.approx(latency_s, rel=1e-9)
    if not listed["violates"]:
        states = values_of(game, places[None].astype(np.int64))
        assert states.value[0] == pytest.approx(right, rel=1e-9)
        assert states.potential[0] == pytest.approx(listed["potential"], rel=1e-9)


@pytest.mark.parametrize(("name", "position"), [pair for pair in CASES if pair[1] < 2])
def test_a_batch(name: str, position: int) -> None:
    """A batch of one has the value; a few plans, as each compiles anew."""
    instance, plan, listed = given(name, position)
    of_plan = subtasks(instance, plan)
    value = OffloadBatchCost(of_plan, chunk=1)(of_plan.assignment()[None])[0]
    assert value == pytest.approx(number(listed["mean-latency"]), rel=1e-9)


def test_a_link_carries_one_tensor_of_a_stage_at_a_time() -> None:
    """`stage-3`, first plan, simulated with requests so rare that none waits.

    In: d-r until .1 and .2, at f0 at .15, at f1 at .25. Served until .25 and .45; back over d-r
    f0's is home at .25 + .025 + .05 = .325 and f1's at .525, where the closed form has .575; then
    c2 and fc, .65 s: 1.175 s.
    """
    instance, plan, _ = given("stage-3", 0)
    rare = changed(
        instance, tasks=tuple(changed(task, arrivals_per_s=1e-6) for task in instance.tasks)
    )
    found = simulate(rare, describe(rare, decision_of(rare, plan), MEAN), requests=100)
    assert found.overall.mean is not None
    assert found.overall.mean.value_s == pytest.approx(1.175, rel=1e-5)
    assert found.overall.formula_s == pytest.approx(0.575 + 0.65, rel=1e-5)
