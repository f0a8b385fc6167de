"""What a log says: values at moments, gaps among them, and the line of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.traces.defects import RANGES
from splitfog.instances.traces.numbers import number_text


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Values as a log gives them, in its own unit.

    Attributes
    ----------
    times
        [n], as in the log, in its unit.
    values
        [n]; NaN is a gap.
    lines
        [n]: where each stands.
    tick_s
        Seconds of a unit of time.
    duration
        How long they last, in that unit; None: the log does not say.
    defects
        What is wrong with cells; such a time or value is NaN.
    """

    times: Floats
    values: Floats
    lines: Integers
    tick_s: float = 1.0
    duration: float | None = None
    defects: tuple[str, ...] = ()

    def in_seconds(self) -> Samples:
        """The same in seconds from the first time on."""
        times = (self.times - self.times[0]) * self.tick_s
        known = None if self.duration is None else self.duration * self.tick_s
        return replace(self, times=times, duration=known, tick_s=1.0)


def evenly(values: Floats, lines: Integers, step_s: float, defects: Sequence[str] = ()) -> Samples:
    """A value every `step_s` seconds."""
    return Samples(
        times=np.arange(len(values)).astype(float),
        values=values,
        lines=lines,
        tick_s=step_s,
        duration=len(values),
        defects=tuple(defects),
    )


def per_second(samples: Samples) -> Samples:
    """Rates of amounts, each of which has come since the line before; in seconds.

    The first amount of a log with times says nothing, as nobody knows since when.
    """
    times = samples.times
    if samples.duration is not None:
        return replace(samples, values=samples.values / np.diff(times, append=samples.duration))
    return replace(
        samples,
        times=times[:-1],
        values=samples.values[1:] / np.diff(times),
        lines=samples.lines[1:],
        duration=float(times[-1]),
    )


def cell_defects(samples: Samples, kind: str) -> list[str]:
    """Cells that say nothing, times that do not rise, values out of the range of a quantity."""
    allowed, words = RANGES[kind]
    times, values, lines = samples.times, samples.values, samples.lines
    back = np.flatnonzero(np.diff(times) <= 0).tolist()
    out = np.flatnonzero(~(allowed(values) | np.isnan(values))).tolist()
    return [
        *samples.defects,
        *(
            f"line {lines[k + 1]}: time = {number_text(times[k + 1])}, "
            f"must be > {number_text(times[k])}, that of line {lines[k]}"
            for k in back
        ),
        *(f"line {lines[k]}: value = {number_text(values[k])}, must be {words}" for k in out),
    ]


def gap_defects(samples: Samples, max_step_s: float | None) -> list[str]:
    """Lines without a value, and those that are more than `max_step_s` after the line before."""
    lines, fill = samples.lines, "or --gaps hold, linear or stall"
    told = {line_of(defect) for defect in samples.defects}
    missing = np.flatnonzero(np.isnan(samples.values)).tolist()
    steps = np.diff(samples.times) * samples.tick_s
    long = np.flatnonzero(steps > (inf if max_step_s is None else max_step_s)).tolist()
    return [
        *(
            f"line {lines[k]}: a gap, must be a number, {fill}"
            for k in missing
            if lines[k] not in told
        ),
        *(
            f"line {lines[k + 1]}: a gap of {number_text(round(steps[k], 9))} s after line "
            f"{lines[k]}, must be <= {max_step_s:g} s, {fill}"
            for k in long
        ),
    ]


def line_of(defect: str) -> int:
    """The line that a sentence is about."""
    return int(defect.split()[1].rstrip(":"))
