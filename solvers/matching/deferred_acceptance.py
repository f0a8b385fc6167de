"""Deferred acceptance: the stable matching that is best for the side that proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from splitfog.formulations.matching.market import IntArray, Market
from splitfog.formulations.matching.stability import Matching
from splitfog.instances.arguments import choice

Side = Literal["residents", "hospitals"]

# Proposals are made all at once while a round has more of them than pairs / this, then one by
# one: so there are at most this many rounds, each linear in the pairs.
_ROUNDS = 200


def deferred_acceptance(market: Market, side: Side = "residents") -> Matching:
    """The stable matching that every member of the proposing side likes best.

    Members with free places propose down their lists; whoever is proposed to keeps the best up
    to the quota and refuses the others for good. Every resident (hospital) gets the best there
    is in any stable matching if residents (hospitals) propose, and the worst if the other
    side does (D. Gale and L. S. Shapley, 1962; D. G. McVitie and L. B. Wilson, 1971, for one
    proposal at a time and the independence of the order).

    Parameters
    ----------
    market : Market
    side : "residents" or "hospitals"
        Who proposes.

    Raises
    ------
    ValueError
        `side` is neither.

    Notes
    -----
    O(P) for P pairs. Ours: rounds of simultaneous proposals in numpy while they are large, then
    single proposals. What is held is one byte per place, and the last place held of a full
    receiver only moves up its list, so a search backwards from it visits every place once.
    """
    choice("side", side, get_args(Side))
    pair = market.pair_at_place()
    if side == "residents":
        state = _residents_propose(market, pair)
    else:
        state = _hospitals_propose(market, pair)
    _propose_in_rounds(state)
    _propose_one_by_one(state)
    held = np.flatnonzero(np.frombuffer(state.held, dtype=np.uint8))
    pairs = pair[held] if side == "residents" else held
    assignment = np.full(market.num_residents, -1)
    assignment[market.resident[pairs]] = market.hospital[pairs]
    return Matching(assignment, int((state.next - state.first).sum()))


@dataclass(kw_only=True)
class _State:
    """Offers are pairs in the proposers' order; places are the same in the receivers' order."""

    receiver: IntArray  # [offers]
    place: IntArray  # [offers]
    proposer_at: IntArray  # [places]
    receiver_at: IntArray  # [places]
    first: IntArray  # [proposers], first offer
    end: IntArray  # [proposers], one past the last offer
    next: IntArray  # [proposers], next offer to make
    free: IntArray  # [proposers], places not yet filled
    top: IntArray  # [receivers], best place
    quota: IntArray  # [receivers]
    load: IntArray  # [receivers], how many are held
    last: IntArray  # [receivers], the worst place that is not refused
    held: bytearray  # [places], 1 where held


def _residents_propose(market: Market, pair: IntArray) -> _State:
    return _state(
        (market.hospital, market.place, market.resident[pair], market.hospital[pair]),
        (market.start, np.ones(market.num_residents, dtype=np.int64)),
        (market.hospital_start, market.quotas),
    )


def _hospitals_propose(market: Market, pair: IntArray) -> _State:
    """Offers are the hospitals' places, and places the residents' pairs."""
    return _state(
        (market.resident[pair], pair, market.hospital, market.resident),
        (market.hospital_start, market.quotas),
        (market.start, np.ones(market.num_residents, dtype=np.int64)),
    )


def _state(
    arrays: tuple[IntArray, IntArray, IntArray, IntArray],
    proposers: tuple[IntArray, IntArray],
    receivers: tuple[IntArray, IntArray],
) -> _State:
    receiver, place, proposer_at, receiver_at = arrays
    start, free = proposers
    top, quota = receivers
    last = np.where(quota > 0, top[1:], top[:-1]) - 1  # nothing is refused but at quota 0
    load = np.zeros(len(quota), dtype=np.int64)
    held = bytearray(len(receiver))
    return _State(
        receiver=receiver,
        place=place,
        proposer_at=proposer_at,
        receiver_at=receiver_at,
        first=start[:-1],
        end=start[1:],
        next=start[:-1].copy(),
        free=free.copy(),
        top=top,
        quota=quota,
        load=load,
        last=last,
        held=held,
    )


def _propose_in_rounds(state: _State) -> None:
    """Everybody with free places proposes at once, as long as there are many offers a round."""
    few = max(1, len(state.place) // _ROUNDS)
    while True:
        proposer = np.flatnonzero((state.free > 0) & (state.next < state.end))
        number = np.minimum(state.free, state.end - state.next)[proposer]
        if number.sum() <= few:
            return
        offer = _ranges(state.next[proposer], number)
        state.next[proposer] += number
        state.free[proposer] -= number
        welcome = state.place[offer] <= state.last[state.receiver[offer]]
        refused = np.repeat(proposer, number)[~welcome]
        state.free += np.bincount(refused, minlength=len(state.free))
        _hold_best(state, offer[welcome])


def _hold_best(state: _State, offer: IntArray) -> None:
    """Receivers hold the offers too, then let go of their worst down to the quota."""
    view = np.frombuffer(state.held, dtype=np.uint8)
    view[state.place[offer]] = 1
    state.load += np.bincount(state.receiver[offer], minlength=len(state.load))
    held = np.flatnonzero(view)
    receiver = state.receiver_at[held]
    nth = np.arange(1, len(held) + 1) - (np.cumsum(state.load) - state.load)[receiver]
    let_go = held[nth > state.quota[receiver]]
    view[let_go] = 0
    state.free += np.bincount(state.proposer_at[let_go], minlength=len(state.free))
    np.minimum(state.load, state.quota, out=state.load)
    filled = nth == state.quota[receiver]
    state.last[receiver[filled]] = held[filled]


def _propose_one_by_one(state: _State) -> None:
    """The same, one offer at a time: a chain of refusals then costs its length, not a round each.

    Plain integers throughout: lists of the members, memory views of the offers and places.
    """
    receiver, place = state.receiver.data, state.place.data
    proposer_at, held = state.proposer_at.data, state.held
    upcoming, end, free = state.next.tolist(), state.end.tolist(), state.free.tolist()
    top, quota = state.top.tolist(), state.quota.tolist()
    load, last = state.load.tolist(), state.last.tolist()
    waiting = np.flatnonzero((state.free > 0) & (state.next < state.end)).tolist()
    while waiting:
        proposer = waiting.pop()
        offer, stop, places = upcoming[proposer], end[proposer], free[proposer]
        while places and offer < stop:
            at, who = place[offer], receiver[offer]
            offer += 1
            worst = last[who]
            if at > worst:
                continue
            held[at] = 1
            places -= 1
            if load[who] < quota[who]:
                load[who] += 1
                if load[who] == quota[who]:
                    last[who] = held.rfind(1, top[who], worst + 1)
            else:
                held[worst] = 0
                last[who] = held.rfind(1, top[who], worst)
                free[proposer_at[worst]] += 1
                waiting.append(proposer_at[worst])
        upcoming[proposer], free[proposer] = offer, places
    state.next[:] = upcoming


def _ranges(first: IntArray, number: IntArray) -> IntArray:
    """first[0], first[0] + 1, .. (number[0] of them), first[1], .. end to end."""
    before = np.cumsum(number) - number
    return np.repeat(first - before, number) + np.arange(int(number.sum()))
