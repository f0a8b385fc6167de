"""Latency on tiers in a line as one minimum s-t cut: the network and the way back.

With K tiers, layer i has K - 1 binary variables x(i, k) = "the tier of i is above k"; an arc
u -> v is paid when u = 1 (source side) and v = 0 (sink side):

- chain: s -> x(i, 0) -> ... -> x(i, K-2) -> t, link k costs what layer i costs on tier k, and
  infinite arcs x(i, k) -> x(i, k-1) keep the chain ordered: exactly one link is cut;
- going up, `once`: m(i, k) = "some reader of tensor i is above k" by infinite arcs from every
  reader's x(j, k); m(i, k) -> x(i, k) costs one crossing of boundary k. A single reader needs no
  m. Going down: a(i, k) = "all readers are above k", x(i, k) -> a(i, k) costs the crossing;
- `per-edge`: x(j, k) -> x(i, k) and back, once an edge;
- `monotone`: infinite x(i, k) -> x(j, k); groups: infinite both ways;
- a result's way to a node of the line is paid in full by the chain, so the tensor's other readers
  pay only the boundaries that it does not cross.

All pairwise terms are submodular, hence the least cut is the least latency: every placement is a
cut of its latency (choose m = max, a = min) and every finite cut is a placement. After H. Ishikawa,
"Exact optimization for Markov random fields with convex priors", PAMI 2003, for the chains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, way_seconds
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed


@dataclass(frozen=True)
class TierLine:
    """Usable nodes in tier order with the figures of crossing every boundary, inf if impossible.

    Arrays are [tiers - 1]: latency in seconds and seconds per byte, upwards and downwards.
    """

    nodes: NDArray[np.int64]
    up: tuple[NDArray[np.float64], NDArray[np.float64]]
    down: tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class CutNetwork:
    """Arcs (tail, head, cost in seconds; inf: never cut), x(i, k) at position i (K - 1) + k.

    `source` and `sink` follow the variables; auxiliary m's come next, then a's. `tier_costs` is
    what the chains are made of, [layers, tiers].
    """

    tier_costs: NDArray[np.float64]
    tails: NDArray[np.int64]
    heads: NDArray[np.int64]
    costs: NDArray[np.float64]
    num_layers: int
    num_tiers: int
    num_any: int
    num_all: int

    @property
    def source(self) -> int:
        """Position of s, always 1."""
        return self.num_layers * (self.num_tiers - 1)

    @property
    def sink(self) -> int:
        """Position of t, always 0."""
        return self.source + 1

    @property
    def num_vertices(self) -> int:
        """How many vertices there are."""
        return self.sink + 1 + self.num_any + self.num_all

    def tiers(self, side: NDArray[np.bool_]) -> NDArray[np.int64]:
        """[layers]: tier of every layer, from the vertices on the source side."""
        above = side[: self.source].reshape(self.num_layers, -1)
        return np.asarray(above.sum(axis=1, dtype=np.int64))

    def with_arcs(self, paid: NDArray[np.bool_]) -> CutNetwork:
        """The network with some of its arcs only."""
        arcs = {"tails": self.tails[paid], "heads": self.heads[paid], "costs": self.costs[paid]}
        return changed(self, **arcs)

    def value(self, tiers: NDArray[np.int64]) -> float:
        """Cost of the cut that a placement makes; inf if it cuts an infinite arc."""
        side = np.zeros(self.num_vertices, bool)
        side[: self.source] = (tiers[:, None] > np.arange(self.num_tiers - 1)).ravel()
        side[self.source] = True
        first_all = self.sink + 1 + self.num_any
        side[first_all:] = True
        endless = np.isinf(self.costs)
        any_of = endless & (self.heads > self.sink) & (self.heads < first_all)
        np.logical_or.at(side, self.heads[any_of], side[self.tails[any_of]])
        all_of = endless & (self.tails >= first_all)
        np.logical_and.at(side, self.tails[all_of], side[self.heads[all_of]])
        return float(self.costs[side[self.tails] & ~side[self.heads]].sum())

    def with_layer_on(self, layer: int, tier: int) -> CutNetwork:
        """The network in which a layer may be on one tier only."""
        first = layer * (self.num_tiers - 1)
        below, above = [first + tier - 1] * (tier > 0), [first + tier] * (tier < self.num_tiers - 1)
        tier_costs = self.tier_costs.copy()
        tier_costs[layer, np.arange(self.num_tiers) != tier] = np.inf
        return changed(
            self,
            tier_costs=tier_costs,
            tails=np.concatenate([self.tails, [self.source] * len(below), above]).astype(np.int64),
            heads=np.concatenate([self.heads, below, [self.sink] * len(above)]).astype(np.int64),
            costs=np.concatenate([self.costs, np.full(len(below) + len(above), np.inf)]),
        )


@dataclass(frozen=True)
class RouteFigures:
    """[nodes, nodes] each: latency and seconds per byte of every route, inf where there is none."""

    latency_s: NDArray[np.float64]
    seconds_per_byte: NDArray[np.float64]

    def along(self, nodes: NDArray[np.int64]) -> TierLine:
        """The line of these nodes."""
        below, above = nodes[:-1], nodes[1:]
        tables = (self.latency_s, self.seconds_per_byte)
        up, down = ((t[below, above] for t in tables), (t[above, below] for t in tables))
        return TierLine(nodes, tuple(up), tuple(down))  # type: ignore[arg-type]


def route_figures(instance: Instance) -> RouteFigures:
    """Those of an instance's routes."""
    routes = routes_of(instance)
    return RouteFigures(routes.latency_s, routes.seconds_per_byte)


def tier_line(arrays: TaskArrays) -> TierLine | str:
    """The line that a task's usable nodes form in tier order, or the reason why they do not.

    Usable are the nodes where some layer may run. A pair's route must be the concatenation of
    its consecutive nodes' routes, in either direction, or be missing where one of these is.
    """
    instance = arrays.instance
    usable = np.flatnonzero(arrays.allowed.any(axis=0))
    rank = instance.node_rank[usable]
    if len(set(rank.tolist())) < len(usable):
        twice = [
            instance.nodes[n].name for n in usable if np.sum(rank == instance.node_rank[n]) > 1
        ]
        return f"several usable nodes share a tier ({', '.join(twice[:4])})"
    nodes = usable[np.argsort(rank)]
    line = nodes.tolist()
    for direction in (line, line[::-1]):
        if (pair := _short_cut(arrays, direction)) is not None:
            names = [instance.nodes[node].name for node in pair]
            return f"the route from {names[0]} to {names[1]} does not run along the line of tiers"
    return route_figures(instance).along(nodes)


def _short_cut(arrays: TaskArrays, line: list[int]) -> tuple[int, int] | None:
    """A pair of nodes whose route leaves the line."""
    routes = routes_of(arrays.instance)
    for i, tail in enumerate(line):
        along: tuple[int, ...] | None = ()
        for before, head in zip(line[i:], line[i + 1 :], strict=False):
            step = routes.path(before, head)
            along = None if along is None or step is None else along + step
            if routes.path(tail, head) != along:
                return tail, head
    return None


def cut_network(arrays: TaskArrays, line: TierLine, objective: Objective) -> CutNetwork | str:
    """The network of a task's latency on a line, or the reason why a result's way has none.

    O(K (V + E)) vertices and arcs.
    """
    if reason := _no_way(arrays, line, objective):
        return reason
    paid = _results(arrays, line, route_figures(arrays.instance))
    network = _Builder(arrays, line, objective).build(paid)
    return network.with_arcs(np.asarray(network.costs > 0))


@dataclass(frozen=True)
class CutTerms:
    """A network whose costs are a weighted sum of parts, [parts, arcs] and [parts, layers, tiers].

    The first part holds all that is infinite.
    """

    network: CutNetwork
    costs: NDArray[np.float64]
    tier_costs: NDArray[np.float64]

    def at(self, weights: NDArray[np.float64]) -> CutNetwork:
        """The network with finite weights >= 0, the first > 0."""
        tier_costs = np.tensordot(weights, self.tier_costs, axes=1)
        return changed(self.network, costs=weights @ self.costs, tier_costs=tier_costs)


def cut_terms(
    arrays: TaskArrays,
    line: TierLine,
    objective: Objective,
    parts: Sequence[tuple[NDArray[np.float64], RouteFigures]],
) -> CutTerms | str:
    """The network as a weighted sum, or the reason why a result's way has none.

    Parameters
    ----------
    parts
        [layers, nodes] of seconds and the figures of routes: what the instance's are a sum of. All
        that is infinite, for want of a route, is so in the first.
    """
    if reason := _no_way(arrays, line, objective):
        return reason
    networks = []
    for position, (times_s, figures) in enumerate(parts):
        allowed = None if position == 0 else np.ones_like(arrays.allowed)
        part, along = arrays.with_costs(times_s, allowed), figures.along(line.nodes)
        networks.append(_Builder(part, along, objective).build(_results(part, line, figures)))
    costs = np.array([network.costs for network in networks])
    paid = np.asarray((costs > 0).any(axis=0))
    tier_costs = np.array([network.tier_costs for network in networks])
    return CutTerms(networks[0].with_arcs(paid), costs[:, paid], tier_costs)


def _no_way(arrays: TaskArrays, line: TierLine, objective: Objective) -> str | None:
    """Why a result's way is no sum of the line's boundaries, where its tensor is read as well."""
    target = arrays.results_to
    if target is None or target in line.nodes or objective.transfers != "once":
        return None
    read = np.isin(np.arange(len(arrays.model.layers)), arrays.model.edges[:, 0])
    if not (arrays.model.results & read).any():
        return None
    return "a result that is also read goes to a node off the line of tiers"


def _results(arrays: TaskArrays, line: TierLine, figures: RouteFigures) -> NDArray[np.float64]:
    """[layers, tiers]: seconds of every result's own way, 0 for what is no result."""
    paid = np.zeros((len(arrays.model.layers), len(line.nodes)))
    target = arrays.results_to
    if target is None:
        return paid
    results = arrays.model.results
    ways = figures.latency_s[line.nodes, target], figures.seconds_per_byte[line.nodes, target]
    sent = arrays.sends[results, None], arrays.output_bytes[results, None]
    paid[results] = way_seconds(*sent, *ways)
    return paid


class _Builder:
    """Collects the arcs, one method for each kind."""

    def __init__(self, arrays: TaskArrays, line: TierLine, objective: Objective) -> None:
        self.arrays, self.line, self.objective = arrays, line, objective
        self.num_layers, self.num_tiers = len(arrays.model.layers), len(line.nodes)
        self.boundaries = np.arange(self.num_tiers - 1)
        self.source = self.num_layers * len(self.boundaries)
        self.parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        self.pairs = np.unique(arrays.model.edges, axis=0)
        readers = np.bincount(self.pairs[:, 0], minlength=self.num_layers)
        once = objective.transfers == "once"
        self.shared = np.flatnonzero(readers > 1) if once else np.arange(0)
        self.num_any = len(self.shared) * len(self.boundaries)
        self.num_all = 0 if objective.monotone else self.num_any

    def build(self, paid: NDArray[np.float64]) -> CutNetwork:
        """All arcs, `paid` for each layer and tier on top of its time."""
        edges = self.arrays.model.edges
        tier_costs = self.arrays.costs_s[:, self.line.nodes] + paid
        self.chains(tier_costs)
        if self.objective.transfers == "once":
            shared = np.isin(self.pairs[:, 0], self.shared)
            self.lone_readers(self.pairs[~shared])
            self.many_readers(self.pairs[shared])
        else:
            free = np.ones((len(edges), len(self.boundaries)), bool)
            self.up(self.x(edges[:, 1]), edges[:, 0], free)
            self.down(self.x(edges[:, 1]), edges[:, 0], free)
        if self.objective.monotone:
            self.endless(self.x(edges[:, 0]), self.x(edges[:, 1]))
        for first, *others in self.arrays.groups:
            for other in others:
                ends = np.array([first, other])
                self.endless(self.x(ends), self.x(ends[::-1]))
        tails, heads, costs = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return CutNetwork(
            tier_costs=tier_costs,
            tails=tails,
            heads=heads,
            costs=costs,
            num_layers=self.num_layers,
            num_tiers=self.num_tiers,
            num_any=self.num_any,
            num_all=self.num_all,
        )

    def x(self, layers: NDArray[np.int64]) -> NDArray[np.int64]:
        """[layers, boundaries]: vertices of the variables x(i, k)."""
        return layers[:, None] * len(self.boundaries) + self.boundaries

    def auxiliary(self, tensors: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """[tensors, boundaries]: vertices of the m's or a's of shared tensors."""
        rows = np.searchsorted(self.shared, tensors)
        return first + rows[:, None] * len(self.boundaries) + self.boundaries

    def arcs(
        self, tails: NDArray[np.int64], heads: NDArray[np.int64], costs: NDArray[np.float64]
    ) -> None:
        """Arcs of broadcast shapes, those that cost nothing among them."""
        flat = (array.ravel() for array in np.broadcast_arrays(tails, heads, costs))
        self.parts.append(tuple(flat))  # type: ignore[arg-type]

    def endless(self, tails: NDArray[np.int64], heads: NDArray[np.int64]) -> None:
        """Arcs that no finite cut may cut."""
        self.arcs(tails, heads, np.array(np.inf))

    def chains(self, costs: NDArray[np.float64]) -> None:
        """Every layer's chain from s to t."""
        x = self.x(np.arange(self.num_layers))
        ends = np.full((self.num_layers, 1), self.source)
        self.arcs(np.hstack([ends, x]), np.hstack([x, ends + 1]), costs)
        self.endless(x[:, 1:], x[:, :-1])

    def lone_readers(self, edges: NDArray[np.int64]) -> None:
        """Tensors with one reader need no auxiliary vertex."""
        tensors = edges[:, 0]
        self.up(self.x(edges[:, 1]), tensors, self.uncovered(tensors, upwards=True))
        self.down(self.x(edges[:, 1]), tensors, self.uncovered(tensors, upwards=False))

    def many_readers(self, edges: NDArray[np.int64]) -> None:
        """Tensors with several readers: `some reader above`, `all readers above`."""
        tensors = self.shared
        some = self.auxiliary(tensors, self.source + 2)
        self.endless(self.x(edges[:, 1]), self.auxiliary(edges[:, 0], self.source + 2))
        self.up(some, tensors, self.uncovered(tensors, upwards=True))
        if not self.objective.monotone:
            first = self.source + 2 + self.num_any
            self.endless(self.auxiliary(edges[:, 0], first), self.x(edges[:, 1]))
            whole = self.auxiliary(tensors, first)
            self.down(whole, tensors, self.uncovered(tensors, upwards=False))

    def up(
        self, readers: NDArray[np.int64], tensors: NDArray[np.int64], paid: NDArray[np.bool_]
    ) -> None:
        """Crossing a boundary upwards: the reader above it, the tensor's layer not."""
        self.arcs(readers, self.x(tensors), np.where(paid, self.crossing(tensors, self.line.up), 0))

    def down(
        self, readers: NDArray[np.int64], tensors: NDArray[np.int64], paid: NDArray[np.bool_]
    ) -> None:
        """Crossing a boundary downwards: the tensor's layer above it, the reader not."""
        if not self.objective.monotone:
            costs = np.where(paid, self.crossing(tensors, self.line.down), 0)
            self.arcs(self.x(tensors), readers, costs)

    def crossing(
        self, tensors: NDArray[np.int64], figures: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """[tensors, boundaries]: seconds of crossing."""
        sent = self.arrays.sends[tensors, None], self.arrays.output_bytes[tensors, None]
        return way_seconds(*sent, *figures)

    def uncovered(self, tensors: NDArray[np.int64], upwards: bool) -> NDArray[np.bool_]:
        """[tensors, boundaries]: those that the tensor's own way as a result does not cross."""
        target = self.arrays.results_to
        results = self.arrays.model.results[tensors]
        if target is None or not results.any():
            return np.ones((len(tensors), len(self.boundaries)), bool)
        at = int(np.flatnonzero(self.line.nodes == target)[0])
        covered = self.boundaries < at if upwards else self.boundaries >= at
        return ~(results[:, None] & covered)
