"""A lone slice at its home is written unsliced, and costs what that does."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.lone_slices import written, written_assignments
from splitfog.formulations.offloading.subtasks import subtasks_of
from tests.cases.offload_cases import has_sound_stages
from tests.cases.random_offloading import random_offloading


def test_equal_to_the_reference():
    """Value, latencies and feasibility are those of the decision that is written."""
    merged = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        instance, template = random_offloading(rng, slices=1 + seed % 2, memory=seed % 4 == 0)
        if not has_sound_stages(instance, template):
            continue
        how = Objective("mean-latency", "per-edge" if seed % 3 == 0 else "once", seed % 2 == 0)
        subtasks = subtasks_of(instance, template, how)
        assignments = written_assignments(subtasks)
        for _ in range(8):
            places = rng.integers(len(instance.nodes), size=len(subtasks.keys))
            home = rng.random(len(places)) < 0.5
            places = np.where(home & (subtasks.home >= 0), subtasks.home, places)
            bare = subtasks.decision(places)
            decision, cost = written(bare), assignments.cost(places)
            merged += decision != bare
            expected = decision_cost(instance, decision, how)
            broken = decision_violations(instance, decision, how)
            assert (not broken) <= assignments.obeys(places, cost)
            if not broken:
                assert cost.value == pytest.approx(expected.value, rel=1e-12)
                latencies = [task.latency_s for task in expected.tasks]
                assert cost.task_latency_s == pytest.approx(latencies, rel=1e-12)
    assert merged > 100


def test_sentence():
    """`violations` refuses the other form under `mean-latency`, and only there."""
    rng = np.random.default_rng(0)
    instance, template = random_offloading(rng, slices=1, quotas=False)
    subtasks = subtasks_of(instance, template, Objective("mean-latency"))
    home = np.where(subtasks.home >= 0, subtasks.home, subtasks.assignment())
    decision = subtasks.decision(home)
    assert written(decision) != decision
    said = decision_violations(instance, decision, Objective("mean-latency"))
    assert any("must be written unsliced" in sentence for sentence in said)
    assert not any(
        "unsliced" in sentence
        for sentence in decision_violations(instance, decision, Objective("latency"))
    )
