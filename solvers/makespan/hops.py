"""Hops that wait for links and nodes, and the one rank that orders everything (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Any, Protocol

from splitfog.formulations.arrays.segment_problem import SegmentProblem

MOST_PAIRS = 200_000
"""Above this many pairs of activities their common rank is left out: the bound stays valid."""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What takes a node or a link: a layer, or a hop of its tensor; `literal` None: always."""

    layer: int
    start: Any
    size: int
    literal: Any
    interval: Any
    is_hop: bool

    @property
    def end(self) -> Any:
        """When the node or link is free again."""
        return self.start + self.size


class LayerModel(Protocol):
    """What hops need of the model of a segment's layers, and how they add to it.

    `x[layer][node]` is the literal of a layer on a node of its `domains`, None where that is
    certain; starts, `end` and `upper` are ticks.
    """

    problem: SegmentProblem
    model: Any
    upper: int
    domains: list[list[int]]
    x: list[dict[int, Any]]
    starts: list[Any]
    end: Any

    def look(self) -> None:
        """Look at the clock."""

    def when(self, constraint: Any, *literals: Any) -> None:
        """Enforce a constraint only if all literals hold."""

    def ended(self, layer: int) -> Any:
        """When a layer ends, as an expression."""

    def interval(self, start: Any, size: int, literal: Any) -> Any:
        """An interval that is there if the literal holds."""


class HopModel:
    """Adds to a segment's model the hops of every tensor and one rank of all layers.

    `need[p, w]`: tensor p comes to node w, there at `arrival[p, w]`. `hop[p, d]`: it crosses link
    d, which can wait. Activities i, j of two layers on one node or link are apart in the order
    of the layers' ranks; the hops of one tensor in that of `Routes.tree`.
    """

    def __init__(self, owner: LayerModel, relaxed: bool = False) -> None:
        self.owner, self.problem, self.model = owner, owner.problem, owner.model
        self.routes = self.problem.durations.routes
        self.links = self.problem.durations.arrays.instance.directed_links
        self.need: dict[tuple[int, int], Any] = {}
        self.arrival: dict[tuple[int, int], Any] = {}
        self.hop: dict[tuple[int, int], Activity] = {}
        self.taking: dict[tuple[str, int], list[Activity]] = {}
        self._befores: dict[tuple[int, int], Any] = {}
        for tensor in range(len(self.problem.layers)):
            self._tensor(tensor)
        self._layers()
        self.is_relaxed = relaxed or self._num_pairs() > MOST_PAIRS
        if not self.is_relaxed:
            self._ranks()
            self._apart()

    def order(self, solver: Any) -> tuple[int, ...]:
        """The layers by rank, or where ranks are left out by start."""
        layers = range(len(self.problem.layers))
        if not self.is_relaxed:
            return tuple(sorted(layers, key=lambda i: (solver.value(self.ranks[i]), i)))
        starts = [solver.value(start) for start in self.owner.starts]
        ends = [solver.value(self.owner.ended(layer)) for layer in layers]
        return tuple(sorted(layers, key=lambda i: (starts[i], ends[i], i)))

    def _tensor(self, tensor: int) -> None:
        """A tensor goes along the tree of routes from its node to wherever it is needed."""
        leaves: set[int] = set()
        for reader in self.problem.readers[tensor]:
            leaves.update(self.owner.domains[reader])
        target = self.problem.target if self.problem.is_result[tensor] else None
        if target is not None:
            leaves.add(target)
        for home in self.owner.domains[tensor]:
            reached = {leaf for leaf in leaves if self.routes.path(home, leaf) is not None}
            self.owner.look()
            self._tree(tensor, home, self.routes.tree(home, reached) or ())
        for reader in self.problem.readers[tensor]:
            self._read(tensor, reader)
        if target is not None and (tensor, target) in self.need:
            self.model.add(self.need[tensor, target] == 1)
            self.model.add(self.owner.end >= self.arrival[tensor, target])

    def _read(self, tensor: int, reader: int) -> None:
        """A reader's node needs the tensor, and the reader waits for it."""
        for node, literal in self.owner.x[reader].items():
            if (tensor, node) in self.need:
                self.owner.when(self.model.add(self.need[tensor, node] == 1), literal)
                waits = self.model.add(self.owner.starts[reader] >= self.arrival[tensor, node])
                self.owner.when(waits, literal)

    def _tree(self, tensor: int, home: int, tree: tuple[int, ...]) -> None:
        """The links of a tensor's tree from one home, parents first."""
        at_home = self.owner.x[tensor][home]
        booked: list[int] = []
        for link in tree:
            tail, head = self.links[link].tail, self.links[link].head
            seconds = self.problem.hops[tensor, link]
            need, arrival = self._comes(tensor, head)
            if seconds == inf:
                self.owner.when(self.model.add(need == 0), at_home)
                continue
            there = self.owner.ended(tensor) if tail == home else self.arrival[tensor, tail]
            if self.problem.durations.waits(link):
                hop = self._hop(tensor, link)
                self.owner.when(self.model.add(hop.literal == 1), at_home, need)
                self.owner.when(self.model.add(hop.start >= there), at_home, hop.literal)
                self._own_order(tensor, home, booked, link)
                booked.append(link)
            else:
                passes = self.model.add(arrival >= there + int(seconds))
                self.owner.when(passes, at_home, need)
            if tail != home:
                self.owner.when(self.model.add(self.need[tensor, tail] == 1), at_home, need)

    def _comes(self, tensor: int, node: int) -> tuple[Any, Any]:
        """Whether and when a tensor comes to a node that is not its home."""
        if (tensor, node) not in self.need:
            self.need[tensor, node] = self.model.new_bool_var("")
            self.arrival[tensor, node] = self.model.new_int_var(0, self.owner.upper, "")
        return self.need[tensor, node], self.arrival[tensor, node]

    def _hop(self, tensor: int, link: int) -> Activity:
        """The crossing of a link by a tensor, whichever its home is."""
        if (tensor, link) not in self.hop:
            literal = self.model.new_bool_var("")
            start = self.model.new_int_var(0, self.owner.upper, "")
            size = int(self.problem.busy[tensor, link])
            interval = self.owner.interval(start, size, literal)
            hop = Activity(
                layer=tensor,
                start=start,
                size=size,
                literal=literal,
                interval=interval,
                is_hop=True,
            )
            self.hop[tensor, link] = hop
            arrival = self.arrival[tensor, self.links[link].head]
            across = start + int(self.problem.hops[tensor, link])
            self.owner.when(self.model.add(arrival >= across), literal)
            for resource in self._resources(link):
                self.taking.setdefault(resource, []).append(hop)
        return self.hop[tensor, link]

    def _resources(self, link: int) -> Iterator[tuple[str, int]]:
        if self.links[link].shared:
            yield "link", link
        for node in self.problem.durations.half(link):
            yield "node", node

    def _own_order(self, tensor: int, home: int, earlier: list[int], link: int) -> None:
        """Hops of one tensor at one node follow the tree."""
        later = self.hop[tensor, link]
        half = set(self.problem.durations.half(link))
        for other in earlier:
            if half & set(self.problem.durations.half(other)):
                first = self.hop[tensor, other]
                rule = self.model.add(later.start >= first.end)
                literals = (self.owner.x[tensor][home], first.literal, later.literal)
                self.owner.when(rule, *literals)

    def _layers(self) -> None:
        """Layers take their node; with the hops there, one thing at a time."""
        for layer, row in enumerate(self.owner.x):
            if self.problem.is_virtual[layer]:
                continue
            start = self.owner.starts[layer]
            for node, literal in row.items():
                size = int(self.problem.times[layer, node])
                interval = self.owner.interval(start, size, literal)
                activity = Activity(
                    layer=layer,
                    start=start,
                    size=size,
                    literal=literal,
                    interval=interval,
                    is_hop=False,
                )
                self.taking.setdefault(("node", node), []).append(activity)
        for activities in self.taking.values():
            if any(activity.is_hop for activity in activities):
                self.model.add_no_overlap([activity.interval for activity in activities])
                self._work(activities)

    def _work(self, activities: list[Activity]) -> None:
        """The end is after the first possible start on a node or link, its work, and its tail."""
        first = min(self._head(activity) for activity in activities)
        rest = min(self._tail(activity) for activity in activities)
        work = sum(a.size * (1 if a.literal is None else a.literal) for a in activities)
        self.model.add(self.owner.end >= int(first) + int(rest) + work)

    def _head(self, activity: Activity) -> float:
        """Earliest start of an activity, wherever it is."""
        problem, domain = self.problem, self.owner.domains[activity.layer]
        table = problem.heads + problem.times if activity.is_hop else problem.heads
        return float(table[activity.layer, domain].min())

    def _tail(self, activity: Activity) -> float:
        """Least time after an activity, wherever it is."""
        problem, layer = self.problem, activity.layer
        if not activity.is_hop:
            return float(problem.tails[layer, self.owner.domains[layer]].min())
        if problem.is_result[layer]:
            return 0.0
        ahead = problem.times + problem.tails
        return min(float(ahead[reader].min()) for reader in problem.readers[layer])

    def _ranks(self) -> None:
        """One rank a layer, rising along every edge."""
        count = len(self.problem.layers)
        self.ranks = [self.model.new_int_var(0, count - 1, f"rank{i}") for i in range(count)]
        self.ancestors = [0] * count
        for layer, producers in enumerate(self.problem.inputs):
            for producer in producers:
                self.ancestors[layer] |= self.ancestors[producer] | 1 << producer
                self.model.add(self.ranks[producer] < self.ranks[layer])

    def _num_pairs(self) -> int:
        """How many pairs of activities there are on all nodes and links."""
        return sum(len(activities) ** 2 // 2 for activities in self.taking.values())

    def _pairs(self) -> Iterator[tuple[Activity, Activity]]:
        """Activities of two layers that one node or link must keep apart, earlier layer first."""
        for activities in self.taking.values():
            for one, two in combinations(activities, 2):
                first, second = (one, two) if one.layer < two.layer else (two, one)
                related = self.ancestors[second.layer] >> first.layer & 1
                if first.layer != second.layer and (not related or first.is_hop or second.is_hop):
                    yield first, second

    def _apart(self) -> None:
        """Activities on one node or link are in the order of their layers' ranks."""
        for first, second in self._pairs():
            self.owner.look()
            literals = (first.literal, second.literal)
            before = self._before(first.layer, second.layer)
            self.owner.when(self.model.add(second.start >= first.end), before, *literals)
            if before is not None:
                self.owner.when(self.model.add(first.start >= second.end), ~before, *literals)

    def _before(self, first: int, second: int) -> Any:
        """Whether a layer's rank is below another's; None for its ancestors."""
        if self.ancestors[second] >> first & 1:
            return None
        if (first, second) not in self._befores:
            literal = self.model.new_bool_var("")
            ranks = self.ranks[first], self.ranks[second]
            self.model.add(ranks[0] < ranks[1]).only_enforce_if(literal)
            self.model.add(ranks[1] < ranks[0]).only_enforce_if(~literal)
            self._befores[first, second] = literal
        return self._befores[first, second]
