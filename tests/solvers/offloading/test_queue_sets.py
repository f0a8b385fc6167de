"""The cheapest sets of visits to a queue, and all sets below a value, are those of enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.offloading import queue_sets
from splitfog.solvers.offloading.queue_sets import Offers, cheap_sets, sets_below

MOST = 100_000


def offers_of(seed):
    """Up to five visits of up to three offers each, some of them without service."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, int(rng.integers(1, 6)))
    count = int(sizes.sum())
    service = rng.uniform(0.01, 0.6, count) * (rng.random(count) < 0.9)
    rate = rng.uniform(0.1, 2, count)
    rate *= rng.uniform(0.5, 4) / max(float(rate @ service), 1e-9)
    return Offers(
        visit=np.repeat(np.arange(len(sizes)), sizes),
        fixed=-rng.uniform(-0.2, 1.5, count),
        slope=rng.uniform(0, 1, count) * (rng.random(count) < 0.9),
        rho=rate * service,
        second=rate * service**2,
        base_rho=float(rng.choice([0, 0.3])),
        base_second=float(rng.choice([0, 0.1])),
        stay=float(rng.choice([0, 0.7])),
    )


def value_of(offers, taken):
    """By the formula, in plain numbers: each visit at its cost, the node at its wait."""
    mine = [int(offer) for offer in taken]
    rho = offers.base_rho + sum(float(offers.rho[j]) for j in mine)
    if rho >= 1:
        return np.inf
    wait = (offers.base_second + sum(float(offers.second[j]) for j in mine)) / (2 * (1 - rho))
    first = offers.base_second / (2 * (1 - offers.base_rho))
    costs = (offers.fixed[j] + offers.slope[j] * wait for j in mine)
    return float(sum(costs) + offers.stay * (wait - first))


def all_sets(offers):
    """Every choice of one offer or none a visit, but the empty one, with its value."""
    visits = [[-1, *np.flatnonzero(offers.visit == v)] for v in range(int(offers.visit.max()) + 1)]
    choices = (tuple(int(j) for j in chosen if j >= 0) for chosen in product(*visits))
    return {chosen: value_of(offers, chosen) for chosen in choices if chosen}


def anything(taken):
    """All sets are allowed."""
    return np.ones(len(taken), bool)


def at_most_two(taken):
    """Sets of two offers at most."""
    return np.asarray(taken.sum(axis=1) <= 2)


def found(sets):
    """What was found, as tuples of offers."""
    return {tuple(np.flatnonzero(row).tolist()) for row in sets.taken if row.any()}


@pytest.mark.parametrize("allowed", [anything, at_most_two])
def test_cheapest_of_all_sets(allowed):
    """The least value of all sets, and a bound that is no higher, nor lower than allowed."""
    for seed in range(150):
        offers = offers_of(seed)
        values = all_sets(offers)
        few = {s: v for s, v in values.items() if allowed is anything or len(s) <= 2}
        least = min(0.0, *few.values())
        sets = cheap_sets(offers, allowed, 1e-9, most=MOST)
        assert sets.value.min(initial=0.0) == pytest.approx(least, abs=1e-8)
        assert least - 1e-8 <= sets.bound <= least + 1e-12
        for row, value in zip(sets.taken, sets.value, strict=True):
            chosen = tuple(np.flatnonzero(row).tolist())
            assert value == pytest.approx(few[chosen], abs=1e-12)


def test_a_rough_bound_is_a_bound():
    """Without a look into any set, and with a tolerance: never above the cheapest set."""
    for seed in range(150):
        offers = offers_of(seed)
        least = min(0.0, *all_sets(offers).values())
        for tolerance in (np.inf, 0.05):
            sets = cheap_sets(offers, anything, tolerance, most=MOST)
            assert sets.bound <= least + 1e-12
            if tolerance < 1:
                assert sets.bound >= sets.value.min(initial=0.0) - tolerance - 1e-9


@pytest.mark.parametrize("room", [0.02, 0.3])
def test_all_sets_below_a_value(room):
    """Exactly those that enumeration finds, whatever their waits."""
    seen = 0
    for seed in range(150):
        offers = offers_of(seed)
        values = all_sets(offers)
        limit = min(0.0, *values.values()) + room
        sets = sets_below(offers, anything, limit, room=room + 1e-12, most=MOST)
        sure = {chosen for chosen, value in values.items() if value < limit - 1e-9}
        assert sure <= found(sets) <= {c for c, value in values.items() if value < limit + 1e-9}
        assert sets.bound >= limit - 1e-9
        seen += len(sure)
    assert seen > 100


def test_sets_not_looked_at_in_time_are_bounded():
    """From the deadline on nothing is looked into set by set; what is missing is not below the
    bound, and something is: 60 cases have more than 60 of these."""
    left = 0
    for seed in range(60):
        offers = offers_of(seed)
        values = all_sets(offers)
        limit = min(0.0, *values.values()) + 0.5
        sets = sets_below(offers, anything, limit, room=0.6, most=MOST, deadline=Deadline(0.0))
        missing = [v for chosen, v in values.items() if v < limit and chosen not in found(sets)]
        left += len(missing)
        assert sets.bound <= min(missing, default=np.inf) + 1e-9
    assert left > 60


def test_sets_left_out_are_bounded(monkeypatch):
    """Where fewer may be looked into than there are, the bound speaks of those left out."""
    monkeypatch.setattr(queue_sets, "MOST_INTERVALS", 20)
    left = 0
    for seed in range(60):
        offers = offers_of(seed)
        values = all_sets(offers)
        limit = min(0.0, *values.values()) + 0.5
        sets = sets_below(offers, anything, limit, room=0.5 + 1e-12, most=2)
        missing = [v for chosen, v in values.items() if v < limit and chosen not in found(sets)]
        left += len(missing)
        assert sets.bound <= min(missing, default=np.inf) + 1e-9
        cheap = cheap_sets(offers, anything, 1e-9, most=2)
        assert cheap.bound <= min(0.0, *values.values()) + 1e-9
    assert left > 60
