"""How a search got on: when its best plan became better, and when its bound rose."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from splitfog.formulations.plan import Step
from splitfog.formulations.tolerances import EQUAL

Listener = Callable[[float | None, float | None, float], None]
"""Called at every improvement with (value, bound, seconds since the call of `solve`)."""


class ListenerFailed(BaseException):
    """What a listener raised, on its way out through solvers that would take it for their own."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


@dataclass(eq=False)
class Progress:
    """The improvements so far, each with the best value and the best bound there were by then."""

    started: float = field(default_factory=time.perf_counter)
    listener: Listener | None = None
    steps: list[Step] = field(default_factory=list)

    def note(self, value: float | None, bound: float | None) -> None:
        """Keep what is better than all before it, and tell the listener.

        Raises
        ------
        ListenerFailed
            With what the listener raised.
        """
        seconds = time.perf_counter() - self.started
        if _improves(self.steps, value, bound):
            _, best, known = _joined(self.steps, value, bound, seconds)
            self.steps.append((seconds, best, known))
            if self.listener is not None:
                try:
                    self.listener(best, known, seconds)
                except Exception as error:
                    raise ListenerFailed(error) from error

    def closed(self, value: float | None, bound: float | None) -> tuple[Step, ...]:
        """The steps of a plan with this value and this bound, which are the last one's.

        A step has no bound where the plan has none (what was bounded were other plans), and
        nothing is better than what stands at the end.
        """
        steps: list[Step] = []
        for seconds, best, known in self.steps:
            best = None if best is None or value is None else max(best, value)
            known = None if known is None or bound is None else min(known, bound)
            if _improves(steps, best, known):
                steps.append(_joined(steps, best, known, seconds))
        if _improves(steps, value, bound):
            steps.append((time.perf_counter() - self.started, value, bound))
        elif steps:  # the same, but for rounding
            steps[-1] = (steps[-1][0], value, bound)
        return tuple(steps)


def _improves(steps: list[Step], value: float | None, bound: float | None) -> bool:
    """Whether a value or a bound is better than the last step's by more than rounding."""
    _, best, known = steps[-1] if steps else (0.0, None, None)
    is_better = value is not None and (best is None or value < best - EQUAL * abs(best))
    is_higher = bound is not None and (known is None or bound > known + EQUAL * abs(known))
    return is_better or is_higher


def _joined(steps: list[Step], value: float | None, bound: float | None, seconds: float) -> Step:
    """A step with the better of its figures and those of the last one."""
    _, best, known = steps[-1] if steps else (0.0, None, None)
    values = [v for v in (value, best) if v is not None]
    bounds = [b for b in (bound, known) if b is not None]
    return seconds, min(values, default=None), max(bounds, default=None)
