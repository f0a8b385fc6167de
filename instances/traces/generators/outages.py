"""The family `outages`: moments at which nothing passes, alone or over another trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.instances.generators.family import Family, short
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import changed
from splitfog.instances.traces.files import load_trace
from splitfog.instances.traces.generators.common import (
    DIRECTIONS,
    DURATION_S,
    END,
    LINK,
    MOST_STEPS,
    trace_of,
)
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.steps import StepFunction
from splitfog.instances.traces.trace import Trace

OPTIONS = {
    "link": changed(LINK, help="link that fails"),
    "node": Option(None, "node that fails, in place of the link", "name", optional=True),
    "directions": DIRECTIONS,
    "duration_s": DURATION_S,
    "end": END,
    "per_min": Option(4.0, "outages a minute", "number", low=1e-6, high=1e4),
    "mean_s": Option(0.8, "mean duration of one in s", "number", low=1e-6, high=1e6),
    "over": Option(
        None,
        "trace (a file, or a bundled one) whose bandwidths are 0 in outages, with its links, "
        "duration and end",
        "name",
        optional=True,
    ),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """A link, or a node, that is down at times (`up` 0), or a trace with stalls.

    How long it is up and how long down are exponential; a minute has `per_min` outages on average.
    """
    meta = {**meta, "reference": "nominal"}
    if options["mean_s"] * options["per_min"] >= 60:
        told = f"per_min = {options['per_min']:g} outages of mean_s = {options['mean_s']:g} s"
        raise ValueError(f"{told} are a minute or more, must be less")
    rng = np.random.default_rng(seed)
    if options["over"] is not None:
        return _over(name, load_trace(options["over"]), rng, options, meta)
    times, values = _drawn(rng, options["duration_s"], options)
    return trace_of(name, "up", times, values, options, meta)


def _over(
    name: str,
    trace: Trace,
    rng: np.random.Generator,
    options: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> Trace:
    """A trace whose bandwidths are 0 in outages, which all its links share."""
    if all(each.quantity != "bandwidth_bps" for each in trace.series):
        raise ValueError(f"over = {options['over']!r}, must be a trace with a bandwidth")
    up = StepFunction(*_drawn(rng, trace.duration_s, options), trace.duration_s, "hold")
    series = tuple(
        _stalled(each, up) if each.quantity == "bandwidth_bps" else each for each in trace.series
    )
    origin = {"over_sha256": trace.sha256, "over_meta": trace.meta}
    return changed(trace, name=name, series=series, meta={**meta, **origin})


def _stalled(series: Series, up: StepFunction) -> Series:
    """The series times `up`."""
    own = StepFunction(series.times_s, series.values, end="hold")
    times = np.union1d(own.times, up.times)
    values = own.sample(times) * up.sample(times)
    return changed(series, times_s=times, values=values)


def _drawn(
    rng: np.random.Generator, duration_s: float, options: Mapping[str, Any]
) -> tuple[Floats, Floats]:
    """Times below a duration and 1 or 0: up first, then down and up in turn."""
    down = options["mean_s"]
    up = 60 / options["per_min"] - down
    pairs = duration_s / (up + down)
    if pairs > MOST_STEPS:
        raise ValueError(f"{pairs:g} outages in duration_s, must be <= {MOST_STEPS:g}")
    count = int(pairs + 10 * np.sqrt(pairs) + 20)
    while True:
        lengths = rng.exponential((up, down), (count, 2)).ravel()
        times = np.zeros(len(lengths) + 1)
        times[1:] = np.cumsum(lengths)
        if times[-1] >= duration_s:
            break
        count *= 2
    times = times[times < duration_s]
    return times, np.resize([1.0, 0.0], len(times))


FAMILY = Family(
    name="outages",
    summary="a link or a node that is down at times, or another trace with stalls",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{short(options['per_min'])}-a-minute",
    in_head=("per_min",),
)
