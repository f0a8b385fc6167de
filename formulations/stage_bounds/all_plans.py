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

from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.bounds.family import families
from splitfog.formulations.bounds.queue_prices import priced_bound
from splitfog.formulations.bounds.without_stages import (
    beside_loads,
    by_family,
    starts,
    task_weights,
    whole_loads,
)
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.stage_bounds.stage_times import StageTimes
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

STRONG_ROUNDS = ((300, 4), (inf, 1))
"""Up to so many tasks times nodes that compute, so often are prices made with strong bounds of
blocks, after once with the quick ones: a size, not the clock, so that one instance has one bound.
"""

QUICK_ROUNDS = 2
"""So often they are made with the quick ones before."""

MOST_LOOKS = 40
"""Shortest ways of a family at given prices, while strong bounds of blocks are new."""


@kept(by=lambda instance, deadline=NEVER: ())
def bound_over_all_plans(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept.
    """
    weights, streams = task_weights(instance)
    own = [StageTimes(family, deadline) for family in families(instance, weights)]
    amount = len(instance.tasks) * int(hosts(instance).sum())
    strong_rounds = next(rounds for most, rounds in STRONG_ROUNDS if amount <= most)
    quick_rounds = QUICK_ROUNDS if streams else 0
    rounds = quick_rounds + strong_rounds if streams else 1

    def relaxed(turn: int, price: Floats) -> tuple[Floats, Floats]:
        looks = 1 if turn < quick_rounds else MOST_LOOKS
        steep = quick_rounds <= turn < rounds - 1
        return by_family([_relaxed(times, price, looks, steep, deadline) for times in own])

    return priced_bound(weights, len(instance.nodes), rounds, relaxed, quick_rounds)


def _relaxed(
    times: StageTimes, price: Floats, looks: int, steep: bool, deadline: Deadline
) -> tuple[float, Floats]:
    """Priced seconds of a family's tasks, and the loads v and r, [2, nodes]; `steep`: of stages
    those by which their strong bounds grow with prices, else of perfect balance."""
    family, alike = times.family, times.stages.alike
    steps = family.least_s(family.work.path, price)
    whole_s, strong = times.whole_s(steps), np.zeros(times.quick_s.shape)
    seconds = times.quick_s
    unsliced = times.ways(steps) if looks > 1 else None
    for look in range(looks):
        deadline.check("the lower bound")
        ways = times.ways(steps, seconds)
        start, path_s = starts(family, ways)
        whole, used = ways.spread(start, begun=not family.begins_at_source)
        if unsliced is None or look == looks - 1 or not used:
            break
        open_to = times.may_help(seconds, ways, unsliced)
        block, home = times.fresh(open_to, [(block, home) for block, home, _ in used], strong)
        if not len(block):
            break
        strong[block, home] = times.strong(block, home, price, whole_s, deadline)
        seconds = np.maximum(times.quick_s, strong[alike])
        seconds[seconds >= whole_s] = inf  # its layers run whole are as good
    beside_s, loads = beside_loads(family, family.beside(sliceable=False), price)
    loads = np.stack([loads + whole_loads(family, whole)] * 2)
    if used:
        block, home, weight = (np.array(each) for each in zip(*used))
        if steep:
            node, each = times.steep_loads(block, home, price, seconds[block, home])
        else:
            node, each = times.even_loads(block, home)
        loads = loads + _by_node(node, weight[:, None] * each, len(price))
    return path_s + beside_s, loads


def _by_node(node: Integers, loads: Floats, num_nodes: int) -> Floats:
    """[2, nodes]: sums of loads v and r, [2, K, J], on nodes [K, J]."""
    return np.array([np.bincount(node.ravel(), each.ravel(), num_nodes) for each in loads])
