"""What may be done before the rest: downward-closed sets of a model, and what crosses them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement, home_node
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.weights import held_bytes

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """Layers that a contiguous split cannot separate, in topological order; inputs are in none.

    A unit is a strongly connected component of the DAG with the layers of a group joined both
    ways: a group, and whatever lies between its layers.
    """

    arrays: TaskArrays
    of_layer: NDArray[np.int64]
    """[layers]: the layer's unit; -1 for inputs."""
    count: int

    @cached_property
    def costs_s(self) -> NDArray[np.float64]:
        """[units, nodes]: time of a unit; inf where it may not be."""
        costs = np.zeros((self.count, len(self.arrays.instance.nodes)))
        inside = self.of_layer >= 0
        np.add.at(costs, self.of_layer[inside], self.arrays.costs_s[inside])
        for group in self.arrays.groups:  # a group with an input layer is at the source
            if any(self.of_layer[i] < 0 for i in group):
                for unit in {int(self.of_layer[i]) for i in group} - {-1}:
                    costs[unit, ~self.arrays.allowed[list(group)].all(axis=0)] = np.inf
        return costs

    def weights(self, beside: list[int]) -> tuple[Table, list[tuple[float, set[int]]]]:
        """[units]: what a unit alone takes of memory; and (bytes, units) of weights several share.

        Those of the layers `beside` are left out.
        """
        owners, users = self.arrays.model.weight_owner, dict[int, set[int]]()
        there = set(owners[beside].tolist())
        for layer in np.flatnonzero(self.of_layer >= 0).tolist():
            if (owner := int(owners[layer])) not in there:
                users.setdefault(owner, set()).add(int(self.of_layer[layer]))
        own, shared = np.zeros(self.count), []
        inside = self.of_layer >= 0
        np.add.at(own, self.of_layer[inside], self.arrays.state_bytes[inside])
        for owner, units in users.items():
            num_bytes = self.arrays.model.layers[owner].weight_bytes
            if len(units) == 1:
                own[units.pop()] += num_bytes
            else:
                shared.append((num_bytes, units))
        return own, shared

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """[edges, 2]: distinct pairs (tensor, unit that reads it), not its own."""
        edges = self.arrays.model.edges
        pairs = np.stack([edges[:, 0], self.of_layer[edges[:, 1]]], axis=1)
        return np.unique(pairs[self.of_layer[pairs[:, 0]] != pairs[:, 1]], axis=0)

    @cached_property
    def inputs(self) -> list[set[int]]:
        """Units that a unit reads from."""
        inputs: list[set[int]] = [set() for _ in range(self.count)]
        for tensor, unit in self.edges.tolist():
            if self.of_layer[tensor] >= 0:
                inputs[unit].add(int(self.of_layer[tensor]))
        return inputs


def units_of(arrays: TaskArrays) -> Units:
    """The units of a task's model, numbered in topological order. O(V + E)."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(arrays.model.order[~arrays.is_input[arrays.model.order]].tolist())
    inside = graph.nodes
    graph.add_edges_from(e for e in arrays.model.edges.tolist() if e[0] in inside)
    for leader, *others in ([i for i in group if i in inside] for group in _groups(arrays)):
        graph.add_edges_from(
            pair for other in others for pair in ((leader, other), (other, leader))
        )
    parts = nx.condensation(graph)
    place = {layer: at for at, layer in enumerate(arrays.model.order.tolist())}
    first = {part: min(place[i] for i in parts.nodes[part]["members"]) for part in parts}
    of_layer = np.full(len(arrays.model.layers), -1)
    order = list(nx.lexicographical_topological_sort(parts, key=first.__getitem__))
    for unit, part in enumerate(order):
        of_layer[list(parts.nodes[part]["members"])] = unit
    return Units(arrays, of_layer, len(order))


def _groups(arrays: TaskArrays) -> list[tuple[int, ...]]:
    """Groups with at least one layer that is no input."""
    return [group for group in arrays.groups if not arrays.is_input[list(group)].all()]


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Downward-closed sets of units by rising size, from the empty one to all.

    A piece is the difference of two; what of its tensors crosses follows from the figures here.
    """

    units: Units
    members: NDArray[np.bool_]
    """[prefixes, units]"""
    is_chain: bool = False
    """Whether each is a subset of the next."""

    def __len__(self) -> int:
        return len(self.members)

    def before(self, end: int) -> NDArray[np.int64]:
        """Positions of the prefixes that are proper subsets of one."""
        if self.is_chain:
            return np.arange(end)
        bits = self._bits
        return np.flatnonzero(((bits[:end] & ~bits[end]) == 0).all(axis=1))

    def seconds(self, before: NDArray[np.int64], end: int, node: int) -> NDArray[np.float64]:
        """[before]: time and memory of the pieces up to `end` on a node; inf where not allowed."""
        seconds = self._times_s[end, node] - self._times_s[before, node]
        bad = self._forbidden[before, node] != self._forbidden[end, node]
        arrays = self.units.arrays
        if np.isfinite(self._room[node]):
            bad |= self._held(before, end, node == arrays.source) > self._room[node]
        return np.where(bad, np.inf, np.maximum(seconds, 0.0))

    def entering(self, before: NDArray[np.int64], end: int) -> NDArray[np.float64]:
        """[before, 2]: sends of earlier tensors that the pieces up to `end` read, and bytes."""
        crossing = self._has[before] & (self._read[before] < self._read[end])
        return np.asarray(crossing @ self._figures)

    def leaving(self, before: NDArray[np.int64], end: int) -> NDArray[np.float64]:
        """[before, 2]: sends of tensors of the pieces up to `end` that the rest reads, bytes."""
        figures = self._figures * self._open[end][:, None]
        return np.asarray((self._has[end] & ~self._has[before]) @ figures)

    @cached_property
    def frontier(self) -> NDArray[np.float64]:
        """[prefixes, 2]: sends of tensors of a prefix, or inputs, that the rest reads, bytes."""
        return np.asarray((self._has & self._open) @ self._figures)

    def placement(self, pieces: list[tuple[int, int, int]]) -> Placement:
        """[layers]: where every layer is, from (before, end, node) of all pieces."""
        arrays = self.units.arrays
        places = np.full(len(arrays.model.layers), home_node(arrays))
        for before, end, node in pieces:
            inside = self._has[end] & ~self._has[before]
            places[inside] = node
        return places

    @cached_property
    def _bits(self) -> NDArray[np.uint8]:
        return np.packbits(self.members, axis=1)

    @cached_property
    def _room(self) -> NDArray[np.float64]:
        return memory_room(self.units.arrays.instance)

    @cached_property
    def _times_s(self) -> NDArray[np.float64]:
        """[prefixes, nodes]: time of all of a prefix, forbidden units left out."""
        costs = self.units.costs_s
        return np.asarray(self.members @ np.where(np.isinf(costs), 0.0, costs))

    @cached_property
    def _forbidden(self) -> NDArray[np.float64]:
        """[prefixes, nodes]: how many units of a prefix may not be on a node."""
        return np.asarray(self.members @ np.isinf(self.units.costs_s).astype(float))

    def _held(self, before: NDArray[np.int64], end: int, with_inputs: bool) -> NDArray[np.float64]:
        """[before]: weights of the pieces up to `end`; those that layers share count once."""
        always, own, users, num_bytes = self._weights[with_inputs]
        shared = (users[end] > users[before]) @ num_bytes
        return np.asarray(always + own[end] - own[before] + shared)

    @cached_property
    def _weights(self) -> list[tuple[float, Table, Table, Table]]:
        """Without and with the input layers: their weights, and beside these [prefixes] those of
        single units, [prefixes, shared] how many units have what several share, [shared] its bytes.
        """
        tables = []
        for inputs in ([], np.flatnonzero(self.units.arrays.is_input).tolist()):
            own, shared = self.units.weights(inputs)
            users = np.zeros((self.units.count, len(shared)))
            for column, (_, units) in enumerate(shared):
                users[list(units), column] = 1.0
            num_bytes = np.array([size for size, _ in shared])
            always = held_bytes(self.units.arrays.model, inputs)
            always += float(self.units.arrays.state_bytes[inputs].sum())
            tables.append((always, self.members @ own, self.members @ users, num_bytes))
        return tables

    @cached_property
    def _figures(self) -> NDArray[np.float64]:
        """[layers, 2]: how often the layer's tensor is sent, and its bytes in all."""
        arrays = self.units.arrays
        return np.stack([arrays.sends, arrays.output_bytes], axis=1)

    @cached_property
    def _has(self) -> NDArray[np.bool_]:
        """[prefixes, layers]: whether the layer is in a prefix; inputs always are."""
        of_layer = self.units.of_layer
        if not self.units.count:
            return np.ones((len(self), len(of_layer)), bool)
        return np.asarray(self.members[:, of_layer] | (of_layer < 0))

    @cached_property
    def _read(self) -> NDArray[np.float32]:
        """[prefixes, layers]: how many units of a prefix, but its own, read the layer's tensor."""
        reads = np.zeros((self.units.count, len(self.units.of_layer)), np.float32)
        reads[self.units.edges[:, 1], self.units.edges[:, 0]] = 1
        return np.asarray(self.members.astype(np.float32) @ reads)

    @cached_property
    def _open(self) -> NDArray[np.bool_]:
        """[prefixes, layers]: whether a unit outside of a prefix reads the layer's tensor."""
        return np.asarray(self._read < self._read[-1])


def linear_prefixes(units: Units) -> Prefixes:
    """The prefixes of the topological order of units."""
    return Prefixes(units, np.tri(units.count + 1, units.count, -1, dtype=bool), is_chain=True)


def all_prefixes(units: Units, limit: int) -> Prefixes | None:
    """All downward-closed sets of units; None if there are more than `limit`."""
    needs = [sum(1 << tail for tail in inputs) for inputs in units.inputs]
    layer, found = {0}, [0]
    while layer:
        layer = {
            done | 1 << unit
            for done in layer
            for unit, need in enumerate(needs)
            if not done >> unit & 1 and need & done == need
        }
        found += sorted(layer)
        if len(found) > limit:
            return None
    members = [[done >> unit & 1 for unit in range(units.count)] for done in found]
    return Prefixes(units, np.array(members, bool).reshape(len(found), units.count))
