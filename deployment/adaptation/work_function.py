"""`work-function`: what all requests so far could have cost at best decides what comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from splitfog.deployment.adaptation.situation import UNDECIDED, Costs, Situation, Why


@dataclass(frozen=True, eq=False)
class WorkFunction:
    """`work-function`: the plan that is best in hindsight, with the way to it.

    `work_s[q]` is the least that all requests so far could have cost, changes included, by whoever
    ends at plan q. The plan chosen is the q of least work_s[q] + switch_s[now, q] among those where
    this request is served best by q itself (else it never moves). Never more than 2 n - 1 times
    the offline optimum, but for a constant, where changes are a metric over n plans: A. Borodin,
    N. Linial and M. Saks, "An optimal on-line algorithm for metrical task system", J. ACM 39,
    1992. All work is counted from the least of it, which changes no choice.
    """

    switch_s: Costs
    work_s: Costs | None = None
    position: int | None = None
    why: Why = UNDECIDED
    wait_s: ClassVar[float] = 0.0

    def after(self, now: Situation) -> WorkFunction:
        """O(plans^2)."""
        before = np.zeros(len(now.costs_s)) if self.work_s is None else self.work_s
        served = before + now.costs_s
        work = (served[:, None] + self.switch_s).min(axis=0)
        way = 0.0 if self.position is None else self.switch_s[self.position]
        total = np.where(work == served, work + way, np.inf)
        best = int(total.argmin())
        why = STAYS if best == self.position else TAKES
        return replace(self, work_s=work - work.min(), position=best, why=why)


STAYS = Why("stays: in hindsight the best, changes included")
TAKES = Why("takes what is in hindsight the best, changes included")
