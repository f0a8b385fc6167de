"""Over which figures, and how far, a replay's own plan table goes."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.deployment.adaptation.beliefs import Place, own_figures
from splitfog.instances.instance import Instance
from splitfog.instances.traces.trace import Trace

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
    own = own_figures(instance)
    duplex = {frozenset((link.tail, link.head)) for link in instance.links if link.duplex}
    ranges: dict[Place, Limits] = {}
    ways: dict[Place, float] = {}
    for trace in traces:
        for series in trace.series:
            if series.quantity not in ("bandwidth_bps", "load"):
                continue
            place: Place = series.link or str(series.node)
            given = (own[series.quantity, place], *(value for value in series.values if value > 0))
            if min(given) < max(given):
                ranges[place] = min(given), max(given)
                if series.link is not None and series.directions == "forward":
                    back = series.link[::-1]
                    if frozenset(back) in duplex:
                        ways[back] = own["bandwidth_bps", back]
    for back_way, still in ways.items():
        ranges.setdefault(back_way, (still, still * (1 + STILL)))
    return ranges or {instance.nodes[0].name: (1.0, 1 + STILL)}
