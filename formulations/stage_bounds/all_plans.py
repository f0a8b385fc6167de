"""A lower bound on `mean-latency` over all plans: any placement, any stages and slices, with waits.

Ours. As `without_stages`, but the shortest way along a path may cover runs of layers by blocks. A
stage has one tensor in and one out, so along the path it covers a run of layers: it is entered
by the tensor before the run, which comes to its home, and left by the run's last. Of the layers
beside the path those that cannot be sliced count whole, at their least priced time; the others
count inside blocks only. A block takes what `stage_times` says: a quick bound everywhere, and the
strong one (`block_times`) for those on a shortest way, until none is new; stopping earlier leaves
a bound as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.priced_bounds.family import families
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.priced_bounds.loads import Loads, LoadTable
from splitfog.formulations.priced_bounds.prices import Prices
from splitfog.formulations.priced_bounds.rounds import priced_bound
from splitfog.formulations.priced_bounds.without_stages import starts, task_weights, together
from splitfog.formulations.stage_bounds.block_times import StageLoads
from splitfog.formulations.stage_bounds.helpers import Helpers
from splitfog.formulations.stage_bounds.stage_times import StageTimes
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

STRONG_ROUNDS = ((300, 8), (3_000, 4), (60_000, 3), (inf, 2))
"""Up to so many tasks times nodes that compute, doubled where radios are parallel, prices are made
at most so often with strong bounds of blocks, after once with the quick ones: a size, not the
clock, so that one instance has one bound."""

WORTH = 2.5e-3
"""What further prices must promise, as a share: about how finely strong bounds are sought."""

MOST_LOOKS = 40
"""Shortest ways of a family at given prices, while strong bounds of blocks are new."""


@kept(by=lambda instance, deadline=NEVER: ())
def bound_over_all_plans(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept.
    """
    weights, streams = task_weights(instance)
    own, routes = families(instance, weights), routes_of(instance)
    each = [StageTimes(family, deadline) for family in own]
    parallel = sum(node.radio == "parallel" for node in instance.nodes) / len(instance.nodes)
    amount = len(instance.tasks) * int(hosts(instance).sum()) * (1 + parallel)
    strong_rounds = next(rounds for most, rounds in STRONG_ROUNDS if amount <= most)
    quick_rounds = int(streams)
    rounds = 1 + strong_rounds if streams else 1

    none = np.zeros(0, np.int64)
    known: list[tuple[Integers, ...]] = [(none, none) for _ in each]

    def relaxed(turn: int, prices: Prices) -> tuple[Floats, LoadTable]:
        looks = 1 if turn < quick_rounds else MOST_LOOKS
        steep = quick_rounds <= turn < rounds - 1
        tolls, found = Tolls.of(routes, prices.links), []
        for at, times in enumerate(each):
            priced = times.priced(tolls)
            own = _relaxed(priced, prices.nodes, known[at], looks, steep, deadline)
            known[at] = own.known
            found.append((own.seconds, own.loads))
        return together(found)

    return priced_bound(weights, Prices.none(instance), rounds, relaxed, WORTH, quick_rounds)


@dataclass(frozen=True, eq=False)
class _Relaxed:
    """Priced seconds of a family's rows, their loads, and of which pairs of a stage and a home
    strong bounds were sought."""

    seconds: Floats
    loads: LoadTable
    known: tuple[Integers, ...]


def _relaxed(
    times: StageTimes,
    price: Floats,
    known: tuple[Integers, ...],
    looks: int,
    steep: bool,
    deadline: Deadline,
) -> _Relaxed:
    """What a family's rows do; strong bounds are sought of `known` pairs at once.

    `steep`: loads of stages are those by which their strong bounds grow with prices, else of
    perfect balance.
    """
    family, alike = times.family, times.stages.alike
    steps = family.least_s(family.work.path, price)
    whole_s, strong = times.whole_s(steps), np.zeros(times.quick_s.shape)
    seconds, fresh = times.quick_s, known
    unsliced = times.ways(steps) if looks > 1 else None
    for look in range(looks):
        deadline.check("the lower bound")
        if unsliced is not None and len(fresh[0]):
            strong[fresh] = times.strong(fresh[0], fresh[1], price, whole_s, deadline)
            seconds = np.maximum(times.quick_s, strong[alike])
            seconds[seconds >= whole_s] = inf  # its layers run whole are as good
        ways = times.ways(steps, seconds)
        start, weights, path_s = starts(family, ways)
        followed = ways.follow(start, begun=not family.begins_at_source)
        row, block, home = followed.blocks
        if unsliced is None or look == looks - 1 or not len(block):
            break
        open_to = times.may_help(seconds, ways, unsliced)
        fresh = times.fresh(open_to, block, home, strong)
        if not len(fresh[0]):
            break
    loads = Loads(family, weights)
    loads.add_ways(followed)
    beside_s = loads.add_beside(family.beside(sliceable=False), price)
    if len(block):
        if steep:
            each = times.steep_loads(block, home, price, seconds[block, home])
        else:
            each = times.even_loads(block, home)
        add_stages(loads, times.helpers.at(home), weights[row], row, each)
    path_s = np.append(weights * path_s, beside_s)
    return _Relaxed(path_s, loads.table(), np.nonzero(strong))


def add_stages(
    loads: Loads,
    helpers: Helpers,
    weights: Floats,
    row: Integers,
    each: StageLoads,
) -> None:
    """The loads of K stages of rows [K] of these weights, `each` of weight 1."""
    known = helpers.node < loads.num_nodes
    stage, column = np.nonzero(known & (each.visits > 0))
    home, node, weight = helpers.home[stage], helpers.node[stage, column], weights[stage]
    own = row[stage]
    at = stage, column
    loads.add_service(own, node, weight * each.weighted[at], weight * each.load[at])
    visits = weight * each.visits[at]
    loads.add_transfers(own, home, node, visits, weight * each.bytes_in[at])
    loads.add_transfers(own, node, home, visits, weight * each.bytes_out[at])
