"""Whether routes use a forest of links, and what lies on either side of every link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.instance import Instance


@dataclass(frozen=True)
class Forest:
    """The links that routes use, where they form a forest.

    `beyond[link]`: [nodes], the nodes on its far side; `closed`: sides that may not be entered
    from outside, because the link is missing or the side is a tree of its own.
    """

    beyond: dict[int, NDArray[np.bool_]]
    closed: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(cls, instance: Instance) -> Forest | None:
        """The forest of an instance; None where used links form a cycle, and where no node relays:
        what crosses several links of a tree then has no route."""
        if instance.routing == "direct":
            return None
        routes, count = routes_of(instance), len(instance.nodes)
        used = {d for u in range(count) for v in range(count) for d in routes.path(u, v) or ()}
        ends = {(instance.directed_links[d].tail, instance.directed_links[d].head): d for d in used}
        neighbours: list[set[int]] = [set() for _ in range(count)]
        for tail, head in ends:
            neighbours[tail].add(head)
            neighbours[head].add(tail)
        tree = np.full(count, -1)
        for root in range(count):
            if tree[root] < 0:
                tree[_reached(neighbours, root)] = root
        pairs = {(min(pair), max(pair)) for pair in ends}
        if len(pairs) != count - len(set(tree.tolist())):
            return None
        beyond, closed = {}, []
        for one, other in [*pairs, *((b, a) for a, b in pairs)]:
            side = np.zeros(count, bool)
            side[_reached(neighbours, other, without=one)] = True
            if (one, other) in ends:
                beyond[ends[one, other]] = side
            else:
                closed.append(side)
        roots = sorted(set(tree.tolist()))
        closed += [tree == root for root in roots] if len(roots) > 1 else []
        return cls(beyond, tuple(closed))


def _reached(neighbours: list[set[int]], root: int, without: int | None = None) -> list[int]:
    """Nodes reached from a root, not through the link to `without`."""
    reached, stack = {root}, [root]
    while stack:
        node = stack.pop()
        for other in neighbours[node] - reached:
            if (node, other) != (root, without):
                reached.add(other)
                stack.append(other)
    return sorted(reached)
