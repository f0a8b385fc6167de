"""`edgeshard`: the best machine before, layer by layer, with the memory of that way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.baselines.language_models.stack import Stack, stack_of
from splitfog.formulations.objective import Objective
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.exact.chain_dp import Transfers

Table = NDArray[np.float64]


def solve_edgeshard(request: Request) -> Answer:
    """A dynamic program over (layer, machine) that keeps one way, and its memory, in each.

    After Algorithm 1 of EdgeShard: the least time up to a layer on a machine, over the machine of
    the layer before, as far as memory on that way is left; the last layer's result goes back. Ours:
    routes, passes, groups and shared weights; the layer that must be at the source is the input.
    (Its second algorithm, for throughput, is what `pipeline` does for the period.)

    The least latency where no memory limit binds, as `chain-dp`; not where one does, since the best
    way to a machine may leave less memory than another. O(L N^2) time, O(L N + N^2) numbers.

    Raises
    ------
    SolverDeclined
        For several tasks and models with branches.
    """
    stack = stack_of(request, "edgeshard")
    ways = _Ways(stack, request.objective)
    for position in range(len(stack.layers)):
        ways.extend(position)
    best = ways.best()
    if best is None:
        name = stack.arrays.model.layers[ways.stuck_at].name
        return Answer(None, reason=f"none of its ways has a machine left for layer {name}")
    return checked(request, stack.decision(dict(zip(stack.layers, best, strict=True))))


class _Ways:
    """The best way to every node so far: its cost, its nodes and what they hold."""

    def __init__(self, stack: Stack, objective: Objective) -> None:
        self.stack, self.transfers = stack, Transfers(stack.arrays, objective)
        count = len(stack.arrays.instance.nodes)
        self.costs_s = np.zeros(count)
        self.nodes = np.zeros((count, 0), np.int64)
        self.held_bytes = np.zeros((count, count))
        self.inputs = np.flatnonzero(stack.arrays.is_input).tolist()
        self.stuck_at = -1

    def extend(self, position: int) -> None:
        """Go on to the next layer on every node, from the best way that has room for it."""
        layer = self.stack.layers[position]
        costs = self._arrivals(position) + self.stack.arrays.costs_s[layer]
        more = self._more_bytes(position)
        costs[~(self.held_bytes + more <= self.stack.room_bytes)] = np.inf
        costs[~self._keeps_group(position)] = np.inf
        choice, here = costs.argmin(axis=0), np.arange(len(self.costs_s))
        self.costs_s = costs[choice, here]
        self.held_bytes = self.held_bytes[choice]
        self.held_bytes[here, here] += more[choice, here]
        self.nodes = np.column_stack([self.nodes[choice], here])
        if self.stuck_at < 0 and not np.isfinite(self.costs_s).any():
            self.stuck_at = layer

    def best(self) -> list[int] | None:
        """The nodes of the layers on the best way of all; None where there is none."""
        last = self.stack.layers[-1]
        ends = self.costs_s + self.transfers.after(last)
        if np.isfinite(ends).any():
            return list(self.nodes[int(ends.argmin())].tolist())
        self.stuck_at = last if self.stuck_at < 0 else self.stuck_at
        return None

    def _arrivals(self, position: int) -> Table:
        """[nodes before, nodes]: cost until the layer may begin."""
        stack = self.stack
        if position:
            return np.add(self.costs_s[:, None], self.transfers.between(stack.layers[position - 1]))
        entered = np.zeros_like(self.costs_s)
        for layer in self.inputs:
            entered = self.transfers.between(layer)[stack.arrays.source]
        return np.broadcast_to(entered, self.held_bytes.shape)

    def _more_bytes(self, position: int) -> Table:
        """[ways, nodes]: what the layer adds to a node: no weights that are there already."""
        arrays, layer = self.stack.arrays, self.stack.layers[position]
        own = arrays.model.weight_owner
        there = np.zeros_like(self.held_bytes, bool)
        for before in self._before(position, own[layer] == own):
            there[np.arange(len(there)), self.nodes[:, before]] = True
        more: Table = np.where(there, 0.0, arrays.weight_bytes[layer])
        return more + float(arrays.state_bytes[layer])

    def _keeps_group(self, position: int) -> NDArray[np.bool_]:
        """[ways, nodes]: whether what the layer is grouped with is on the node."""
        arrays, layer = self.stack.arrays, self.stack.layers[position]
        keeps, here = np.ones_like(self.held_bytes, bool), np.arange(len(self.nodes))
        for group in arrays.groups:
            if layer in group:
                member = np.isin(np.arange(len(arrays.model.layers)), group)
                for before in self._before(position, member):
                    keeps &= self.nodes[:, [before]] == here
                if set(group) & set(self.inputs):
                    keeps &= here == arrays.source
        return keeps

    def _before(self, position: int, wanted: NDArray[np.bool_]) -> list[int]:
        """Positions before one whose layers are wanted."""
        return [at for at, layer in enumerate(self.stack.layers[:position]) if wanted[layer]]
