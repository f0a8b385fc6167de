"""Functions of time that are constant between steps: values, integrals and when these are reached.

A function that repeats changes at k duration_s + times_s[i], as floating point numbers: it is
those that all methods agree on.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from functools import cached_property
from math import ceil, inf

import numpy as np
from numpy.typing import ArrayLike

from splitfog.instances.arrays import Floats, Integers, frozen
from splitfog.instances.traces.records import End


class StepFunction:
    """A figure as a function of time t >= 0: `values[i]` from `times_s[i]` to the next, inclusive.

    Scalar methods take and give Python numbers, O(log n); those on arrays do the same element by
    element. Neighbours with the same value are one step.

    Parameters
    ----------
    times_s
        [n], the first is 0, rising strictly, the last below `duration_s`.
    values
        [n], >= 0.
    duration_s
        How long the steps last.
    end : "repeat" or "hold"
        After `duration_s` all begins again, or the last value stays.
    """

    def __init__(
        self,
        times_s: ArrayLike,
        values: ArrayLike,
        duration_s: float = inf,
        end: End = "repeat",
    ) -> None:
        times, figures = np.asarray(times_s, float), np.asarray(values, float)
        new = np.ones(len(times), bool)
        new[1:] = figures[1:] != figures[:-1]
        self.times: Floats = frozen(times[new])
        self.values: Floats = frozen(figures[new])
        self.duration_s = float(duration_s)
        self.end: End = end
        self.period_s = inf if end == "hold" or len(self.times) == 1 else self.duration_s
        self._ends: Floats = frozen(np.append(self.times, self.period_s))
        self._times: list[float] = self._ends.tolist()
        self._values: list[float] = self.values.tolist()

    def __repr__(self) -> str:
        return (
            f"<StepFunction: {len(self.times)} steps, {self.values.min():g} to "
            f"{self.values.max():g}, {self.end} after {self.duration_s:g} s>"
        )

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return len(self._values) == 1

    @cached_property
    def reciprocal(self) -> StepFunction:
        """1 / value, at every time; of values > 0."""
        return StepFunction(self.times, 1 / self.values, self.duration_s, self.end)

    def at(self, t: float) -> float:
        """The value at a moment; at a step the new one."""
        return self._values[self._locate(t)[0]]

    def sample(self, times_s: ArrayLike) -> Floats:
        """The values at moments, an array of any shape."""
        found: Floats = self.values[self._locate_all(np.asarray(times_s, float))[0]]
        return found

    def next_change(self, t: float) -> float:
        """The first step after t; infinity where there is none."""
        i, base, period = self._locate(t)
        if i + 1 < len(self._values):
            return base + self._times[i + 1]
        return (period + 1) * self.period_s

    def changes(self, start: float, end: float) -> Floats:
        """All steps after `start` and before `end`, rising."""
        times = self.times
        if self.period_s < inf:
            first, last = self._locate(start)[2], self._locate(end)[2]
            times = (np.arange(first, last + 1)[:, None] * self.period_s + times).ravel()
        return times[(times > start) & (times < end)]

    def integral(self, start: float, end: float) -> float:
        """Of the value over the time from `start` to `end`, no earlier."""
        i, base, period = self._locate(start)
        j, last, later = self._locate(end)
        if (i, period) == (j, later):
            return (end - start) * self._values[i]
        whole = (base + self._times[i + 1] - start) * self._values[i]
        whole += self._sums[j] - self._sums[i + 1]
        if later > period:
            whole += (later - period) * self._sums[-1]
        return whole + (end - (last + self._times[j])) * self._values[j]

    def finish(self, start: float, amount: float) -> float:
        """The first moment at which the integral from `start` on reaches an amount.

        `start` itself for nothing, infinity where it never does.
        """
        return start + self.seconds(start, amount)

    def seconds(self, start: float, amount: float) -> float:
        """How long after `start` that is: exactly amount / value within one step."""
        if amount <= 0:
            return 0.0
        i, base, period = self._locate(start)
        value, left = self._values[i], base + self._times[i + 1] - start
        if value > 0 and amount <= value * left:
            return amount / value
        if left == inf:
            return inf
        amount -= value * left
        before, whole = self._sums[i + 1], self._sums[-1]
        if self.period_s < inf and amount > whole - before:
            if whole <= 0:
                return inf
            amount -= whole - before
            periods = max(ceil(amount / whole) - 1, 0)
            amount -= periods * whole
            i, before, base = -1, 0.0, (period + 1 + periods) * self.period_s
        return base - start + self._reached(i + 1, before, amount)

    def seconds_all(self, starts: ArrayLike, amounts: ArrayLike) -> Floats:
        """The same for arrays, whose shapes are broadcast."""
        start, amount = np.broadcast_arrays(np.asarray(starts, float), np.asarray(amounts, float))
        i, base, _ = self._locate_all(start)
        value, left = self.values[i], base + self._ends[i + 1] - start
        with np.errstate(divide="ignore", invalid="ignore"):
            at_once = amount / value
            inside = (amount <= 0) | ((value > 0) & (amount <= value * left))
        found = np.where(amount <= 0, 0.0, np.where(inside, at_once, inf))
        for place in np.argwhere(~inside & (left < inf)):  # few: most end within their step
            where = tuple(place)
            found[where] = self.seconds(float(start[where]), float(amount[where]))
        return found

    def _reached(self, first: int, before: float, amount: float) -> float:
        """When the integral from step `first` on, up to which it is `before`, adds an amount."""
        steps = len(self._values)
        j = bisect_left(self._sums, before + amount, min(first + 1, steps), steps)
        while self._values[j - 1] <= 0:
            if j == steps:
                return inf if self.period_s == inf else self.period_s
            j += 1
        return self._times[j - 1] + (amount - (self._sums[j - 1] - before)) / self._values[j - 1]

    @cached_property
    def _sums(self) -> list[float]:
        """[n + 1]: integrals from 0 to every step, and of the period; without one, infinity."""
        areas = np.diff(self._ends[:-1]) * self.values[:-1]
        if self.period_s == inf:
            return [0.0, *np.cumsum(areas).tolist(), inf]
        last = (self.period_s - self.times[-1]) * self.values[-1]
        return [0.0, *np.cumsum([*areas, last]).tolist()]

    def _locate(self, t: float) -> tuple[int, float, int]:
        """The step of a moment, when its period begins, and that period's number.

        Where what begins next is rounded down to this moment it has begun: the differences
        themselves are exact, so that rounding up does no harm.
        """
        base, period = 0.0, 0
        if self.period_s < inf:
            period = int(t // self.period_s)
            if (period + 1) * self.period_s <= t:
                period += 1
            base = period * self.period_s
        i = bisect_right(self._times, t - base, 0, len(self._values)) - 1
        if i + 1 < len(self._values) and base + self._times[i + 1] <= t:
            i += 1
        return i, base, period

    def _locate_all(self, t: Floats) -> tuple[Integers, Floats, Integers]:
        """The same for arrays."""
        period: Integers = np.zeros(t.shape, np.int64)
        if self.period_s < inf:
            period = (t // self.period_s).astype(np.int64)
            period += (period + 1) * self.period_s <= t
        base: Floats = (period * min(self.period_s, sys.float_info.max)).astype(float)
        last = len(self._values) - 1
        i: Integers = np.searchsorted(self.times, t - base, side="right") - 1
        i += (i < last) & (base + self._ends[i + 1] <= t)
        return i, base, period
