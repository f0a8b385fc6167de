"""Values, potentials and latencies of many assignments of few subtasks, in numpy.

Equal to `Assignments.cost` and `ExchangeGame.state` of each; dense in subtasks x nodes x links,
so for small games only.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.games.sums import summed
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Integers, Seconds

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Values:
    """Of S assignments: the objective and Phi, inf where not feasible, every subtask's latency
    [S, K] and every node's term of Phi [S, N]."""

    value: Seconds
    potential: Seconds
    latency_s: Seconds
    node_cost: Seconds


def values_of(game: ExchangeGame, places: Integers) -> Values:
    """The values of assignments to allowed nodes, int [S, K]. O(S (K + G N + links))."""
    tables = _Tables.of(game)
    parts = [_chunk(game, tables, places[at : at + _CHUNK]) for at in range(0, len(places), _CHUNK)]
    return Values(*(np.concatenate(part) for part in zip(*parts, strict=True)))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Tables:
    """Of groups: rate, factor, task, whether a run, whether its home's radio is serial; and of
    subtasks the transfers [K, N] and the loads of links [K, N, links]."""

    rate: Seconds
    factor: Seconds
    task: Integers
    is_run: Flags
    serial: Flags
    foreign: Flags
    moved_s: Seconds
    link_load: Seconds

    @classmethod
    def of(cls, game: ExchangeGame) -> _Tables:
        groups = len(game.stay_s)
        first = np.searchsorted(game.group, np.arange(groups))
        use = game.assignments.links
        every = np.arange(game.allowed.shape[1])
        load = np.zeros((*game.allowed.shape, len(use.base_load) + 1))
        for subtask, row, size in zip(use.subtask, use.row, use.size, strict=True):
            links = use.table[row]
            seconds = use.busy_s(links, size)
            for hop in range(links.shape[1]):  # a leg crosses no link twice
                load[subtask, every, links[:, hop]] += use.rate[subtask] * seconds[:, hop]
        return cls(
            rate=game.rate[first],
            factor=game.factor[first],
            task=game.subtasks.task[first],
            is_run=game.assignments.group_is_run,
            serial=game.assignments.group_is_serial,
            foreign=game.foreign[first],
            moved_s=game.alone_s - game.service_s,
            link_load=load[:, :, :-1],
        )


def _chunk(
    game: ExchangeGame, tables: _Tables, places: Integers
) -> tuple[Seconds, Seconds, Seconds, Seconds]:
    count, num_nodes, every = len(places), len(game.quota), np.arange(places.shape[1])
    shape = (count, *game.stay_s.shape)
    cell = np.ravel_multi_index(
        (np.arange(count)[:, None], game.group[None, :], places), shape
    ).ravel()
    service = game.service_s[every, places]

    def by_visit(amounts: Seconds) -> Seconds:
        return summed(cell, amounts.ravel(), int(np.prod(shape))).reshape(shape)

    visit = by_visit(service) + game.stay_s
    members = by_visit(np.ones(places.shape))
    present = members > 0
    moved = by_visit(tables.moved_s[every, places])
    delays = by_visit(game.subtasks.shared_s[every, places])
    moved -= delays * (1 - 1 / np.maximum(members, 1))  # which a visit waits for once
    for k, added in game.assignments.stage_ways.added_s.items():
        moved[:, game.group[k]] += added[:, places[:, k]].T
    serves = visit > 0
    rho = game.fixed.rho + np.einsum("g,bgn->bn", tables.rate, visit)
    second = game.fixed.second + np.einsum("g,bgn->bn", tables.rate, visit**2)
    waiting = game.fixed.waiting + np.einsum("g,bgn->bn", tables.factor, serves.astype(float))
    wait = wait_seconds(second, rho, game.overload_s)
    spent = np.zeros((count, num_nodes))
    own = game.factor * game.alone_s[every, places]
    np.add.at(spent, (np.arange(count)[:, None], places), own)
    guests = (serves & present & tables.foreign).sum(axis=1)
    load = game.assignments.links.base_load + tables.link_load[every, places].sum(axis=1)
    ok = (rho < 1).all(axis=1) & (load < 1).all(axis=1) & (guests <= game.quota).all(axis=1)
    ok &= bool(np.isfinite(game.subtasks.base_s).all())
    if game.assignments.has_memory:
        for at in np.flatnonzero(ok).tolist():
            ok[at] = game.assignments.memory.fits(places[at])
    node_cost = spent + waiting * wait
    latency = game.alone_s[every, places]
    latency = latency + np.where(service > 0, np.take_along_axis(wait, places, axis=1), 0.0)
    value = _objective(game, tables, (visit, moved, present), wait)
    potential = game.base + node_cost.sum(axis=1)
    return np.where(ok, value, inf), np.where(ok, potential, inf), latency, node_cost


def _objective(
    game: ExchangeGame, tables: _Tables, visits: tuple[Seconds, Seconds, Flags], wait: Seconds
) -> Seconds:
    """[B]: the mean latency, barriers included."""
    visit, moved, present = visits
    waited = np.where(visit > 0, wait[:, None, :], 0.0)
    served = visit + waited
    run = (served + moved - game.stay_s).sum(axis=2)
    race = np.where(present, served + moved, 0.0).max(axis=2, initial=0.0)
    queue = np.where(present, served, 0.0).max(axis=2, initial=0.0) + moved.sum(axis=2)
    term = np.where(tables.is_run, run, np.where(tables.serial, queue, race))
    subtasks = game.subtasks
    weight = subtasks.task_weight
    total = float(weight @ np.where(subtasks.base_s < inf, subtasks.base_s, 0.0))
    total = total + term @ weight[tables.task]
    stays = subtasks.local_s > 0
    stays[tables.task[tables.is_run]] = False
    tasks = np.flatnonzero(stays)
    return np.asarray(total + wait[:, game.assignments.task_source[tasks]] @ weight[tasks])
