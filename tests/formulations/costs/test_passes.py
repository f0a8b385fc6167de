"""Costs, memory and rules of models with passes: the golden cases, and what follows by hand."""

from __future__ import annotations

from typing import Any

import pytest

import splitfog as sf
from tests.cases.golden import PASSES, SHARED, case, number

EXACT = 1e-12

COSTS: dict[str, dict[str, Any]] = {
    "latency once": {"objective": "latency"},
    "latency per-edge": {"objective": "latency", "transfers": "per-edge"},
    "period": {"objective": "period"},
}


def placements(name: str) -> list[tuple[dict[str, dict[str, str]], dict[str, Any]]]:
    """What a case lists: placements by task, and what is said of each."""
    instance, data = case(name)
    task = instance.tasks[0].name
    return [({task: listed["placement"]}, listed) for listed in data["placements"]]


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("cost", COSTS)
def test_costs_of_passes_and_requests(name: str, cost: str) -> None:
    """Of one execution of every pass, and of the whole request."""
    instance, _ = case(name)
    for placement, listed in placements(name):
        for own in listed["costs"]:
            value = sf.evaluate(instance, placement, pass_name=own["pass"], **COSTS[cost])
            assert value == pytest.approx(number(own[cost]), rel=EXACT)


@pytest.mark.parametrize("name", PASSES)
def test_violations_of_passes(name: str) -> None:
    """A placement breaks a rule exactly where the case says so."""
    instance, _ = case(name)
    for placement, listed in placements(name):
        for own in listed["violates"]:
            how = {"pass_name": own["pass"], "monotone": own["monotone"]}
            found = sf.violations(instance, placement, "latency", **how)
            assert bool(found) == own["violates"], found


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("how", ["line", "ring"])
def test_what_is_contiguous(name: str, how: str) -> None:
    """Only what the case calls so is found to be contiguous."""
    instance, _ = case(name)
    for placement, listed in placements(name):
        free = sf.violations(instance, placement, "latency", monotone=False)
        held = sf.violations(instance, placement, "latency", monotone=False, contiguous=how)
        assert (held == free) == listed["contiguous"][how]
        assert all(
            f"contiguous in a {how}" in sentence for sentence in held if sentence not in free
        )


@pytest.mark.parametrize("name", [*PASSES, SHARED])
def test_memory_holds_weights_and_state(name: str) -> None:
    """`memory_bytes` both, `state_bytes` the state; shared weights once, states task by task."""
    instance, data = case(name)
    for listed in data["placements"]:
        placement = listed.get("placements") or {instance.tasks[0].name: listed["placement"]}
        nodes = sf.plan(instance, placement, "latency").nodes
        assert {k: n.memory_bytes for k, n in nodes.items()} == pytest.approx(
            listed["memory_bytes"]
        )
        assert {k: n.state_bytes for k, n in nodes.items()} == pytest.approx(listed["state_bytes"])


def test_shared_weights_of_two_tasks() -> None:
    """Mean latency of both and their own; a rule is broken where the case says so."""
    instance, data = case(SHARED)
    for listed in data["placements"]:
        cost = sf.evaluate(instance, listed["placements"], "latency")
        assert cost == pytest.approx(number(listed["latency once"]), rel=EXACT)
        assert bool(sf.violations(instance, listed["placements"], "latency")) == listed["violates"]


@pytest.mark.parametrize("name", PASSES)
def test_a_plan_tells_the_latency_of_every_pass(name: str) -> None:
    """Times their counts they add up to the request's; `pass` and `contiguous` are not written
    where they are not asked for."""
    instance, _ = case(name)
    for placement, listed in placements(name):
        plan = sf.plan(instance, placement, "latency")
        passes = plan.tasks[0].passes
        assert passes is not None
        alone = {own["pass"]: own["latency once"] for own in listed["costs"] if own["pass"]}
        assert {key: one.latency_s for key, one in passes.items()} == pytest.approx(alone)
        if plan.value is not None:
            total = sum((one.count or 0) * (one.latency_s or 0.0) for one in passes.values())
            assert total == pytest.approx(plan.value, rel=EXACT)


def test_terms_of_a_pass_add_up() -> None:
    """The seconds of a pass's terms are its latency."""
    instance, _ = case("passes-3")
    placement, listed = placements("passes-3")[0]
    (own,) = [cost for cost in listed["costs"] if cost["pass"] == "decode"]
    found = sf.terms(instance, placement, "latency", pass_name="decode")
    assert sum(term.seconds or 0.0 for term in found) == pytest.approx(own["latency once"])
