"""Shakes of an assignment lead to better ones that are feasible."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.solvers.offloading import shake
from tests.cases.random_offloading import random_offloading


@pytest.fixture(scope="module")
def assignments() -> Assignments:
    """Of a few subtasks, with quotas."""
    instance, template = random_offloading(
        np.random.default_rng(4), num_tasks=3, num_devices=2, slices=3, utilisation=0.4
    )
    return Assignments(subtasks_of(instance, template, Objective("mean-latency")))


def test_shakes_find_the_best_of_all(assignments, monkeypatch) -> None:
    """From the worst that is feasible to the best, by trying all."""
    monkeypatch.setattr(shake, "FEWEST_PLACES", 0)
    monkeypatch.setattr(shake, "MOST_SHAKES", 40)
    may = np.isfinite(assignments.subtasks.alone_s())
    every = [np.array(p) for p in product(*(np.flatnonzero(row) for row in may))]
    feasible = [p for p in every if assignments.obeys(p)]
    values = [assignments.cost(p).value for p in feasible]
    assert len(every) > len(feasible) > 20
    found = shake.shaken(assignments, feasible[int(np.argmax(values))], seed=1)
    assert assignments.obeys(found)
    assert assignments.cost(found).value == pytest.approx(min(values), rel=1e-12)


def test_few_places_stay_as_they_are(assignments) -> None:
    """Where trying all takes less than compiling, nothing is shaken."""
    start = np.zeros(len(assignments.subtasks.keys), np.int64)
    assert shake.shaken(assignments, start) is start
