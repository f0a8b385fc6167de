"""One task of `hpa-local`: its look-ahead, its recorded run and what its placement costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tier_latency import tier_latency
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.solvers.adjustment.figures import Figures
from splitfog.solvers.adjustment.look_ahead import LookAhead
from splitfog.solvers.adjustment.recorded_run import RecordedRun


class AdjustedTask:
    """A task's placement by `hpa-plain`, at the figures that were told last.

    `placement` is [layers] of nodes, and `latency_s` what it costs; None and inf where some layer
    found no tier.
    """

    def __init__(self, figures: Figures, task: int, once: bool) -> None:
        self.task, self.once = task, once
        model = figures.arrays(task).model
        self.layers = [layer.name for layer in model.layers]
        self.look_ahead, self.run = LookAhead(model, once), RecordedRun(model, once)
        self.placement: NDArray[np.int64] | None = None
        self.latency_s = np.inf
        self.adjust(figures)

    def adjust(self, figures: Figures) -> tuple[int, int, int]:
        """Be placed for other figures: layers looked at, failed and changed."""
        before = self.placement
        graph = TierGraph(figures.arrays(self.task), figures.routes)
        costs_s = graph.arrays.costs_s[:, graph.nodes] + self.look_ahead.at(graph)
        looked_at, failed = self.run.adjust(graph, costs_s)
        tiers = self.run.tiers
        if tiers is None:
            self.placement, self.latency_s = None, np.inf
        else:
            self.placement = np.array(graph.nodes, np.int64)[tiers]
            self.latency_s = tier_latency(graph, tiers, self.once)
        return looked_at, failed, _differences(before, self.placement, len(costs_s))


def _differences(
    before: NDArray[np.int64] | None, after: NDArray[np.int64] | None, layers: int
) -> int:
    """How many layers are elsewhere; all of them where there was or is no placement."""
    if before is None or after is None:
        return 0 if before is after else layers
    return int(np.count_nonzero(before != after))
