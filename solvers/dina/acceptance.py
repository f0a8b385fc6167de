"""`deferred-acceptance`: subtasks and nodes matched as residents and hospitals.

A node also has only so much time.

D. Gale and L. S. Shapley (1962), with quotas. Ours: a node refuses, from its least liked on, what
breaks its quota or takes its load above .95. With loads instead of counts a stable matching need
not exist; without loads that bind the matching is the stable one that the proposing side likes
best. Waits are not looked at: both sides rank by transfers and service, ties by index.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.games.game import ExchangeGame
from splitfog.instances.arrays import Integers
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.answer import finished_answer, tidied_decision
from splitfog.solvers.dina.given import given_subtasks
from splitfog.solvers.dina.partition import require_sources

MOST_RHO = 0.95
"""Load above which a node refuses."""

Side = Literal["subtasks", "nodes"]


def accept_deferred(game: ExchangeGame, side: Side = "subtasks") -> Integers:
    """[K]: a node for every subtask; who is refused everywhere stays at its task's source.

    A subtask lists the nodes that take it, least transfers + service first; at its own source it
    counts no quota. Each node's list is by the same times. O(K N log(K N)).
    """
    market = _Market(game)
    return market.subtasks_propose() if side == "subtasks" else market.nodes_propose()


class _Market:
    """Who likes whom, and how much room a node has beside what always stays there."""

    def __init__(self, game: ExchangeGame) -> None:
        self.game = game
        self.times = np.where(game.allowed, game.alone_s, np.inf)
        self.load = game.rate[:, None] * game.service_s
        # what stays at a source is there whatever is matched
        self.base = game.fixed.rho + (game.stay_s * _group_rate(game)[:, None]).sum(axis=0)
        self.guest = game.foreign & (game.service_s > 0)

    def home(self, places: Integers) -> Integers:
        """The places, with the source for those that have none."""
        least = np.where(self.game.source >= 0, self.game.source, self.times.argmin(axis=1))
        return np.where(places >= 0, places, least)

    def kept(self, node: int, wanted: list[int]) -> list[int]:
        """Of those that want to be on a node, whom it holds: the best first, while they fit."""
        quota, load, guests, held = self.game.quota[node], float(self.base[node]), 0, []
        for k in sorted(wanted, key=lambda k: (self.times[k, node], k)):
            guest, own = bool(self.guest[k, node]), float(self.load[k, node])
            if guests + guest <= quota and (load + own <= MOST_RHO or own == 0):
                held.append(k)
                load, guests = load + own, guests + guest
        return held

    def subtasks_propose(self) -> Integers:
        """Rounds in which all without a place propose to their next node at once."""
        order = np.argsort(self.times, axis=1, kind="stable")
        length = np.isfinite(self.times).sum(axis=1)
        count, num_nodes = self.times.shape
        following = np.zeros(count, np.int64)
        places = np.full(count, -1)
        held: list[list[int]] = [[] for _ in range(num_nodes)]
        while len(free := np.flatnonzero((places < 0) & (following < length))):
            target = order[free, following[free]]
            following[free] += 1
            for node in np.unique(target).tolist():
                wanted = held[node] + free[target == node].tolist()
                held[node] = self.kept(node, wanted)
                places[wanted] = -1
                places[held[node]] = node
        return self.home(places)

    def nodes_propose(self) -> Integers:
        """Rounds in which nodes propose to the best of those that have not refused them.

        Only nodes that were refused propose anew, the others' proposals stand.
        """
        count, num_nodes = self.times.shape
        open_to = np.isfinite(self.times)
        offered: list[list[int]] = [[] for _ in range(num_nodes)]
        anew = list(range(num_nodes))
        while anew:
            for node in anew:
                offered[node] = self.kept(node, np.flatnonzero(open_to[:, node]).tolist())
            places = np.full(count, -1)
            for node, subtasks in enumerate(offered):
                for k in subtasks:
                    best = places[k]
                    if best < 0 or self.times[k, node] < self.times[k, best]:
                        places[k] = node
            anew = []
            for node, subtasks in enumerate(offered):
                refused = [k for k in subtasks if places[k] != node]
                if refused:
                    open_to[refused, node] = False
                    anew.append(node)
        return self.home(places)


def _group_rate(game: ExchangeGame) -> NDArray[np.float64]:
    rate = np.zeros(len(game.stay_s))
    rate[game.group] = game.rate
    return rate


def solve_deferred_acceptance(request: Request) -> Answer:
    """The matching of the given subtasks that the proposing side likes best (`accept_deferred`)."""
    require_sources("deferred-acceptance", request.instance)
    given = given_subtasks(request)
    side = request.options["side"]
    places = accept_deferred(ExchangeGame(given.subtasks), side)
    decision = tidied_decision(given.subtasks.decision(places))
    template = tidied_decision(given.subtasks.template)
    reason = f"{given.origin}; the {side} propose"
    return finished_answer(request, decision, reason=reason, given=template)
