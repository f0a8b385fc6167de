"""All assignments of few subtasks: which are stable, and what stability costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod

import numpy as np

from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.values import Values, values_of
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Flags, Integers

MOST_STATES = 200_000


@dataclass(frozen=True, eq=False, kw_only=True)
class States:
    """S assignments to allowed nodes, numbered like digits.

    `choice` [S, K] is a position in the subtask's list of allowed nodes, `position` [K, N] the
    inverse of these lists (-1: not allowed), `step` [K] the number that one choice further adds.
    """

    game: ExchangeGame
    places: Integers
    position: Integers
    choice: Integers
    step: Integers
    values: Values

    def prices(self, consent: Consent = "total") -> tuple[float | None, float | None]:
        """Price of stability and of anarchy: the least and the worst stable value over the optimum.

        States are the feasible assignments, their cost the mean latency; stable is one that no
        move or swap to a feasible state improves with the consent. (None, None) where none is
        stable; the optimum is positive or all stable states cost 0 too (then 1).
        """
        stable = self.values.value[self.stable(consent)]
        if not len(stable):
            return None, None
        best = float(self.values.value.min())
        if best == 0:
            return (1.0, 1.0) if stable.max() == 0 else (None, None)
        return float(stable.min()) / best, float(stable.max()) / best

    def stable(self, consent: Consent) -> Flags:
        """[S]: the feasible states that no feasible exchange improves with the consent."""
        stable = self.values.value < inf
        for k in range(self.places.shape[1]):
            for node in range(len(self.game.quota)):
                stable &= ~self._improves(consent, (k,), np.full(len(self.places), node))
            for j in range(k):
                if self.game.group[k] != self.game.group[j]:
                    stable &= ~self._improves(consent, (k, j), self.places[:, j])
        return stable

    def _improves(self, consent: Consent, movers: tuple[int, ...], node: Integers) -> Flags:
        """[S]: whether the first mover's going to `node` (and the second's to its place) does."""
        here = self.places[:, movers[0]]
        goals = (node, here)
        ok, after = here != node, np.arange(len(node))
        for k, goal in zip(movers, goals):
            there = self.position[k, goal]
            ok = ok & (there >= 0)
            after = after + np.where(ok, there - self.choice[:, k], 0) * self.step[k]
        after = np.where(ok, after, 0)
        values = self.values
        ok &= (values.value < inf) & (values.value[after] < inf)
        if consent == "total":
            now = np.where(ok, values.potential, 0.0)
            gain = np.where(ok, values.potential[after], 0.0) - now
            return np.asarray(ok & (gain < -EQUAL * np.abs(now)))
        pairs = [(values.latency_s[:, k], values.latency_s[after, k]) for k in movers]
        if consent == "four":
            cost, every = values.node_cost, np.arange(len(node))
            pairs += [(cost[every, host], cost[after, host]) for host in (here, node)]
        worse, better = np.zeros(len(node), bool), np.zeros(len(node), bool)
        for now, then in pairs:
            worse |= then - now > EQUAL * np.abs(now)
            better |= then - now < -EQUAL * np.abs(now)
        return np.asarray(ok & ~worse & better)


def states_of(game: ExchangeGame) -> States | None:
    """All assignments to allowed nodes; None if there is none or more than `MOST_STATES`."""
    choices = [np.flatnonzero(row) for row in game.allowed]
    sizes = [len(nodes) for nodes in choices]
    if not 0 < prod(sizes) <= MOST_STATES:
        return None
    step = np.array([prod(sizes[k + 1 :]) for k in range(len(sizes))], np.int64)
    number = np.arange(prod(sizes))[:, None]
    choice = number // step % np.array(sizes, np.int64)
    places = np.zeros(choice.shape, np.int64)
    position = np.full(game.allowed.shape, -1)
    for k, nodes in enumerate(choices):
        places[:, k] = nodes[choice[:, k]]
        position[k, nodes] = np.arange(len(nodes))
    return States(
        game=game,
        places=places,
        position=position,
        choice=choice,
        step=step,
        values=values_of(game, places),
    )
