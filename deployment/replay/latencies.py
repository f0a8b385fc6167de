"""Latencies of many requests by many plans at once, without queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from splitfog.deployment.replay.conditions import Conditions, State
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.world import World
from splitfog.instances.arrays import Floats, frozen


@dataclass(frozen=True, eq=False)
class Latencies:
    """Of every request by every plan, where nothing that is lost starts again.

    Attributes
    ----------
    latency_s
        [requests, plans]; infinity where it fails or is lost.
    lost_s
        [requests, plans]: from its arrival until it is lost with a node; infinity where it is not.
    """

    latency_s: Floats
    lost_s: Floats


def latencies(
    conditions: Conditions,
    itineraries: Sequence[Itinerary],
    starts_s: Floats,
    clock: Literal["integrated", "frozen"] = "integrated",
) -> Latencies:
    """What requests that do not meet take by each of some plans.

    All that start in one state, and end in it, go through a plan's steps together; only those
    during which something goes down or up are followed one by one, in a `World`.

    Parameters
    ----------
    conditions
        Figures over time.
    itineraries
        [plans].
    starts_s
        [requests]: their arrivals.
    clock : "integrated" or "frozen"

    Returns
    -------
    Latencies

    Notes
    -----
    O(S log n) for each request and S steps of a plan, n those of a figure.
    """
    starts = np.asarray(starts_s, float)
    shape = (len(starts), len(itineraries))
    latency, lost = np.full(shape, inf), np.full(shape, inf)
    states, of = conditions.states(starts)
    changes = np.full(len(starts), inf)
    if clock == "integrated" and (conditions.node_up or conditions.link_up):
        changes = np.array([conditions.next_change(start) for start in starts.tolist()])
    together = _frozen if clock == "frozen" else _integrated
    apart: list[tuple[int, int]] = []
    for position, state in enumerate(states):
        requests = np.flatnonzero(of == position)
        for plan, itinerary in enumerate(itineraries):
            steps = _steps(itinerary, state)
            if steps is None:
                apart += [(request, plan) for request in requests.tolist()]
                continue
            taken = together(conditions, steps, starts[requests])
            latency[requests, plan] = taken
            crossed = starts[requests] + taken > changes[requests]
            apart += [(request, plan) for request in requests[crossed].tolist()]
    world = World(conditions, clock=clock)
    for request, plan in sorted(apart, key=lambda pair: (starts[pair[0]], pair)):
        world.enter(request * len(itineraries) + plan, float(starts[request]), itineraries[plan])
    for passage in world.advance():
        latency.flat[passage.request] = inf if passage.latency_s is None else passage.latency_s
        lost.flat[passage.request] = inf if passage.lost_s is None else passage.lost_s
    return Latencies(frozen(latency), frozen(lost))


Step = tuple[int | None, int | None, float]
"""A node (else None) and seconds of work, or a directed link (else None) and bits."""


def _steps(itinerary: Itinerary, state: State) -> list[Step] | None:
    """All that a request does in one state; None where it does not come to its end in it."""
    if not itinerary.nodes.isdisjoint(state.nodes):
        return None
    steps: list[Step] = []
    for leg in itinerary.legs:
        tree = state.routes.tree(leg.node, set(leg.leaves))
        if tree is None:
            return None
        if leg.seconds > 0:
            steps.append((leg.node, None, leg.seconds))
        steps += [(None, link, leg.bits) for link in tree]
    return steps


def _integrated(conditions: Conditions, steps: list[Step], starts: Floats) -> Floats:
    """[requests]: step after step, each from the moment at which the last ends."""
    elapsed = np.zeros(len(starts))
    for node, link, amount in steps:
        if node is not None:
            elapsed += conditions.speed[node].seconds_all(_now(starts, elapsed), amount)
        elif link is not None:
            elapsed += conditions.latency_s[link].sample(_now(starts, elapsed))
            elapsed += conditions.instance.directed_links[link].delay_s
            elapsed += conditions.bandwidth_bps[link].seconds_all(_now(starts, elapsed), amount)
    return elapsed


def _now(starts: Floats, elapsed: Floats) -> Floats:
    """The moment that each request has come to; of one that stalls for ever any."""
    return starts + np.where(elapsed < inf, elapsed, 0.0)


def _frozen(conditions: Conditions, steps: list[Step], starts: Floats) -> Floats:
    """[requests]: sums over nodes and links, by the figures at the start."""
    work: dict[int, float] = {}
    hops: dict[int, int] = {}
    bits: dict[int, float] = {}
    for node, link, amount in steps:
        if node is not None:
            work[node] = work.get(node, 0.0) + amount
        elif link is not None:
            hops[link] = hops.get(link, 0) + 1
            bits[link] = bits.get(link, 0.0) + amount
    taken = np.zeros(len(starts))
    for node, seconds in work.items():
        taken += seconds * conditions.load[node].sample(starts)
    for link, number in hops.items():
        delay_s = conditions.instance.directed_links[link].delay_s
        taken += number * (conditions.latency_s[link].sample(starts) + delay_s)
        if bits[link] > 0:
            with np.errstate(divide="ignore"):
                taken += bits[link] / conditions.bandwidth_bps[link].sample(starts)
    return taken
