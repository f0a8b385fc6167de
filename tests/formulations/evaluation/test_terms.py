"""The terms of a cost: all of them, once each, by names."""

from __future__ import annotations

from math import inf, isinf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan_file import PlanFile, PlanSlice, PlanStage, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.random_offloading import random_offloading
from tests.cases.small_networks import chain, layer, link, network, node
from tests.cases.strategies import random_instance

seeds = st.integers(0, 2**32 - 1)


def total(terms: list[sf.Term]) -> float:
    """The seconds of terms; inf where one is impossible."""
    return sum(inf if term.seconds is None else term.seconds for term in terms)


def check_sums(instance: Instance, decision: Decision, objective: Objective) -> None:
    """Every task's terms add up to its share of the cost."""
    cost = decision_cost(instance, decision, objective)
    plan = describe(instance, decision, objective, cost)
    terms = sf.terms(instance, plan)
    assert {term.task for term in terms} <= {task.name for task in instance.tasks}
    adds_up = objective.name in ("latency", "mean-latency")
    for task, part in zip(instance.tasks, cost.tasks, strict=True):
        own = [term for term in terms if term.task == task.name]
        sums = part.compute_s + part.transfer_s + part.wait_s
        assert total(own) == pytest.approx(part.latency_s if adds_up else sums, rel=1e-12)


@given(seed=seeds)
def test_terms_add_up(seed: int) -> None:
    """Any placement of any instance, `once` and `per-edge`, impossible ones included."""
    rng = np.random.default_rng(seed)
    tasks = int(rng.integers(1, 4))
    instance = random_instance(rng, num_tasks=tasks, rates=bool(rng.random() < 0.5))
    widths = [len(instance.model_of(task).layers) for task in instance.tasks]
    decision = placed(*(rng.integers(len(instance.nodes), size=width) for width in widths))
    for name in ("latency", "mean-latency"):
        for transfers in ("once", "per-edge"):
            check_sums(instance, decision, Objective(name, transfers))
    check_sums(instance, decision, Objective("period"))
    if tasks == 1:
        check_sums(instance, decision, Objective("makespan"))


@given(seed=seeds, load=st.sampled_from([0.3, 3.0]))
def test_terms_of_stages_add_up(seed: int, load: float) -> None:
    """Sliced tasks beside whole ones, serial radios and results on their way included."""
    rng = np.random.default_rng(seed)
    instance, decision = random_offloading(rng, utilisation=load)
    for name in ("latency", "mean-latency", "batch"):
        check_sums(instance, decision, Objective(name))
    check_sums(instance, decision, Objective("mean-latency", "per-edge"))


def test_the_random_cases_hold_what_they_shall() -> None:
    """Of 60 sliced ones some are finite, some are overloaded, and all kinds of terms are there."""
    finite, kinds = set(), set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        instance, decision = random_offloading(rng, utilisation=0.3 if seed % 2 else 3.0)
        objective = Objective("mean-latency")
        cost = decision_cost(instance, decision, objective)
        finite.add(not isinf(cost))
        plan = describe(instance, decision, objective, cost)
        kinds |= {term.kind for term in sf.terms(instance, plan)}
    assert (finite, kinds) == ({True, False}, {"compute", "transfer", "wait", "stage"})


def test_a_case_by_hand() -> None:
    """Three nodes in a line; b and c at the cloud read a, which crosses both links once.

    d works at 1 GFLOP/s: a takes 1 s there. c works at 100: b and c take 0.02 and 0.03 s. Of
    2 MB the links of 1 and 4 MB/s take 2 and 0.5 s.
    """
    layers = [
        layer("in", 0, 1),
        layer("a", 1, 2, "in"),
        layer("b", 2, 1, "a"),
        layer("c", 3, 1, "a", "b"),
    ]
    instance = network(layers)
    terms = sf.terms(instance, {"t": {"in": "d", "a": "d", "b": "c", "c": "c"}}, "latency")
    assert [(term.kind, term.layer, term.node) for term in terms[:4]] == [
        ("compute", "in", "d"), ("compute", "a", "d"), ("compute", "b", "c"), ("compute", "c", "c"),
    ]  # fmt: skip
    assert [term.seconds for term in terms[:4]] == pytest.approx([0, 1, 0.02, 0.03])
    assert [(term.tensor, term.tail, term.head, term.bytes) for term in terms[4:]] == [
        ("a", "d", "e", 2e6), ("a", "e", "c", 2e6),
    ]  # fmt: skip
    assert [term.seconds for term in terms[4:]] == pytest.approx([2, 0.5])


def test_per_edge_lists_a_tensor_for_every_reader() -> None:
    """a is read twice at e: its hop stands there once, or twice."""
    layers = [layer("in", 0, 1), layer("a", 1, 2, "in"), layer("b", 2, 1, "a", "a")]
    placement = {"t": {"in": "d", "a": "d", "b": "e"}}
    for transfers, count in (("once", 1), ("per-edge", 2)):
        terms = sf.terms(network(layers), placement, "latency", transfers=transfers)
        assert [term.tensor for term in terms if term.kind == "transfer"] == ["a"] * count


def test_without_a_route_the_other_tensors_are_still_listed() -> None:
    """From d there is no way to c; the input's 0.5 s to e are told all the same."""
    links = [link("d", "e", 8e6)]
    instance = network(chain((0, 0.5), (1, 1), (1, 1)), links=links)
    terms = sf.terms(instance, {"t": {"in": "d", "a": "e", "b": "c"}}, "latency")
    hops = [(t.tensor, t.tail, t.head, t.seconds) for t in terms if t.kind == "transfer"]
    assert hops == [("in", "d", "e", pytest.approx(0.5)), ("a", "e", None, None)]


def test_a_node_that_never_catches_up_has_a_wait_without_end() -> None:
    """2 requests/s of 1 s each at d: rho = 2."""
    instance = network(chain((0, 1), (1, 1)), arrivals_per_s=2.0)
    (wait,) = [
        term
        for term in sf.terms(instance, {"t": {"in": "d", "a": "d"}}, "mean-latency")
        if term.kind == "wait"
    ]
    assert (wait.node, wait.seconds) == ("d", None)


def test_waits_by_hand() -> None:
    """0.5 requests/s of 1 s each at d: W = 0.5 x 1 / (2 (1 - 0.5)) = 0.5 s."""
    instance = network(chain((0, 1), (1, 1)), arrivals_per_s=0.5)
    terms = sf.terms(instance, {"t": {"in": "d", "a": "d"}}, "mean-latency")
    assert [term.seconds for term in terms if term.kind == "wait"] == pytest.approx([0.5])


def test_what_is_not_asked_for_is_the_plans_own() -> None:
    """A plan that goes back, under per-edge: another objective keeps `monotone` and pays once."""
    instance = network(chain((0, 1), (1, 1), (1, 1)))
    placement = {"t": {"in": "d", "a": "e", "b": "d"}}
    plan = sf.plan(instance, placement, "latency", transfers="per-edge", monotone=False)
    assert sf.plan(instance, plan).objective == plan.objective
    assert sf.plan(instance, plan, transfers="once").objective == Objective(
        "latency", "once", False
    )
    assert sf.plan(instance, plan, "period").objective == Objective("period", "once", False)
    assert sf.violations(instance, plan, "period") == []
    assert len(sf.violations(instance, plan, monotone=True)) == 1


def test_a_plan_whose_stage_is_none_has_no_cost_and_says_why() -> None:
    """The input layer is no part of a stage: no value, no terms, a sentence; nothing is raised."""
    instance = network(chain((0, 1), (1, 1)), nodes=[node("d", 1e9, "device")])
    stage = PlanStage(("in", "a"), "d", (PlanSlice("d", (0, 1), (0, 1)),))
    entry = TaskEntry(task="t", placement={"in": "d", "a": "d"}, stages=(stage,))
    plan = sf.plan(instance, PlanFile(objective=Objective("latency"), tasks=(entry,)))
    assert (plan.value, plan.status, plan.tasks[0].latency_s) == (None, None, None)
    assert "stage 0" in (plan.reason or "")
    assert sf.terms(instance, plan) == ()


def test_an_order_that_is_none_has_no_makespan() -> None:
    """b before a, which it reads: under `latency` the order does not count."""
    instance = network(chain((0, 1), (1, 1), (1, 1)))
    entry = TaskEntry(
        task="t", placement=dict.fromkeys(["in", "a", "b"], "d"), order=("in", "b", "a")
    )
    given_plan = PlanFile(objective=Objective("makespan"), tasks=(entry,))
    assert sf.plan(instance, given_plan).value is None
    assert sf.plan(instance, given_plan, "latency").value == pytest.approx(2.0)


def test_an_objective_for_one_task_is_refused_for_two() -> None:
    """A file may say makespan of two tasks; that is no cost."""
    instance = sf.generate("fog", seed=1, users=2, models="nin")
    plan = sf.solve(instance, "local")
    with pytest.raises(ValueError, match="needs exactly one task"):
        sf.plan(instance, changed(plan, objective=Objective("makespan")))
