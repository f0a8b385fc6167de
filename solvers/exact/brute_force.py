"""`brute-force`: every placement, and for `makespan` every order, held to the reference cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import inf, prod

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.arrays.units import TaskUnits, task_units
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model
from splitfog.solvers.base import Answer, Request, SolverDeclined

MOST_PLACEMENTS = 10**6


def solve_brute_force(request: Request) -> Answer:
    """The best of all unsliced placements, depth first, layer by layer in topological order.

    Left out are only placements that break `tiers`, groups, the source, `monotone` or routes, and
    branches whose layer times alone are no better than the best value; what remains is
    evaluated by the reference cost and its violations. O(N^L), for `makespan` times the orders.

    Raises
    ------
    SolverDeclined
        Above 10^6 placements (for `makespan`: times topological orders), with the count.
    """
    instance = request.instance
    count, orders = num_placements(instance), 1
    if request.objective.name == "makespan" and count:
        model = instance.model_of(instance.tasks[0])
        orders = num_orders(model, MOST_PLACEMENTS // count)
    if count * orders > MOST_PLACEMENTS:
        what = "placements times orders" if orders > 1 else "placements"
        total = f"{Decimal(count * orders):.5e}"  # beyond floats, for many users
        reason = f"{total} {what} or more, must be <= {MOST_PLACEMENTS}"
        raise SolverDeclined("brute-force", reason, "auto")
    search = _Search(request)
    for decision in search.decisions():
        search.judge(decision)
        if request.out_of_time:
            return Answer(request.incumbent, stopped_by="time limit", reason=_OUT_OF_TIME)
    if request.incumbent is None:
        reason = f"none of {count} placements is feasible"
        return Answer(None, infeasible=True, reason=reason)
    return Answer(request.incumbent, request.incumbent_value)


_OUT_OF_TIME = "not all placements were tried in time"


def num_placements(instance: Instance) -> int:
    """How many placements `tiers`, groups and sources leave; routes and `monotone` not counted."""
    counts = []
    for task in range(len(instance.tasks)):
        costs = task_units(instance, task, "once").costs_s
        counts += np.isfinite(costs).sum(axis=1).tolist()
    return prod(counts)


def num_orders(model: Model, most: int) -> int:
    """How many topological orders of its layers a model has; of more than `most`, some more.

    Layer by layer: how many ways lead to each set of layers that may come first, and which may
    come next. Every way leads on, so their number never falls. O(layers most).
    """
    needed = [sum(1 << tail for tail in set(tails)) for tails in model.inputs]
    ready = [layer for layer, inputs in enumerate(needed) if not inputs]
    ways, after = {0: 1}, {0: ready}
    for _ in needed:
        if sum(ways.values()) > most:
            break
        before, ways = ways, {}
        for done, count in before.items():
            for layer in (open_to := after.pop(done)):
                now = done | 1 << layer
                if now not in ways:
                    freed = [r for r in model.consumers[layer] if needed[r] & now == needed[r]]
                    after[now] = [other for other in open_to if other != layer] + freed
                ways[now] = ways.get(now, 0) + count
    return sum(ways.values())


def topological_orders(model: Model) -> Iterator[tuple[int, ...]]:
    """Every topological order of a model's layers, the file's own first."""
    missing = [len(set(tails)) for tails in model.inputs]
    order: list[int] = []

    def extend() -> Iterator[tuple[int, ...]]:
        if len(order) == len(missing):
            yield tuple(order)
            return
        for layer in range(len(missing)):
            if missing[layer] == 0:
                missing[layer] = -1
                order.append(layer)
                for reader in model.consumers[layer]:
                    missing[reader] -= 1
                yield from extend()
                for reader in model.consumers[layer]:
                    missing[reader] += 1
                missing[order.pop()] = 0

    return extend()


_Neighbour = tuple[int, list[list[bool]]]
"""Another unit, and [nodes][nodes] from where to where the edge between them may lead."""


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """One level of the search: a unit of a task and what is known when its turn comes."""

    task: int
    unit: int
    inputs: tuple[_Neighbour, ...]
    """Units placed before that it reads."""
    readers: tuple[_Neighbour, ...]
    """Units placed before that read it (a group may stand on both sides of a unit)."""
    costs_s: tuple[float, ...]
    weight: float
    """Of its seconds in the objective."""


class _Search:
    """The tree of placements: one level a unit, one task after another."""

    def __init__(self, request: Request) -> None:
        self.request, instance = request, request.instance
        self.sums = request.objective.name in ("latency", "mean-latency")
        self.units = [task_units(instance, task, "once") for task in range(len(instance.tasks))]
        rank = instance.node_rank
        rises = (rank[:, None] <= rank) | (not request.objective.monotone)
        self.rises: list[list[bool]] = rises.tolist()
        self.may: list[list[bool]] = (rises & np.isfinite(routes_of(instance).latency_s)).tolist()
        self.choices = self._choices(_weights(request))
        self.node_of = [[0] * own.num_units for own in self.units]
        self.rest = [0.0]  # least seconds of all choices from a level on
        for choice in reversed(self.choices):
            self.rest.append(self.rest[-1] + choice.weight * min(choice.costs_s))
        self.rest.reverse()

    def _choices(self, weights: list[float]) -> list[_Choice]:
        return [
            _Choice(
                task=task,
                unit=unit,
                inputs=tuple(
                    (p, self._may(own, (p, c))) for p, c in own.edges if c == unit and p < unit
                ),
                readers=tuple(
                    (c, self._may(own, (p, c))) for p, c in own.edges if p == unit and c < unit
                ),
                costs_s=tuple(own.costs_s[unit].tolist()),
                weight=weights[task],
            )
            for task, own in enumerate(self.units)
            for unit in range(own.num_units)
        ]

    def decisions(self) -> Iterator[Decision]:
        """Every decision that no branch's bound has cut off, in file order's default order."""
        return self._descend(0, 0.0, [0.0] * len(self.request.instance.nodes))

    def _descend(self, level: int, spent: float, busy: list[float]) -> Iterator[Decision]:
        if level == len(self.choices):
            placements = zip(self.units, self.node_of, strict=True)
            yield placed(*(np.array(nodes)[own.unit_of] for own, nodes in placements))
            return
        choice = self.choices[level]
        nodes = self.node_of[choice.task]
        for node, seconds in enumerate(choice.costs_s):
            if seconds == inf or not self._linked(choice, node, nodes):
                continue
            nodes[choice.unit] = node
            before = busy[node]
            busy[node] += seconds
            now = spent + choice.weight * seconds
            bound = now + self.rest[level + 1] if self.sums else max(busy)
            if bound * (1 - BOUND_SLACK) < self.request.incumbent_value:
                yield from self._descend(level + 1, now, busy)
            busy[node] = before  # a difference would keep the rounding of long times

    def _linked(self, choice: _Choice, node: int, nodes: list[int]) -> bool:
        """Whether tensors may go between a node and those of the units placed before."""
        return all(may[nodes[unit]][node] for unit, may in choice.inputs) and all(
            may[node][nodes[unit]] for unit, may in choice.readers
        )

    def _may(self, units: TaskUnits, edge: tuple[int, int]) -> list[list[bool]]:
        """[nodes][nodes]: from where to where an edge may lead; what is never sent needs no way."""
        return self.rises if edge in units.silent else self.may

    def judge(self, decision: Decision) -> None:
        """Offer a decision if its cost is the least so far; for `makespan`, in every order."""
        request = self.request
        instance, objective = request.instance, request.objective
        if objective.name != "makespan":
            if decision_cost(instance, decision, objective) < request.incumbent_value:
                request.offer(decision)
            return
        least = least_makespan(instance, decision) * (1 - BOUND_SLACK)
        placement = decision.tasks[0].placement
        for order in topological_orders(instance.model_of(instance.tasks[0])):
            if least >= request.incumbent_value or request.out_of_time:
                return
            ordered = Decision((TaskDecision(placement, order),))
            if decision_cost(instance, ordered, objective) < request.incumbent_value:
                request.offer(ordered)


def _weights(request: Request) -> list[float]:
    """Weight of every task's latency in the objective."""
    tasks = request.instance.tasks
    rates = [task.arrivals_per_s for task in tasks]
    if request.objective.name != "mean-latency" or not any(rates):
        return [1 / len(tasks)] * len(tasks)
    return [(rate or 0.0) / sum(rate or 0.0 for rate in rates) for rate in rates]


def least_makespan(instance: Instance, decision: Decision) -> float:
    """The longest path of layers and transfers, or the busiest node: no order takes less."""
    task, routes = instance.tasks[0], routes_of(instance)
    model, arrays = instance.model_of(task), task_arrays(instance)
    nodes = decision.tasks[0].placement.tolist()
    seconds = arrays.times_s[np.arange(len(nodes)), decision.tasks[0].placement]
    sizes = arrays.output_bytes.tolist()
    finish = [0.0] * len(nodes)
    end = float(np.bincount(nodes, seconds).max())
    for layer in model.order.tolist():
        ready = [
            finish[tail] + routes.transfer(nodes[tail], nodes[layer], sizes[tail])
            for tail in model.inputs[layer]
        ]
        finish[layer] = max(ready, default=0.0) + float(seconds[layer])
        end = max(end, finish[layer])
        if arrays.results_to is not None and model.results[layer]:
            way = routes.transfer(nodes[layer], arrays.results_to, sizes[layer])
            end = max(end, finish[layer] + way)
    return end
