"""neurosurgeon: the best single cut."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import best_of_all, chain, layer, network, places
from tests.cases.strategies import instances

TRANSFERS = st.sampled_from(["once", "per-edge"])


def test_by_hand() -> None:
    """With e: 1.35, 0.9, 3.1 s after in, a, b; with c 1.285, 0.655, 3.135 s; all at d 3.5 s.

    c after a: 0.5 + 0.1 (d-e) + 0.025 (e-c) + 0.02 + 0.01.
    """
    instance = network(chain((0, 1.0), (0.5, 0.1), (2, 0.5), (1, 0.0)))
    plan = solve(instance, "neurosurgeon")
    assert plan.value == pytest.approx(0.655)
    assert places(instance, plan) == "ddcc"


def test_all_tensors_over_the_cut_are_paid() -> None:
    """b and c read a (1 MB), d reads both: the cut before c carries a and b, 1.5 MB."""
    layers = [layer("in", 0, 9), layer("a", 1, 1, "in"), layer("b", 1, 0.5, "a")]
    layers += [layer("c", 40, 0, "a"), layer("dd", 40, 0, "b", "c")]
    nodes, links = network(layers).nodes[:2], network(layers).links[:1]
    plan = solve(network(layers, list(nodes), list(links)), "neurosurgeon")
    # before b: 1 + 1 + 8.1 = 10.1; before c: 2 + 1.5 + 8 = 11.5; at once: 9 + 8.2 = 17.2
    assert plan.value == pytest.approx(10.1)


@given(instances(num_nodes=2, line=True, chain=True), TRANSFERS)
def test_exact_on_chains_with_two_nodes(instance: Instance, transfers: str) -> None:
    """With an input layer, monotone; memory, tiers and groups included."""
    assume(any(layer.op == "input" for layer in instance.models[0].layers))
    plan = solve(instance, "neurosurgeon", "latency", transfers)
    best = best_of_all(instance, Objective("latency", transfers))  # type: ignore[arg-type]
    if plan.value is None:
        assert best == float("inf")
    else:
        assert plan.value == pytest.approx(best, rel=1e-12)


@given(instances(num_nodes=2), TRANSFERS, st.booleans())
def test_best_of_all_its_cuts(instance: Instance, transfers: str, monotone: bool) -> None:
    """On any DAG: no cut of the order (inputs in front) that is allowed costs less."""
    objective = Objective("latency", transfers, monotone)  # type: ignore[arg-type]
    model, task = instance.models[0], instance.tasks[0]
    assume(task.source is not None)
    source = instance.node_index[str(task.source)]
    order = sorted(model.order.tolist(), key=lambda i: model.layers[i].op != "input")
    inputs = sum(layer.op == "input" for layer in model.layers)
    values = []
    for cut in range(inputs, len(order) + 1):
        placement = [source] * len(order)
        for position in order[cut:]:
            placement[position] = 1 - source
        decision = placed(placement)
        if not decision_violations(instance, decision, objective):
            values.append(float(decision_cost(instance, decision, objective)))
    plan = solve(instance, "neurosurgeon", objective)
    if plan.value is not None:
        assert plan.value == pytest.approx(min(values), rel=1e-9)
