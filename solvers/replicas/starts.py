"""First plans: one pipeline whose links keep up, and nodes for what was found by types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.chain import tensor_bytes
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.arrays import Flags, Floats
from splitfog.solvers.replicas.covering import Choice
from splitfog.solvers.replicas.fleet import Fleet, Ranges


def by_cover(fleet: Fleet, choices: Iterable[Choice]) -> Ranges:
    """Ranges of types on nodes; what would reach beyond the last layer begins earlier.

    Parameters
    ----------
    fleet
        Whose types.
    choices
        Of a cover.
    """
    free = [list(nodes) for nodes in fleet.types]
    ranges: Ranges = {}
    for start, kind, held in choices:
        end = min(start + held, fleet.num_layers)
        ranges[free[kind].pop(0)] = (end - held, end)
    return ranges


def pipelines(fleet: Fleet, most: int = 40) -> Iterator[Ranges]:
    """Single pipelines of rising rates, each node as far as it can at that rate, over fast links.

    Greedy: the next is the node that gets furthest. O(rates N^2).

    Parameters
    ----------
    fleet
        Any.
    most
        Rates that are tried.
    """
    rates = np.unique(fleet.limits[fleet.limits > 0])
    if not rates.size:
        return
    links = Links(fleet)
    low, high = -1, len(rates)
    for _ in range(most):
        if high - low <= 1:
            return
        middle = (low + high) // 2
        found = _pipeline(fleet, links, float(rates[middle]))
        if found is None:
            high = middle
        else:
            low = middle
            yield found


def _pipeline(fleet: Fleet, links: Links, rate: float) -> Ranges | None:
    ends = np.where(fleet.limits >= rate, np.arange(fleet.num_layers + 1), 0).max(axis=2)
    ranges: Ranges = {}
    at, last = 0, links.source
    while at < fleet.num_layers:
        reach = ends[:, at].copy()
        reach[list(ranges)] = 0
        reach[~links.carries(last, at, rate)] = 0
        node = int(reach.argmax())
        if reach[node] <= at:
            return None
        ranges[node] = (at, int(reach[node]))
        at, last = int(reach[node]), node
    return ranges


class Links:
    """What routes carry of the tensor before a layer, whoever else uses their links."""

    def __init__(self, fleet: Fleet) -> None:
        self.instance = fleet.instance
        model, task = self.instance.model_of(self.instance.tasks[0]), self.instance.tasks[0]
        self.sizes = [8 * num_bytes for num_bytes in tensor_bytes(model)]
        has_input = len(model.layers) > fleet.num_layers
        self.source = self.instance.node_index[task.source] if has_input and task.source else None
        self._rooms: dict[int, Floats] = {}
        self._lists: dict[int, list[float]] = {}

    def carries(self, node: int | None, layer: int, rate: float) -> Flags:
        """[nodes]: whether the route from a node takes so many executions per second."""
        if node is None:
            return np.ones(len(self.instance.nodes), bool)
        return self.room(node) >= self.sizes[layer] * rate

    def between(
        self, before: list[int], after: list[int], layer: int, passed: dict[int, float]
    ) -> float:
        """What nodes send to others of the tensor before a layer, at most.

        Parameters
        ----------
        before, after
            Nodes; none before the first layer, none after the last.
        layer
            Position in the chain.
        passed
            Executions per second of every node.
        """
        if layer == 0:
            return self._by_ends(after, self._in_room, self.sizes[0], passed)
        if layer == len(self.sizes) - 1:
            return self._by_ends(before, self._out_room, self.sizes[-1], passed)
        size = self.sizes[layer]
        sent, got = 0.0, dict.fromkeys(after, 0.0)
        for node in before:
            room, most = self.room_list(node), passed[node]
            own = 0.0
            for other in after:
                amount = min(room[other] / size if size else inf, most, passed[other])
                if amount > 0:
                    own += amount
                    got[other] += amount
            sent += min(own, most)
        return min(sent, sum(min(amount, passed[node]) for node, amount in got.items()))

    def _by_ends(
        self, nodes: list[int], room: list[float], size: float, passed: dict[int, float]
    ) -> float:
        """What comes from the source or goes to the end, by nodes that have a route."""
        reached = [node for node in nodes if room[node] >= 0]
        return sum(min(room[n] / size if size else inf, passed[n]) for n in reached)

    @cached_property
    def _in_room(self) -> list[float]:
        count = len(self.instance.nodes)
        return [inf] * count if self.source is None else self.room_list(self.source)

    @cached_property
    def _out_room(self) -> list[float]:
        task, count = self.instance.tasks[0], len(self.instance.nodes)
        if task.results_to is None:
            return [inf] * count
        target = self.instance.node_index[task.results_to]
        return [self.room_list(node)[target] for node in range(count)]

    def room_list(self, node: int) -> list[float]:
        """As `room`, for single look-ups."""
        if node not in self._lists:
            self._lists[node] = self.room(node).tolist()
        return self._lists[node]

    def room(self, node: int) -> Floats:
        """[nodes]: the narrowest link of the route there; -1 without one."""
        if node not in self._rooms:
            self._rooms[node] = self._room(node)
        return self._rooms[node]

    def _room(self, node: int) -> Floats:
        routes, links = routes_of(self.instance), self.instance.directed_links
        room = np.full(len(self.instance.nodes), -1.0)
        for head in range(len(room)):
            path = routes.path(node, head)
            if path is not None:
                room[head] = min([links[k].bandwidth_bps for k in path], default=np.inf)
        return room
