"""Nodes as what they may hold: unit times, and what tensors cost them at least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.holdings.unit_graph import UnitGraph
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.instance import Instance
from splitfog.instances.records import DirectedLink

NO_WAY_S = 1e300
"""In place of a tensor's time where a node has no link: more than any period, and yet a number."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeKind:
    """Nodes that see the same.

    `times_s` [units] is inf where a unit may not be. Of every tensor, `leave_s`, `come_s` [tensors]
    are what it takes of the node's time to send or receive it, `wanted` whether it must come here
    as a result.
    """

    nodes: tuple[int, ...]
    times_s: Floats
    leave_s: Floats
    come_s: Floats
    wanted: Flags


def node_kinds(instance: Instance, graph: UnitGraph) -> tuple[NodeKind, ...]:
    """All nodes by kind, in the order of their first nodes.

    A node's busy time for `period` is at least the times of what it holds and, if it cannot compute
    while it sends or receives, each tensor's that leaves it or comes to it, over the fastest of its
    links: 0 otherwise. Two nodes with links to one host that differ in name alone are of one kind.
    """
    leaving: list[list[DirectedLink]] = [[] for _ in instance.nodes]
    coming: list[list[DirectedLink]] = [[] for _ in instance.nodes]
    for link in instance.directed_links:
        leaving[link.tail].append(link)
        coming[link.head].append(link)
    sink = np.array([-1 if ends.sink is None else ends.sink for ends in graph.ends], np.int64)
    nothing = np.zeros(len(sink))
    found: dict[bytes, tuple[list[int], tuple[Floats, Floats, Floats, Flags]]] = {}
    for node, record in enumerate(instance.nodes):
        ways = (leaving[node], coming[node])
        leave_s, come_s = (nothing if record.overlap else _least_s(graph, links) for links in ways)
        seen = (graph.times_s[:, node], leave_s, come_s, sink == node)
        key = b"".join(part.tobytes() for part in seen)
        found.setdefault(key, ([], seen))[0].append(node)
    return tuple(
        NodeKind(nodes=tuple(nodes), times_s=times_s, leave_s=leave_s, come_s=come_s, wanted=wanted)
        for nodes, (times_s, leave_s, come_s, wanted) in found.values()
    )


def _least_s(graph: UnitGraph, links: list[DirectedLink]) -> Floats:
    """[tensors]: what each occupies at least one of the links."""
    least = np.full(len(graph.counts), NO_WAY_S)
    for link in links:
        seconds = graph.counts * link.latency_s + 8 * graph.num_bytes / link.bandwidth_bps
        least = np.minimum(least, seconds)
    return least
