"""Best responses: they end at a Nash plan, or say that they go round in a circle."""

from __future__ import annotations

from copy import copy
from math import inf

import pytest
from msgspec import UNSET

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.plan import decision_of
from splitfog.solvers.dina.best_response import respond
from splitfog.solvers.dina.partition import home_decision
from tests.cases.small_fog import restless, two_users_one_fog
from tests.cases.small_games import own_latencies

MEAN = Objective("mean-latency")


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """A wrong answer raises."""
    monkeypatch.setenv("SPLITFOG_STRICT", "1")


@pytest.mark.parametrize("seed", range(4))
def test_it_ends_at_a_nash_plan(seed):
    """No task has a feasible single cut that is better for itself; nobody regrets anything."""
    instance = sf.generate("fog", seed=seed, users=5, models="alexnet,nin", utilisation=0.8)
    plan = sf.solve(instance, solver="best-response")
    assert plan.stopped_by == "finished"
    assert "a Nash plan" in (plan.reason or "")
    decision = decision_of(instance, plan)
    latencies = [task.latency_s for task in decision_cost(instance, decision, MEAN).tasks]
    for position, latency in enumerate(latencies):
        best = min(own_latencies(instance, decision, position))
        assert best >= latency * (1 - 2e-9)
    assert plan.audit is not None
    assert plan.audit.regret_s is not UNSET
    assert set(plan.audit.regret_s.values()) == {0.0}


def test_every_response_is_the_best_of_all_cuts():
    """The first response of every task equals the least own latency by enumeration."""
    instance = sf.generate("fog", seed=1, users=3, models="alexnet", utilisation=0.6)
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    for position in range(len(instance.tasks)):
        before = loads.decision
        best = min(own_latencies(instance, before, position), default=inf)
        found = respond_alone(loads, position)
        assert found == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("near", [1, 2, 4])
def test_far_nodes_are_left_out_only_if_they_cannot_be_best(near, monkeypatch):
    """The best cut with few near nodes is that of all nodes, in value and place."""
    from splitfog.formulations.offloading import one_cut as module

    instance = sf.generate("fog", seed=4, users=6, fog_nodes=6, utilisation=0.9)
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    respond(loads, most_rounds=1)
    monkeypatch.setattr(module, "MOST_NEAR", near)
    loads = Loads.of(copy(instance), MEAN, loads.decision)  # a copy keeps no near nodes
    for position in range(len(instance.tasks)):
        own = loads.take(position)
        found = module.best_cut(loads, position)
        right = module.best_cut(loads, position, module.cut_latencies(loads, position))
        assert found is not None
        assert right is not None
        assert found.answer.placement.tolist() == right.answer.placement.tolist()
        loads.put(position, own)


def respond_alone(loads, position):
    """A task's latency after its best response."""
    from splitfog.solvers.dina.best_response import respond_once

    respond_once(loads, position)
    return loads.latency_s(position)


def test_a_game_without_end_is_noticed():
    """Two tasks whose responses repeat after three rounds: `cycle`, a feasible plan, and its
    regret, as it is no equilibrium."""
    instance = restless()
    plan = sf.solve(instance, solver="best-response")
    assert plan.stopped_by == "cycle"
    assert plan.status == "feasible"
    assert "no Nash plan" in (plan.reason or "")
    assert plan.audit is not None
    assert plan.audit.regret_s is not UNSET
    assert max(plan.audit.regret_s.values()) > 0


def test_rounds_are_limited():
    """With one round the same game stops at the limit."""
    plan = sf.solve(restless(), solver="best-response", options={"rounds": 1})
    assert plan.stopped_by == "iteration limit"


def test_a_single_player_finds_the_best_cut():
    """One user: the Nash plan is the optimum over cuts."""
    instance = sf.generate("fog", seed=2, users=1, fog_nodes=3, models="vgg-16")
    plan = sf.solve(instance, solver="best-response", objective="mean-latency")
    home = home_decision(instance, MEAN)
    assert plan.value == pytest.approx(min(own_latencies(instance, home, 0)), rel=1e-9)


def test_two_users_share_a_node_as_long_as_both_gain():
    """Rate .2/s: the fog node serves both in 0.1 s and waits are milliseconds; both offload."""
    plan = sf.solve(two_users_one_fog(rate=0.2), solver="best-response")
    assert plan.placement("task0")["all"] == "fog"
    assert plan.placement("task1")["all"] == "fog"


def test_an_interrupt_keeps_a_whole_plan(monkeypatch):
    """Ctrl-C in the midst of a response: the last plan in which every task had an answer."""
    from splitfog.formulations.offloading import one_cut
    from splitfog.solvers.dina import best_response

    instance = sf.generate("fog", seed=0, users=4)
    calls = [0]
    original = one_cut.best_cut

    def interrupted(loads, task):
        calls[0] += 1
        if calls[0] == 6:
            raise KeyboardInterrupt
        return original(loads, task)

    monkeypatch.setattr(best_response, "best_cut", interrupted)
    plan = sf.solve(instance, solver="best-response")
    assert plan.stopped_by == "interrupted"
    assert plan.status == "feasible"


def test_responses_change_nothing_at_an_equilibrium():
    """From its own Nash plan one round suffices, and nobody moves."""
    instance = sf.generate("fog", seed=3, users=5)
    start = decision_of(instance, sf.solve(instance, solver="best-response"))
    found = respond(Loads.of(instance, MEAN, start))
    assert (found.changes, found.rounds, found.stopped_by) == (0, 1, "finished")
