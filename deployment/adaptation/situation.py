"""What a rule decides by, and what it decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

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


class Rule(Protocol):
    """A rule never changes: `after` gives the one that has decided for a request more."""

    @property
    def position(self) -> int | None:
        """Of the plan in use; None before the first decision."""

    @property
    def reason(self) -> str:
        """Why, in a sentence's part."""

    def after(self, now: Situation) -> Self:
        """The rule after its decision for a request in this situation."""
