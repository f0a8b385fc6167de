"""One plan per task out of a catalogue: what every choice costs, waits included (docs/costs.md).

All plans of all tasks are rows of arrays, so that the mean latency of one plan more beside those
already chosen is known for all of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Floats, Integers


@dataclass(frozen=True, eq=False, kw_only=True)
class Chosen:
    """What the plans chosen so far take: `rho`, `second` and `waiting` [N] (the weight of visits
    that are no barrier), `guests` [N], `links` [links], the objective's rest, and who they are.
    """

    rho: Floats
    second: Floats
    waiting: Floats
    guests: Floats
    links: Floats
    fixed_s: float
    plans: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class PlanTable:
    """E plans of all tasks, plan e of task `task[e]`.

    [E, N]: `rho`, `second`, `waiting` and `guests` that a plan adds; [E, links] `links`; [E]
    `fixed_s`, weighted seconds that never wait. Its stages on several nodes are barriers: row b
    belongs to plan `owner[b]` and takes `weight[b]` max over `node[b]` of `end_s[b]` plus the
    wait, which counts where `waits[b]`.
    """

    footprints: tuple[Footprint, ...]
    task: Integers
    rho: Floats
    second: Floats
    waiting: Floats
    guests: Floats
    links: Floats
    fixed_s: Floats
    owner: Integers
    weight: Floats
    node: Integers
    end_s: Floats
    waits: NDArray[np.bool_]
    quota: Floats

    @classmethod
    def of(cls, loads: Loads, catalogues: Sequence[Sequence[Footprint]]) -> PlanTable:
        """The table of every task's plans; `loads` for rates, weights and quotas."""
        rows = [(task, own) for task, plans in enumerate(catalogues) for own in plans]
        shape = (len(rows), len(loads.rho))
        rho, second, waiting, guests = (np.zeros(shape) for _ in range(4))
        links, fixed = np.zeros((len(rows), len(loads.link_load))), np.zeros(len(rows))
        barriers: list[tuple[int, float, Integers, Floats, NDArray[np.bool_]]] = []
        for at, (task, own) in enumerate(rows):
            rate, weight = float(loads.rate[task]), float(loads.weight[task])
            np.add.at(rho[at], own.node, rate * own.service_s)
            np.add.at(second[at], own.node, rate * own.service_s**2)
            foreign = (own.node != loads.source[task]) & (own.service_s > 0)
            np.add.at(guests[at], own.node[foreign], 1.0)
            np.add.at(links[at], own.links, rate * own.link_s)
            fixed[at] = weight * own.fixed_s
            for visits in np.split(np.arange(len(own.node)), own.first[1:]):
                node, end = own.node[visits], (own.moved_s + own.service_s)[visits]
                waits = own.service_s[visits] > 0
                if len(visits) == 1:
                    fixed[at] += weight * float(end[0])
                    waiting[at, node] += weight * waits
                elif len(visits):
                    barriers.append((at, weight, node, end, waits))
        most = max((len(node) for _, _, node, _, _ in barriers), default=1)
        count = len(barriers)
        node_of, end_of = np.zeros((count, most), np.int64), np.full((count, most), -inf)
        waits_of = np.zeros((count, most), bool)
        for b, (_, _, node, end, waits) in enumerate(barriers):
            node_of[b, : len(node)], end_of[b, : len(node)] = node, end
            waits_of[b, : len(node)] = waits
        return cls(
            footprints=tuple(own for _, own in rows),
            task=np.array([task for task, _ in rows], np.int64),
            rho=rho,
            second=second,
            waiting=waiting,
            guests=guests,
            links=links,
            fixed_s=fixed,
            owner=np.array([owner for owner, *_ in barriers], np.int64),
            weight=np.array([weight for _, weight, *_ in barriers], np.float64),
            node=node_of,
            end_s=end_of,
            waits=waits_of,
            quota=loads.quota,
        )

    def nothing(self) -> Chosen:
        """No plan chosen yet."""
        none = np.zeros(self.rho.shape[1])
        return Chosen(
            rho=none,
            second=none,
            waiting=none,
            guests=none,
            links=np.zeros(self.links.shape[1]),
            fixed_s=0.0,
            plans=(),
        )

    def add(self, chosen: Chosen, plan: int) -> Chosen:
        """One plan more."""
        return Chosen(
            rho=chosen.rho + self.rho[plan],
            second=chosen.second + self.second[plan],
            waiting=chosen.waiting + self.waiting[plan],
            guests=chosen.guests + self.guests[plan],
            links=chosen.links + self.links[plan],
            fixed_s=chosen.fixed_s + float(self.fixed_s[plan]),
            plans=(*chosen.plans, plan),
        )

    def value(self, chosen: Chosen) -> float:
        """Weighted seconds of the plans chosen; inf where a node, link or quota is overloaded."""
        if (chosen.rho >= 1).any() or (chosen.links >= 1).any():
            return inf
        if (chosen.guests > self.quota).any():
            return inf
        wait_s = wait_seconds(chosen.second, chosen.rho)
        own = np.isin(self.owner, chosen.plans)
        ends = self.end_s[own] + self.waits[own] * wait_s[self.node[own]]
        barriers = float(self.weight[own] @ ends.max(axis=1, initial=-inf)) if own.any() else 0.0
        return chosen.fixed_s + float(chosen.waiting @ wait_s) + barriers

    def increments(self, chosen: Chosen, plans: Integers) -> Floats:
        """[plans]: weighted seconds that each of some plans would add beside those chosen.

        Its own latency and what it adds to the waits of others' visits, barriers of others left
        out: so the increments of several plans together are no more than what all of them add,
        as waits times their weights grow the faster the more there is (all second derivatives of
        `w q / (2 (1 - rho))` are >= 0). inf where a plan is impossible beside those chosen.
        """
        rho = chosen.rho + self.rho[plans]
        possible = (rho < 1).all(axis=1) & (chosen.links + self.links[plans] < 1).all(axis=1)
        possible &= (chosen.guests + self.guests[plans] <= self.quota).all(axis=1)
        after = wait_seconds(chosen.second + self.second[plans], rho, overload_s=0.0)
        before = wait_seconds(chosen.second, chosen.rho)
        added = ((chosen.waiting + self.waiting[plans]) * after).sum(axis=1)
        added += self.fixed_s[plans] - float(chosen.waiting @ before)
        position = np.full(len(self.task), -1)
        position[plans] = np.arange(len(plans))
        mine = np.flatnonzero(position[self.owner] >= 0)
        if len(mine):
            owner = position[self.owner[mine]]
            ends = self.end_s[mine] + self.waits[mine] * after[owner[:, None], self.node[mine]]
            np.add.at(added, owner, self.weight[mine] * ends.max(axis=1))
        return np.where(possible, added, inf)
