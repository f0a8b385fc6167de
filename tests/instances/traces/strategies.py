"""Hypothesis strategies for traces and step functions."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import splitfog as sf
from splitfog.instances.traces.records import Quantity
from splitfog.instances.traces.steps import StepFunction

VALUES: dict[Quantity, st.SearchStrategy[float]] = {
    "bandwidth_bps": st.floats(0, 1e12),
    "latency_s": st.floats(0, 10),
    "load": st.floats(1e-3, 1e3),
    "up": st.sampled_from([0.0, 1.0]),
}

OWNERS: list[dict[str, Any]] = [
    {"link": ("device", "edge0"), "quantity": "bandwidth_bps"},
    {"link": ("edge0", "cloud"), "quantity": "bandwidth_bps", "directions": "forward"},
    {"link": ("cloud", "edge0"), "quantity": "bandwidth_bps", "directions": "forward"},
    {"link": ("device", "edge0"), "quantity": "latency_s"},
    {"link": ("edge0", "cloud"), "quantity": "up"},
    {"node": "edge0", "quantity": "load"},
    {"node": 'a, "node" of\n two lines', "quantity": "up"},
]
"""Whose figures there may be in one trace."""


@st.composite
def times_below(draw: st.DrawFn, duration_s: float, most: int = 8) -> tuple[float, ...]:
    """Times that begin with 0 and rise strictly."""
    others = draw(st.sets(st.floats(1e-3, 0.999), max_size=most - 1))
    rising = sorted({0.0, *(part * duration_s for part in others)})
    return tuple(time for time in rising if time < duration_s)


@st.composite
def traces(draw: st.DrawFn) -> sf.Trace:
    """Any trace: its series are of distinct figures."""
    duration_s = draw(st.floats(1e-3, 1e6))
    series = []
    for owner in draw(st.lists(st.sampled_from(OWNERS), unique_by=str, max_size=4)):
        times = draw(times_below(duration_s))
        values = VALUES[owner["quantity"]]
        drawn = draw(st.lists(values, min_size=len(times), max_size=len(times)))
        series.append(sf.Series(**owner, times_s=times, values=tuple(drawn)))
    return sf.Trace(
        name=draw(st.text(min_size=1, max_size=8)),
        duration_s=duration_s,
        end=draw(st.sampled_from(["repeat", "hold"])),
        series=tuple(series),
        meta=draw(st.dictionaries(st.text(max_size=3), st.integers(-5, 5), max_size=2)),
    )


@st.composite
def step_functions(draw: st.DrawFn, least: float = 0.0) -> StepFunction:
    """A function of few steps, with the same value twice and stretches of 0 likely."""
    duration_s = draw(st.floats(0.5, 20))
    times = draw(times_below(duration_s))
    value = st.sampled_from([least, 1.0, 2.5]) | st.floats(max(least, 0.1), 10)
    values = draw(st.lists(value, min_size=len(times), max_size=len(times)))
    return StepFunction(times, values, duration_s, draw(st.sampled_from(["repeat", "hold"])))
