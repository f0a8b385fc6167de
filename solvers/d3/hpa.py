"""`hpa`, `hpa-plain`: the horizontal partition after D3 (arXiv 2101.05952), level by level.

Layers are grouped into levels by their longest distance from the inputs and decided in that
order; a layer may not be nearer the device than its inputs. Ours, as the text of D3 was not at
hand: the look-ahead A and G, one node standing for each tier, how layers of a level that share
a tensor are reconsidered, and the safety net of `hpa`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.arrays.tiers import TierGraph, Tree
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.verdicts import Verdicts

Placement = NDArray[np.int64]

NO_TIER = "some layer finds no tier that it and its inputs allow"


def solve_hpa(request: Request) -> Answer:
    """The horizontal partition, or the best single tier where that is better.

    O((V + E) K^2) for K tiers, and one minimum cut for the bound where that applies. Exact on
    chains without memory, groups and results on the way. Tasks are solved one by one; a plan
    that breaks memory or groups is no answer.
    """
    return _answer(request, with_single_tiers=True)


def solve_hpa_plain(request: Request) -> Answer:
    """The horizontal partition alone: `hpa` without the single tiers as a safety net."""
    return _answer(request, with_single_tiers=False)


def horizontal_partition(graph: TierGraph, once: bool) -> Placement | None:
    """The node of every layer after D3; None where some layer finds no tier.

    Parameters
    ----------
    graph
        A task's layers on tiers.
    once
        Whether a tensor is paid once a link; else every edge pays its own transfer.
    """
    partition = Partition(graph, costs_by_tier(graph, look_ahead(graph, once)), once)
    for level in graph.levels:
        for layer in level:
            if not partition.decide(layer):
                return None
        if once:
            for siblings in siblings_of(graph.inputs, level):
                partition.reconsider(siblings)
    return np.array(graph.nodes, np.int64)[partition.tier]


def look_ahead(graph: TierGraph, once: bool) -> list[list[float]]:
    """A[layer][tier]: what leaving a layer there costs its successors at best, by levels upwards.

    A[i][k] = min over q >= k of w tr(i,k,q) + sum of G[c][q] over consumers c, where
    G[i][k] = (time(i,k) + A[i][k]) / number of distinct inputs; w = 1 or, per edge, all edges.
    """
    model, tiers = graph.model, range(graph.count)
    ways = [_onward(graph, tier) for tier in tiers]
    ahead: list[list[float]] = [[]] * len(model.layers)
    shared: list[list[float]] = [[]] * len(model.layers)  # G
    for level in reversed(graph.levels):
        for i in level:
            if consumers := model.consumers[i]:
                w = 1 if once else len(model.reads[i])
                rest = [sum(of_tier) for of_tier in zip(*[shared[c] for c in consumers])]
                size, sends = graph.num_bytes[i], graph.sends[i]
                ahead[i] = [
                    min(
                        [
                            w * (sends * fixed + size * per_byte) + rest[q]
                            for q, fixed, per_byte in way
                        ]
                    )
                    for way in ways
                ]
            else:
                ahead[i] = [graph.results_transfer(i, k) for k in tiers]
            parts = max(1, len(graph.inputs[i]))
            shared[i] = [
                (time + later) / parts
                for time, later in zip(graph.times_s[i], ahead[i], strict=True)
            ]
    return ahead


def _onward(graph: TierGraph, tier: int) -> list[tuple[int, float, float]]:
    """(tier, latency, seconds per byte) of the ways from a tier to itself and those above."""
    latency, per_byte = graph.transfers
    ways = zip(range(graph.count), latency[tier], per_byte[tier], strict=True)
    return [way for way in ways if way[0] >= tier and way[1] < inf]


def costs_by_tier(graph: TierGraph, ahead: list[list[float]]) -> list[list[float]]:
    """[layers][tiers]: what a layer costs on a tier by its own time and the look-ahead."""
    return [
        [time + later for time, later in zip(*rows, strict=True)]
        for rows in zip(graph.times_s, ahead, strict=True)
    ]


DISTINCT = 1 - ROUNDING
"""Of a cost, what is lower but for rounding; the rest is a tie."""


class Partition:
    """Tiers decided so far, and which tiers every tensor has been sent to, and how often.

    `costs_s`: [layers][tiers], as `costs_by_tier`.
    """

    def __init__(self, graph: TierGraph, costs_s: list[list[float]], once: bool) -> None:
        self.graph, self.once, self.costs_s = graph, once, costs_s
        self.tier = [0] * len(costs_s)
        self.readers = [[0] * graph.count for _ in costs_s]
        self.sent = [0] * len(costs_s)  # tiers with readers, as bits

    def decide(self, layer: int) -> bool:
        """Put a layer on the cheapest tier that its inputs leave; ties: nearest the device."""
        inputs = self.graph.inputs[layer]
        trees = self.trees(inputs if self.once else self.graph.model.inputs[layer])
        chosen, least = -1, inf
        for tier in range(max([self.tier[p] for p in inputs], default=0), self.graph.count):
            cost = self.costs_s[layer][tier]
            if cost < least:
                for sends, size, tree in trees:
                    cost += sends * tree.added_lag_s[tier] + size * tree.added_per_byte[tier]
                if cost < least * DISTINCT:
                    chosen, least = tier, cost
        if chosen < 0:
            return False
        self.tier[layer] = chosen
        if self.once:
            for tensor in inputs:
                self.count(tensor, chosen, 1)
        return True

    def reconsider(self, siblings: list[int]) -> None:
        """Move layers of one level that share a tensor to one tier, if that is strictly cheaper."""
        tensors = list(dict.fromkeys(p for layer in siblings for p in self.graph.inputs[layer]))
        before = [self.tier[layer] for layer in siblings]
        least = sum([self.costs_s[layer][self.tier[layer]] for layer in siblings])
        least += sum(
            [sends * tree.lag_s + size * tree.per_byte for sends, size, tree in self.trees(tensors)]
        )
        for layer in siblings:
            for tensor in self.graph.inputs[layer]:
                self.count(tensor, self.tier[layer], -1)
        tier = self.common_tier(siblings, tensors, least)
        for layer, place in zip(siblings, before, strict=True):
            self.tier[layer] = place if tier is None else tier
            for tensor in self.graph.inputs[layer]:
                self.count(tensor, self.tier[layer], 1)

    def common_tier(self, siblings: list[int], tensors: list[int], least: float) -> int | None:
        """The tier where withdrawn layers together cost less than `least`, and least of all."""
        trees, chosen = self.trees(tensors), None
        apart = sum([sends * tree.lag_s + size * tree.per_byte for sends, size, tree in trees])
        for tier in range(max([self.tier[p] for p in tensors]), self.graph.count):
            cost = apart + sum([self.costs_s[layer][tier] for layer in siblings])
            if cost < least:
                for sends, size, tree in trees:
                    cost += sends * tree.added_lag_s[tier] + size * tree.added_per_byte[tier]
                if cost < least * DISTINCT:
                    chosen, least = tier, cost
        return chosen

    def trees(self, tensors: Sequence[int]) -> list[tuple[float, float, Tree]]:
        """Sends and size of tensors, and the tree on which each has been sent so far.

        Those that are never sent are left out.
        """
        graph, home, sent = self.graph, self.tier, self.sent
        sends, sizes = graph.sends, graph.num_bytes
        return [(sends[p], sizes[p], graph.tree(home[p], sent[p])) for p in tensors if sends[p]]

    def count(self, tensor: int, tier: int, change: int) -> None:
        """Book a reader of a tensor on a tier, or take it away."""
        self.readers[tensor][tier] += change
        if self.readers[tensor][tier]:
            self.sent[tensor] |= 1 << tier
        else:
            self.sent[tensor] &= ~(1 << tier)


def siblings_of(inputs: Sequence[Sequence[int]], level: list[int]) -> list[list[int]]:
    """Layers of a level that read the same tensor, at least two, by their first reader."""
    readers: dict[int, list[int]] = {}
    for layer in level:
        for tensor in inputs[layer]:
            readers.setdefault(tensor, []).append(layer)
    return [layers for layers in readers.values() if len(layers) > 1]


def single_tier(graph: TierGraph, tier: int) -> Placement | None:
    """Every layer on one tier, inputs at the source; None where a layer may not be there."""
    is_input = graph.arrays.is_input
    if not np.isfinite(graph.arrays.costs_s[~is_input, graph.nodes[tier]]).all():
        return None
    return np.where(is_input, graph.arrays.source or 0, graph.nodes[tier])


def tier_placements(
    graph: TierGraph, once: bool, with_single_tiers: bool = True
) -> list[Placement]:
    """The horizontal partition, and every single tier as its safety net; those that there are."""
    plans = [horizontal_partition(graph, once)]
    if with_single_tiers:
        plans += [single_tier(graph, tier) for tier in range(graph.count)]
    return [plan for plan in plans if plan is not None]


def feasible_partition(verdicts: Verdicts) -> Decision | None:
    """The plan of `hpa`, without a bound; None where it finds none."""
    found = _searched(verdicts, with_single_tiers=True)
    return None if isinstance(found, str) else found


def _answer(request: Request, with_single_tiers: bool) -> Answer:
    """The best candidates that are feasible together, with the minimum cut's bound."""
    instance, objective = request.instance, request.objective
    found = _searched(request.verdicts, with_single_tiers)
    bound = _bound(instance, objective)
    if isinstance(found, str):
        return Answer(None, bound, reason=found)
    return Answer(found, bound)


def _searched(verdicts: Verdicts, with_single_tiers: bool) -> Decision | str:
    """The best candidates that are feasible together, or why there are none."""
    instance, objective = verdicts.instance, verdicts.objective
    candidates = []
    for position, task in enumerate(instance.tasks):
        graph = TierGraph(task_arrays(instance, position))
        once = objective.transfers == "once"
        candidates.append(tier_placements(graph, once, with_single_tiers))
        if not candidates[-1]:
            return f"task {task.name}: {NO_TIER}"
    reason = ""
    for decision in _by_cost(verdicts, candidates):
        faults = verdicts.faults(decision)
        if not faults:
            return decision
        reason = reason or faults[0]
    return reason


def _by_cost(verdicts: Verdicts, candidates: list[list[Placement]]) -> list[Decision]:
    """Every task's cheapest candidate, then all tasks' n-th ones, cheapest first."""
    most = max(len(own) for own in candidates)
    rounds = [placed(*(own[min(n, len(own) - 1)] for own in candidates)) for n in range(most)]
    if most == 1:
        return rounds
    costs = [verdicts.cost(decision) for decision in rounds]
    ranked = [rounds[n] for n in sorted(range(most), key=lambda n: float(costs[n]))]
    if len(candidates) == 1:
        return ranked
    latencies = np.array([[task.latency_s for task in cost.tasks] for cost in costs])
    chosen = [rounds[n].tasks[t] for t, n in enumerate(latencies.argmin(axis=0).tolist())]
    return [Decision(tuple(chosen)), *ranked]


def _bound(instance: Instance, objective: Objective) -> float | None:
    """The mean of the tasks' minimum cuts; None where a cut does not apply."""
    from splitfog.solvers.exact.min_cut import latency_bound

    bounds = [latency_bound(instance, objective, task) for task in range(len(instance.tasks))]
    known = [bound for bound in bounds if bound is not None]
    return sum(known) / len(known) if len(known) == len(bounds) else None
