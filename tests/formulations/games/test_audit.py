"""The audit of a plan, against its definitions word for word."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.games.audit import audit_again, audit_of, exchange_blocking, regrets_s
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.pairs import count_blocking_pairs
from splitfog.formulations.games.states import MOST_STATES, states_of
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from tests.cases.random_offloading import random_offloading
from tests.cases.small_fog import two_users_one_fog
from tests.cases.small_games import (
    blocking_pairs,
    consents,
    exchanges,
    feasible,
    games,
    own_latencies,
)

CONSENTS = ("total", "agents", "four")
MEAN = Objective("mean-latency")


def brute_blocking(game, places):
    """How many feasible exchanges find each consent, one by one by the reference."""
    counts = dict.fromkeys(CONSENTS, 0)
    for k, _, j, after in exchanges(game, places):
        if feasible(game, after):
            for consent in consents(game, places, k, j, after):
                counts[consent] += 1
    return counts


def test_exchange_blocking_counts_what_the_definitions_say():
    """Swaps and moves that find each consent, on random games with and without memory limits."""
    met = dict.fromkeys(CONSENTS, 0)
    for seed in range(1, 16):
        for game, places in games(seed, count=2, memory=seed % 2 == 0):
            found = exchange_blocking(game.state(places))
            assert found == brute_blocking(game, places)
            for consent, count in found.items():
                met[consent] += count
    assert min(met.values()) > 0


def test_blocking_pairs_are_those_of_the_definition():
    """Also where a node has no room and a guest would have to go home."""
    met = 0
    for seed in range(1, 31):
        for game, places in games(seed, count=2, utilisation=0.4, num_tasks=5, slices=2):
            found = count_blocking_pairs(game.state(places))
            assert found == blocking_pairs(game, places)
            met += found
    assert met > 0


def test_a_full_node_is_blocked_by_whom_it_ranks_higher():
    """Two users, one fog node of quota 1: the one that is faster there blocks the other's place.

    User 0 sends 1 MB at 80 Mbit/s (0.1 s), user 1 at 8 Mbit/s (1 s), the fog node works 0.1 s, a
    device 2 s, no queue worth naming. With user 1 on the fog node, (user 0, fog) blocks: user 0
    would fall from 2 s to 0.2 s, and the node ranks 0.2 s above 1.1 s. With user 0 on it nothing
    blocks: user 1 would gain (2 s to 1.1 s), but the node ranks it below.
    """
    instance = two_users_one_fog(quota=1)
    home, fog = [0, 0], [0, 2]
    for user, blocking in ((1, 1), (0, 0)):
        placements = [home, [1, 1]]
        placements[user] = fog if user == 0 else [1, 2]
        decision = placed(*placements)
        assert decision_violations(instance, decision, MEAN) == []
        found = audit_of(instance, decision, MEAN)
        assert found is not None
        assert found.blocking_pairs == blocking


@pytest.mark.parametrize("consent", CONSENTS)
def test_prices_are_those_of_enumeration(consent):
    """Least and worst stable value over the optimum, every state looked at by the reference."""
    compared = 0
    for seed in range(1, 26):
        for game, _ in games(seed, count=1, num_tasks=3, slices=1 + seed % 2, num_devices=1):
            lists = [np.flatnonzero(row).tolist() for row in game.allowed]
            value = {}
            for nodes in product(*lists):
                places = np.array(nodes, np.int64)
                if feasible(game, places):
                    value[nodes] = game.assignments.cost(places).value
            if len(value) > 40:
                continue
            stable = [
                value[nodes]
                for nodes in value
                if brute_blocking(game, np.array(nodes, np.int64))[consent] == 0
            ]
            states = states_of(game)
            assert states is not None
            found = states.prices(consent)
            best = min(value.values())
            right = (min(stable) / best, max(stable) / best) if stable else (None, None)
            assert found == pytest.approx(right, rel=1e-9)
            compared += 1
    assert compared >= 3


def test_too_many_states_have_no_price():
    """12 users with 4 fog nodes and a cloud have 17^12 assignments: no enumeration, null."""
    instance = sf.generate("fog", seed=0, users=12, fog_nodes=4)
    plan = sf.solve(instance, solver="swap")
    assert len(instance.nodes) ** 12 > MOST_STATES
    assert plan.audit is not None
    assert plan.audit.price_of_stability is None
    assert plan.audit.price_of_anarchy is None


def test_regret_is_own_latency_less_the_best_single_cut():
    """Every cut and node tried one by one by the reference, beside the others as they are."""
    found_some = 0
    for seed in range(40):
        instance, decision = random_offloading(
            np.random.default_rng(seed), utilisation=0.15, num_tasks=3
        )
        if decision_violations(instance, decision, MEAN):
            continue
        regrets = regrets_s(instance, decision, MEAN)
        latencies = [t.latency_s for t in decision_cost(instance, decision, MEAN).tasks]
        for position, task in enumerate(instance.tasks):
            best = min(own_latencies(instance, decision, position), default=inf)
            saved = latencies[position] - best
            right = saved if saved > 1e-9 * latencies[position] else 0.0
            assert regrets[task.name] == pytest.approx(right, rel=1e-9, abs=1e-12)
            found_some += right > 0
    assert found_some > 3


@pytest.mark.parametrize("solver", ["dina", "dina-o", "best-response"])
def test_verify_recomputes_the_audit(solver):
    """True audits stand; a number that is changed is named, but for `swaps`, which is believed."""
    instance = sf.generate("fog", seed=3, users=4, fog_nodes=2)
    plan = sf.solve(instance, solver=solver)
    assert false_claims(instance, plan, audit_again(instance, plan)) == []
    assert plan.audit is not None
    for name, wrong in (("blocking_pairs", 99), ("potential", 1e6), ("price_of_anarchy", 7.0)):
        lied = changed(plan, audit=changed(plan.audit, **{name: wrong}))
        (sentence,) = false_claims(instance, lied, audit_again(instance, lied))
        assert sentence.startswith(f"audit.{name} = ")
    told = changed(plan, audit=changed(plan.audit, swaps=12345))
    assert false_claims(instance, told, audit_again(instance, told)) == []


def test_potential_is_the_sum_of_node_costs_and_what_stays():
    """As `Assignments.cost` has it."""
    game: ExchangeGame
    for game, places in games(5):
        assert game.state(places).potential == pytest.approx(
            game.assignments.cost(places).potential, rel=1e-12
        )
