"""The bound by prices on one plan per task is none above the least of all choices, and close."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import inf

import numpy as np
import pytest

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.catalogue import PlanTable
from splitfog.solvers.offloading.plan_prices import plan_bound

NODES, LINKS = 4, 2


@cache
def plans_of(seed):
    """Three tasks of up to four plans on four nodes, each with visits and maybe one barrier."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.3, 2, 3) * rng.choice([0.3, 0.7, 1.1])
    task = np.repeat(np.arange(3), rng.integers(1, 5, 3))
    rho, second, waiting, guests = (np.zeros((len(task), NODES)) for _ in range(4))
    owner, weight, ends, nodes, waits = ([] for _ in range(5))
    fixed = np.asarray(rng.uniform(0, 1, len(task)) * (rate / rate.sum())[task])
    for plan, own in enumerate(task.tolist()):
        share = rate[own] / rate.sum()
        for node in rng.choice(NODES, int(rng.integers(0, 3)), replace=False).tolist():
            service = float(rng.uniform(0.05, 0.4))
            rho[plan, node] += rate[own] * service
            second[plan, node] += rate[own] * service**2
            waiting[plan, node] += share
            guests[plan, node] += 1
            fixed[plan] += float(share) * service
        if rng.random() < 0.5:
            held = rng.permutation(NODES)[: int(rng.integers(2, 4))].tolist()
            works = rng.uniform(0, 0.3, len(held)) * (rng.random(len(held)) < 0.9)
            rho[plan, held] += rate[own] * works
            second[plan, held] += rate[own] * works**2
            guests[plan, held] += works > 0
            spare = 3 - len(held)
            owner.append(plan)
            weight.append(share)
            nodes.append([*held, *[0] * spare])
            ends.append([*(works + rng.uniform(0, 0.2, len(held))).tolist(), *[-inf] * spare])
            waits.append([*(works > 0).tolist(), *[False] * spare])
    return PlanTable(
        footprints=(),
        task=task,
        rho=rho,
        second=second,
        waiting=waiting,
        guests=guests,
        links=rng.uniform(0, 0.45, (len(task), LINKS)),
        fixed_s=fixed,
        owner=np.array(owner, np.int64),
        weight=np.array(weight),
        node=np.array(nodes, np.int64).reshape(-1, 3),
        end_s=np.array(ends, float).reshape(-1, 3),
        waits=np.array(waits, bool).reshape(-1, 3),
        quota=np.where(rng.random(NODES) < 0.3, 2.0, inf),
    )


@cache
def choices_of(seed):
    """Every choice of one plan per task, with its value; impossible ones left out."""
    table, found = plans_of(seed), []
    for plans in product(*(np.flatnonzero(table.task == t).tolist() for t in range(3))):
        chosen = table.nothing()
        for plan in plans:
            chosen = table.add(chosen, plan)
        if table.value(chosen) < inf:
            found.append((table.value(chosen), chosen))
    return sorted(found, key=lambda pair: pair[0])


@pytest.mark.parametrize("which", ["best", "worst"])
def test_no_choice_is_below(which):
    """Of all choices, and of those with each plan; begun at the best or the worst of them."""
    gaps, useless, plans = [], 0, 0
    for seed in range(130):
        table = plans_of(seed)
        choices = choices_of(seed)
        if not choices:
            continue
        least = choices[0][0]
        proof = plan_bound(table, choices[0 if which == "best" else -1][1], NEVER)
        assert proof.bound <= least * (1 + 1e-12)
        gaps.append(1 - proof.bound / least)
        for plan in range(len(table.task)):
            with_plan = [value for value, chosen in choices if plan in chosen.plans]
            assert proof.with_plan[plan] <= min(with_plan, default=inf) * (1 + 1e-12)
            useless += bool(proof.with_plan[plan] > least)
            plans += 1
    assert len(gaps) > 75
    if which == "best":  # most plans are in no better choice, and the bound says so
        assert np.median(gaps) < 1e-5
        assert np.mean(gaps) < 0.03
        assert useless > 0.3 * plans


def test_nothing_is_proven_after_the_deadline():
    """No time: no bound, and no plan ruled out."""
    seed = next(seed for seed in range(9) if choices_of(seed))
    proof = plan_bound(plans_of(seed), choices_of(seed)[0][1], Deadline(-inf))
    assert proof.bound == -inf
    assert (proof.with_plan == -inf).all()
