"""A part of one task's makespan problem as plain arrays, and the pass of `makespan` over it.

Durations are seconds, or whole *ticks* of 1 / scale seconds, each rounded down: every schedule in
seconds, rounded down, is one in ticks, so the least number of ticks / scale is a valid bound.
The same holds for fewer, coarser ticks. Whole numbers are kept in float64 (exact below 2^53),
where inf says "impossible".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.arrays.critical_path import Table, heads, tails
from splitfog.formulations.arrays.series import Segment
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.arrays.ticks import whole_ticks
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.kept import Keeper
from splitfog.instances.records import changed


@dataclass(frozen=True, eq=False, kw_only=True)
class Durations(Keeper):
    """All durations of a task in one unit, layers in file order; inf where impossible.

    `times` [layers, nodes]; `hops` [layers, directed links] until a tensor is across, `busy` the
    same until the link is free; `ways` [layers, nodes, nodes] over the routes, `edges` the same for
    tensors between layers, where `monotone` counts.
    """

    arrays: TaskArrays
    scale: float | None
    horizon: float
    times: Table
    hops: Table
    busy: Table
    ways: Table
    edges: Table

    @cached_property
    def routes(self) -> Routes:
        """The instance's routes."""
        return routes_of(self.arrays.instance)

    @cached_property
    def crossed(self) -> list[int]:
        """Directed links on a route between nodes where some layer may be, or to `results_to`."""
        usable = np.flatnonzero(np.isfinite(self.times).any(axis=0)).tolist()
        target = self.arrays.results_to
        heads_ = usable if target is None else {*usable, target}
        return sorted(
            {link for u in usable for v in heads_ for link in self.routes.path(u, v) or ()}
        )

    @cached_property
    def contended(self) -> bool:
        """Whether any hop can wait: a shared link or a node without overlap is on some route."""
        return any(self.waits(link) for link in self.crossed)

    @cached_property
    def twins(self) -> list[list[int]]:
        """Sets of nodes any two of which may swap all they hold, and every makespan stays.

        Sufficient: nothing waits for links; the same times and memory; every tensor is as long on
        its way to, from and between them as after the swap.
        """
        sets: list[list[int]] = []
        nodes = self.arrays.instance.nodes
        for node in range(len(nodes)) if not self.contended else ():
            for members in sets:
                one = members[0]
                swap = np.arange(len(nodes))
                swap[[one, node]] = node, one
                if (
                    self.arrays.results_to not in (one, node)
                    and nodes[one].memory_bytes == nodes[node].memory_bytes
                    and np.array_equal(self.times[:, one], self.times[:, node])
                    and np.array_equal(self.ways[:, swap][:, :, swap], self.ways)
                    and np.array_equal(self.edges[:, swap][:, :, swap], self.edges)
                ):
                    members.append(node)
                    break
            else:
                sets.append([node])
        return [members for members in sets if len(members) > 1]

    def spans(self, longest: float) -> Table:
        """All durations of layers and of hops that may be made, without those above `longest`."""
        sent = np.array([bool(readers) for readers in self.arrays.model.consumers])
        if self.arrays.results_to is not None:
            sent |= self.arrays.model.results
        hops = [table[sent][:, self.crossed].ravel() for table in (self.hops, self.busy)]
        spans = np.concatenate([self.times.ravel(), *hops])
        return spans[(spans > 0) & (spans <= longest)]

    def waits(self, link: int) -> bool:
        """Whether hops over a directed link can wait for it or for a node at its ends."""
        ends = self.arrays.instance.directed_links[link]
        return ends.shared or bool(self.half(link))

    def half(self, link: int) -> tuple[int, ...]:
        """Nodes at the ends of a link that do nothing else while it is crossed."""
        ends = self.arrays.instance.directed_links[link]
        nodes = self.arrays.instance.nodes
        return tuple(node for node in (ends.tail, ends.head) if not nodes[node].overlap)


def durations(
    arrays: TaskArrays, monotone: bool, scale: float | None = None, horizon: float = inf
) -> Durations:
    """Everything in seconds, or in ticks; what is longer than `horizon` becomes impossible.

    O(L N^2 + L D) numbers.
    """
    instance = arrays.instance
    routes = routes_of(instance)

    def rounded(seconds: Table) -> Table:
        units = seconds if scale is None else whole_ticks(seconds, scale)
        return np.asarray(np.where(units > horizon, inf, units))

    links = instance.directed_links
    hops, busy = np.zeros((2, len(arrays.output_bytes), len(links)))
    for position, link in enumerate(links):
        sending = 8 * arrays.output_bytes / link.bandwidth_bps
        hops[:, position], busy[:, position] = link.lag_s + sending, link.latency_s + sending
    hops, busy = rounded(hops), rounded(busy)
    count = len(instance.nodes)
    ways = np.full((len(hops), count, count), inf)
    for tail in range(count):
        for head in range(count):
            path = routes.path(tail, head)
            if path is not None:
                ways[:, tail, head] = hops[:, list(path)].sum(axis=1)
    ways[ways > horizon] = inf
    rank = instance.node_rank
    falls = (rank[:, None] > rank) if monotone else np.zeros((count, count), bool)
    edges = np.where(falls, inf, ways)
    return Durations(
        arrays=arrays,
        scale=scale,
        horizon=horizon,
        times=rounded(arrays.costs_s),
        hops=hops,
        busy=busy,
        ways=ways,
        edges=edges,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class SegmentProblem:
    """Layers to place and order, in topological order by local index.

    `layers` are file positions; `is_virtual` ones (inputs, the entry) occupy no node and end at 0.
    `last` [layers, nodes]: how long a result travels on. `exit` None: the latest end counts, else
    that layer's. `weights` (bytes, and the layers that have them) and `limits` [nodes] only where
    memory can bind.
    """

    durations: Durations
    layers: tuple[int, ...]
    times: Table
    hops: Table
    busy: Table
    edges: Table
    last: Table
    inputs: tuple[tuple[int, ...], ...]
    is_virtual: tuple[bool, ...]
    is_result: tuple[bool, ...]
    groups: tuple[tuple[int, ...], ...]
    exit: int | None
    weights: tuple[tuple[float, tuple[int, ...]], ...] | None = None
    limits: Table | None = None
    readers: tuple[tuple[int, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        readers: list[list[int]] = [[] for _ in self.inputs]
        for layer, producers in enumerate(self.inputs):
            for producer in producers:
                readers[producer].append(layer)
        object.__setattr__(self, "readers", tuple(map(tuple, readers)))

    @property
    def num_nodes(self) -> int:
        """How many nodes there are."""
        return int(self.times.shape[1])

    @property
    def target(self) -> int | None:
        """Where results go."""
        return self.durations.arrays.results_to

    @cached_property
    def heads(self) -> Table:
        """[layers, nodes]: earliest start (`critical_path.heads`)."""
        return heads(self.times, self.edges, self.inputs)

    @cached_property
    def tails(self) -> Table:
        """[layers, nodes]: least time after a layer's end (`critical_path.tails`)."""
        return tails(self.times, self.edges, self.readers, self.last)

    @cached_property
    def through(self) -> Table:
        """[layers, nodes]: least makespan with a layer on a node."""
        return np.asarray(self.heads + self.times + self.tails)

    @property
    def bound(self) -> float:
        """Critical-path lower bound of the segment's makespan, inf if no placement is possible."""
        return float(self.through.min(axis=1).max())

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for segments with the same answers; the layers' positions do not count."""
        return (
            self.times.tobytes(),
            self.hops.tobytes(),
            self.busy.tobytes(),
            self.inputs,
            self.is_virtual,
            self.is_result,
            self.groups,
            self.exit,
        )

    def coarser(self, factor: int) -> SegmentProblem:
        """The same in ticks that are `factor` times as long, durations rounded down again."""
        tables = {
            name: np.floor(getattr(self, name) / factor)
            for name in ("times", "hops", "busy", "edges", "last")
        }
        return changed(self, **tables)

    def pinned(self, entry: int | None = None, exit_: int | None = None) -> SegmentProblem:
        """The same with its first layer and its exit on given nodes."""
        times = self.times.copy()
        if entry is not None:
            times[0] = np.where(np.arange(self.num_nodes) == entry, times[0], inf)
        if exit_ is not None and self.exit is not None:
            times[self.exit] = np.where(np.arange(self.num_nodes) == exit_, times[self.exit], inf)
        return changed(self, times=times)

    def fits(self, placement: Sequence[int]) -> bool:
        """Whether a placement respects tiers, routes, `monotone`, groups and memory."""
        if any(self.times[layer, node] == inf for layer, node in enumerate(placement)):
            return False
        for layer, producers in enumerate(self.inputs):
            for producer in producers:
                if self.edges[producer, placement[producer], placement[layer]] == inf:
                    return False
        if any(self.last[layer, node] == inf for layer, node in enumerate(placement)):
            return False
        if any(len({placement[member] for member in group}) > 1 for group in self.groups):
            return False
        if self.weights is None or self.limits is None:
            return True
        held = [0.0] * self.num_nodes
        for num_bytes, users in self.weights:
            for node in {placement[layer] for layer in users}:
                held[node] += num_bytes
        return bool(np.all(held <= self.limits))

    def book(self, placement: Sequence[int], order: Sequence[int]) -> float:
        """The makespan of a placement and a topological order; inf if not allowed."""
        if not self.fits(placement):
            return inf
        free = [0.0] * self.num_nodes
        busy: dict[int, float] = {}
        arrival: list[dict[int, float]] = [{} for _ in self.layers]
        end = 0.0
        for layer in order:
            node = placement[layer]
            finish = 0.0
            if not self.is_virtual[layer]:
                ready = max([arrival[p][node] for p in self.inputs[layer]], default=0.0)
                finish = max(ready, free[node]) + float(self.times[layer, node])
                free[node] = finish
            leaves = {placement[reader] for reader in self.readers[layer]}
            if self.is_result[layer] and self.target is not None:
                leaves.add(self.target)
            arrival[layer] = {node: finish}
            if leaves - {node}:
                self._send(arrival[layer], layer, node, leaves, free, busy)
            if self.is_result[layer] and self.target is not None:
                finish = max(finish, arrival[layer][self.target])
            end = max(end, finish)
        return end

    def _send(
        self,
        at: dict[int, float],
        layer: int,
        home: int,
        leaves: set[int],
        free: list[float],
        busy: dict[int, float],
    ) -> None:
        """Book the hops of a tensor's tree."""
        table = self.durations
        for position in table.routes.tree(home, leaves) or ():
            link = table.arrays.instance.directed_links[position]
            half = table.half(position)
            start = max([at[link.tail], *(free[node] for node in half)])
            if link.shared:
                start = max(start, busy.get(position, 0.0))
            at[link.head] = start + float(self.hops[layer, position])
            sent = start + float(self.busy[layer, position])
            if link.shared:
                busy[position] = sent
            for node in half:
                free[node] = sent


def problem_of(table: Durations, segment: Segment, with_memory: bool = False) -> SegmentProblem:
    """The problem of a segment; its entry, if any, is local layer 0."""
    arrays = table.arrays
    entry = () if segment.entry is None else (segment.entry,)
    layers = (*entry, *segment.layers)
    rows = list(layers)
    local = {layer: at for at, layer in enumerate(layers)}
    times = table.times[rows]
    if entry:
        times[0] = np.where(np.isfinite(times[0]), 0.0, inf)
    is_result = tuple(
        bool(arrays.model.results[x]) and segment.exit is None and x != segment.entry
        for x in layers
    )
    last = np.zeros_like(times)
    if arrays.results_to is not None:
        for row, (layer, sends) in enumerate(zip(layers, is_result)):
            if sends:
                last[row] = table.ways[layer, :, arrays.results_to]
    groups = [sorted(local[x] for x in group if x in local) for group in arrays.groups]
    return SegmentProblem(
        durations=table,
        layers=layers,
        times=times,
        hops=table.hops[rows],
        busy=table.busy[rows],
        edges=table.edges[rows],
        last=last,
        inputs=tuple(
            ()
            if x == segment.entry
            else tuple(local[i] for i in dict.fromkeys(arrays.model.inputs[x]))
            for x in layers
        ),
        is_virtual=tuple(x == segment.entry or bool(arrays.is_input[x]) for x in layers),
        is_result=is_result,
        groups=tuple(tuple(group) for group in groups if len(group) > 1),
        exit=None if segment.exit is None else local[segment.exit],
        weights=_weights(arrays, layers) if with_memory else None,
        limits=memory_room(arrays.instance) if with_memory else None,
    )


def _weights(
    arrays: TaskArrays, layers: Sequence[int]
) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """(bytes, local layers) of all weights > 0, those that layers share once."""
    users: dict[int, list[int]] = {}
    for local, owner in enumerate(arrays.model.weight_owner[list(layers)].tolist()):
        users.setdefault(owner, []).append(local)
    sizes = [(arrays.model.layers[owner].weight_bytes, own) for owner, own in users.items()]
    return tuple((size, tuple(own)) for size, own in sizes if size > 0)
