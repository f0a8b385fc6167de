"""What a population search breeds, sifted into an archive generation by generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.fronts.criteria import COSTS, Criterion
from splitfog.formulations.objective import Objective
from splitfog.formulations.weights import bytes_of
from splitfog.instances.arrays import frozen
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.search.pool import batch_cost_of

MOST_OFFERED = 64
"""Placements of a generation that are evaluated by the reference costs."""

CHUNK = 1024


@dataclass
class ArchiveWatch:
    """The `watch` of `evolve`: offers an archive what it does not cover as far as is known.

    Costs are computed for a whole generation at once by `BatchCost`, memory of one task by a
    product; bytes over links (and memory that tasks share) count as 0 until the reference says.
    """

    archive: Archive
    objective: Objective
    """What the search minimises; its costs come with the placements."""

    def __call__(
        self, places: NDArray[Any], orders: NDArray[np.int64] | None, costs: NDArray[np.float64]
    ) -> None:
        """Sift one generation: placements [batch, columns], orders [batch, layers], costs."""
        each = self.archive.criteria.each
        known = np.stack([self._column(c, places, orders, costs) for c in each], axis=1)
        unit = np.maximum(np.abs(known).max(axis=0), 1e-300)
        offered = 0
        for row in np.argsort((known / unit).sum(axis=1), kind="stable").tolist():
            if not np.isfinite(known[row]).all() or self.archive.covers(known[row]):
                continue
            self.archive.offer(self._decision(places[row], orders, row))
            offered += 1
            if offered == MOST_OFFERED:
                return

    def _column(
        self,
        criterion: Criterion,
        places: NDArray[Any],
        orders: NDArray[np.int64] | None,
        costs: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """[batch]: a criterion's values, or what they are at least."""
        instance = self.archive.criteria.instance
        if criterion.kind in COSTS:
            objective = self.archive.criteria.objective_of(criterion)
            if objective == self.objective:
                return costs
            batch = batch_cost_of(instance, objective, CHUNK)
            with_order = criterion.kind == "makespan"
            return np.asarray(batch(places, orders if with_order else None), float)
        if criterion.kind == "memory" and len(instance.tasks) == 1:
            return bytes_of(
                instance.model_of(instance.tasks[0]), np.asarray(places) == criterion.at
            )
        return np.zeros(len(costs))

    def _decision(self, row: NDArray[Any], orders: NDArray[np.int64] | None, at: int) -> Decision:
        instance = self.archive.criteria.instance
        sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
        parts = np.split(np.array(row, np.int64), np.cumsum(sizes)[:-1])
        order = None if orders is None else tuple(np.asarray(orders[at]).tolist())
        return Decision(tuple(TaskDecision(frozen(part), order) for part in parts))
