"""What a rule decides by, and what it decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.readable import in_seconds

Costs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Situation:
    """What is believed at a moment.

    Attributes
    ----------
    time_s
        When the request arrives, which the decision is for.
    costs_s
        [plans]: seconds of the request by each plan, alone; inf for those that cannot run now.
        Some plan can.
    recent
        [figures]: what was measured in the last second, on average, in the figures' own units.
    step_s
        [steps]: seconds of every step of every plan, one plan after the other; for `backlog`.
    """

    time_s: float
    costs_s: Costs
    recent: Costs | None = None
    step_s: Costs | None = None


@dataclass(frozen=True)
class Why:
    """Why a rule decided so: a text, with the `seconds` that fill its brackets when it is read."""

    text: str = ""
    seconds: tuple[float, ...] = ()

    def __str__(self) -> str:
        return self.text.format(*map(in_seconds, self.seconds))


UNDECIDED = Why("nothing was asked yet")
FIRST = Why("starts: the fastest at these figures")
CANNOT_STAY = Why("changes: the plan in use needs what is down")


class Rule(Protocol):
    """A rule never changes: `after` gives the one that has decided for a request more."""

    @property
    def position(self) -> int | None:
        """Of the plan in use; None before the first decision."""

    @property
    def why(self) -> Why:
        """Of the last decision."""

    @property
    def wait_s(self) -> float:
        """How long the request will wait for others, so far as the rule knows."""

    def after(self, now: Situation) -> Self:
        """The rule after its decision for a request in this situation."""
