"""One task's layers on tiers, one node standing for each: what heuristics by tier work on."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import routes_of


class TierGraph:
    """Times and transfers between tiers 0 .. K-1, nearest the data first; empty tiers left out.

    `nodes[tier]` is the node of least total layer time (ties: the first), the source in its own
    tier. Lists, not arrays: they are read one number at a time.
    """

    def __init__(self, arrays: TaskArrays) -> None:
        self.arrays, self.model = arrays, arrays.model
        self.routes = routes_of(arrays.instance)
        self.nodes = _representatives(arrays)
        self.count = len(self.nodes)
        self.num_bytes: list[float] = arrays.output_bytes.tolist()
        self._trees: dict[tuple[int, int], tuple[float, float]] = {}
        self._added: dict[tuple[int, int, int], tuple[float, float]] = {}

    @cached_property
    def times_s(self) -> list[list[float]]:
        """[layers][tiers]: layer times, inf where `tiers` or the source forbids."""
        times: list[list[float]] = self.arrays.costs_s[:, self.nodes].tolist()
        return times

    @cached_property
    def inputs(self) -> list[tuple[int, ...]]:
        """Distinct inputs of every layer."""
        return [tuple(dict.fromkeys(tails)) for tails in self.model.inputs]

    @cached_property
    def levels(self) -> list[list[int]]:
        """Layers by longest distance in edges from a layer without inputs, each in file order."""
        distance = [0] * len(self.inputs)
        for layer in self.model.order.tolist():
            distance[layer] = max([distance[tail] + 1 for tail in self.inputs[layer]], default=0)
        levels: list[list[int]] = [[] for _ in range(max(distance) + 1)]
        for layer, level in enumerate(distance):
            levels[level].append(layer)
        return levels

    @cached_property
    def transfers(self) -> tuple[list[list[float]], list[list[float]]]:
        """[tiers][tiers]: latency and seconds per byte of every route; inf where there is none."""
        pairs = np.ix_(self.nodes, self.nodes)
        return self.routes.latency_s[pairs].tolist(), self.routes.seconds_per_byte[pairs].tolist()

    def transfer(self, tensor: int, tail: int, head: int) -> float:
        """Seconds of a tensor's whole route from tier to tier; inf without a route."""
        latency, per_byte = self.transfers
        if latency[tail][head] == np.inf:
            return np.inf
        return latency[tail][head] + self.num_bytes[tensor] * per_byte[tail][head]

    def results_transfer(self, tensor: int, tail: int) -> float:
        """Seconds of a result's route from a tier to `results_to`; 0 where results stay."""
        target = self.arrays.results_to
        if target is None:
            return 0.0
        return self.routes.transfer(self.nodes[tail], target, self.num_bytes[tensor])

    def tree(self, tensor: int, tail: int, heads: int) -> float:
        """Seconds of a tensor's tree from a tier to a set of tiers (bits), each link once."""
        if (tail, heads) not in self._trees:
            self._trees[tail, heads] = self._sums(self._links(tail, heads))
        latency, per_byte = self._trees[tail, heads]
        return latency + self.num_bytes[tensor] * per_byte if latency < np.inf else latency

    def added(self, tensor: int, tail: int, heads: int, head: int) -> float:
        """Seconds that one more tier adds to a tensor's tree: links not crossed yet."""
        key = (tail, heads, head)
        if key not in self._added:
            more, there = self._links(tail, 1 << head), self._links(tail, heads)
            self._added[key] = self._sums(more if more is None or there is None else more - there)
        latency, per_byte = self._added[key]
        return latency + self.num_bytes[tensor] * per_byte if latency < np.inf else latency

    def _links(self, tail: int, heads: int) -> set[int] | None:
        """Links from a tier to a set of tiers; None where one cannot be reached."""
        links: set[int] = set()
        for head in range(self.count):
            if heads >> head & 1:
                path = self.routes.path(self.nodes[tail], self.nodes[head])
                if path is None:
                    return None
                links.update(path)
        return links

    def _sums(self, links: set[int] | None) -> tuple[float, float]:
        if links is None:
            return np.inf, np.inf
        chosen = [self.routes.links[link] for link in sorted(links)]
        return sum(c.lag_s for c in chosen), sum(8 / c.bandwidth_bps for c in chosen)


def _representatives(arrays: TaskArrays) -> list[int]:
    """A node per tier that has any, by rank."""
    rank = arrays.instance.node_rank
    total: NDArray[np.float64] = arrays.times_s.sum(axis=0)
    chosen = {}
    for tier in sorted(set(rank.tolist())):
        members = np.flatnonzero(rank == tier)
        chosen[tier] = int(members[total[members].argmin()])
    if arrays.source is not None:
        chosen[int(rank[arrays.source])] = arrays.source
    return list(chosen.values())
