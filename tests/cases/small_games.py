"""Feasible random games, and what the audit's definitions say of them, by brute force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from math import inf
from typing import Any

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.objective import Objective, Transfers
from splitfog.formulations.offloading.one_cut import cut_table, one_cut
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from tests.cases.random_offloading import random_offloading, without_rates

TOLERANCE = 1e-9


def games(seed: int, count: int = 4, **how: Any) -> list[tuple[ExchangeGame, np.ndarray]]:
    """Up to `count` feasible assignments of random subtasks, with their game."""
    rng = np.random.default_rng(seed)
    how = {"utilisation": 0.2, "num_tasks": 4, "slices": 3} | how
    instance, template = random_offloading(rng, **how)
    if seed % 9 == 0:
        instance = without_rates(instance)
    transfers: Transfers = "once" if seed % 3 else "per-edge"
    objective = Objective("mean-latency", transfers, monotone=seed % 2 == 0)
    game = ExchangeGame(subtasks_of(instance, template, objective))
    found = []
    for _ in range(count):
        places = np.array([_somewhere(rng, row) for row in game.allowed], np.int64)
        if game.allowed[np.arange(len(places)), places].all() and game.assignments.obeys(places):
            found.append((game, places))
    return found


def _somewhere(rng: np.random.Generator, allowed: np.ndarray) -> int:
    nodes = np.flatnonzero(allowed)
    return int(rng.choice(nodes)) if len(nodes) else 0


def subtask_latencies(game: ExchangeGame, places: np.ndarray) -> np.ndarray:
    """Own transfers, service and the node's wait, from the reference cost of the assignment."""
    waits = game.assignments.cost(places).wait_s[places]
    rows = np.arange(len(places))
    service = game.subtasks.service_s[rows, places]
    alone: np.ndarray = game.subtasks.alone_s()[rows, places]
    return alone + np.where(service > 0, waits, 0.0)


def node_costs(game: ExchangeGame, places: np.ndarray) -> np.ndarray:
    """Every node's weighted transfers and services, and waits of its visits."""
    subtasks, cost = game.subtasks, game.assignments.cost(places)
    weight = subtasks.task_rate if subtasks.task_rate.any() else np.ones(len(subtasks.task_rate))
    visits, total = cost.visits, np.zeros(len(cost.wait_s))
    for at, node in enumerate(visits.node.tolist()):
        spent = visits.transfer_s[at] + visits.service_s[at] - visits.local_s[at]
        spent += cost.wait_s[node] if visits.service_s[at] > 0 else 0.0
        total[node] += weight[visits.task[at]] * spent
    # what stays beside a run that is away waits at its source in a visit of its own
    return total


def exchanges(game: ExchangeGame, places: np.ndarray) -> list[tuple[int, int, int, np.ndarray]]:
    """Every (k, n, j, places after): moves (j = -1) and swaps, feasible or not."""
    found = []
    for k, node in product(range(len(places)), range(len(game.quota))):
        if node != places[k]:
            after = places.copy()
            after[k] = node
            found.append((k, node, -1, after))
    for k, j in combinations(range(len(places)), 2):
        if places[k] != places[j] and game.group[k] != game.group[j]:
            after = places.copy()
            after[[k, j]] = places[[j, k]]
            found.append((k, int(places[j]), j, after))
    return found


def feasible(game: ExchangeGame, places: np.ndarray) -> bool:
    """Whether the rules allow the assignment."""
    return game.assignments.cost(places).value < inf and game.assignments.obeys(places)


def consents(game: ExchangeGame, places: np.ndarray, k: int, j: int, after: np.ndarray) -> set[str]:
    """Under which consents a feasible exchange is made, by the definitions."""
    agreed = set()
    now, then = game.assignments.cost(places), game.assignments.cost(after)
    if then.potential - now.potential < -TOLERANCE * abs(now.potential):
        agreed.add("total")
    movers = [k] if j < 0 else [k, j]
    own = [(subtask_latencies(game, places)[m], subtask_latencies(game, after)[m]) for m in movers]
    hosts = [int(places[k]), int(after[k])]
    nodes = [(node_costs(game, places)[n], node_costs(game, after)[n]) for n in hosts]
    for name, pairs in (("agents", own), ("four", own + nodes)):
        worse = any(b - a > TOLERANCE * abs(a) for a, b in pairs)
        if not worse and any(b - a < -TOLERANCE * abs(a) for a, b in pairs):
            agreed.add(name)
    return agreed


def blocking_pairs(game: ExchangeGame, places: np.ndarray) -> int:
    """A pair blocks: k gains at n, which has room or sends home a guest whom it ranks below k."""
    now, count = subtask_latencies(game, places), 0
    rank = game.subtasks.alone_s()
    for k, node, j, after in exchanges(game, places):
        if j >= 0:
            continue

        def gains(state: np.ndarray, k: int = k) -> bool:
            fall = subtask_latencies(game, state)[k] - now[k]
            return bool(fall < -TOLERANCE * now[k])

        if feasible(game, after):
            count += gains(after)
            continue
        for guest in np.flatnonzero((places == node) & (game.source != node)).tolist():
            if (rank[k, node], k) < (rank[guest, node], guest) and game.source[guest] >= 0:
                other = after.copy()
                other[guest] = game.source[guest]
                if feasible(game, other) and gains(other):
                    count += 1
                    break
    return count


def own_latencies(instance: Instance, decision: Decision, position: int) -> Iterator[float]:
    """A task's own latency under every feasible single cut, by the reference."""
    objective = Objective("mean-latency")
    cuts = len(cut_table(instance, objective, position).layers)
    for cut, node in product(range(cuts + 1), range(len(instance.nodes))):
        placement = one_cut(instance, objective, position, cut, node)
        tasks = list(decision.tasks)
        tasks[position] = TaskDecision(frozen(placement))
        other = Decision(tuple(tasks))
        if not decision_violations(instance, other, objective):
            yield decision_cost(instance, other, objective).tasks[position].latency_s
