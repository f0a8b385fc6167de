"""How far nodes are from one another for slices that follow one another on the way."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

ALONE = -1
"""The channel of a node that shares none with another."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Channels:
    """What the ways of a direction share at home, [homes, nodes] each.

    `channel`: the number, at that home, of the link or serial radio between it and a node's way, if
    several nodes share it, else `ALONE`; `per_byte_s` and `latency_s` of that link.
    """

    channel: Integers
    per_byte_s: Floats
    latency_s: Floats

    @classmethod
    def of(cls, instance: Instance, link: Integers) -> Channels:
        """The channels of the links at home, [homes, nodes], -1 at home itself or without way."""
        links = instance.directed_links
        each = np.array([8 / own.bandwidth_bps for own in links] + [0.0])
        latency = np.array([own.latency_s for own in links] + [0.0])
        serial = np.array([node.radio == "serial" for node in instance.nodes])
        channel = np.full(link.shape, ALONE)
        for home, own in enumerate(np.where(serial[:, None] & (link >= 0), len(links), link)):
            shared, counts = np.unique(own[own >= 0], return_counts=True)
            for number, name in enumerate(shared[counts > 1].tolist()):
                channel[home, own == name] = number
        return cls(channel=channel, per_byte_s=each[link], latency_s=latency[link])


@dataclass(frozen=True, eq=False, kw_only=True)
class Ways:
    """From every home to every node and back, [homes, nodes] each.

    `start_s`: latencies and delays there and back, inf where there is no route. Seconds a byte of
    the whole way, `there_s` and `back_s`, and of its slowest link.
    """

    start_s: Floats
    there_s: Floats
    back_s: Floats
    slowest_there_s: Floats
    slowest_back_s: Floats
    outward: Channels
    inward: Channels


@kept()
def ways_of(instance: Instance) -> Ways:
    """The ways of an instance's routes. O(nodes^2 hops)."""
    routes, count = routes_of(instance), len(instance.nodes)
    start_s = routes.latency_s + routes.latency_s.T
    per_byte = np.where(np.isfinite(routes.latency_s), routes.seconds_per_byte, 0.0)
    paths = _paths(routes, count)
    each = np.array([8 / link.bandwidth_bps for link in instance.directed_links] + [0.0])
    slowest = each[paths].max(axis=-1)
    first = np.max(np.where(paths >= 0, _hop_numbers(paths), -1), axis=-1)
    first = np.take_along_axis(paths, np.maximum(first, 0)[..., None], axis=-1)[..., 0]
    return Ways(
        start_s=np.where(np.isfinite(start_s), start_s, inf),
        there_s=per_byte,
        back_s=per_byte.T,
        slowest_there_s=slowest,
        slowest_back_s=slowest.T,
        outward=Channels.of(instance, first),
        inward=Channels.of(instance, paths[..., 0].T),
    )


def _paths(routes: Routes, count: int) -> Integers:
    """[nodes, nodes, hops]: links of all routes, the last first, padded with -1; one at least."""
    tails, heads = (ends.ravel() for ends in np.indices((count, count)))
    paths = routes.paths(tails, heads)
    padded = np.concatenate([paths, np.full((len(paths), 1), -1)], axis=1)
    return padded.reshape(count, count, -1)


def _hop_numbers(paths: Integers) -> Integers:
    """[hops] 0, 1, 2, ..."""
    return np.arange(paths.shape[-1])
