"""The look-ahead of `hpa` at other figures, by policy iteration where the network is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import TierGraph, distinct_inputs
from splitfog.instances.records import Model
from splitfog.solvers.d3.hpa import look_ahead

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGE = 1_000
"""Layers from which on policy iteration is quicker than going through the levels."""
MOST_ROUNDS = 20
SAME = 4e-15
"""Relative: what is lower by less is so by rounding."""

Seconds = NDArray[np.float64]


class LookAhead:
    """A[layer][tier] of `hpa.look_ahead`, found again quickly when figures change.

    A is the cost of a Markov decision process: the state (layer, tier) chooses the tier
    that its consumers are taken to go to. With the choices fixed A solves a triangular system of
    equations; then each state takes its best choice, and so on until none has a better one (R. A.
    Howard, "Dynamic programming and Markov processes", 1960). Choices change little with the
    figures: 1 to 6 rounds where the plain recursion goes through a thousand levels.
    """

    def __init__(self, model: Model, once: bool) -> None:
        self.model, self.once = model, once
        self.nodes: list[int] = []
        self.system: _System | None = None

    def at(self, graph: TierGraph) -> Seconds:
        """[layers, tiers]: the look-ahead in a graph."""
        if len(self.model.layers) < LARGE:
            return np.array(look_ahead(graph, self.once))
        if self.system is not None and self.nodes == graph.nodes:
            ahead = self.system.solved(graph)
            if ahead is not None:
                return ahead
        ahead = np.array(look_ahead(graph, self.once))
        self.nodes, self.system = graph.nodes, _System(graph, self.once, ahead)
        return ahead


class _System:
    """The equations of a look-ahead and the choices it ended with; rows in topological order."""

    def __init__(self, graph: TierGraph, once: bool, ahead: Seconds) -> None:
        from scipy.sparse.linalg import spsolve_triangular

        self.solve_triangular = spsolve_triangular  # imported now, not when time matters
        model = graph.model
        self.order, self.count = model.order, graph.count
        self.finite = np.isfinite(ahead)[self.order]
        shares = np.array([1 / max(1, len(tails)) for tails in distinct_inputs(model)])
        self.shares = shares[self.order, None]
        reads = np.array([1 if once else len(heads) for heads in model.reads], np.float64)
        self.sizes, self.reads = graph.arrays.output_bytes[self.order], reads[self.order]
        position = np.empty_like(self.order)
        position[self.order] = np.arange(len(self.order))
        readers = [sorted(position[list(model.consumers[i])].tolist()) for i in self.order.tolist()]
        self.consumers = _incidence(readers)
        self.ends = np.array([not heads for heads in readers])
        self._prepare(readers)
        self.policy = np.tile(np.arange(self.count, dtype=np.int32), (len(self.order), 1))
        self.matrix: csr_array | None = None
        self._improved(ahead[self.order], _Figures(graph, self.order))

    def solved(self, graph: TierGraph) -> Seconds | None:
        """[layers, tiers]: the look-ahead in a graph of the same nodes; None: not found so soon."""
        figures = _Figures(graph, self.order)
        for _ in range(MOST_ROUNDS):
            ahead = self._evaluated(figures)
            better = self._improved(ahead, figures)
            if better is not None:  # once more: better choices run upstream
                self._improved(better, figures)
            else:
                in_file_order = np.empty_like(ahead)
                in_file_order[self.order] = ahead
                return in_file_order
        return None

    def _prepare(self, readers: list[list[int]]) -> None:
        """The matrix but for the columns that the choices determine.

        Row (i, k): 1 on the diagonal, and -1 / inputs of c at (c, choice of (i, k)) for each
        consumer c.
        """
        width = np.array([len(heads) for heads in readers])
        states = np.arange(len(readers) * self.count)
        sizes = np.repeat(width + 1, self.count)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self.columns = np.repeat(states, sizes).astype(np.int32)  # the diagonal comes first
        self.values = np.ones(len(self.columns))
        self.chosen = np.delete(np.arange(len(self.columns)), self.starts[:-1])
        self.chooser = np.repeat(states, sizes - 1)
        heads = np.array([c for own in readers for c in own * self.count], np.int64)
        self.columns[self.chosen] = heads * self.count
        self.values[self.chosen] = -self.shares[heads, 0] * self.finite.ravel()[self.chooser]

    def _matrix(self) -> csr_array:
        """The matrix for the choices as they are."""
        from scipy.sparse import csr_array

        columns = self.columns.copy()
        columns[self.chosen] += self.policy.ravel()[self.chooser]
        return csr_array((self.values, columns, self.starts), shape=(self.policy.size,) * 2)

    def _evaluated(self, figures: _Figures) -> Seconds:
        """[layers, tiers]: A for the choices as they are."""
        if self.matrix is None:
            self.matrix = self._matrix()
        rows, tiers = np.arange(len(self.policy))[:, None], np.arange(self.count)
        computing = self.consumers @ (figures.times_s * self.shares)
        moving = figures.per_byte[tiers, self.policy]
        moving *= self.sizes[:, None]
        moving += figures.lag_s[tiers, self.policy]
        moving *= self.reads[:, None]
        moving += computing[rows, self.policy]
        moving[self.ends] = figures.results_s[self.ends]
        moving[~self.finite] = 0.0
        ahead: Seconds = self.solve_triangular(
            self.matrix, moving.ravel(), lower=False, unit_diagonal=True, overwrite_b=True
        ).reshape(moving.shape)
        ahead[~self.finite] = np.inf
        return ahead

    def _improved(self, ahead: Seconds, figures: _Figures) -> Seconds | None:
        """Give every state its best choice, given what the others cost; what it costs then.

        None where no choice is better than the one before.
        """
        rest = (self.consumers @ ((figures.times_s + ahead) * self.shares)).T.copy()
        improved = None
        for tier in range(self.count):
            least = np.where(self.ends, -np.inf, ahead[:, tier])
            for other in range(tier, self.count):
                if figures.lag_s[tier, other] == np.inf:
                    continue
                seconds = figures.lag_s[tier, other] + self.sizes * figures.per_byte[tier, other]
                cost = self.reads * seconds + rest[other]
                lower = np.flatnonzero(cost < least * (1 - SAME))
                if len(lower):
                    improved = ahead.copy() if improved is None else improved
                    least[lower] = improved[lower, tier] = cost[lower]
                    self.policy[lower, tier] = other
        if improved is not None:
            self.matrix = None
        return improved


class _Figures:
    """A graph's figures, rows in topological order."""

    def __init__(self, graph: TierGraph, order: NDArray[np.int64]) -> None:
        self.times_s = graph.arrays.costs_s[:, graph.nodes][order]
        self.lag_s, self.per_byte = map(np.array, graph.transfers)
        target = graph.arrays.results_to
        self.results_s = np.zeros(self.times_s.shape)
        if target is not None:
            lag_s = graph.routes.latency_s[graph.nodes, target]
            per_byte = graph.routes.seconds_per_byte[graph.nodes, target]
            reached = np.isfinite(lag_s)
            self.results_s[:] = np.inf
            sizes = graph.arrays.output_bytes[order, None]
            self.results_s[:, reached] = lag_s[reached] + sizes * per_byte[reached]


def _incidence(readers: list[list[int]]) -> csr_array:
    """[layers, layers]: 1 where the row's tensor is read by the column."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum([len(heads) for heads in readers])])
    columns = np.array([c for heads in readers for c in heads], np.int64)
    return csr_array((np.ones(len(columns)), columns, starts), shape=(len(readers),) * 2)
