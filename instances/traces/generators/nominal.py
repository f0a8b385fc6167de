"""The families `step`, `diurnal` and `load`: nominal shapes, to see what a plan does."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any

import numpy as np

from splitfog.instances.generators.family import Family, short
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import changed
from splitfog.instances.traces.generators.common import (
    BANDWIDTH,
    DURATION_S,
    END,
    MOST_STEPS,
    NODE,
    times_of,
    trace_of,
)
from splitfog.instances.traces.trace import Trace

STEP_OPTIONS = {
    **{name: option for name, option in BANDWIDTH.items() if name != "step_s"},
    "before_bps": Option(18.88e6, "bandwidth at first, in bit/s", "number", low=0, high=1e15),
    "after_bps": Option(1.03e6, "bandwidth later, in bit/s", "number", low=0, high=1e15),
    "at_s": Option(
        None,
        "when it changes, in s; none: half way",
        "number",
        low=1e-3,
        high=1e9,
        optional=True,
    ),
}

DIURNAL_OPTIONS = {
    **BANDWIDTH,
    "duration_s": changed(DURATION_S, default=86400.0),
    "step_s": changed(BANDWIDTH["step_s"], default=300.0),
    "mean_bps": Option(9.4e6, "mean bandwidth in bit/s", "number", low=1, high=1e15),
    "amplitude": Option(0.4, "share by which it rises and falls", "number", low=0, high=1),
    "period_s": Option(86400.0, "from one busy hour to the next, in s", "number", low=1, high=1e9),
}

LOAD_OPTIONS = {
    "node": NODE,
    "duration_s": DURATION_S,
    "end": END,
    "levels": Option("1,2,5,10", "loads that it takes", "numbers"),
    "dwell_s": Option(30.0, "mean time at a level, in s", "number", low=1e-3, high=1e9),
}


def build_step(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """A bandwidth that changes once; every seed gives the same."""
    at = options["duration_s"] / 2 if options["at_s"] is None else options["at_s"]
    if at >= options["duration_s"]:
        raise ValueError(f"at_s = {at:g}, must be < {options['duration_s']:g}, the duration_s")
    times, values = np.array([0.0, at]), np.array([options["before_bps"], options["after_bps"]])
    meta = {**meta, "reference": "nominal"}
    return trace_of(name, "bandwidth_bps", times, values, options, meta)


def build_diurnal(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """mean (1 + amplitude cos(2 pi t / period)), from a time of day on that the seed draws."""
    times = times_of(options)
    start = np.random.default_rng(seed).random()
    turns = times / options["period_s"] + start
    values = options["mean_bps"] * (1 + options["amplitude"] * np.cos(2 * pi * turns))
    meta = {**meta, "reference": "nominal"}
    return trace_of(name, "bandwidth_bps", times, values, options, meta)


def build_load(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """A node's load, which moves after exponential times to another level, any as likely."""
    levels = np.array([float(level) for level in options["levels"].split(",")])
    duration_s, dwell_s = options["duration_s"], options["dwell_s"]
    if duration_s / dwell_s > MOST_STEPS:
        told = f"duration_s / dwell_s = {duration_s / dwell_s:g}"
        raise ValueError(f"{told}, must be <= {MOST_STEPS:g} values")
    rng = np.random.default_rng(seed)
    times, places = [0.0], [int(rng.integers(len(levels)))]
    while len(levels) > 1 and (time := times[-1] + rng.exponential(dwell_s)) < duration_s:
        times.append(time)
        places.append((places[-1] + int(rng.integers(1, len(levels)))) % len(levels))
    meta = {**meta, "reference": "nominal"}
    return trace_of(name, "load", np.array(times), levels[places], options, meta)


FAMILIES = (
    Family(
        name="step",
        summary="a bandwidth that changes once",
        options=STEP_OPTIONS,
        build=build_step,
        head=lambda options: f"{short(options['before_bps'])}-{short(options['after_bps'])}",
        in_head=("before_bps", "after_bps"),
    ),
    Family(
        name="diurnal",
        summary="a bandwidth that rises and falls with the time of day",
        options=DIURNAL_OPTIONS,
        build=build_diurnal,
        head=lambda options: short(options["mean_bps"]),
        in_head=("mean_bps",),
    ),
    Family(
        name="load",
        summary="the load of a node, which others use, too",
        options=LOAD_OPTIONS,
        build=build_load,
        head=lambda options: short(options["node"]),
        in_head=("node",),
    ),
)
