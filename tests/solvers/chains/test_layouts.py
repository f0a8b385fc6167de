"""Tiny chains of unlike layers, hundreds of them, against every contiguous placement."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.solvers.chains.chain import chain_for
from splitfog.solvers.chains.pipeline import Pipeline
from tests.cases.enumeration.chains import tiny_chain
from tests.checks import check_plan


def placements(instance: Instance) -> Iterator[Decision]:
    """Every node for every layer, the input at the source."""
    layers = instance.models[0].layers
    places = [range(1 if layer.op == "input" else len(instance.nodes)) for layer in layers]
    return (placed(np.array(nodes, np.int64)) for nodes in product(*places))


def least(instance: Instance, objective: Objective) -> float:
    """Seconds of the best placement by trying all; inf: there is none."""
    values = [
        float(decision_cost(instance, decision, objective))
        for decision in placements(instance)
        if not decision_violations(instance, decision, objective)
    ]
    return min(values, default=inf)


@pytest.mark.parametrize("held", ["line", "ring"])
@pytest.mark.parametrize("name", ["latency", "period"])
def test_by_enumeration(name: Any, held: Any) -> None:
    """125 chains each: the optimum, proven, or that there is none; every fifth one has nodes that
    cannot compute while they send, which are busy with what they send and receive."""
    objective = Objective(name, contiguous=held)
    for seed in range(125):
        instance = tiny_chain(seed, halting=seed % 5 == 1)
        layout = Pipeline(chain_for(instance, objective), objective).best(inf, NEVER)
        best = least(instance, objective)
        assert layout.cost == pytest.approx(best, rel=1e-9), seed
        assert layout.bound == pytest.approx(best, rel=1e-8), seed


def test_the_door_says_so() -> None:
    """A plan of a ring of unlike layers is optimal among rings, and keeps every rule."""
    proven = set()
    for seed in range(4):
        instance = tiny_chain(seed, halting=True)
        plan = sf.solve(instance, "pipeline", "period")
        check_plan(instance, plan)
        if plan.value is not None:
            proven.add((plan.status, plan.proven_over))
    assert ("optimal", "contiguous") in proven
