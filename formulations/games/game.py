"""Subtasks on nodes as a game: what every exchange would change, from sums per node.

The potential Phi = sum over visits of lambda (transfer + service + W), docs/matching.md, is a sum
of one term per node, and a move or swap changes two of them. An agent's latency is that of a
subtask: its own transfers and service, and the wait of its node.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from splitfog.formulations.games import gains
from splitfog.formulations.games.gains import Given, Now
from splitfog.formulations.games.sums import MoveGains, NodeSums, SwapGains, summed
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.formulations.offloading.waits import overload_seconds
from splitfog.instances.arrays import Integers, Seconds


class ExchangeGame:
    """What does not depend on the assignment: K subtasks, N nodes, G groups.

    Attributes
    ----------
    alone_s, service_s : [K, N], transfers and service, and service alone; 0 where not `allowed`.
    allowed : bool [K, N].
    rate, factor : [K], lambda, and the weight in Phi: lambda too, or 1 if no task has a rate.
    group : int [K]; subtasks of one group on one node are one visit, and do not swap.
    stay_s : [G, N], service of what stays at the source in one visit with a run there.
    foreign : bool [K, N], whether the node is not the source of the subtask's task.
    fixed : NodeSums [N], of what stays in visits of its own.
    base : what of Phi never changes.
    """

    def __init__(self, subtasks: Subtasks) -> None:
        self.subtasks, self.assignments = subtasks, Assignments(subtasks)
        num_nodes = len(subtasks.instance.nodes)
        alone = subtasks.alone_s()
        self.allowed = np.isfinite(alone)
        self.alone_s = np.where(self.allowed, alone, 0.0)
        self.service_s = np.where(self.allowed, subtasks.service_s, 0.0)
        task_factor = subtasks.task_rate
        if not task_factor.any():
            task_factor = np.ones(len(task_factor))
        self.rate, self.factor = subtasks.rate, task_factor[subtasks.task]
        self.overload_s = overload_seconds(subtasks.task_rate)
        self.group, self.source = subtasks.group, subtasks.source
        self.foreign = self.source[:, None] != np.arange(num_nodes)
        self.quota = self.assignments.quota
        groups = int(self.group.max(initial=-1)) + 1
        self.stay_s = np.zeros((groups, num_nodes))
        runs = np.flatnonzero(subtasks.is_run & (self.source >= 0))
        self.stay_s[self.group[runs], self.source[runs]] = subtasks.local_s[subtasks.task[runs]]
        alone_tasks = subtasks.local_s > 0
        alone_tasks[subtasks.task[runs]] = False
        self.fixed = self._fixed(np.flatnonzero(alone_tasks), task_factor)
        self.base = float(task_factor @ np.where(subtasks.base_s < inf, subtasks.base_s, 0.0))

    @cached_property
    def tables(self) -> Given:
        """What no assignment changes."""
        return Given(
            alone_s=np.where(self.allowed, self.alone_s, inf).T,
            service_s=self.service_s.T,
            rate=self.rate,
            factor=self.factor,
            group=self.group.astype(np.int32),
            source=self.source.astype(np.int32),
        )

    @cached_property
    def device_tables(self) -> Given:
        """The same, for JAX."""
        from splitfog.formulations.games.kernel import on_device

        return on_device(self.tables)

    def _fixed(self, tasks: Integers, factor: Seconds) -> NodeSums:
        node = self.assignments.task_source[tasks]
        rate, service = self.subtasks.task_rate[tasks], self.subtasks.local_s[tasks]
        count = len(self.subtasks.instance.nodes)
        none = np.zeros(count)
        return NodeSums(
            rho=summed(node, rate * service, count),
            second=summed(node, rate * service**2, count),
            waiting=summed(node, factor[tasks], count),
            spent=none,
            guests=none,
            overload_s=self.overload_s,
        )

    def state(self, places: ArrayLike) -> ExchangeState:
        """All sums of an assignment, int [K]. O(K N + G N)."""
        return ExchangeState(self, np.asarray(places, np.int64))


@dataclass(frozen=True, eq=False)
class ExchangeState:
    """An assignment and what every subtask would change by leaving or joining a node."""

    game: ExchangeGame
    places: Integers

    @cached_property
    def at_home(self) -> tuple[Integers, Integers]:
        """Index of every subtask's own entry in a [K, N] array."""
        return np.arange(len(self.places)), self.places

    @cached_property
    def visit_s(self) -> Seconds:
        """[G, N]: service of every group's visit to every node, what stays included."""
        total = self.game.stay_s.copy()
        np.add.at(total, (self.game.group, self.places), self.game.service_s[self.at_home])
        return total

    @cached_property
    def members(self) -> Integers:
        """[G, N]: how many with s > 0 make a visit, what stays counted as one."""
        count = (self.game.stay_s > 0).astype(np.int64)
        some = self.game.service_s[self.at_home] > 0
        np.add.at(count, (self.game.group[some], self.places[some]), 1)
        return count

    @cached_property
    def nodes(self) -> NodeSums:
        """[N]: the sums of every node."""
        game, count = self.game, len(self.game.quota)
        first = np.unique(game.group, return_index=True)[1]
        group, node = np.nonzero(self.members)
        member = first[group]
        rate, factor = game.rate[member], game.factor[member]
        service = self.visit_s[group, node]
        spent = game.factor * game.alone_s[self.at_home]
        visits = NodeSums(
            rho=summed(node, rate * service, count),
            second=summed(node, rate * service**2, count),
            waiting=summed(node, factor, count),
            spent=summed(self.places, spent, count),
            guests=summed(node, game.foreign[member, node], count),
            overload_s=game.overload_s,
        )
        return game.fixed + visits

    @cached_property
    def left(self) -> NodeSums:
        """[K]: the sums of a subtask's node without it."""
        game = self.game
        service = game.service_s[self.at_home]
        visit = self.visit_s[game.group, self.places]
        closes = (self.members[game.group, self.places] == 1) & (service > 0)
        rest = np.where(closes, 0.0, visit - service)
        leaving = NodeSums(
            rho=-game.rate * service,
            second=game.rate * (rest**2 - visit**2),
            waiting=np.where(closes, -game.factor, 0.0),
            spent=-game.factor * game.alone_s[self.at_home],
            guests=-(closes & game.foreign[self.at_home]).astype(np.float64),
            overload_s=game.overload_s,
        )
        sums = self.nodes[self.places] + leaving
        tiny = sums.waiting <= 0  # nobody waits there: what is left is rounding
        return NodeSums(
            rho=np.where(tiny, 0.0, sums.rho),
            second=np.where(tiny, 0.0, np.maximum(sums.second, 0.0)),
            waiting=np.maximum(sums.waiting, 0.0),
            spent=sums.spent,
            guests=sums.guests,
            overload_s=game.overload_s,
        )

    @cached_property
    def latency_s(self) -> Seconds:
        """[K]: every subtask's latency."""
        waits = self.nodes.wait_s[self.places]
        waits = np.where(self.game.service_s[self.at_home] > 0, waits, 0.0)
        return np.asarray(self.game.alone_s[self.at_home] + waits)

    @cached_property
    def potential(self) -> float:
        """Phi; huge where a node is overloaded."""
        return self.game.base + float(self.nodes.cost.sum())

    def moves(self, agents: bool = True) -> MoveGains:
        """What every move would change, [K, N]; latencies only with `agents`. O(K N)."""
        by, tables = self._by(self.game.allowed.size)
        now = self._now(self.nodes, self.nodes.cost, self.game.quota)
        joined, agent = by.arrivals(tables, now, agents)
        return MoveGains(self.left.cost - self.nodes.cost[self.places], joined, agent)

    def swaps(self, agents: bool = True) -> SwapGains:
        """What every swap would change, [K, K]; latencies only with `agents`. O(K^2)."""
        by, tables = self._by(len(self.places) ** 2)
        own = self.nodes.cost[self.places], self.game.quota[self.places]
        return SwapGains(*by.replacements(tables, self._now(self.left, *own), agents))

    def _by(self, entries: int) -> tuple[Any, Given]:
        """Who makes a table, NumPy or JAX, and what it reads."""
        if entries <= gains.MOST_BY_NUMPY:
            return gains, self.game.tables
        from splitfog.formulations.games import kernel

        return kernel, self.game.device_tables

    def _now(self, sums: NodeSums, cost: Seconds, quota: Seconds) -> Now:
        """What tables need of this assignment, and of the nodes that somebody comes to."""
        group = self.game.group
        return Now(
            visit_s=self.visit_s[group].T,
            opens=(self.members[group] == 0).T,
            here=self.places.astype(np.int32),
            rho=sums.rho,
            second=sums.second,
            waiting=sums.waiting,
            spent=sums.spent,
            guests=sums.guests,
            node_cost=cost,
            quota=quota,
            latency_s=self.latency_s,
        )
