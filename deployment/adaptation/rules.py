"""Rules for one request after the other: when to change to another plan.

`switch_s` is [plans, plans]: the seconds of changing from a row's plan to a column's; 0 on the
diagonal. Before the first request every rule has the choice for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from splitfog.deployment.adaptation.situation import Costs, Situation
from splitfog.instances.readable import in_seconds


@dataclass(frozen=True)
class Argmin:
    """`argmin`: the plan that is fastest at the figures; of equals the first."""

    position: int | None = None
    reason: str = ""

    def after(self, now: Situation) -> Argmin:
        """O(plans)."""
        best = int(now.costs_s.argmin())
        verb = "stays" if best == self.position else "takes"
        return Argmin(best, f"{verb}: the fastest at these figures")


@dataclass(frozen=True)
class Hysteresis:
    """`hysteresis:H`: another plan only where it takes less than 1 - H of the one in use."""

    share: float
    position: int | None = None
    reason: str = ""

    def after(self, now: Situation) -> Hysteresis:
        """O(plans)."""
        best = int(now.costs_s.argmin())
        if self.position is None:
            return replace(self, position=best, reason=FIRST)
        here, least = now.costs_s[[self.position, best]].tolist()
        if here == np.inf:
            return replace(self, position=best, reason=CANNOT_STAY)
        saved = f"{100 * (1 - least / here) if here else 0.0:.3g} % less is to be had"
        if least < (1 - self.share) * here:
            return replace(self, position=best, reason=f"changes: {saved}")
        return replace(self, reason=f"stays: {saved}")


@dataclass(frozen=True, eq=False)
class Switch:
    """`switch`: change to the fastest plan once staying has cost more than changing does.

    What staying costs is summed up over requests since the last change: the seconds by which the
    plan in use was slower than the fastest. As in renting skis, no more is lost by waiting than
    the change costs, while a change that never pays is never made twice in a hurry. 
    """

    switch_s: Costs
    regret_s: float = 0.0
    position: int | None = None
    reason: str = ""

    def after(self, now: Situation) -> Switch:
        """O(plans)."""
        best = int(now.costs_s.argmin())
        if self.position is None:
            return replace(self, position=best, reason=FIRST)
        here, least = now.costs_s[[self.position, best]].tolist()
        if here == np.inf:
            return replace(self, position=best, regret_s=0.0, reason=CANNOT_STAY)
        regret = self.regret_s + here - least
        price = float(self.switch_s[self.position, best])
        said = f"{in_seconds(regret)} of regret, a switch costs {in_seconds(price)}"
        if regret > price and best != self.position:
            return replace(self, position=best, regret_s=0.0, reason=f"changes: {said}")
        return replace(self, regret_s=regret, reason=f"stays: {said}")


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
    reason: str = ""

    def after(self, now: Situation) -> WorkFunction:
        """O(plans^2)."""
        before = np.zeros(len(now.costs_s)) if self.work_s is None else self.work_s
        served = before + now.costs_s
        work = (served[:, None] + self.switch_s).min(axis=0)
        way = 0.0 if self.position is None else self.switch_s[self.position]
        total = np.where(work == served, work + way, np.inf)
        best = int(total.argmin())
        ahead = "in hindsight the best with the way to it"
        reason = f"{'stays' if best == self.position else 'takes'}: {ahead}"
        return replace(self, work_s=work - work.min(), position=best, reason=reason)


FIRST = "starts: the fastest at these figures"
CANNOT_STAY = "changes: the plan in use needs what is down"
