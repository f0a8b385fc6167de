"""What one call of a solver has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite

from splitfog.formulations.decision import Decision
from splitfog.solvers.progress import Progress


@dataclass(eq=False)
class Found:
    """The best decision offered and the greatest bound: what an interrupt leaves.

    It grows while the solver runs; the call itself, the `Request`, never changes.
    """

    decision: Decision | None = None
    value: float = inf
    """Seconds; inf without a decision."""
    lower_bound: float | None = None
    progress: Progress = field(default_factory=Progress)

    def keep(self, decision: Decision, value: float) -> None:
        """Put a decision in the place of the best so far."""
        self.decision, self.value = decision, value
        self.progress.note(value, None)

    def raise_bound(self, bound: float) -> bool:
        """Keep a bound if it is the greatest so far; whether it is."""
        greater = self.lower_bound is None or bound > self.lower_bound
        if greater:
            self.lower_bound = bound
            if isfinite(bound):
                self.progress.note(None, bound)
        return greater
