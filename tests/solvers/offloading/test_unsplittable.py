"""`unsplittable`: stable with sizes, overfull by less than one job, then within all limits."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog import solve
from splitfog.formulations.costs.feasibility import memory_bytes
from splitfog.formulations.plan import decision_of
from splitfog.instances.records import changed
from splitfog.solvers.offloading.unsplittable import SizedJobs, propose_on, unsplittable_matching
from tests.cases.random_offloading import random_offloading
from tests.checks import check_plan


def drawn(seed, unit=False):
    """Random times, sizes and capacities; some pairs are not acceptable."""
    rng = np.random.default_rng(seed)
    times = rng.random((8, 3))
    times[rng.random(times.shape) < 0.15] = np.inf
    size = np.ones(8) if unit else rng.integers(1, 6, 8).astype(float)
    return times, size, rng.integers(2, 10, 3).astype(float)


@pytest.mark.parametrize("seed", range(60))
def test_overfull_by_less_than_the_last_job_and_stable(seed):
    """No job prefers a machine that would take it: one with room, or with a worse job whose
    leaving would not leave it short."""
    times, size, capacity = drawn(seed)
    places = unsplittable_matching(times, size, capacity)
    for machine, limit in enumerate(capacity):
        held = np.flatnonzero(places == machine)
        if len(held):
            last = held[times[held, machine].argmax()]
            assert size[held].sum() - size[last] < limit
    for job in range(len(size)):
        own = np.inf if places[job] < 0 else times[job, places[job]]
        for machine in np.flatnonzero(times[job] < own).tolist():
            held = np.flatnonzero(places == machine)
            # it was refused: the machine is full with jobs that it prefers
            better = held[times[held, machine] < times[job, machine]]
            assert size[better].sum() >= capacity[machine]


@pytest.mark.parametrize("seed", range(20))
def test_unit_sizes_are_deferred_acceptance(seed):
    """With sizes of one and whole capacities it is the job-best stable matching."""
    from splitfog.matching import deferred_acceptance

    times, size, capacity = drawn(seed, unit=True)
    jobs = [[int(n) for n in np.argsort(row) if np.isfinite(row[n])] for row in times]
    machines = [[int(k) for k in np.argsort(col) if np.isfinite(col[k])] for col in times.T]
    right = deferred_acceptance(jobs, machines, capacity.astype(int).tolist())
    assert unsplittable_matching(times, size, capacity).tolist() == right.assignment.tolist()


def test_the_job_too_much_proposes_on():
    """Two jobs of 3 on a machine of 4: both are held, then the second goes to its next."""
    times = np.array([[1.0, 5.0], [2.0, 6.0]])
    size, capacity = np.array([3.0, 3.0]), np.array([4.0, 9.0])
    places = unsplittable_matching(times, size, capacity)
    assert places.tolist() == [0, 0]
    free = np.full(2, np.inf)
    jobs = SizedJobs(
        times=times,
        size=size,
        load=np.zeros((2, 2)),
        guest=np.ones((2, 2), bool),
        capacity=capacity,
        room=free,
        quota=free,
    )
    assert propose_on(jobs, places).tolist() == [0, 1]
    jobs = changed(jobs, quota=np.array([np.inf, 0.0]))
    assert propose_on(jobs, places).tolist() == [0, -1]


def test_plans_respect_memory():
    """On random instances with tight memory every plan found is within it; some are found."""
    found = 0
    for seed in range(30):
        instance, _ = random_offloading(
            np.random.default_rng(seed), utilisation=0.2, memory=True, quotas=False
        )
        plan = solve(instance, "unsplittable", "mean-latency")
        check_plan(instance, plan)
        if plan.value is None:
            assert plan.reason
            continue
        found += 1
        held = memory_bytes(instance, decision_of(instance, plan))
        for node, num_bytes in zip(instance.nodes, held, strict=True):
            assert node.memory_bytes is None or num_bytes <= node.memory_bytes * (1 + 1e-12)
    assert found > 8
