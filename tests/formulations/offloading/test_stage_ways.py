"""Slices that share links on their ways: by hand, and over random trees against the reference."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.stages import stage_visits
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.values import values_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.instances.arrays import frozen
from tests.cases.random_offloading import random_offloading
from tests.cases.stages.relayed import relayed, stage

MEAN = Objective("mean-latency", monotone=False)


def ways(instance: sf.Instance, given: Stage) -> list[tuple[float, float]]:
    """Transfers in and out of every visit."""
    visits = stage_visits(instance, instance.tasks[0], given)
    return [(visit.transfer_in_s, visit.transfer_out_s) for visit in visits]


def test_a_shared_link_counts_for_all_that_cross_it() -> None:
    """Rows 0-4 on f, 4-6 on g, 6-8 on r: 32, 16 and 16 bytes at 1 byte/s over d-r, 64 s in all.

    On to f 32 / 2 = 16 s, to g 8 s: ways of 80, 72 and 64 s, in and out alike.
    """
    given = stage((2, (0, 4)), (3, (4, 6)), (1, (6, 8)))
    assert ways(relayed(), given) == [(80, 80), (72, 72), (64, 64)]


def test_latency_adds_up_and_delay_counts_once() -> None:
    """Each hop waits 1 s for its link, the way 10 s a link: f 2 + 48 + 1 + 16 + 20, g the same way.

    d-r: (1 + 32) + (1 + 32) = 66, r-f and r-g: 1 + 16 = 17, delays 10 + 10: 103 s.
    """
    given = stage((2, (0, 4)), (3, (4, 8)))
    assert ways(relayed(latency_s=1.0, delay_s=10.0), given) == [(103, 103), (103, 103)]


def test_one_slice_alone_is_as_ever() -> None:
    """64 + 32 s to f; the slice at home crosses nothing."""
    assert ways(relayed(), stage((2, (0, 8)))) == [(96, 96)]
    assert ways(relayed(), stage((2, (0, 4)), (0, (4, 8)))) == [(48, 48), (0, 0)]


def test_a_serial_home_counts_own_hops() -> None:
    """f and g 32 + 16 s each, in and out, delays of both links for each slice: 4 x (48 + 2) in all,
    + the longest service of 4 s; `transfer_s` is the same 200 s."""
    instance, given = relayed("serial", delay_s=1.0), stage((2, (0, 4)), (3, (4, 8)))
    assert ways(instance, given) == [(50, 50), (50, 50)]
    answer = TaskDecision(frozen(np.zeros(2, np.int64)), stages=(given,))
    cost = decision_cost(instance, Decision((answer,)), MEAN)
    assert (float(cost), cost.tasks[0].transfer_s) == (204, 200)


def test_a_parallel_home_waits_for_the_longer_way() -> None:
    """d-r carries both halves, 64 s; then 16 s; served 4 s; back the same: 80 + 4 + 80 s.

    `transfer_s` holds both lengthened ways; links are occupied by own hops alone.
    """
    answer = TaskDecision(frozen(np.zeros(2, np.int64)), stages=(stage((2, (0, 4)), (3, (4, 8))),))
    cost = decision_cost(relayed(), Decision((answer,)), MEAN)
    assert (float(cost), cost.tasks[0].transfer_s) == (164, 320)
    assert cost.ledger.link_busy_s == (64, 64, 16, 16, 16, 16)


def drawn(seed: int) -> tuple[sf.Instance, Decision, Objective, Subtasks]:
    """A random problem over a tree."""
    rng = np.random.default_rng(seed)
    instance, template = random_offloading(
        rng, slices=4, num_fog=3, utilisation=0.05, relays=True, memory=seed % 3 == 0
    )
    objective = Objective("mean-latency", "per-edge" if seed % 3 == 0 else "once", seed % 2 == 0)
    return instance, template, objective, subtasks_of(instance, template, objective)


def test_fast_costs_are_those_of_the_reference() -> None:
    """Assignments, loads and states of games over trees, many of them with lengthened ways."""
    lengthened = 0
    for seed in range(40):
        instance, _, objective, of_plan = drawn(seed)
        if not len(of_plan.keys):
            continue
        rng, own = np.random.default_rng(seed), Assignments(of_plan)
        places = rng.integers(0, len(instance.nodes), (30, len(of_plan.keys)))
        game = ExchangeGame(of_plan)
        for row in places:
            decision = of_plan.decision(row)
            right = float(decision_cost(instance, decision, objective))
            found = own.cost(row)
            if found.value < inf:
                assert found.value == pytest.approx(right, rel=1e-12)
                assert Loads.of(instance, objective, decision).value()[1] == pytest.approx(right)
                lengthened += bool((found.visits.way_s > found.visits.transfer_s * 1.001).any())
            if own.obeys(row, found):
                states = values_of(game, row[None])
                assert states.value[0] == pytest.approx(right, rel=1e-12)
    assert lengthened > 100


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_batch_costs_what_the_reference_says(seed: int) -> None:
    """Whole batches over trees, some ways lengthened."""
    instance, _, _, of_plan = drawn(seed)
    rng, own = np.random.default_rng(seed), Assignments(of_plan)
    places = rng.integers(0, len(instance.nodes), (200, len(of_plan.keys)))
    costs = [own.cost(row) for row in places]
    found = sf.OffloadBatchCost(of_plan, chunk=200)(places)
    assert found == pytest.approx([cost.value for cost in costs], rel=1e-12)
    longer = [(cost.visits.way_s > cost.visits.transfer_s * 1.001).any() for cost in costs]
    assert (np.array(longer) & np.isfinite(found)).sum() > 10


def test_added_seconds_are_what_a_slice_adds() -> None:
    """A slice on m lengthens the ways of a visit to n by its hops over their common links."""
    some = 0
    for seed in range(20):
        own = Assignments(drawn(seed)[3]).stage_ways
        for subtask, added in own.added_s.items():
            for node in range(len(added)):
                assert own.adds_to(subtask, node) == pytest.approx(added[:, node], rel=1e-12)
            assert not added.diagonal().any()
            some += 1
    assert some > 20
