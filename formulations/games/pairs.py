"""Blocking pairs of subtasks and nodes under queues (docs/matching.md)."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.games.game import ExchangeState
from splitfog.formulations.games.room import ExchangeRoom
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Flags, Integers


def count_blocking_pairs(state: ExchangeState) -> int:
    """How many (k, n) block: k would gain there, and n has room or makes some.

    (k, n) blocks if k's latency falls by moving to n, waits recomputed, and that is feasible;
    where it is not feasible, if n holds a guest whom it ranks below k (by transfers + service,
    ties by index) such that both moving k and sending the guest to its source is feasible, and
    k's latency falls. O(K N), and O(K) for every guest of a node without room.
    """
    game = state.game
    moves = state.moves()
    assert moves.agent is not None
    room = ExchangeRoom(game.assignments, state.places)
    slack = EQUAL * state.latency_s[:, None]
    away = game.allowed.copy()
    away[state.at_home] = False
    tried = np.argwhere(moves.possible & (moves.agent < -slack))
    fits = room.has(_as_moves(tried))
    count = int(fits.sum())
    # without room: of those allowed, what sums or (shown by `fits`) links and memory forbid;
    # where the node alone would do, k has to gain even after a guest has left
    closed = away & ~moves.possible
    closed |= moves.possible & ~_has(room, moves.possible & (moves.agent >= -slack))
    closed[tuple(tried[fits].T)] = False
    closed[tuple(tried[~fits].T)] = True
    return count + _with_room_made(state, room, closed)


def _as_moves(pairs: Integers) -> Integers:
    return np.concatenate([pairs, np.full((len(pairs), 1), -1)], axis=1)


def _has(room: ExchangeRoom, which: Flags) -> Flags:
    """[K, N]: true where not asked, else whether links and memory let the subtask move."""
    answer = np.ones(which.shape, bool)
    pairs = np.argwhere(which)
    answer[tuple(pairs.T)] = room.has(_as_moves(pairs))
    return answer


def _with_room_made(state: ExchangeState, room: ExchangeRoom, closed: Flags) -> int:
    """How many of the closed pairs block by sending a guest home."""
    game, count = state.game, 0
    sources = game.source
    guests = np.flatnonzero((sources >= 0) & (state.places != sources))
    guests = guests[game.allowed[guests, sources[guests]]]
    for node in np.unique(state.places[guests]).tolist():
        wanting = np.flatnonzero(closed[:, node])
        if len(wanting):
            here = guests[state.places[guests] == node]
            count += _block_at(state, room, node, wanting, here)
    return count


def _block_at(
    state: ExchangeState, room: ExchangeRoom, node: int, wanting: Integers, guests: Integers
) -> int:
    """How many of the subtasks that want a full node find a guest to be sent home for them."""
    game = state.game
    times = game.alone_s[:, node]
    mine, theirs = times[wanting][:, None], times[guests][None, :]
    below = (mine < theirs) | ((mine == theirs) & (wanting[:, None] < guests[None, :]))
    could = below & _gains(state, node, wanting, guests)
    blocking = 0
    for row in np.flatnonzero(could.any(axis=1)).tolist():
        subtask = int(wanting[row])
        blocking += any(
            _feasible(state, subtask, node, guest) for guest in guests[could[row]].tolist()
        )
    return blocking


def _gains(state: ExchangeState, node: int, wanting: Integers, guests: Integers) -> Flags:
    """[wanting, guests]: whether the subtask's latency falls in the guest's stead, rho < 1 there.

    Slices of one stage share a visit: for them the guest's part leaves it.
    """
    game = state.game
    service = game.service_s[wanting, node][:, None]
    rate = game.rate[wanting][:, None]
    visit = np.repeat(state.visit_s[game.group[wanting], node][:, None], len(guests), axis=1)
    mates = game.group[wanting][:, None] == game.group[guests][None, :]
    visit = visit - np.where(mates, game.service_s[guests, node][None, :], 0.0)
    rho = state.left.rho[guests][None, :] + rate * service
    second = state.left.second[guests][None, :] + rate * service * (2 * visit + service)
    waits = np.where(service > 0, wait_seconds(second, rho, game.overload_s), 0.0)
    change = game.alone_s[wanting, node][:, None] + waits - state.latency_s[wanting][:, None]
    slack = EQUAL * state.latency_s[wanting][:, None]
    return np.asarray((rho < 1) & (change < -slack))


def _feasible(state: ExchangeState, subtask: int, node: int, guest: int) -> bool:
    """Whether the rules allow the subtask on the node and the guest at its source."""
    after = state.places.copy()
    after[subtask], after[guest] = node, state.game.source[guest]
    return state.game.assignments.obeys(after)
