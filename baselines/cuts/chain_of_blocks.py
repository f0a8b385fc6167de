"""A model as a chain of blocks: what DAG methods made for chains work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import (
    Placement,
    inputs_first,
    result_seconds,
    transfer_table,
)
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.weights import added_bytes


@dataclass(frozen=True)
class BlockChain:
    """The layers of a task but its inputs, as blocks that each pass one tensor on to the next.

    A block ends where the only tensor that crosses the topological order (inputs in front) is
    that of the layer just passed, and no group spans the place. So a plan with every block whole
    on one node costs the sum of `costs_s` and, from block to block, `step` (0 where it stays);
    exactly, whatever the routes. A chain without groups has one block a layer.
    """

    arrays: TaskArrays
    objective: Objective
    order: NDArray[np.int64]
    """Layers in topological order, inputs first."""
    starts: NDArray[np.int64]
    """[blocks + 1]: where every block starts in `order`, and the end."""

    @property
    def num_blocks(self) -> int:
        """How many blocks there are; 0 where the model has nothing but inputs."""
        return len(self.starts) - 1

    @cached_property
    def costs_s(self) -> NDArray[np.float64]:
        """[blocks, nodes]: layer times and results' ways of a block on one node, or inf.

        The first block also pays for the input tensors' ways from the source.
        """
        ways = result_seconds(self.arrays)
        paid = self.arrays.costs_s + ways
        if not self.num_blocks:
            return np.zeros((0, paid.shape[1]))
        costs = np.add.reduceat(paid[self.order], self.starts[:-1], axis=0)
        costs[0] += self._entry(ways)
        return costs

    @cached_property
    def weight_bytes(self) -> NDArray[np.float64]:
        """[blocks]: weights of every block that no later block has."""
        weights = added_bytes(self.arrays.model, self.order[::-1])[::-1]
        return np.add.reduceat(weights, self.starts[:-1]) if self.num_blocks else np.zeros(0)

    def step(self, block: int, nodes: Sequence[int] | None = None) -> NDArray[np.float64]:
        """[nodes, nodes]: seconds from a block's node to the next block's; inf if impossible.

        `nodes`: between these only; by default between all.
        """
        places = self._everywhere if nodes is None else np.array(nodes, np.int64)
        tensor = int(self.order[self.starts[block + 1] - 1])
        table = self._sent(tensor, places, places)
        if self.objective.monotone and self.arrays.model.reads[tensor]:
            rank = self.arrays.instance.node_rank[places]
            table = np.where(rank[:, None] <= rank, table, inf)
        return table

    def placement(self, nodes: list[int] | NDArray[np.int64]) -> Placement:
        """[layers]: where every layer is if the blocks are on these nodes."""
        places = np.empty(len(self.order), np.int64)
        sizes = np.diff(self.starts)
        places[self.order[len(self.order) - sizes.sum() :]] = np.repeat(nodes, sizes)
        places[self.arrays.is_input] = -1 if self.arrays.source is None else self.arrays.source
        return places

    def _entry(self, ways: NDArray[np.float64]) -> NDArray[np.float64]:
        """[nodes]: seconds of the input tensors' ways from the source, as results too."""
        source, rank = self.arrays.source, self.arrays.instance.node_rank
        paid = np.zeros(len(rank))
        for tensor in np.flatnonzero(self.arrays.is_input).tolist():
            tails = np.array([source])
            paid += self._sent(tensor, tails, self._everywhere)[0] + ways[tensor, source]
            if not self.arrays.allowed[tensor, source]:
                paid[:] = inf
            elif self.objective.monotone and self.arrays.model.reads[tensor]:
                paid[rank < rank[source]] = inf
        return paid

    @cached_property
    def _everywhere(self) -> NDArray[np.int64]:
        return np.arange(len(self.arrays.instance.nodes))

    def _sent(
        self, tensor: int, tails: NDArray[np.int64], heads: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """[tails, heads]: seconds from a tensor's node to its readers, if any, all on one node.

        `once`: links that it crosses on its way as a result are paid there.
        """
        arrays = self.arrays
        readers = len(arrays.model.reads[tensor])
        if not readers:
            return np.zeros((len(tails), len(heads)))
        sends, size = float(arrays.sends[tensor]), float(arrays.output_bytes[tensor])
        table = transfer_table(arrays, size, tails, heads, sends)
        if self.objective.transfers == "per-edge":
            return table * readers
        if arrays.results_to is None or not arrays.model.results[tensor]:
            return table
        routes = routes_of(arrays.instance)
        for i, j in np.argwhere(np.isfinite(table)).tolist():
            paid = routes.path(int(tails[i]), arrays.results_to) or ()
            path = routes.path(int(tails[i]), int(heads[j])) or ()
            table[i, j] = sum(routes.links[k].seconds(size, sends) for k in path if k not in paid)
        return table


def block_chain(arrays: TaskArrays, objective: Objective) -> BlockChain:
    """The finest chain of blocks of a task's model. O(V + E)."""
    order = inputs_first(arrays)
    first = int(arrays.is_input.sum())
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order))
    reach = at.copy()  # the place of a tensor's last reader
    edges = arrays.model.edges
    np.maximum.at(reach, edges[:, 0], at[edges[:, 1]])
    closed = np.maximum.accumulate(reach[order])[:-1] if len(order) > 1 else reach[:0]
    # a boundary before place p is clean if no tensor but that of place p - 1 is read at p or later
    earlier = np.concatenate([[-1], closed])
    ends = np.arange(first + 1, len(order))
    clean = earlier[ends - 1] < ends
    for group in arrays.groups:
        places = at[list(group)]
        clean &= (ends <= places.min()) | (ends > places.max())
    starts = np.concatenate([[first], ends[clean], [len(order)]])
    return BlockChain(arrays, objective, order, starts[: 1 if first == len(order) else None])


def shortest_path(
    chain: BlockChain, nodes: Sequence[int], extra_s: NDArray[np.float64] | float = 0.0
) -> tuple[float, list[int]]:
    """Cost and nodes of all blocks on the cheapest path through (block, node); inf if none.

    Only `nodes` are used; `extra_s` [blocks, nodes] is added to the blocks' costs. O(B N^2).
    """
    costs = chain.costs_s[:, list(nodes)] + extra_s
    if not chain.num_blocks:
        return 0.0, []
    best, parents = costs[0], []
    for block in range(1, chain.num_blocks):
        through = best[:, None] + chain.step(block - 1, nodes)
        parent = through.argmin(axis=0)
        best = through[parent, np.arange(len(parent))] + costs[block]
        parents.append(parent)
    path = [int(best.argmin())]
    for parent in reversed(parents):
        path.append(int(parent[path[-1]]))
    return float(best.min()), [nodes[place] for place in reversed(path)]
