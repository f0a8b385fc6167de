"""Which moves and swaps of subtasks find consent (docs/matching.md)."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.games.game import ExchangeState
from splitfog.formulations.games.sums import MoveGains, SwapGains
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Flags, Integers, Seconds


def improvements(
    state: ExchangeState, consent: Consent, most: int | None = None
) -> tuple[Integers, Seconds]:
    """Exchanges (k, n, j) [B, 3] that find consent, and what Phi changes by each [B], best first.

    k goes to node n, and j (-1: nobody) to where k was. `total`: Phi falls. `agents`: of the
    subtasks that change place none gets worse and one better. `four`: the same of them and of the
    two nodes, whose costs are their terms of Phi. Ours: `agents` and `four` ask nothing of Phi, so
    they may go round in a circle, which `exchange_in_rounds` ends as a `cycle`. What links and
    memory say is not looked at. `most`: no more than so many, the best by Phi.
    """
    agents = consent != "total"
    moves, swaps = state.moves(agents), state.swaps(agents)
    return ordered(
        *(listed(state, moves, moving(state, moves, consent))),
        *(exchanged(state, swaps, swapping(state, swaps, consent))),
        most=most,
    )


def ordered(
    moves: Integers, move_gains: Seconds, swaps: Integers, swap_gains: Seconds, most: int | None
) -> tuple[Integers, Seconds]:
    """Both kinds in the order of their gains, ties to swaps and smaller numbers."""
    found = np.concatenate([swaps, moves])
    gains = np.concatenate([swap_gains, move_gains])
    if most is not None and len(gains) > most:
        best = np.sort(np.argpartition(gains, most)[:most])
        found, gains = found[best], gains[best]
    order = np.argsort(gains, kind="stable")
    return found[order], gains[order]


def listed(state: ExchangeState, moves: MoveGains, which: Flags) -> tuple[Integers, Seconds]:
    """The moves chosen of [K, N], as exchanges and what Phi changes."""
    first, node = np.nonzero(which)
    rows = np.stack([first, node, np.full(len(first), -1)], axis=1)
    return rows, moves.left[first] + moves.joined[first, node]


def exchanged(state: ExchangeState, swaps: SwapGains, which: Flags) -> tuple[Integers, Seconds]:
    """The swaps chosen of [K, K], k < j, as exchanges and what Phi changes."""
    first, second = np.nonzero(which)
    upper = first < second
    first, second = first[upper], second[upper]
    rows = np.stack([first, state.places[second], second], axis=1)
    return rows, swaps.node[first, second] + swaps.node[second, first]


def moving(state: ExchangeState, moves: MoveGains, consent: Consent) -> Flags:
    """[K, N]: the moves that find consent."""
    if consent == "total":
        return np.asarray(moves.total < -EQUAL * abs(state.potential))
    assert moves.agent is not None
    slack = EQUAL * state.latency_s[:, None]
    better = moves.agent < -slack
    if consent == "agents":
        return np.asarray(moves.possible & better)
    node_slack = EQUAL * np.abs(state.nodes.cost)
    here, here_slack = moves.left[:, None], node_slack[state.places][:, None]
    nobody_worse = (moves.agent <= slack) & (here <= here_slack) & (moves.joined <= node_slack)
    better |= (here < -here_slack) | (moves.joined < -node_slack)
    return np.asarray(moves.possible & nobody_worse & better)


def swapping(state: ExchangeState, swaps: SwapGains, consent: Consent) -> Flags:
    """[K, K], the same both ways: the swaps that find consent."""
    if consent == "total":
        return np.asarray(swaps.total < -EQUAL * abs(state.potential))
    assert swaps.agent is not None
    slack = EQUAL * state.latency_s  # of the comer, a column
    nobody_worse, better = swaps.agent <= slack, swaps.agent < -slack
    if consent == "four":
        node_slack = EQUAL * np.abs(state.nodes.cost[state.places])[:, None]
        nobody_worse &= swaps.node <= node_slack
        better |= swaps.node < -node_slack
    return np.asarray(swaps.possible & nobody_worse & nobody_worse.T & (better | better.T))
