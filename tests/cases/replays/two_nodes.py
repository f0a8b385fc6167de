"""A device and an edge, one layer, and a link that slows down: latencies that one can reckon.

On the device a request takes 2 s; on the edge its 1 MB travel first, which is 8e6 bit / bandwidth
+ 0.2 s: 1.2 s at 8 Mbit/s, 4.2 s at 2 Mbit/s.
"""

from __future__ import annotations

from typing import Any

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace

DEVICE_S, FAST_S, SLOW_S = 2.0, 1.2, 4.2
WEIGHT_BYTES = 5e5

EDGE = {"task": {"input": "device", "layer": "edge"}}
DEVICE = {"task": {"input": "device", "layer": "device"}}


def two_nodes(**task: Any) -> Instance:
    """The instance; `task` are further fields of its task."""
    layers = (
        Layer(name="input", op="input", output_bytes=1e6),
        Layer(
            name="layer",
            op="other",
            inputs=("input",),
            flops=2e9,
            weight_bytes=WEIGHT_BYTES,
            output_bytes=1e3,
        ),
    )
    return Instance(
        name="two-nodes",
        tiers=("device", "edge"),
        nodes=(
            Node(name="device", tier="device", speed_flops=1e9),
            Node(name="edge", tier="edge", speed_flops=1e10),
        ),
        links=(Link(tail="device", head="edge", bandwidth_bps=8e6),),
        models=(Model(name="model", layers=layers),),
        tasks=(Task(name="task", model="model", source="device", **task),),
    )


def bandwidth(*steps: tuple[float, float]) -> Series:
    """Of both directions of the link: values from moments on."""
    times, values = zip(*steps, strict=True)
    return Series(link=("device", "edge"), quantity="bandwidth_bps", times_s=times, values=values)


def edge_up(*steps: tuple[float, float]) -> Series:
    """Whether the edge works."""
    times, values = zip(*steps, strict=True)
    return Series(node="edge", quantity="up", times_s=times, values=values)


def held(*series: Series, duration_s: float = 20.0, name: str = "trace") -> Trace:
    """A trace whose last values stay."""
    return Trace(name=name, duration_s=duration_s, end="hold", series=series)


SLOWS_DOWN = held(bandwidth((0, 8e6), (10, 2e6)))
"""8 Mbit/s, from 10 s on 2 Mbit/s."""
