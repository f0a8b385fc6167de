"""Routes between nodes and the seconds a transfer takes (SPEC section 2)."""

from __future__ import annotations

import heapq
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.model import Instance, frozen

Label = tuple[float, float, int, tuple[int, ...]]


class Routes:
    """The route of every ordered pair of nodes, found source by source when first asked for.

    A route has the least seconds per byte; ties go to the least latency, then the fewest links,
    then the lexicographically least node positions. Label setting on these tuples: O(D log D)
    for D directed links and each source; the routes from one source form a tree.
    """

    def __init__(self, instance: Instance) -> None:
        self.links = instance.directed_links
        self.num_nodes = len(instance.nodes)
        self._trees: dict[int, tuple[dict[int, tuple[int, ...]], dict[int, Label]]] = {}

    def path(self, tail: int, head: int) -> tuple[int, ...] | None:
        """Positions of the directed links from `tail` to `head`; None where there is no route."""
        return self._tree(tail)[0].get(head)

    def transfer(self, tail: int, head: int, num_bytes: float) -> float:
        """Seconds to store and forward `num_bytes` from `tail` to `head`; inf without a route."""
        path = self.path(tail, head)
        if path is None:
            return float("inf")
        return sum(self.links[link].seconds(num_bytes) for link in path)

    def tree(self, root: int, leaves: set[int]) -> list[int] | None:
        """Links of the tree of routes from `root` to `leaves`; None if one cannot be reached.

        Parents come before their children, siblings by node position, depth first.
        """
        used: set[int] = set()
        for leaf in leaves:
            path = self.path(root, leaf)
            if path is None:
                return None
            used.update(path)
        children: dict[int, list[int]] = {}
        for link in used:
            children.setdefault(self.links[link].tail, []).append(link)
        ordered: list[int] = []
        stack = [root]
        while stack:
            below = sorted(children.get(stack.pop(), ()), key=lambda d: self.links[d].head)
            ordered += below
            stack += [self.links[link].head for link in reversed(below)]
        return ordered

    @cached_property
    def latency_s(self) -> NDArray[np.float64]:
        """[nodes, nodes]: total latency of every route; inf where there is none."""
        return frozen(self._table(1))

    @cached_property
    def seconds_per_byte(self) -> NDArray[np.float64]:
        """[nodes, nodes]: seconds per byte of every route; inf where there is none."""
        return frozen(self._table(0))

    def _table(self, part: int) -> NDArray[np.float64]:
        table = np.full((self.num_nodes, self.num_nodes), np.inf)
        for root in range(self.num_nodes):
            for head, label in self._tree(root)[1].items():
                table[root, head] = label[part]
        return table

    @cached_property
    def _leaving(self) -> list[list[int]]:
        leaving: list[list[int]] = [[] for _ in range(self.num_nodes)]
        for position, link in enumerate(self.links):
            leaving[link.tail].append(position)
        return leaving

    def _tree(self, root: int) -> tuple[dict[int, tuple[int, ...]], dict[int, Label]]:
        """Path and label of every node that `root` reaches."""
        if root not in self._trees:
            self._trees[root] = self._label_setting(root)
        return self._trees[root]

    def _label_setting(self, root: int) -> tuple[dict[int, tuple[int, ...]], dict[int, Label]]:
        paths: dict[int, tuple[int, ...]] = {}
        labels: dict[int, Label] = {}
        best: dict[int, Label] = {}
        queue: list[tuple[Label, tuple[int, ...]]] = [((0.0, 0.0, 0, (root,)), ())]
        while queue:
            label, path = heapq.heappop(queue)
            node = label[3][-1]
            if node in labels:
                continue
            labels[node], paths[node] = label, path
            for position in self._leaving[node]:
                link = self.links[position]
                if link.head in labels:
                    continue
                seconds_per_byte = label[0] + 8 / link.bandwidth_bps
                if link.head in best and seconds_per_byte > best[link.head][0]:
                    continue
                longer = (
                    seconds_per_byte,
                    label[1] + link.latency_s,
                    label[2] + 1,
                    (*label[3], link.head),
                )
                if link.head not in best or longer < best[link.head]:
                    best[link.head] = longer
                    heapq.heappush(queue, (longer, (*path, position)))
        return paths, labels


def routes_of(instance: Instance) -> Routes:
    """The routes of an instance, kept with it."""
    kept: Routes | None = instance.__dict__.get("routes")
    if kept is None:
        kept = instance.__dict__["routes"] = Routes(instance)
    return kept
