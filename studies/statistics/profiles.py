"""Performance profiles: how often a solver comes within a factor of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.plan import OPTIMALITY_GAP


@dataclass(frozen=True)
class Profile:
    """A solver's ratios to the best cost of every problem, ascending; infinite without a plan."""

    solver: str
    ratios: NDArray[np.float64]

    def share(self, factor: float) -> float:
        """Of all problems, those whose cost is at most `factor` times the best (within 1e-6)."""
        within = factor * (1 + OPTIMALITY_GAP)
        return float(np.mean(self.ratios <= within)) if self.ratios.size else 0.0


def profiles(costs: Mapping[str, Sequence[float | None]]) -> list[Profile]:
    """The profile of every solver.

    Parameters
    ----------
    costs
        By solver the cost of its plan for each problem, in the same order; None without a plan.

    Returns
    -------
    list of Profile
        In the order given. Each is over all problems, those too on which a solver failed or which
        it declined: there it is within no factor. So shares of different solvers can be compared.

    References
    ----------
    Dolan and Moré, Benchmarking optimization software with performance profiles, 2002.
    """
    grid = np.array([[inf if c is None else c for c in own] for own in costs.values()], dtype=float)
    best = grid.min(axis=0, initial=inf)
    ratios = np.full(grid.shape, inf)
    np.divide(grid, best, out=ratios, where=np.isfinite(grid) & (best > 0))
    ratios[(grid == 0) & (best == 0)] = 1.0
    return [Profile(name, np.sort(own)) for name, own in zip(costs, ratios, strict=True)]
