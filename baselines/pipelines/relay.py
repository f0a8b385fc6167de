"""The best contiguous split for the period where data is handed on from piece to piece."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement
from splitfog.baselines.pipelines.prefixes import Prefixes
from splitfog.formulations.costs.routes import routes_of
from splitfog.solvers.base import Request

Hop = tuple[int, int]
"""Data moves on from one place in the row of nodes to a later one; (-1, n) before any moved."""


class RelaySplit:
    """The dynamic program over (prefix, move of its frontier from one node to the next one used).

    Nodes stand in a row: the source, then by tier and file. At the end of a piece all that the
    rest still reads moves on to the next node used, over the route's links, and loads them and
    nodes with `overlap: false` on the way. On a line of tiers that is what tensors do.
    """

    def __init__(self, prefixes: Prefixes, request: Request) -> None:
        self.prefixes, self.request = prefixes, request
        self.arrays = prefixes.units.arrays
        self.row = _row(prefixes, request)
        self.half = [not self.arrays.instance.nodes[node].overlap for node in self.row]
        self.hops = [(i, j) for i in range(len(self.row)) for j in range(i + 1, len(self.row))]
        count = len(prefixes)
        starts = [0] if self.arrays.source is not None else range(len(self.row))
        self.value: dict[Hop, NDArray[np.float64]] = {
            (-1, n): np.array([0.0] + [inf] * (count - 1)) for n in starts
        }
        """Of every move at the end of a prefix: the longest busy time settled by then."""
        self.value |= {hop: np.full(count, inf) for hop in self.hops}
        self.parents: dict[tuple[Hop, int], tuple[Hop, int]] = {}
        self.way_s = {hop: self._ways(*hop) for hop in self.hops}
        """Of every hop: [3, prefixes], seconds of its first link, its last, and its worst load."""

    @property
    def work(self) -> float:
        """How many transitions there are, about."""
        return len(self.row) ** 2 / 2 * len(self.prefixes) ** 2 / 2

    def solve(self) -> Placement | str:
        """The placement of the best split, or why there is none."""
        last = len(self.prefixes) - 1
        best, final = (inf, None) if last else (0.0, None)
        for end in range(last + 1):
            before = self.prefixes.before(end)
            for node in range(len(self.row)):
                found = self._last_piece(before, end, node)
                if end == last and found and found[0] < best:
                    best, final = found[0], found[1:]
            if self.request.out_of_time:
                return "the time limit came before the end"
        if best == inf:
            return "no contiguous split respects tiers, groups, memory and routes"
        return self._traced(final)

    def _last_piece(
        self, before: NDArray[np.int64], end: int, node: int
    ) -> tuple[float, Hop, int, int] | None:
        """Let a node take the last piece up to `end` and hand on to every later one.

        Returns the least value if nothing is handed on, the hop that came in, the prefix before
        the piece, and the node. The start's node may have no piece.
        """
        computing = self.prefixes.seconds(before, end, self.row[node])
        best: tuple[float, Hop, int, int] | None = None
        for hop in [h for h in self.value if h[1] == node]:
            own = before
            busy = computing
            if hop[0] < 0 and end == 0:
                own, busy = np.array([0]), np.array([0.0])
            if not len(own):
                continue
            if self.half[node] and hop[0] >= 0:
                busy = busy + self.way_s[hop][1, own]
            for onward in [(node, later) for later in range(node + 1, len(self.row))]:
                self._hand_on(hop, onward, own, end, busy)
            values = np.maximum(self.value[hop][own], busy)
            least = int(values.argmin())
            if best is None or values[least] < best[0]:
                best = float(values[least]), hop, int(own[least]), node
        return best

    def _hand_on(
        self, hop: Hop, onward: Hop, before: NDArray[np.int64], end: int, busy: NDArray[np.float64]
    ) -> None:
        first, _, worst = self.way_s[onward][:, end]
        if self.half[onward[0]]:
            busy = busy + first
        values = np.maximum(self.value[hop][before], busy)
        least = int(values.argmin())
        value = max(float(values[least]), float(worst))
        if value < self.value[onward][end]:
            self.value[onward][end] = value
            self.parents[onward, end] = (hop, int(before[least]))

    def _ways(self, i: int, j: int) -> NDArray[np.float64]:
        """Loads of moving every prefix's frontier from one place of the row to another."""
        routes, frontier = routes_of(self.arrays.instance), self.prefixes.frontier
        path = routes.path(self.row[i], self.row[j])
        if path is None:
            return np.where(frontier[:, 0] > 0, inf, 0.0) + np.zeros((3, 1))
        links = [routes.links[link] for link in path]
        figures = np.array([[link.latency_s, 8 / link.bandwidth_bps] for link in links])
        seconds = frontier @ figures.T
        worst = seconds.max(axis=1)
        for at, link in enumerate(links[:-1]):
            if not self.arrays.instance.nodes[link.head].overlap:
                worst = np.maximum(worst, seconds[:, at] + seconds[:, at + 1])
        return np.stack([seconds[:, 0], seconds[:, -1], worst])

    def _traced(self, final: tuple[Hop, int, int] | None) -> Placement:
        if final is None:
            return self.prefixes.placement([])
        hop, before, node = final
        pieces = [(before, len(self.prefixes) - 1, self.row[node])]
        while hop[0] >= 0:
            end, node = before, hop[0]
            hop, before = self.parents[hop, end]
            pieces.append((before, end, self.row[node]))
        return self.prefixes.placement(pieces)


def _row(prefixes: Prefixes, request: Request) -> list[int]:
    """The source, then the others by tier and file; with `monotone` none of a lower tier."""
    arrays = prefixes.units.arrays
    rank, source = arrays.instance.node_rank, arrays.source
    nodes: list[int] = np.argsort(rank, kind="stable").tolist()
    if source is None:
        return nodes
    lowest = rank[source] if request.objective.monotone else 0
    return [source, *(node for node in nodes if node != source and rank[node] >= lowest)]
