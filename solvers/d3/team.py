"""The nodes that may slice a stage for one home: their speeds, their ways from home and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, work_times
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.instance import Instance

Array = NDArray[np.float64]
Hop = tuple[float, float, float]
"""Latency, seconds per byte and delay of a link: in the last it is free for others."""
MOST_NODES = 16
"""A team has at most so many nodes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Team:
    """A home and its N candidate nodes, the home among them.

    Attributes
    ----------
    nodes : positions in the file, in file order.
    slope_s : [layers, N], seconds of a whole layer on a node, overhead apart.
    fixed_s : [layers, N], seconds that every slice pays for a layer.
    allowed : [layers, N], whether a layer's `tiers` admit the node.
    way_in, way_out : [N, 2], latency and seconds per byte of the routes from home and back.
    hops : per node the hops of its way in and of its way out.
    independent : whether the nodes' ways share no channel: then no transfer waits for another
        node's, and no computing for a transfer.
    """

    arrays: TaskArrays
    home: int
    nodes: tuple[int, ...]
    slope_s: Array
    fixed_s: Array
    allowed: NDArray[np.bool_]
    way_in: Array
    way_out: Array
    hops: tuple[tuple[tuple[Hop, ...], tuple[Hop, ...]], ...]
    independent: bool

    @property
    def at_home(self) -> int:
        """Index of the home among `nodes`."""
        return self.nodes.index(self.home)


def team_of(arrays: TaskArrays, home: int, helpers: str = "tier") -> Team:
    """The team of a home: nodes of its tier (`tier`) or of any (`all`) with routes both ways.

    At most `MOST_NODES`, those that are fastest and nearest.
    """
    instance = arrays.instance
    routes, rank = routes_of(instance), instance.node_rank
    ways = np.isfinite(routes.latency_s[home]) & np.isfinite(routes.latency_s[:, home])
    chosen = ways & ((rank == rank[home]) | (helpers == "all"))
    nodes = _nearest(arrays, home, np.flatnonzero(chosen))
    slope, fixed = _rates(arrays, nodes)
    latency, per_byte = routes.latency_s, routes.seconds_per_byte
    listed = list(nodes)
    return Team(
        arrays=arrays,
        home=home,
        nodes=nodes,
        slope_s=slope,
        fixed_s=fixed,
        allowed=arrays.allowed[:, listed],
        way_in=np.stack([latency[home, listed], per_byte[home, listed]], axis=1),
        way_out=np.stack([latency[listed, home], per_byte[listed, home]], axis=1),
        hops=tuple((_hops(routes, home, node), _hops(routes, node, home)) for node in nodes),
        independent=_independent(instance, routes, home, nodes),
    )


def _nearest(arrays: TaskArrays, home: int, nodes: NDArray[np.int64]) -> tuple[int, ...]:
    """The home and the others that take least for all layers and a tensor there and back."""
    if len(nodes) > MOST_NODES:
        routes, size = routes_of(arrays.instance), float(arrays.output_bytes.mean())
        ways = routes.latency_s[home, nodes] + size * routes.seconds_per_byte[home, nodes]
        ways += routes.latency_s[nodes, home] + size * routes.seconds_per_byte[nodes, home]
        seconds = np.where(nodes == home, -1.0, ways + arrays.times_s[:, nodes].sum(axis=0))
        nodes = np.sort(nodes[np.argsort(seconds, kind="stable")[:MOST_NODES]])
    return tuple(nodes.tolist())


def _rates(arrays: TaskArrays, nodes: tuple[int, ...]) -> tuple[Array, Array]:
    """[layers, N] seconds per whole layer and overheads, as `stages.layer_rates` has them."""
    layers = arrays.model.layers
    hosts = [arrays.instance.nodes[node] for node in nodes]
    slope = work_times(arrays.model, hosts)
    fixed = np.tile(np.array([host.overhead_s for host in hosts]), (len(layers), 1))
    for row, layer in enumerate(layers):
        for column, host in enumerate(hosts) if layer.times_s else ():
            seconds = layer.times_s.get(host.name, layer.times_s.get(host.tier))
            if seconds is not None:
                slope[row, column], fixed[row, column] = seconds, 0.0
    return slope, fixed


def _hops(routes: Routes, tail: int, head: int) -> tuple[Hop, ...]:
    links = [routes.links[link] for link in routes.path(tail, head) or ()]
    return tuple((link.latency_s, 8 / link.bandwidth_bps, link.delay_s) for link in links)


def _independent(instance: Instance, routes: Routes, home: int, nodes: tuple[int, ...]) -> bool:
    taken: set[tuple[str, int]] = set()
    for node in nodes:
        own: list[tuple[str, int]] = []
        for way in (routes.path(home, node) or (), routes.path(node, home) or ()):
            for position in way:
                link = routes.links[position]
                ends = (instance.nodes[link.tail], instance.nodes[link.head])
                if not (ends[0].overlap and ends[1].overlap):
                    return False
                own.append(("link", position))
                own += [("out of", link.tail)] * (ends[0].radio == "serial")
                own += [("into", link.head)] * (ends[1].radio == "serial")
        if len(set(own)) < len(own) or taken.intersection(own):
            return False
        taken.update(own)
    return True
