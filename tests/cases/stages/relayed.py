"""A home whose helpers are behind one relay, and a stage that they share."""

from __future__ import annotations

from typing import Any

import splitfog as sf
from splitfog.formulations.decision import Slice, Stage


def relayed(radio: Any = "parallel", **link: Any) -> sf.Instance:
    """A home d; r behind it at 8 bit/s, f and g behind r at 16 bit/s; a 1 x 1 convolution of 8 rows
    of 8 bytes that takes a node of 1 FLOP/s 8 s."""
    nodes = [
        sf.Node(name=name, tier="t", speed_flops=1.0, radio="parallel" if name != "d" else radio)
        for name in "drfg"
    ]
    layers = (
        sf.Layer(name="x", op="input", output_shape=(1, 8, 8), output_bytes=64.0),
        sf.Layer(
            name="c",
            op="conv",
            inputs=("x",),
            flops=8.0,
            output_shape=(1, 8, 8),
            output_bytes=64.0,
            window=sf.Window(kernel=(1, 1)),
        ),
    )
    ends = (("d", "r", 8.0), ("r", "f", 16.0), ("r", "g", 16.0))
    return sf.Instance(
        name="relayed",
        tiers=("t",),
        nodes=tuple(nodes),
        links=tuple(sf.Link(tail=t, head=h, bandwidth_bps=b, **link) for t, h, b in ends),
        models=(sf.Model(name="m", layers=layers),),
        tasks=(sf.Task(name="t", model="m", source="d"),),
    )


def stage(*parts: tuple[int, tuple[int, int]]) -> Stage:
    """The convolution at home d, by node and rows."""
    return Stage((1,), 0, tuple(Slice(node, rows, (0, 8)) for node, rows in parts))
