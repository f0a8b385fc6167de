"""Where every layer may still be: tiers, groups, routes and `monotone` made consistent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import routes_of


class Domains:
    """Sets of nodes, as bit masks, of the units (a group, or a layer by itself) of one task.

    A pair of nodes is compatible along an edge if there is a route and, with `monotone`, the
    tier's rank does not fall. `masks` are narrowed until every node left to a unit has a
    compatible one left at each neighbour (arc consistency, A. Mackworth, Consistency in networks
    of relations, 1977); that is sufficient for `monotone`, `tiers` and groups, whose constraints
    order ranks, and nearly always for routes. An empty mask proves that no unsliced placement is
    feasible.
    """

    def __init__(self, arrays: TaskArrays, monotone: bool) -> None:
        self.arrays, self.monotone = arrays, monotone
        count = len(arrays.model.layers)
        self.unit_of = list(range(count))
        for group in arrays.groups:
            for layer in group:
                self.unit_of[layer] = group[0]
        self._after: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._nodes: dict[int, tuple[int, ...]] = {}
        self._penalties: dict[int, NDArray[np.float64]] = {}
        self.masks = self._allowed()
        self.narrow(self.masks, range(count))

    @property
    def empty(self) -> bool:
        """Whether some layer has no place left."""
        return not all(self.masks)

    def nodes(self, mask: int) -> tuple[int, ...]:
        """Node positions of a mask, ascending."""
        if mask not in self._nodes:
            width = len(self.arrays.instance.nodes)
            self._nodes[mask] = tuple(node for node in range(width) if mask >> node & 1)
        return self._nodes[mask]

    def penalty(self, mask: int) -> NDArray[np.float64]:
        """[nodes]: 0 on the nodes of a mask, inf elsewhere."""
        if mask not in self._penalties:
            row = np.full(len(self.arrays.instance.nodes), np.inf)
            row[list(self.nodes(mask))] = 0.0
            self._penalties[mask] = row
        return self._penalties[mask]

    def left(self, masks: list[int], layer: int, placement: list[int]) -> int:
        """Nodes left to a layer whose inputs are placed."""
        mask = masks[layer]
        for tensor in self.arrays.model.inputs[layer]:
            mask &= self.after(1 << placement[tensor])
        return mask

    def after(self, mask: int) -> int:
        """Nodes that a tensor on some node of the mask may be read at."""
        if mask not in self._after:
            self._after[mask] = self._union(self._forward, mask)
        return self._after[mask]

    def before(self, mask: int) -> int:
        """Nodes whose tensor may be read on some node of the mask."""
        if mask not in self._before:
            self._before[mask] = self._union(self._backward, mask)
        return self._before[mask]

    def fixed(self, masks: list[int], layer: int, node: int) -> list[int] | None:
        """The masks with one layer (and its group) on a node; None if nothing is left then."""
        masks = list(masks)
        unit = self.unit_of[layer]
        for member in self.members.get(unit, (unit,)):
            masks[member] &= 1 << node
        return masks if self.narrow(masks, [unit]) else None

    @cached_property
    def members(self) -> dict[int, tuple[int, ...]]:
        """Layers of every group, by the group's first."""
        return {group[0]: group for group in self.arrays.groups}

    def narrow(self, masks: list[int], changed: Iterable[int]) -> bool:
        """Make masks consistent after those of `changed` shrank; False if one becomes empty."""
        queue = list(changed)
        waiting = set(queue)
        neighbours, unit_of, members = self._neighbours, self.unit_of, self.members
        while queue:
            unit = queue.pop()
            waiting.discard(unit)
            mask = masks[unit]
            for other, forward in neighbours[unit]:
                left = masks[other] & (self.after(mask) if forward else self.before(mask))
                if left == masks[other]:
                    continue
                for member in members.get(other, (other,)):
                    masks[member] = left
                if not left:
                    return False
                if unit_of[other] not in waiting:
                    waiting.add(other)
                    queue.append(other)
        return True

    @cached_property
    def _neighbours(self) -> list[set[tuple[int, bool]]]:
        """Units that a unit writes to (True) or reads from (False)."""
        neighbours: list[set[tuple[int, bool]]] = [set() for _ in self.unit_of]
        for tail, head in self.arrays.model.edges.tolist():
            first, second = self.unit_of[tail], self.unit_of[head]
            if first != second:
                neighbours[first].add((second, True))
                neighbours[second].add((first, False))
        return neighbours

    def _allowed(self) -> list[int]:
        allowed = self.arrays.allowed.copy()
        target = self.arrays.results_to
        if target is not None:
            reaches = np.isfinite(routes_of(self.arrays.instance).latency_s[:, target])
            allowed[self.arrays.model.results] &= reaches
        for group in self.arrays.groups:
            allowed[list(group)] = allowed[list(group)].all(axis=0)
        bits = [1 << node for node in range(allowed.shape[1])]
        rows, place = np.unique(allowed, axis=0, return_inverse=True)
        kinds = [sum(b for b, is_in in zip(bits, row) if is_in) for row in rows.tolist()]
        return [kinds[kind] for kind in place.ravel().tolist()]

    @cached_property
    def _compatible(self) -> NDArray[np.bool_]:
        instance = self.arrays.instance
        reached = np.isfinite(routes_of(instance).latency_s)
        rank = instance.node_rank
        return reached & (rank[:, None] <= rank) if self.monotone else reached

    @cached_property
    def _forward(self) -> list[int]:
        return [_mask(row) for row in self._compatible.tolist()]

    @cached_property
    def _backward(self) -> list[int]:
        return [_mask(row) for row in self._compatible.T.tolist()]

    def _union(self, rows: list[int], mask: int) -> int:
        united = 0
        for node in self.nodes(mask):
            united |= rows[node]
        return united


def _mask(row: list[bool]) -> int:
    return sum(1 << node for node, is_in in enumerate(row) if is_in)
