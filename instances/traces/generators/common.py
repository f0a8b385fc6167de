"""What families of traces share: whose figure it is, how long, and traces of one series."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.instances.plugins.option import Option
from splitfog.instances.traces.records import Quantity, Series
from splitfog.instances.traces.trace import Trace

LONGEST_S, MOST_STEPS = 1e9, 1e6

LINK = Option("device,edge0", "link whose bandwidth it is", "pair")
NODE = Option("edge0", "node whose load it is", "name")
DIRECTIONS = Option("forward", "of the link", "choice", choices=("forward", "both"))
END = Option("repeat", "what comes after it", "choice", choices=("repeat", "hold"))
DURATION_S = Option(600.0, "how long it is, in s", "number", low=1e-3, high=LONGEST_S)
STEP_S = Option(1.0, "how long a value holds, in s", "number", low=1e-3, high=LONGEST_S)

BANDWIDTH = {
    "link": LINK,
    "directions": DIRECTIONS,
    "duration_s": DURATION_S,
    "step_s": STEP_S,
    "end": END,
}
"""Options of the families of bandwidths."""


def times_of(options: Mapping[str, Any]) -> Floats:
    """[n]: when the values of a trace begin, `step_s` apart and below `duration_s`.

    Raises
    ------
    ValueError
        Where they are too many.
    """
    count = max(ceil(options["duration_s"] / options["step_s"] - 1e-9), 1)
    if count > MOST_STEPS:
        raise ValueError(f"duration_s / step_s = {count}, must be <= {MOST_STEPS:g} values")
    times: Floats = np.arange(count) * float(options["step_s"])
    return times


def trace_of(
    name: str,
    quantity: Quantity,
    times: Floats,
    values: Floats,
    options: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> Trace:
    """A trace of a figure of the link, or of the node, that the options name."""
    node = options.get("node")
    tail, head = options["link"].split(",") if node is None else ("", "")
    series = Series(
        link=None if node else (tail, head),
        node=node,
        quantity=quantity,
        directions="both" if node else options["directions"],
        times_s=tuple(times.tolist()),
        values=tuple(values.tolist()),
    )
    return Trace(
        name=name,
        duration_s=options["duration_s"],
        end=options["end"],
        series=(series,),
        meta=meta,
    )
