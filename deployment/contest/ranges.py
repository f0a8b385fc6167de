"""Over which figures, and how far, a replay's own plan table goes."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.instances.instance import Instance
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace

Place = tuple[str, str] | str
Limits = tuple[float, float]

STILL = 1e-6
"""The relative width of a range of what does not vary, but must stand in the table."""


def ranges_of(instance: Instance, traces: Sequence[Trace]) -> dict[Place, Limits]:
    """The ranges of all bandwidths and loads that vary: from the least to the most of a trace.

    The instance's own figure is within, since it is what is believed before the first measurement.
    A bandwidth of 0 is a stall, by which no plan is better than another: the least above 0 counts.
    A figure that is always the instance's own has no range; but a table needs one, so that where
    nothing varies the first node's load does by next to nothing, and the way back of a link of
    which only one way varies is held where it is.
    """
    ranges: dict[Place, Limits] = {}
    for trace in traces:
        for series in trace.series:
            if series.quantity in ("bandwidth_bps", "load"):
                ranges |= _range(instance, series)
    one_way = [
        series.link[::-1]
        for trace in traces
        for series in trace.series
        if series.link is not None and series.link in ranges and series.directions == "forward"
    ]
    for back in one_way:
        own = _own(instance, back)
        if own is not None and back not in ranges:
            ranges[back] = (own, own * (1 + STILL))
    return ranges or {instance.nodes[0].name: (1.0, 1 + STILL)}


def _range(instance: Instance, series: Series) -> dict[Place, Limits]:
    place = series.node if series.link is None else series.link
    assert place is not None
    own = _own(instance, place)
    assert own is not None
    values = [own, *(value for value in series.values if value > 0)]
    low, high = min(values), max(values)
    return {place: (low, high)} if low < high else {}


def _own(instance: Instance, place: Place) -> float | None:
    """The bandwidth of a directed link, None where there is none; a node's load is 1."""
    if isinstance(place, str):
        return 1.0
    tail, head = (instance.node_index[name] for name in place)
    for link in instance.directed_links:
        if (link.tail, link.head) == (tail, head):
            return link.bandwidth_bps
    return None
