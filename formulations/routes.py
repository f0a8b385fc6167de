"""Routes between nodes and the seconds a transfer takes (SPEC section 2)."""

from __future__ import annotations

import heapq
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.instances.model import Instance, frozen

Key = NDArray[np.float64]
Label = tuple[float, float, int, tuple[int, ...]]


class Routes:
    """The route of every ordered pair of nodes, found for all pairs when first asked for.

    A route has the least seconds per byte; ties go to the least latency, then the fewest links,
    then the lexicographically least node positions, as label setting from each source on these
    tuples finds it. The first key is relaxed for all sources at once, O(H N D) for D directed
    links and routes of at most H of them; only sources with a tie need labels of the others.
    """

    def __init__(self, instance: Instance) -> None:
        self.links = instance.directed_links
        self.num_nodes = len(instance.nodes)

    def path(self, tail: int, head: int) -> tuple[int, ...] | None:
        """Positions of the directed links from `tail` to `head`; None where there is no route."""
        if tail == head:
            return ()
        last = self._last_link
        path: list[int] = []
        node = head
        while node != tail:
            link = int(last[tail, node])
            if link < 0:
                return None
            path.append(link)
            node = self.links[link].tail
        return tuple(reversed(path))

    def paths(self, tails: ArrayLike, heads: ArrayLike) -> NDArray[np.int64]:
        """[pairs, hops]: links of many routes at once, last link first, padded with -1.

        Also where there is no route. O(pairs hops).
        """
        tail, node = (np.array(ends) for ends in np.broadcast_arrays(tails, heads))
        link_tail = np.array([link.tail for link in self.links] + [-1], np.int64)
        hops: list[NDArray[np.int64]] = []
        while True:
            link = np.where(tail == node, -1, self._last_link[tail, node])
            if (link < 0).all():
                return np.stack(hops, axis=1) if hops else np.empty((len(tail), 0), np.int64)
            hops.append(link)
            node = np.where(link < 0, tail, link_tail[link])

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
        stack = sorted(children.get(root, ()), key=self._by_head, reverse=True)
        while stack:
            link = stack.pop()
            ordered.append(link)
            below = children.get(self.links[link].head, ())
            stack += sorted(below, key=self._by_head, reverse=True)
        return ordered

    def _by_head(self, link: int) -> int:
        return self.links[link].head

    @cached_property
    def seconds_per_byte(self) -> Key:
        """[nodes, nodes]: seconds per byte of every route; inf where there is none."""
        return frozen(np.ascontiguousarray(self._per_byte.T))

    @cached_property
    def latency_s(self) -> Key:
        """[nodes, nodes]: total latency of every route; inf where there is none."""
        latency = np.where(np.isfinite(self.seconds_per_byte), np.nan, np.inf)
        np.fill_diagonal(latency, 0.0)
        added = np.array([link.latency_s for link in self.links])
        tails = np.array([link.tail for link in self.links], np.int64)
        while len(unknown := np.argwhere(np.isnan(latency))):
            roots, heads = unknown.T
            last = self._last_link[roots, heads]
            latency[roots, heads] = latency[roots, tails[last]] + added[last]
        return frozen(latency)

    @cached_property
    def _entering(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Key]]:
        """Positions, tails and seconds per byte of the directed links into every node."""
        entering: list[list[int]] = [[] for _ in range(self.num_nodes)]
        for position, link in enumerate(self.links):
            entering[link.head].append(position)
        return [
            (
                np.array(into, np.int64),
                np.array([self.links[i].tail for i in into], np.int64),
                np.array([8 / self.links[i].bandwidth_bps for i in into]),
            )
            for into in entering
        ]

    @cached_property
    def _per_byte(self) -> Key:
        """[nodes, sources]: the fixed point of `least of predecessor's sum + link`."""
        least = np.full((self.num_nodes, self.num_nodes), np.inf)
        np.fill_diagonal(least, 0.0)
        changed = np.ones(self.num_nodes, bool)
        while changed.any():
            before, changed = changed, np.zeros(self.num_nodes, bool)
            for head, (_, tails, per_byte) in enumerate(self._entering):
                fresh = before[tails]
                if fresh.any():
                    offers = (least[tails[fresh]] + per_byte[fresh, None]).min(axis=0)
                    changed[head] = bool((offers < least[head]).any())
                    np.minimum(least[head], offers, out=least[head])
        return least

    @cached_property
    def _last_link(self) -> NDArray[np.int64]:
        """[sources, nodes]: last link of every route; -1 where there is none."""
        last = np.full((self.num_nodes, self.num_nodes), -1)
        tied = np.zeros(self.num_nodes, bool)
        for head, (into, tails, per_byte) in enumerate(self._entering):
            if len(into):
                tight = _least_links(self._per_byte, head, tails, per_byte)
                last[head] = np.where(tight.any(axis=0), into[tight.argmax(axis=0)], -1)
                tied |= tight.sum(axis=0) > 1
        last = last.T
        np.fill_diagonal(last, -1)
        for source in np.flatnonzero(tied).tolist():
            last[source] = self._untied(source)
        return frozen(np.ascontiguousarray(last))

    def _untied(self, source: int) -> NDArray[np.int64]:
        """Last link to every node by label setting over the links of least seconds per byte."""
        leaving: list[list[int]] = [[] for _ in range(self.num_nodes)]
        for head, (into, tails, per_byte) in enumerate(self._entering):
            tight = _least_links(self._per_byte[:, [source]], head, tails, per_byte)
            for link in into[tight[:, 0]].tolist():
                leaving[self.links[link].tail].append(link)
        last = np.full(self.num_nodes, -1)
        done: set[int] = set()
        queue: list[tuple[Label, int]] = [((0.0, 0.0, 0, (source,)), -1)]
        while queue:
            label, link = heapq.heappop(queue)
            node = label[3][-1]
            if node in done:
                continue
            done.add(node)
            last[node] = link
            for position in leaving[node]:
                out = self.links[position]
                longer = (
                    float(self._per_byte[out.head, source]),
                    label[1] + out.latency_s,
                    label[2] + 1,
                    (*label[3], out.head),
                )
                heapq.heappush(queue, (longer, position))
        return last


def _least_links(
    least: Key, head: int, tails: NDArray[np.int64], per_byte: Key
) -> NDArray[np.bool_]:
    """[links, sources]: whether a link into `head` ends a way of least seconds per byte."""
    sums = least[tails] + per_byte[:, None]
    return np.asarray((sums == least[head]) & np.isfinite(sums))


def routes_of(instance: Instance) -> Routes:
    """The routes of an instance, kept with it."""
    kept: Routes | None = instance.__dict__.get("routes")
    if kept is None:
        kept = instance.__dict__["routes"] = Routes(instance)
    return kept
