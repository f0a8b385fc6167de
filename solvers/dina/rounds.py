"""Moves and swaps in rounds: all evaluated at once, the best made together where they do not touch.

DINA-O's second half (after DINA's swap matching).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from splitfog.formulations.games.consent import improvements
from splitfog.formulations.games.game import ExchangeGame, ExchangeState
from splitfog.formulations.games.room import ExchangeRoom
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.arrays import Integers

MOST_ROUNDS = 1000
_MOST_CANDIDATES = 50_000


@dataclass(frozen=True, eq=False)
class Rounds:
    """Where exchanges led: places int [K], how many were made, in how many rounds, and why they
    stopped ("finished": no exchange finds the consent)."""

    places: Integers
    exchanges: int
    rounds: int
    stopped_by: StoppedBy


def exchange_in_rounds(
    game: ExchangeGame,
    places: Integers,
    consent: Consent = "total",
    out_of_time: Callable[[], bool] = lambda: False,
    most_rounds: int = MOST_ROUNDS,
) -> Rounds:
    """Make moves and swaps until none finds consent.

    A round evaluates all of them; in the order of what Phi gains they are made, each on nodes and
    links that no other of the round has touched. Under `total` Phi falls with every exchange, so
    the rounds end; under `agents` and `four` a state that comes back ends them as a `cycle`.
    O(K^2 + K N) a round.
    """
    state = game.state(places)
    made, seen = 0, {state.places.tobytes()}
    for number in range(most_rounds):
        if out_of_time():
            return Rounds(state.places, made, number, "time limit")
        after, count = _round(state, consent)
        if count == 0:
            return Rounds(state.places, made, number, "finished")
        state, made = game.state(after), made + count
        if consent != "total":
            if after.tobytes() in seen:
                return Rounds(after, made, number + 1, "cycle")
            seen.add(after.tobytes())
    return Rounds(state.places, made, most_rounds, "iteration limit")


def _round(state: ExchangeState, consent: Consent) -> tuple[Integers, int]:
    """The places after a round, and how many exchanges it made."""
    found, _ = improvements(state, consent, _MOST_CANDIDATES)
    places, made = state.places.copy(), 0
    touched = np.zeros(len(state.game.quota), bool)
    room = ExchangeRoom(state.game.assignments, state.places)
    for start in range(0, len(found), 256):
        batch = found[start : start + 256]
        here = state.places[batch[:, 0]]
        fresh = ~(touched[here] | touched[batch[:, 1]])
        batch = batch[fresh]
        for (k, node, j), fits in zip(batch.tolist(), room.has(batch).tolist(), strict=True):
            here_k = int(state.places[k])
            if not fits or touched[here_k] or touched[node]:
                continue
            after = places.copy()
            after[k] = node
            if j >= 0:
                after[j] = here_k
            if made and not state.game.assignments.links.load(after).max(initial=0) < 1:
                continue  # fits alone, but not beside those made before
            places, made = after, made + 1
            touched[[here_k, node]] = True
    return places, made
