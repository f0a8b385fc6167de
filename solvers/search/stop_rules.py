"""When a search stops: tiny rules, each looking at how far the search has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import EQUAL


@dataclass
class Progress:
    """Iterations done, how many of them since the last improvement, the best value, a bound."""

    iterations: int = 0
    stale: int = 0
    value: float = inf
    lower_bound: float | None = None

    def count(self, value: float) -> bool:
        """Count one iteration that ended with this best value; whether it is better."""
        better = value < self.value
        self.iterations += 1
        self.stale = 0 if better else self.stale + 1
        self.value = min(self.value, value)
        return better


StopRule = Callable[[Progress], StoppedBy | None]
"""None: go on."""


@dataclass(frozen=True)
class OutOfTime:
    """Stops at a deadline."""

    deadline: Deadline

    def __call__(self, progress: Progress) -> StoppedBy | None:
        """`time limit` when it is reached."""
        return "time limit" if self.deadline.is_over else None


@dataclass(frozen=True)
class EnoughIterations:
    """Stops after a number of iterations."""

    most: int

    def __call__(self, progress: Progress) -> StoppedBy | None:
        """`iteration limit` when it is reached."""
        return "iteration limit" if progress.iterations >= self.most else None


@dataclass(frozen=True)
class Stagnation:
    """Stops after a number of iterations without an improvement."""

    patience: int

    def __call__(self, progress: Progress) -> StoppedBy | None:
        """`finished` when nothing has improved for so long."""
        return "finished" if progress.stale >= self.patience else None


def bound_met(progress: Progress) -> StoppedBy | None:
    """`finished` when the value is proven by its bound."""
    bound = progress.lower_bound
    if bound is None or progress.value == inf:
        return None
    return "finished" if progress.value <= bound * (1 + EQUAL) else None


def first_to_stop(rules: Iterable[StopRule], progress: Progress) -> StoppedBy | None:
    """What the first rule that stops says; None if all go on."""
    for rule in rules:
        if (why := rule(progress)) is not None:
            return why
    return None
