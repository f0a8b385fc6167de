"""Why no placement is feasible: the rules in conflict, each of them needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.exact.conflict import conflict, rules_of
from tests.cases.strategies import random_instance

NODES = (("pi", "device"), ("box", "edge"), ("gpu", "cloud"))
UP = (("pi", "box"), ("box", "gpu"))


def _chain(
    links: tuple[tuple[str, str], ...] = UP,
    memory: dict[str, float] | None = None,
    results_to: str | None = None,
    **fields: dict[str, Any],
) -> Instance:
    """in -> a -> b -> c, 10 bytes of weights each, on three nodes; links go up only."""
    layers = [Layer(name="in", op="input", output_bytes=1)]
    for name, before in zip("abc", ("in", "a", "b"), strict=True):
        own = {"weight_bytes": 10.0, **fields.get(name, {})}
        layers.append(
            Layer(name=name, op="other", inputs=(before,), output_bytes=1, flops=1, **own)
        )
    return Instance(
        name="chain",
        tiers=("device", "edge", "cloud"),
        nodes=tuple(
            Node(name=name, tier=tier, speed_flops=1, memory_bytes=(memory or {}).get(name))
            for name, tier in NODES
        ),
        links=tuple(
            Link(tail=tail, head=head, bandwidth_bps=8, duplex=False) for tail, head in links
        ),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="cam", model="m", source="pi", results_to=results_to),),
    )


CASES = {
    "tiers against monotone": (
        _chain((*UP, ("box", "pi"), ("gpu", "box")), a={"tiers": ("cloud",)}, b={"tiers": ("pi",)}),
        "data never goes back to a lower tier (monotone); "
        "layer a is on cloud (tiers); layer b is on pi (tiers)",
    ),
    "far layers against monotone": (
        _chain((*UP, ("box", "pi"), ("gpu", "box")), a={"tiers": ("cloud",)}, c={"tiers": ("pi",)}),
        "data never goes back to a lower tier (monotone); "
        "layer a is on cloud (tiers); layer c is on pi (tiers)",
    ),
    "a tier out of reach": (
        _chain((("box", "gpu"),), b={"tiers": ("cloud",)}),
        "layer b is on cloud (tiers); there is no route from pi to box; "
        "there is no route from pi to gpu",
    ),
    "a group in two tiers": (
        _chain(a={"group": "g", "tiers": ("edge",)}, c={"group": "g", "tiers": ("cloud",)}),
        "layers a, c are on one node (group g); "
        "layer a is on edge (tiers); layer c is on cloud (tiers)",
    ),
    "memory of the only node": (
        _chain((), memory={"pi": 25.0, "box": 100.0}),
        "node pi holds at most 25 B; there is no route from pi to box; "
        "there is no route from pi to gpu",
    ),
    "memory of one tier": (
        _chain(memory={"box": 15.0}, a={"tiers": ("edge",)}, b={"tiers": ("box",)}),
        "node box holds at most 15 B; layer a is on edge (tiers); layer b is on box (tiers)",
    ),
    "results without a way": (
        _chain(results_to="pi", c={"tiers": ("cloud",)}),
        "the results of task cam go to pi; layer c is on cloud (tiers); "
        "there is no route from box to pi; there is no route from gpu to pi",
    ),
    "a tier without nodes": (
        changed(
            _chain(a={"tiers": ("cloud",)}), nodes=_chain().nodes[:2], links=_chain().links[:1]
        ),
        "layer a is on cloud (tiers)",
    ),
}


@pytest.mark.parametrize("solver", ["auto", "ilp", "brute-force"])
@pytest.mark.parametrize("case", CASES)
def test_the_rules_in_conflict_are_named(case: str, solver: str) -> None:
    """Tiers, groups, memory, routes, results, monotone: those that clash, and no others."""
    instance, words = CASES[case]
    plan = sf.solve(instance, solver, "latency")
    assert plan.status == "infeasible"
    sentence = f"no placement keeps all of these: the input is at pi; {words}"
    assert (plan.reason or "").endswith(sentence), plan.reason


def test_period_and_makespan_say_it_too() -> None:
    """They have the same rules; an objective of streams has others, and says nothing."""
    instance, words = CASES["a tier out of reach"]
    for objective in ("period", "makespan"):
        assert str(words) in (sf.solve(instance, objective=objective).reason or "")
    plan = sf.solve(instance, "brute-force", "mean-latency")
    assert "keeps all of these" not in (plan.reason or "")


def test_where_there_is_a_placement_nothing_is_in_conflict() -> None:
    """Not even where rules leave one placement only."""
    instance = _chain(memory={"pi": 30.0}, a={"tiers": ("pi",)}, c={"tiers": ("pi",)})
    latency = Objective("latency")
    assert conflict(instance, latency, list(rules_of(instance, latency)), NEVER) == []


def test_each_rule_is_needed() -> None:
    """On random instances that enumeration finds infeasible: with all other rules lifted these
    leave no placement, and without any one of them there is one."""
    seen = 0
    for seed in range(120):
        instance = random_instance(np.random.default_rng(seed), num_nodes=3, num_layers=4)
        latency = Objective("latency", monotone=seed % 2 == 0)
        if sf.solve(instance, "brute-force", latency).status != "infeasible":
            continue
        seen += 1
        rules = list(rules_of(instance, latency))
        found = conflict(instance, latency, rules, NEVER)
        assert found
        for left_out in (None, *found):
            lifted = instance, latency
            for rule in rules:
                if rule not in found or rule is left_out:
                    lifted = rule.lift(*lifted)
            status = sf.solve(lifted[0], "brute-force", lifted[1]).status
            assert (status == "infeasible") == (left_out is None), (seed, left_out)
    assert seen > 10
