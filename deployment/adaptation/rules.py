"""Rules for requests that do not meet: when to change to another plan.

`switch_s` is [plans, plans]: the seconds of changing from a row's plan to a column's; 0 on the
diagonal. Before the first request every rule has the choice for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from splitfog.deployment.adaptation.situation import (
    CANNOT_STAY,
    FIRST,
    UNDECIDED,
    Costs,
    Situation,
    Why,
)

FIXED = Why("one plan, whatever the figures")
STAYS = Why("stays: the fastest at these figures")
TAKES = Why("takes the fastest at these figures")


@dataclass(frozen=True)
class Fixed:
    """`nominal`, and whatever else is one plan for ever."""

    position: int
    why: Why = FIXED
    wait_s: ClassVar[float] = 0.0

    def after(self, _: Situation) -> Fixed:
        """O(1)."""
        return self


@dataclass(frozen=True)
class Argmin:
    """`argmin`: the plan that is fastest at the figures; of equals the first."""

    position: int | None = None
    why: Why = UNDECIDED
    wait_s: ClassVar[float] = 0.0

    def after(self, now: Situation) -> Argmin:
        """O(plans)."""
        best = int(now.costs_s.argmin())
        return Argmin(best, STAYS if best == self.position else TAKES)


@dataclass(frozen=True)
class Hysteresis:
    """`hysteresis:H`: another plan only where it takes less than 1 - H of the one in use."""

    share: float
    position: int | None = None
    why: Why = UNDECIDED
    wait_s: ClassVar[float] = 0.0

    def after(self, now: Situation) -> Hysteresis:
        """O(plans)."""
        best = int(now.costs_s.argmin())
        if self.position is None:
            return replace(self, position=best, why=FIRST)
        here, least = now.costs_s[[self.position, best]].tolist()
        if here == np.inf:
            return replace(self, position=best, why=CANNOT_STAY)
        saved = f"{100 * (1 - least / here) if here else 0.0:.3g} % less is to be had"
        if least < (1 - self.share) * here:
            return replace(self, position=best, why=Why(f"changes: {saved}"))
        return replace(self, why=Why(f"stays: {saved}"))


@dataclass(frozen=True, eq=False)
class Switch:
    """`switch`: change to another plan once staying has cost more than the change does.

    Against every other plan it is summed up over requests, since the last change, by how much the
    plan in use was slower; where it was faster as much is taken off, down to 0. So no more than
    its price is lost before a change that pays, while figures that go up and down make none.

    Attributes
    ----------
    switch_s
        [plans, plans].
    regret_s
        [plans]: what staying has cost against each; None before the first request.
    """

    switch_s: Costs
    regret_s: Costs | None = None
    position: int | None = None
    why: Why = UNDECIDED
    wait_s: ClassVar[float] = 0.0

    def after(self, now: Situation) -> Switch:
        """O(plans)."""
        costs_s, none_yet = now.costs_s, np.zeros(len(now.costs_s))
        if self.position is None or self.regret_s is None:
            return replace(self, position=int(costs_s.argmin()), regret_s=none_yet, why=FIRST)
        if costs_s[self.position] == np.inf:
            way = costs_s + self.switch_s[self.position]
            return replace(self, position=int(way.argmin()), regret_s=none_yet, why=CANNOT_STAY)
        regret_s = np.maximum(self.regret_s + costs_s[self.position] - costs_s, 0.0)
        left = self.switch_s[self.position] - regret_s
        left[self.position] = np.inf
        best = int(left.argmin())
        said = float(regret_s[best]), float(self.switch_s[self.position, best])
        if left[best] < 0:
            why = Why("changes: {} of regret, a switch costs {}", said)
            return replace(self, position=best, regret_s=none_yet, why=why)
        why = Why("stays: {} of regret, a switch costs {}", said)
        return replace(self, regret_s=regret_s, why=why)
