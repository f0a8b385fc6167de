"""Exchanges of subtasks: what they change, from sums per node, is what the reference says."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.formulations.games.consent import improvements
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.room import ExchangeRoom
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.instances.records import changed
from tests.cases.small_games import (
    consents,
    exchanges,
    feasible,
    games,
    node_costs,
    subtask_latencies,
)

SEEDS = range(1, 15)


def room(game: ExchangeGame, places: np.ndarray, row: tuple[int, int, int]) -> bool:
    """Whether links and memory have room for one exchange."""
    return bool(ExchangeRoom(game.assignments, places).has(np.array([row]))[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_state_is_that_of_the_reference(seed):
    """Phi, latencies of subtasks and costs of nodes are those of the assignment's cost."""
    for game, places in games(seed):
        state = game.state(places)
        assert state.potential == pytest.approx(game.assignments.cost(places).potential, rel=1e-12)
        assert state.latency_s == pytest.approx(subtask_latencies(game, places), rel=1e-12)
        assert state.nodes.cost == pytest.approx(node_costs(game, places), rel=1e-9, abs=1e-12)


def on_slow_links(game: ExchangeGame, places: np.ndarray, seed: int) -> ExchangeGame:
    """The game with half of the links so slow that what crosses them now just may."""
    rng = np.random.default_rng(seed)
    subtasks, given = game.subtasks, game.subtasks.instance
    busy = dict.fromkeys(((link.tail, link.head) for link in given.links), 0.01)
    loads = game.assignments.cost(places).link_load.tolist()
    for link, load in zip(given.directed_links, loads, strict=True):
        ends = given.nodes[link.tail].name, given.nodes[link.head].name
        ends = ends if ends in busy else ends[::-1]
        busy[ends] = max(busy[ends], load)
    links = tuple(
        changed(link, bandwidth_bps=link.bandwidth_bps * busy[link.tail, link.head] / 0.99)
        if rng.random() < 0.5
        else link
        for link in given.links
    )
    slow = changed(given, links=links)
    return ExchangeGame(subtasks_of(slow, subtasks.template, subtasks.objective))


def test_links_have_room_iff_none_is_overloaded_more_than_before():
    """All exchanges are judged together as the cost of each by itself says; routes may be new."""
    refused = allowed = 0
    for seed in range(1, 50):
        for quick, places in games(seed, count=2, num_tasks=6):
            game = on_slow_links(quick, places, seed)
            before = game.assignments.cost(places).link_load
            some = [row for row in exchanges(game, places) if reached(game, row[-1])]
            after = np.array([game.assignments.cost(row[-1]).link_load for row in some])
            right = ~((after >= 1) & (after > before + 1e-14)).any(axis=1)
            rows = np.array([row[:3] for row in some], np.int64)
            fits = ExchangeRoom(game.assignments, places).has(rows)
            assert fits.tolist() == right.tolist()
            allowed, refused = allowed + int(fits.sum()), refused + int((~fits).sum())
    assert refused >= 50
    assert allowed >= 500


def reached(game: ExchangeGame, places: np.ndarray) -> bool:
    """Whether every subtask may be where it is."""
    return bool(game.allowed[np.arange(len(places)), places].all())


@pytest.mark.parametrize("seed", SEEDS)
def test_every_exchange_changes_what_is_said(seed):
    """A move or swap is possible, but for links and memory, iff the state after it is feasible;
    then the changes of Phi, of latencies and of nodes are the differences of two references."""
    for game, places in games(seed, memory=seed % 2 == 0):
        state = game.state(places)
        moves, swaps = state.moves(), state.swaps()
        assert moves.agent is not None
        assert swaps.agent is not None
        for k, node, j, after in exchanges(game, places):
            possible = moves.possible[k, node] if j < 0 else swaps.possible[k, j]
            fits = bool(possible) and room(game, places, (k, node, j))
            assert fits == feasible(game, after)
            if not fits:
                continue
            now, then = game.assignments.cost(places), game.assignments.cost(after)
            gain = moves.total[k, node] if j < 0 else swaps.total[k, j]
            slack = 1e-9 * now.potential
            assert gain == pytest.approx(then.potential - now.potential, rel=1e-6, abs=slack)
            change = subtask_latencies(game, after) - subtask_latencies(game, places)
            agent = moves.agent[k, node] if j < 0 else swaps.agent[j, k]
            assert agent == pytest.approx(change[k], rel=1e-6, abs=1e-12)
            if j >= 0:
                assert swaps.agent[k, j] == pytest.approx(change[j], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("consent", ["total", "agents", "four"])
def test_improvements_are_those_of_the_definitions(consent):
    """What finds consent is what the parties say by the reference, in the order of Phi's gain."""
    met = 0
    for seed in range(1, 14):
        for game, places in games(seed, count=2):
            found, gains = improvements(game.state(places), consent)
            assert (np.diff(gains) >= 0).all()
            right = {
                (k, node, j)
                for k, node, j, after in exchanges(game, places)
                if feasible(game, after) and consent in consents(game, places, k, j, after)
            }
            kept = {tuple(row) for row in found.tolist() if room(game, places, tuple(row))}
            assert kept == right
            met += len(right)
    assert met > 0
