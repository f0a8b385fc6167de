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
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.priced_bounds.family import Family, families
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.priced_bounds.loads import Loads, LoadTable
from splitfog.formulations.priced_bounds.own_queues import OwnQueues, own_queues
from splitfog.formulations.priced_bounds.prices import Prices
from splitfog.formulations.priced_bounds.rounds import priced_bound
from splitfog.formulations.priced_bounds.ways import Blocks, Ways, shortest_ways
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

ROUNDS = ((3_000, 8), (inf, 5))
"""Up to so many tasks times nodes that compute, so often are prices made anew from the loads that
the last ones give: a size, not the clock, so that one instance has one bound."""

WORTH = 2e-4
"""What further prices must promise, as a share."""


@kept(by=lambda instance, deadline=NEVER: ())
def bound_without_stages(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan without stages is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept. At most O(P N^2) for a model with a
    path of P layers on N nodes, as often as `ROUNDS` says.
    """
    weights, streams = task_weights(instance)
    own, routes = families(instance, weights), routes_of(instance)
    queues, apart = own_queues(instance, own)

    def relaxed(_: int, prices: Prices) -> tuple[Floats, LoadTable]:
        tolls, found = Tolls.of(routes, prices.links), []
        for family, queue in zip(own, queues, strict=True):
            deadline.check("the lower bound")
            found.append(_relaxed(family, queue, prices.nodes, tolls, apart))
        return together(found)

    amount = len(instance.tasks) * int(hosts(instance).sum())
    rounds = next(rounds for most, rounds in ROUNDS if amount <= most) if streams else 1
    return priced_bound(weights, Prices.none(instance), rounds, relaxed, WORTH)


def task_weights(instance: Instance) -> tuple[Floats, bool]:
    """[tasks]: what every task weighs, and whether they are streams, which wait."""
    rates = [task.arrivals_per_s or 0.0 for task in instance.tasks]
    return np.array(rates if any(rates) else [1.0] * len(rates)), any(rates)


def together(found: Sequence[tuple[Floats, LoadTable]]) -> tuple[Floats, LoadTable]:
    """Seconds of rows and their loads, of all families."""
    seconds, loads = zip(*found, strict=True)
    return np.concatenate(seconds), LoadTable.stacked(loads)


def _relaxed(
    family: Family, queues: OwnQueues | None, price: Floats, tolls: Tolls | None, apart: Flags
) -> tuple[Floats, LoadTable]:
    """Priced seconds of a family's rows, and their loads, all layers whole; waits at some nodes
    `apart` need no price."""
    path, num_places = family.work.path, len(family.places.node)
    steps, places = family.least_s(path, price), family.places.priced(tolls)
    sizes = family.arrays.output_bytes[path]
    ways = shortest_ways(places, sizes, steps, family.due, Blocks.none(num_places))
    start, weights, path_s = starts(family, ways)
    left = None
    if queues is not None:
        path_s, left = queues.least(family, ways)
    followed = ways.follow(start, begun=not family.begins_at_source, left=left)
    loads = Loads(family, weights)
    loads.add_ways(followed)
    beside_s = loads.add_beside(family.beside(sliceable=True), price)
    return np.append(weights * path_s, beside_s), loads.table(apart)


def starts(family: Family, ways: Ways) -> tuple[Integers, Floats, Floats]:
    """[R] each: the place where rows of tasks begin, what they weigh, and seconds of their paths:
    a family's members, or all tasks together where ways may begin anywhere."""
    if family.begins_at_source:
        places, weights = family.members
        return places, weights, ways.rest_s[0, places]
    first = ways.begun_s[0].argmin()
    total = family.weights.sum()
    return np.array([first]), np.array([total]), ways.begun_s[0, [first]]
