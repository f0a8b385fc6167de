"""Tiny chains of unlike layers, hundreds of them, against every contiguous placement."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.objective import Objective
from splitfog.solvers.chains.chain import chain_for
from splitfog.solvers.chains.pipeline import Pipeline
from tests.cases.enumeration.chains import least, tiny_chain
from tests.checks import check_plan


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
