"""Routes between nodes and the seconds a transfer takes (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.kept import give, kept
from splitfog.instances.records import DirectedLink, Node, Routing

Key = NDArray[np.float64]

MOST_TREES = 1 << 12
"""Trees that are kept: those of a search on some ten nodes, a few megabytes."""


class Network(Protocol):
    """What routes are found in: an instance, or its nodes with links of other figures."""

    @property
    def routing(self) -> Routing:
        """Whether data may pass through other nodes."""
        ...

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those of an instance."""
        ...

    @property
    def directed_links(self) -> tuple[DirectedLink, ...]:
        """Between them, by positions."""
        ...


class Routes:
    """The route of every ordered pair of nodes, found for all pairs when first asked for.

    A route has the least seconds per byte; ties go to the least latency (with `delay_s`), then the
    fewest links, then the lexicographically least node positions, as label setting from each source
    on these tuples finds it. One key after the other is relaxed for all sources at once, O(H N D)
    for D directed links and routes of at most H of them. No route takes a link in `without`.
    Where `routing` is "direct" the route of a pair is its own link.
    """

    def __init__(self, network: Network, without: frozenset[int] = frozenset()) -> None:
        self.links = network.directed_links
        self.num_nodes = len(network.nodes)
        self.is_direct = network.routing == "direct"
        self.without = without
        self._trees: dict[tuple[int, frozenset[int]], tuple[int, ...] | None] = {}

    def path(self, tail: int, head: int) -> tuple[int, ...] | None:
        """Positions of the directed links from `tail` to `head`; None where there is no route."""
        if tail == head:
            return ()
        last = self.last_link
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
        hops: list[NDArray[np.int64]] = []
        while True:
            link = np.where(tail == node, -1, self.last_link[tail, node])
            if (link < 0).all():
                return np.stack(hops, axis=1) if hops else np.empty((len(tail), 0), np.int64)
            hops.append(link)
            node = np.where(link < 0, tail, self._tails[link])

    def transfer(self, tail: int, head: int, num_bytes: float, sends: float = 1) -> float:
        """Seconds to store and forward `num_bytes` from `tail` to `head`, in so many transfers one
        after another; inf without a route."""
        path = self.path(tail, head)
        if path is None:
            return float("inf")
        return sum(self.links[link].seconds(num_bytes, sends) for link in path)

    def delay(self, tail: int, head: int) -> float:
        """Sum of `delay_s` over the route from `tail` to `head`; 0 without one."""
        return sum(self.links[link].delay_s for link in self.path(tail, head) or ())

    def tree(self, root: int, leaves: AbstractSet[int]) -> tuple[int, ...] | None:
        """Links of the tree of routes from `root` to `leaves`; None if one cannot be reached.

        Parents come before their children, siblings by node position, depth first. What was asked
        for lately is kept.
        """
        key = root, frozenset(leaves)
        if key not in self._trees:
            if len(self._trees) == MOST_TREES:
                self._trees.clear()
            self._trees[key] = self._tree(*key)
        return self._trees[key]

    def _tree(self, root: int, leaves: frozenset[int]) -> tuple[int, ...] | None:
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
        return tuple(ordered)

    def _by_head(self, link: int) -> int:
        return self.links[link].head

    @cached_property
    def seconds_per_byte(self) -> Key:
        """[nodes, nodes]: seconds per byte of every route; inf where there is none."""
        return frozen(np.ascontiguousarray(self._per_byte.T))

    @cached_property
    def slowest_link_s(self) -> Key:
        """[nodes, nodes]: seconds per byte of every route's slowest link; 0 without a route.

        O(N^2 hops).
        """
        tails, heads = (at.ravel() for at in np.indices((self.num_nodes,) * 2))
        per_byte = np.array([*(8 / link.bandwidth_bps for link in self.links), 0.0])
        slowest = per_byte[self.paths(tails, heads)].max(axis=1, initial=0.0)
        return frozen(slowest.reshape((self.num_nodes,) * 2))

    @property
    def latency_s(self) -> Key:
        """[nodes, nodes]: `latency_s` + `delay_s` of every route; inf where there is none."""
        return self._labels[1]

    @cached_property
    def _tails(self) -> NDArray[np.int64]:
        """[links + 1]: tail of every directed link, and -1 for the link -1."""
        return frozen(np.array([*(link.tail for link in self.links), -1], np.int64))

    @cached_property
    def _entering(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Key]]:
        """Positions, tails and seconds per byte of the directed links into every node."""
        entering: list[list[int]] = [[] for _ in range(self.num_nodes)]
        for position, link in enumerate(self.links):
            if position not in self.without:
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
        if self.is_direct:
            for head, (_, tails, per_byte) in enumerate(self._entering):
                least[head, tails] = per_byte
            return least
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

    @property
    def last_link(self) -> NDArray[np.int64]:
        """[sources, nodes]: last link of every route; -1 where there is none."""
        return self._labels[0]

    @cached_property
    def _labels(self) -> tuple[NDArray[np.int64], Key]:
        """[sources, nodes] each: last link and latency of every route.

        Links that end a way of least seconds per byte are kept; of these those of least latency;
        of these those of fewest links; of these that of least node positions.
        """
        count = self.num_nodes
        tails = self._tails
        heads = np.array([link.head for link in self.links], np.int64)
        added = np.array([link.lag_s for link in self.links], np.float64)
        link, source = self._tight_links()
        tail, head = source * count + tails[link], source * count + heads[link]
        latency = _least_sums(count, tail, head, added[link])
        least = latency[tail] + added[link] == latency[head]
        link, tail, head = link[least], tail[least], head[least]
        length = _least_sums(count, tail, head, np.ones(len(link)))
        least = length[tail] + 1 == length[head]
        last = _first_by_nodes(count, length, link[least], tail[least], head[least])
        return frozen(last.reshape(count, count)), frozen(latency.reshape(count, count))

    def _tight_links(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Links, and the source of each, that end a way of least seconds per byte."""
        links, sources = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for head, (into, tails, per_byte) in enumerate(self._entering):
            if self.is_direct:
                links.append(into)
                sources.append(tails)
                continue
            sums = self._per_byte[tails] + per_byte[:, None]
            tight, source = np.nonzero((sums == self._per_byte[head]) & np.isfinite(sums))
            links.append(into[tight])
            sources.append(source)
        return np.concatenate(links), np.concatenate(sources)


def _least_sums(
    count: int, tail: NDArray[np.int64], head: NDArray[np.int64], added: Key
) -> NDArray[np.float64]:
    """[sources * nodes]: the fixed point of `least of predecessor's sum + added`."""
    sums = np.full((count, count), np.inf)
    np.fill_diagonal(sums, 0.0)
    least = sums.ravel()
    while True:
        before = least.copy()
        np.minimum.at(least, head, before[tail] + added)
        if np.array_equal(before, least):
            return least


def _first_by_nodes(
    count: int,
    length: NDArray[np.float64],
    link: NDArray[np.int64],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
) -> NDArray[np.int64]:
    """[sources * nodes]: last link of the route with the least list of node positions; -1: none.

    Of two routes of as many links to one node, the one to the lesser predecessor is less; so
    routes are ranked one number of links after the other.
    """
    last = np.full(count * count, -1)
    rank = np.zeros(count * count, np.int64)
    level = length[head]
    for links in range(1, int(level.max(initial=0)) + 1):
        of_level = np.flatnonzero(level == links)
        # by source and node, then by the predecessor's rank: the first of each node is its best
        ordered = of_level[np.lexsort((rank[tail[of_level]], head[of_level]))]
        best = ordered[np.diff(head[ordered], prepend=-1) > 0]
        last[head[best]] = link[best]
        # between nodes of a source: the predecessor's rank, then the node's own position
        rank[head[best][np.lexsort((head[best], rank[tail[best]], head[best] // count))]] = (
            np.arange(len(best))
        )
    return last


class KeptRoutes(Routes):
    """The routes of others over the same links with other figures, best or not."""

    def __init__(self, others: Routes, instance: Instance) -> None:
        super().__init__(instance)
        self._last = others.last_link

    @cached_property
    def _per_byte(self) -> Key:
        """[nodes, sources]: every route's own sum, link after link."""
        added = np.array([8 / link.bandwidth_bps for link in self.links])
        return np.ascontiguousarray(self._sums(added).T)

    @cached_property
    def _labels(self) -> tuple[NDArray[np.int64], Key]:
        added = np.array([link.lag_s for link in self.links], np.float64)
        return self._last, frozen(self._sums(added))

    def _sums(self, added: Key) -> Key:
        """[sources, nodes]: `added` of every link summed along every route, inf without one."""
        sums = np.full(self._last.shape, np.inf)
        np.fill_diagonal(sums, 0.0)
        source, node = np.nonzero(self._last >= 0)
        link = self._last[source, node]
        tail = self._tails[link]
        while True:
            before = sums.copy()
            sums[source, node] = sums[source, tail] + added[link]
            if np.array_equal(before, sums):
                return sums


@kept()
def routes_of(instance: Instance) -> Routes:
    """The routes of an instance, kept with it."""
    return Routes(instance)


def keep_routes(instance: Instance, routes: Routes) -> Instance:
    """The instance, whose routes from now on are those of another with the same links.

    For an instance just made, of which nobody has asked the routes yet: its costs are then those of
    a network whose figures have changed while the routes stayed.
    """
    give(routes_of, instance, KeptRoutes(routes, instance))
    return instance
