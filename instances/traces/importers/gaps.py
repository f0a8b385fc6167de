"""Gaps of a log filled: values that are missing, and stretches of time without a line."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Literal

import numpy as np

from splitfog.instances.traces.importers.samples import Samples

Gaps = Literal["error", "hold", "linear", "stall"]

MOST_IN_A_HOLE = 1000
"""Values that a hole is filled with, at most, however long it is."""


def filled(samples: Samples, gaps: Gaps, max_step_s: float | None) -> Samples:
    """Samples, in seconds, without gaps.

    `hold`: the value before lasts; `linear`: the way from the value before to the next is drawn in
    steps; `stall`: 0, in a hole from one usual step after the line before it on. Before the first
    value there is that value, or 0 if `stall`; after the last one it lasts.
    """
    holes = samples if max_step_s is None or gaps == "hold" else _with_holes(samples, max_step_s)
    known = ~np.isnan(holes.values)
    if known.all():
        return holes
    if gaps == "stall":
        values = np.where(known, holes.values, 0.0)
    elif gaps == "linear":
        values = np.interp(holes.times, holes.times[known], holes.values[known])
    else:
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        values = holes.values[np.where(last < 0, np.argmax(known), last)]
    return replace(holes, values=values)


def _with_holes(samples: Samples, max_step_s: float) -> Samples:
    """The same with gaps where there is no line for too long, one usual step apart."""
    steps = np.diff(samples.times)
    holes = np.flatnonzero(steps > max_step_s).tolist()
    if not holes:
        return samples
    usual = float(np.median(steps[steps <= max_step_s])) if len(holes) < len(steps) else max_step_s
    counts = [min(ceil(steps[k] / usual - 1e-9) - 1, MOST_IN_A_HOLE) for k in holes]
    widths = [max(usual, steps[k] / (count + 1)) for k, count in zip(holes, counts)]
    times = [
        samples.times[k] + width * np.arange(1, count + 1)
        for k, count, width in zip(holes, counts, widths)
    ]
    where = np.repeat(np.array(holes) + 1, counts)
    return replace(
        samples,
        times=np.insert(samples.times, where, np.concatenate(times)),
        values=np.insert(samples.values, where, np.nan),
        lines=np.insert(samples.lines, where, samples.lines[where]),
    )
