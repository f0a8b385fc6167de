"""A lower bound on `mean-latency` over all plans without stages, waits included.

Ours. With prices on loads (`queue_prices`) tasks no longer meet, and each is relaxed to a shortest
way along its model's heaviest path, over all nodes, plus the layers beside it at their least
priced time. At a source of quota 0 that is nobody else's a task waits by its own plan
(`own_queues`), without a price. Any prices give a bound; those at which what the relaxed tasks have
done at others costs most come near the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.bounds.family import Family, families
from splitfog.formulations.bounds.own_queues import OwnQueues, own_queues
from splitfog.formulations.bounds.queue_prices import priced_bound
from splitfog.formulations.bounds.ways import Blocks, Ways, shortest_ways
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.instances.arrays import Floats
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

ROUNDS = ((3_000, 8), (inf, 5))
"""Up to so many tasks times nodes that compute, so often are prices made anew from the loads that
the last ones give: a size, not the clock, so that one instance has one bound."""


@kept(by=lambda instance, deadline=NEVER: ())
def bound_without_stages(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan without stages is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept. At most O(P N^2) for a model with a
    path of P layers on N nodes, as often as `ROUNDS` says.
    """
    weights, streams = task_weights(instance)
    own = families(instance, weights)
    queues, apart = own_queues(instance, own)

    def relaxed(_: int, price: Floats) -> tuple[Floats, Floats]:
        found = []
        for family, queue in zip(own, queues, strict=True):
            deadline.check("the lower bound")
            found.append(_relaxed(family, queue, price))
        seconds, loads = by_family(found)
        loads[..., apart] = 0.0  # queues that need no price
        return seconds, loads

    amount = len(instance.tasks) * int(hosts(instance).sum())
    rounds = next(rounds for most, rounds in ROUNDS if amount <= most) if streams else 1
    return priced_bound(weights, len(instance.nodes), rounds, relaxed)


def task_weights(instance: Instance) -> tuple[Floats, bool]:
    """[tasks]: what every task weighs, and whether they are streams, which wait."""
    rates = [task.arrivals_per_s or 0.0 for task in instance.tasks]
    return np.array(rates if any(rates) else [1.0] * len(rates)), any(rates)


def by_family(found: Sequence[tuple[float, Floats]]) -> tuple[Floats, Floats]:
    """[families] seconds, and loads v and r, [families, 2, nodes], of seconds and loads of each."""
    return np.array([seconds for seconds, _ in found]), np.array([loads for _, loads in found])


def _relaxed(family: Family, queues: OwnQueues | None, price: Floats) -> tuple[float, Floats]:
    """Priced seconds of a family's tasks, and the loads [nodes], all layers whole."""
    path, num_places = family.work.path, len(family.places.node)
    steps = family.least_s(path, price)
    sizes = family.arrays.output_bytes[path]
    ways = shortest_ways(family.places, sizes, steps, family.due, Blocks.none(num_places))
    if queues is None:
        (start, path_s), leaving = starts(family, ways), None
    else:
        path_s, start, leaving = queues.spread(ways)
    beside_s, loads = beside_loads(family, family.beside(sliceable=True), price)
    whole, _ = ways.spread(start, begun=not family.begins_at_source, leaving=leaving)
    loads = loads + whole_loads(family, whole)
    return path_s + beside_s, np.stack([loads, loads])


def starts(family: Family, ways: Ways) -> tuple[Floats, float]:
    """[M]: the weight of the tasks that begin at each place, and the seconds of their paths."""
    num_places = ways.rest_s.shape[1]
    if family.begins_at_source and family.sources is not None:
        start = np.asarray(np.bincount(family.sources, family.weights, num_places), float)
        return start, float(family.weights @ ways.rest_s[0, family.sources])
    begun_s, total, start = ways.begun_s[0], float(family.weights.sum()), np.zeros(num_places)
    start[begun_s.argmin()] = total
    return start, total * float(begun_s.min())


def whole_loads(family: Family, whole: Floats) -> Floats:
    """[nodes]: the loads of layers run whole, of weights [P, M]."""
    node = family.places.node
    seconds = family.arrays.times_s[family.work.path][:, node]
    num_nodes = len(family.arrays.instance.nodes)
    return np.asarray(np.bincount(node, (whole * seconds).sum(axis=0), num_nodes), float)


def beside_loads(family: Family, layers: list[int], price: Floats) -> tuple[float, Floats]:
    """Priced seconds of layers where each is cheapest, and the loads, for all tasks by weight."""
    least, total = family.least_s(layers, price), float(family.weights.sum())
    node = family.places.node[least.argmin(axis=1)]
    loads = np.asarray(np.bincount(node, family.arrays.times_s[layers, node], len(price)), float)
    return total * float(least.min(axis=1).sum()), total * loads
