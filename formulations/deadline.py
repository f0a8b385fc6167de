"""When a call must end: what takes long looks at it while it runs, and leaves off in time.

Who builds a large program or table checks the deadline in its loop; the check raises `TimeIsUp`,
which carries what was being done up to the door, where the best plan so far is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf


class TimeIsUp(Exception):
    """The deadline came while something was being made; the message says what."""


@dataclass(frozen=True)
class Deadline:
    """A moment of a clock in seconds; by default one that never comes."""

    moment: float = inf
    clock: Callable[[], float] = time.perf_counter

    @property
    def remaining_s(self) -> float:
        """Seconds until then, less than 0 afterwards; inf without looking where it never comes."""
        return inf if self.moment == inf else self.moment - self.clock()

    @property
    def is_over(self) -> bool:
        """Whether it has come."""
        return self.remaining_s <= 0

    def check(self, doing: str) -> None:
        """Go on, or raise `TimeIsUp` with what is being done, a phrase such as "the bound"."""
        if self.is_over:
            raise TimeIsUp(f"the time was over before {doing} was finished")


NEVER = Deadline()
"""What has no time limit."""
