"""The best contiguous line of any chain: dynamic programming over sets of nodes (ours)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.chain import Chain, Crossings, cuts, stage_table

Table = NDArray[np.float64]


def best_line(
    chain: Chain, is_period: bool, limit: float, deadline: Deadline
) -> tuple[float, list[int]] | None:
    """The least latency, or the least period, of contiguous ranges on nodes in any order.

    F[S][u][j] is the least cost of the first j layers on the nodes S of which u is the last:
    a range on u after what came before from any v of S. O(2^N N L (N + L)) seconds, 2^N N L
    numbers.

    Parameters
    ----------
    chain
        Of L layers on N nodes.
    is_period
        Whether the longest range or crossing counts, in place of the sum of all.
    limit
        Seconds that no range and no crossing may be longer.
    deadline
        When it must end.

    Returns
    -------
    (float, list of int) or None
        Seconds, and the node of every layer; None where there is no such placement.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    usable = np.flatnonzero(np.isfinite(chain.costs_s).any(axis=0))
    line = _Line(
        nodes=usable.tolist(),
        ways=_limited(chain, chain.busy if is_period else chain.ways, usable, limit),
        stages=np.where(cuts(chain)[None, :, None], stage_table(chain, limit)[usable], np.inf),
        join=np.maximum if is_period else np.add,
    )
    return line.solved(deadline)


def _limited(chain: Chain, costs: Crossings, usable: NDArray[np.int64], limit: float) -> Crossings:
    """Crossings between the usable nodes; inf where they occupy a link longer than `limit`."""
    busy = chain.busy
    return Crossings(
        np.where(busy.enter <= limit, costs.enter, np.inf)[usable],
        np.where(busy.hops <= limit, costs.hops, np.inf)[:, usable][:, :, usable],
        np.where(busy.leave <= limit, costs.leave, np.inf)[usable],
    )


@dataclass(frozen=True, eq=False)
class _Line:
    """The dynamic program over the sets of `nodes`."""

    nodes: list[int]
    ways: Crossings
    stages: Table
    join: Callable[..., Table]

    def solved(self, deadline: Deadline) -> tuple[float, list[int]] | None:
        """The best value and its node for every layer."""
        count = len(self.nodes)
        best = np.full((1 << count, count, self.stages.shape[1]), np.inf)
        for mask in range(1, 1 << count):
            if mask % 256 == 0:
                deadline.check("the best line")
            for node in _members(mask):
                best[mask, node] = self._ranges(best, mask, node).min(axis=0)
        ends = self.join(best[:, :, -1], self.ways.leave)
        if not np.isfinite(ends).any():
            return None
        mask, node = divmod(int(ends.argmin()), count)
        return float(ends[mask, node]), self._backward(best, mask, node)

    def _arrivals(self, best: Table, mask: int, node: int) -> Table:
        """[nodes before, layers]: cost until a range may start on a node after another."""
        before = mask & ~(1 << node)
        arrivals = np.full((len(self.nodes), self.stages.shape[1] - 1), np.inf)
        if not before:
            arrivals[node, 0] = self.ways.enter[node]
        else:
            arrivals[:, 1:] = self.join(best[before, :, 1:-1], self.ways.hops[:, :, node].T)
        return arrivals

    def _ranges(self, best: Table, mask: int, node: int) -> Table:
        """[starts, ends]: cost up to the end of the last range, on a node."""
        arrival = self._arrivals(best, mask, node).min(axis=0)
        return self.join(arrival[:, None], self.stages[node, :-1])

    def _backward(self, best: Table, mask: int, node: int) -> list[int]:
        """The node of every layer, found from the last range to the first."""
        end = self.stages.shape[1] - 1
        placement = [0] * end
        while True:
            start = int(self._ranges(best, mask, node)[:, end].argmin())
            placement[start:end] = [self.nodes[node]] * (end - start)
            if start == 0:
                return placement
            before = int(self._arrivals(best, mask, node)[:, start].argmin())
            mask, node, end = mask & ~(1 << node), before, start


def _members(mask: int) -> Iterator[int]:
    """Positions of the bits of a set."""
    return (bit for bit in range(mask.bit_length()) if mask >> bit & 1)
