"""One task's layers on tiers, one node standing for each: what heuristics by tier work on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


@dataclass(frozen=True)
class Tree:
    """The links from a tier to the tiers that a tensor is sent to, each once.

    A tensor of b bytes takes `lag_s + b * per_byte` on them, and `added_lag_s[tier] + b *
    added_per_byte[tier]` more on those that another tier adds; a lag is inf where there is no route
    (and seconds per byte are 0). `position`: in the order in which trees were asked for.
    """

    position: int
    lag_s: float
    per_byte: float
    added_lag_s: tuple[float, ...]
    added_per_byte: tuple[float, ...]


class TierGraph:
    """Times and transfers between tiers 0 .. K-1, nearest the data first; empty tiers left out.

    `nodes[tier]` is the node of least total layer time (ties: the first), the source in its own
    tier. Lists, not arrays: they are read one number at a time. `routes`: in place of the
    instance's own.
    """

    def __init__(self, arrays: TaskArrays, routes: Routes | None = None) -> None:
        self.arrays, self.model = arrays, arrays.model
        self.routes = routes_of(arrays.instance) if routes is None else routes
        self.nodes = _representatives(arrays)
        self.count = len(self.nodes)
        self.num_bytes = _sizes(self.model)
        self.sends: list[float] = self.model.sends.tolist()
        self.trees: dict[tuple[int, int], Tree] = {}

    @cached_property
    def times_s(self) -> list[list[float]]:
        """[layers][tiers]: layer times, inf where `tiers` or the source forbids."""
        times: list[list[float]] = self.arrays.costs_s[:, self.nodes].tolist()
        return times

    @cached_property
    def inputs(self) -> list[tuple[int, ...]]:
        """Distinct inputs of every layer."""
        return distinct_inputs(self.model)

    @cached_property
    def levels(self) -> list[list[int]]:
        """Layers by longest distance in edges from a layer without inputs, each in file order."""
        return levels_of(self.model)

    @cached_property
    def transfers(self) -> tuple[list[list[float]], list[list[float]]]:
        """[tiers][tiers]: latency and seconds per byte of every route; inf where there is none."""
        pairs = np.ix_(self.nodes, self.nodes)
        return self.routes.latency_s[pairs].tolist(), self.routes.seconds_per_byte[pairs].tolist()

    def results_transfer(self, tensor: int, tail: int) -> float:
        """Seconds of a result's route from a tier to `results_to`; 0 where results stay."""
        target = self.arrays.results_to
        if target is None:
            return 0.0
        lag_s, per_byte = self.tree_figures(self.nodes[tail], (target,))
        return self.seconds(tensor, lag_s, per_byte)

    def seconds(self, tensor: int, lag_s: float, per_byte: float) -> float:
        """Seconds of a tensor over links; 0 where it is never sent, whatever the lag."""
        sends = self.sends[tensor]
        return sends * lag_s + self.num_bytes[tensor] * per_byte if sends else 0.0

    def tree(self, tail: int, heads: int) -> Tree:
        """The tree from a tier to a set of tiers (bits)."""
        tree = self.trees.get((tail, heads))
        if tree is None:
            tree = self.trees[tail, heads] = self._tree(tail, heads)
        return tree

    def share_trees(self, other: TierGraph) -> None:
        """Have the trees of another graph of as many tiers, at the same positions."""
        if self.routes is other.routes and self.nodes == other.nodes:
            self.trees = other.trees
        else:
            for tail, heads in other.trees:
                self.tree(tail, heads)

    def _tree(self, tail: int, heads: int) -> Tree:
        ends = [node for head, node in enumerate(self.nodes) if heads >> head & 1]
        there = self._links(self.nodes[tail], ends)
        added = [
            self._sums(None if way is None else way.difference(there or ()))
            for way in [self._links(self.nodes[tail], [node]) for node in self.nodes]
        ]
        added_lag_s, added_per_byte = zip(*added, strict=True)
        return Tree(len(self.trees), *self._sums(there), added_lag_s, added_per_byte)

    def tree_figures(self, tail: int, heads: Iterable[int]) -> tuple[float, float]:
        """Lag and seconds per byte of the tree between nodes; an infinite lag without a route."""
        return self._sums(self._links(tail, heads))

    def _links(self, tail: int, heads: Iterable[int]) -> set[int] | None:
        """Links of the tree between nodes; None where one cannot be reached."""
        paths = [self.routes.path(tail, head) for head in heads]
        return None if None in paths else {link for path in paths if path for link in path}

    def _sums(self, links: set[int] | None) -> tuple[float, float]:
        if links is None:
            return np.inf, 0.0
        chosen = [self.routes.links[link] for link in sorted(links)]
        return sum(c.lag_s for c in chosen), sum(8 / c.bandwidth_bps for c in chosen)


@kept()
def _sizes(model: Model) -> list[float]:
    """Bytes of every tensor, as a list."""
    sizes: list[float] = model.output_bytes.tolist()
    return sizes


@kept()
def distinct_inputs(model: Model) -> list[tuple[int, ...]]:
    """Distinct inputs of every layer, kept with the model."""
    return [tuple(dict.fromkeys(tails)) for tails in model.inputs]


@kept()
def levels_of(model: Model) -> list[list[int]]:
    """Layers by longest distance from a layer without inputs, kept with the model."""
    inputs = distinct_inputs(model)
    distance = [0] * len(inputs)
    for layer in model.order.tolist():
        distance[layer] = max([distance[tail] + 1 for tail in inputs[layer]], default=0)
    levels: list[list[int]] = [[] for _ in range(max(distance) + 1)]
    for layer, level in enumerate(distance):
        levels[level].append(layer)
    return levels


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
