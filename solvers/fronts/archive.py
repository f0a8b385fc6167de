"""The best trade-offs seen so far, fed by any solver that offers decisions on its way."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import Decision
from splitfog.formulations.fronts.criteria import Criteria
from splitfog.formulations.tolerances import ROUNDING
from splitfog.solvers.base import Request


@dataclass
class Archive:
    """Feasible decisions none of which is dominated by another; equal values are kept once."""

    criteria: Criteria
    values: NDArray[np.float64] = field(init=False)
    decisions: list[Decision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = np.zeros((0, len(self.criteria.each)))

    def offer(self, decision: Decision) -> bool:
        """Keep a decision that nothing kept dominates or equals; drop what it dominates."""
        values = np.array(self.criteria.values(decision))
        if not np.isfinite(values).all() or self.covers(values):
            return False
        if decision_violations(self.criteria.instance, decision, self.criteria.objective):
            return False
        slack = ROUNDING * np.abs(self.values)
        kept = np.flatnonzero((values > self.values + slack).any(axis=1))
        self.decisions = [self.decisions[i] for i in kept.tolist()]
        self.values = np.vstack([self.values[kept], values])
        self.decisions.append(decision)
        return True

    def covers(self, values: NDArray[np.float64]) -> bool:
        """Whether something kept is at least as good in everything."""
        slack = ROUNDING * np.abs(values)
        return bool((self.values <= values + slack).all(axis=1).any())

    def ordered(self) -> list[tuple[tuple[float, ...], Decision]]:
        """(values, decision) by rising values, the first criterion first."""
        rows = [tuple(row) for row in self.values.tolist()]
        return sorted(zip(rows, self.decisions, strict=True), key=lambda entry: entry[0])


@dataclass(frozen=True, eq=False)
class ArchiveRequest(Request):
    """A request whose every offer also goes to an archive: any solver fills it by being run."""

    _: KW_ONLY
    archive: Archive

    def offer(self, decision: Decision) -> bool:
        """Keep it as the best so far, and in the archive, where it is good enough."""
        if not any(task.stages for task in decision.tasks):
            self.archive.offer(decision)
        return super().offer(decision)
