"""Loads kept task by task cost what the reference says, whatever is taken and put back."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import cut_latencies, one_cut
from splitfog.instances.arrays import frozen
from splitfog.instances.records import changed
from tests.cases.golden import case
from tests.cases.random_offloading import random_offloading, without_rates


def problem(seed, **how):
    """A random instance, template and objective."""
    rng = np.random.default_rng(seed)
    instance, decision = random_offloading(rng, memory=seed % 2 == 0, utilisation=0.2, **how)
    if seed % 7 == 0:
        instance = without_rates(instance)
    objective = Objective(
        "mean-latency", "once" if seed % 3 else "per-edge", monotone=seed % 4 != 1
    )
    return instance, decision, objective


def test_value_and_latencies_are_those_of_the_reference():
    """Placements and stages, rated or not; also after every task was away once."""
    finite = 0
    for seed in range(60):
        instance, decision, objective = problem(seed)
        loads = Loads.of(instance, objective, decision)
        right = decision_cost(instance, decision, objective)
        for _ in range(2):
            assert loads.value()[1] == pytest.approx(float(right), rel=1e-12)
            for task in range(len(instance.tasks)):
                loads.put(task, loads.take(task))
        if right < inf:
            finite += 1
            latencies = [task.latency_s for task in right.tasks]
            assert loads.latencies_s() == pytest.approx(latencies, rel=1e-12)
            assert loads.rho == pytest.approx(right.utilisation or 0.0, abs=1e-15)
    assert finite >= 10


def test_sums_made_anew_are_those_of_the_decision():
    """Taken and put back many times, the loads made anew have the very sums of new ones."""
    for seed in range(10):
        instance, decision, objective = problem(seed)
        loads = Loads.of(instance, objective, decision)
        for _ in range(5):
            for task in range(len(instance.tasks)):
                loads.put(task, loads.take(task))
        right, found = Loads.of(instance, objective, decision), loads.again()
        for name in ("rho", "second", "waiting", "visits", "guests", "link_load", "held"):
            assert (getattr(found, name) == getattr(right, name)).all()
        pairs = zip(found.settled.tasks, decision.tasks, strict=True)
        assert all(own is answer for own, answer in pairs)


def test_excess_is_zero_iff_nothing_is_above_a_limit():
    """Loads, memory and quotas: the sentences that name one are there iff the excess is > 0."""
    some = 0
    for seed in range(60):
        instance, decision, objective = problem(seed)
        said = decision_violations(instance, decision, objective)
        if any("node" not in s.split(":")[0] and "link" not in s for s in said):
            continue  # tiers, routes or `monotone`: not judged here
        excess, value = Loads.of(instance, objective, decision).value()
        above = any("overloaded" in s or "holds" in s or "foreign" in s for s in said)
        assert (excess > 0 or value == inf) == above
        some += above
    assert some > 3


def test_every_single_cut_is_priced_as_the_reference_prices_it():
    """Own latencies of all cuts and nodes; inf or `overload_s` where a rule forbids one."""
    priced = forbidden = 0
    for seed in range(24):
        instance, _, objective = problem(seed)
        index = instance.node_index
        home = placed(
            *([index[t.source]] * len(instance.model_of(t).layers) for t in instance.tasks)
        )
        if decision_violations(instance, home, objective):
            continue
        loads = Loads.of(instance, objective, home)
        for task in range(len(instance.tasks)):
            own = loads.take(task)
            found = cut_latencies(loads, task)
            for (cut, node), latency in np.ndenumerate(found):
                if (cut == len(found) - 1) != (node == loads.source[task]):
                    assert latency == inf
                    continue
                tasks = list(home.tasks)
                tasks[task] = TaskDecision(frozen(one_cut(instance, objective, task, cut, node)))
                decision = Decision(tuple(tasks))
                said = decision_violations(instance, decision, objective)
                if said:
                    assert latency >= loads.overload_s or any("link" in s for s in said)
                    forbidden += 1
                else:
                    right = decision_cost(instance, decision, objective).tasks[task].latency_s
                    assert latency == pytest.approx(right, rel=1e-11)
                    priced += 1
            loads.put(task, own)
    assert min(priced, forbidden) > 30


@pytest.mark.parametrize("times", [1e3, 1e9, 1e60, 1e200])
def test_a_large_visit_leaves_no_trace(times: float) -> None:
    """A task that overloads a node is taken away again: the sums are those of the others."""
    instance = case("fog-1")[0]
    objective = Objective("mean-latency")
    first = instance.tasks[0]
    model = instance.model_of(first)
    heavy = changed(model.layers[-1], times_s={node.name: times for node in instance.nodes})
    slow = changed(model, name="slow", layers=(*model.layers[:-1], heavy))
    extra = changed(first, name="extra", model="slow", arrivals_per_s=1.0)
    wider = changed(instance, models=(*instance.models, slow), tasks=(*instance.tasks, extra))
    home = [
        np.full(len(wider.model_of(task).layers), wider.node_index[task.source or ""])
        for task in wider.tasks
    ]
    decision = placed(*home)
    loads = Loads(wider, objective)
    for task, answer in enumerate(decision.tasks[:-1]):
        loads.put(task, loads.footprint(task, answer))
    before = loads.rho.copy(), loads.second.copy()
    last = len(wider.tasks) - 1
    loads.put(last, loads.footprint(last, decision.tasks[-1]))
    assert loads.rho.max() > min(times, 1e140) / 2
    loads.take(last)
    assert loads.rho == pytest.approx(before[0], rel=1e-9)
    assert loads.second == pytest.approx(before[1], rel=1e-9)
