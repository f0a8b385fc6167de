"""random: reproducible, better with more samples, drawn where everything but memory holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.baselines.simple.domains import Domains
from splitfog.baselines.simple.random_placement import draw
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import best_of_all, chain, network
from tests.cases.strategies import instances

CHAIN = chain((0, 1.0), (0.5, 0.1), (2, 0.5), (1, 0.2), (1, 0.1))


def test_more_samples_are_never_worse() -> None:
    """The first ten of a hundred are the ten."""
    plans = [solve(network(CHAIN), "random", options={"samples": n}, seed=1) for n in (1, 10, 100)]
    values = [plan.value for plan in plans if plan.value is not None]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    assert values[0] != values[2]


def test_seeds_differ() -> None:
    """Single samples of twenty seeds are of more than one kind."""
    values = {
        solve(network(CHAIN), "random", options={"samples": 1}, seed=s).value for s in range(20)
    }
    assert len(values) > 3


@given(instances(line=True), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_draw_on_a_line_is_feasible(instance: Instance, monotone: bool, seed: int) -> None:
    """By construction, but for memory; nothing left to a layer means nothing is feasible."""
    objective = Objective("latency", monotone=monotone)
    domains = Domains(task_arrays(instance), monotone)
    if domains.empty:
        assert best_of_all(instance, objective) == float("inf")
        return
    placement = draw(domains, np.random.default_rng(seed))
    if placement is not None:
        faults = decision_violations(instance, placed(placement), objective)
        assert all("bytes" in fault for fault in faults)


def test_all_placements_of_a_chain_are_drawn_monotone() -> None:
    """Four free layers on three tiers have 15 rising placements; 500 draws meet all of them."""
    rng = np.random.default_rng(0)
    domains = Domains(task_arrays(network(CHAIN)), monotone=True)
    drawn = {tuple(p.tolist()) for _ in range(500) if (p := draw(domains, rng)) is not None}
    assert len(drawn) == 15
    assert all(list(placement) == sorted(placement) for placement in drawn)
