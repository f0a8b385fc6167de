"""HEFT and CPOP: list scheduling for the makespan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement, checked
from splitfog.baselines.simple.timetable import Timetable, list_schedule
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.instances.arrays import frozen
from splitfog.instances.order import topological
from splitfog.solvers.base import Answer, Request


def solve_heft(request: Request) -> Answer:
    """Layers by falling upward rank, each on the node that ends it first.

    After H. Topcuoglu, S. Hariri and M.-Y. Wu, Performance-effective and low-complexity task
    scheduling for heterogeneous computing, IEEE TPDS 2002. Ours: no insertion into gaps, since
    `makespan` lets nothing overtake on a node; ranks over the mean time and mean transfer of the
    nodes that `tiers`, groups, routes and `monotone` leave; a last layer also counts the way of
    its result; the plan's order is that of the ranks or, where links are shared or nodes do not
    overlap, that of the estimated starts if it ends earlier. What only forwards a tensor, in no
    time, is part of the layer before it (see `forwarders`). O(E N).
    """
    arrays = task_arrays(request.instance)

    def way(carried: Carried) -> Way:
        ranks = layer_ranks(arrays, request.objective.monotone, carried)
        return with_carried(by_falling(ranks.upward, arrays), arrays, carried), {}

    return _scheduled(request, arrays, way)


def solve_cpop(request: Request) -> Answer:
    """The critical path on one node, every other layer on the node that ends it first.

    After Topcuoglu, Hariri and Wu, IEEE TPDS 2002: priority is upward plus downward rank, the
    ready layer of highest priority goes first, and the layers of the critical path go to the node
    that runs them all in least time. Ours: as in `solve_heft`; a layer of the path that may not
    be on that node goes where it ends first. O(E N).
    """
    arrays = task_arrays(request.instance)
    usable = _usable(arrays, request.objective.monotone)

    def way(carried: Carried) -> Way:
        ranks = layer_ranks(arrays, request.objective.monotone, carried)
        priority = ranks.upward + ranks.downward
        path = critical_path(arrays, priority)
        costs = np.where(usable, arrays.costs_s[path].sum(axis=0), np.inf)
        pinned = {layer: int(costs.argmin()) for layer in path} if np.isfinite(costs).any() else {}
        return _ready_order(arrays, priority, carried), pinned

    return _scheduled(request, arrays, way)


Carried = Mapping[int, int]
"""Layers that only forward a tensor, and the layer whose tensor that is."""

Way = tuple[list[int], dict[int, int]]
"""An order to schedule layers in, and layers pinned to a node."""


def forwarders(arrays: TaskArrays) -> dict[int, int]:
    """Layers that read one tensor, in no time wherever that may be made: edges with own sizes.

    An edge whose data differ from its layer's other edges' is written as such a layer between the
    two; the order of ranks would let it queue behind others on its node, as no edge does.
    """
    found = {}
    for layer, inputs in enumerate(arrays.model.inputs):
        if len(set(inputs)) == 1:
            both = arrays.allowed[layer] & arrays.allowed[inputs[0]]
            if both.any() and not arrays.times_s[layer, both].any():
                found[layer] = inputs[0]
    return found


@dataclass(frozen=True, eq=False)
class Ranks:
    """[layers]: mean seconds from a layer's start to the end, and from the start to the layer."""

    upward: NDArray[np.float64]
    downward: NDArray[np.float64]


def layer_ranks(
    arrays: TaskArrays, monotone: bool, carried: Carried = MappingProxyType({})
) -> Ranks:
    """Upward and downward ranks over the means of the nodes that a task may use. O(E + L N).

    A tensor does not travel to the layers that forward it.
    """
    times, transfers = _means(arrays, monotone)
    model = arrays.model
    order: list[int] = model.order.tolist()
    upward, downward = [0.0] * len(order), [0.0] * len(order)
    for layer in reversed(order):
        readers = model.consumers[layer]
        below = max([upward[r] for r in readers if r in carried], default=0.0)
        if not readers or any(reader not in carried for reader in readers):
            others = max([upward[r] for r in readers if r not in carried], default=0.0)
            below = max(below, transfers[layer] + others)
        upward[layer] = times[layer] + below
    for layer in order:
        sent = 0.0 if layer in carried else 1.0
        through = (downward[t] + times[t] + sent * transfers[t] for t in model.inputs[layer])
        downward[layer] = max(through, default=0.0)
    return Ranks(frozen(np.array(upward)), frozen(np.array(downward)))


def by_falling(rank: NDArray[np.float64], arrays: TaskArrays) -> list[int]:
    """Layers by falling rank, ties in topological order; topological if no reader ranks higher."""
    order = arrays.model.order
    falling: list[int] = order[np.argsort(-rank[order], kind="stable")].tolist()
    return falling


def with_carried(order: Iterable[int], arrays: TaskArrays, carried: Carried) -> list[int]:
    """The order with every layer that forwards right after the one it belongs to."""
    moved: list[int] = []
    for layer in order:
        if layer not in carried:
            after = [layer]
            while after:
                moved.append(after.pop())
                after += [r for r in reversed(arrays.model.consumers[moved[-1]]) if r in carried]
    return moved


def critical_path(arrays: TaskArrays, priority: NDArray[np.float64]) -> list[int]:
    """From the first layer of highest priority, always on to the reader of highest priority."""
    model = arrays.model
    entries = [layer for layer, inputs in enumerate(model.inputs) if not inputs]
    path = [max(entries, key=lambda layer: priority[layer])]
    while readers := model.consumers[path[-1]]:
        path.append(max(readers, key=lambda layer: priority[layer]))
    return [layer for layer in path if not arrays.is_input[layer]]


def _means(arrays: TaskArrays, monotone: bool) -> tuple[list[float], list[float]]:
    """Mean time of every layer over its nodes; mean seconds of its tensor's way, if it has one."""
    costs = arrays.costs_s[:, _usable(arrays, monotone)]
    allowed = np.isfinite(costs)
    sums = np.where(allowed, costs, 0.0).sum(axis=1)
    times = sums / np.maximum(allowed.sum(axis=1), 1)
    latency, per_byte = _mean_way(arrays, monotone)
    transfers = latency + arrays.output_bytes * per_byte
    read = np.array([bool(readers) for readers in arrays.model.reads])
    transfers[~read & (arrays.results_to is None)] = 0.0
    return times.tolist(), transfers.tolist()


def _usable(arrays: TaskArrays, monotone: bool) -> NDArray[np.bool_]:
    """[nodes]: those where some layer may be, and not below the source if `monotone`."""
    usable = arrays.allowed.any(axis=0)
    if monotone and arrays.source is not None:
        rank = arrays.instance.node_rank
        usable = usable & (rank >= rank[arrays.source])
    return np.asarray(usable)


def _mean_way(arrays: TaskArrays, monotone: bool) -> tuple[float, float]:
    """Mean latency and seconds per byte over all routes between two different usable nodes."""
    routes, usable = routes_of(arrays.instance), _usable(arrays, monotone)
    pairs = usable[:, None] & usable & ~np.eye(len(usable), dtype=bool)
    pairs &= np.isfinite(routes.latency_s)
    if not pairs.any():
        return 0.0, 0.0
    return float(routes.latency_s[pairs].mean()), float(routes.seconds_per_byte[pairs].mean())


def _ready_order(arrays: TaskArrays, priority: NDArray[np.float64], carried: Carried) -> list[int]:
    """Repeatedly the ready layer of highest priority; one that forwards at once."""
    key = [-inf if layer in carried else -float(p) for layer, p in enumerate(priority)]
    return list(topological(arrays.model.consumers, key))


def _scheduled(request: Request, arrays: TaskArrays, way: Callable[[Carried], Way]) -> Answer:
    """The answer of list scheduling in an order; it is also the plan's unless starts are better.

    Layers that forward are scheduled with the one before them; where they need not be on its node,
    also like all others, and the better plan is taken.
    """
    carried = forwarders(arrays)
    together = {layer: group for group in arrays.groups for layer in group}
    free = any(layer not in together.get(before, ()) for layer, before in carried.items())
    answers = [
        _listed(request, arrays, *way(own), own) for own in ((carried, {}) if free else (carried,))
    ]
    found = [answer.decision for answer in answers if answer.decision is not None]
    if not found:
        return answers[0]
    return Answer(min(found, key=lambda d: decision_cost(request.instance, d, request.objective)))


def _listed(
    request: Request,
    arrays: TaskArrays,
    order: list[int],
    pinned: dict[int, int],
    carried: Carried,
) -> Answer:
    table = Timetable(arrays, request.objective.monotone)
    found = list_schedule(table, order, pinned, carried)
    if isinstance(found, str):
        return Answer(None, reason=f"task {arrays.task.name}: {found}")
    decision = _ordered(found, order)
    if _contended(request):
        rank = {layer: at for at, layer in enumerate(order)}
        starts = sorted(order, key=lambda layer: (table.starts[layer], rank[layer]))
        other = _ordered(found, starts)
        costs = [decision_cost(request.instance, d, request.objective) for d in (decision, other)]
        decision = other if costs[1] < costs[0] else decision
    return checked(request, decision)


def _ordered(placement: Placement, order: list[int]) -> Decision:
    return Decision((TaskDecision(frozen(placement), tuple(order)),))


def _contended(request: Request) -> bool:
    """Whether the order decides about more than what runs on a node."""
    instance = request.instance
    return any(link.shared for link in instance.links) or not all(
        node.overlap for node in instance.nodes
    )
