"""The bound on `latency` over all plans beside plans worked out by hand, one for each of its parts.

Nodes of 1 FLOP/s and links of 1 byte a second, where nothing else is said: FLOP and bytes are
seconds. Every least value is derived, and the examiner's.
"""

from __future__ import annotations

from typing import Any

import pytest

from splitfog import Instance, Layer, Model, Node, Task, Window
from splitfog.formulations.objective import Objective
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from tests.cases.enumeration.sliced_latencies import least_latency

LATENCY = Objective("latency")


def rows(name: str, count: int, inputs: str = "", flops: float = 0.0, **rest: Any) -> Layer:
    """A layer that makes so many rows of one column, elementwise if nothing else is said."""
    op = rest.pop("op", "activation" if inputs else "input")
    shape, size = (1, count, 1), rest.pop("size", 0.0)
    reads = tuple(inputs.split())
    return Layer(
        name=name, op=op, inputs=reads, output_shape=shape, flops=flops, output_bytes=size, **rest
    )


def conv(name: str, count: int, inputs: str, flops: float, kernel: int, step: int) -> Layer:
    """A window of so many rows that begins at the first, without padding."""
    window = Window(kernel=(kernel, 1), stride=(step, 1))
    return rows(name, count, inputs, flops, op="conv", window=window)


def instance(*layers: Layer, nodes: str = "a") -> Instance:
    """One task at the first node."""
    return Instance(
        name="by hand",
        tiers=("tier",),
        nodes=tuple(Node(name=name, tier="tier", speed_flops=1.0) for name in nodes),
        links=(),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source=nodes[0]),),
    )


def held(instance: Instance, least_s: float, objective: Objective = LATENCY) -> float:
    """The bound, beside a least value that the examiner finds, too."""
    assert least_latency(instance, objective) == pytest.approx(least_s)
    bound = sliced_latency_bound(instance, objective)
    assert bound is not None
    assert bound <= least_s
    return bound


@pytest.mark.parametrize("op", ["conv", "activation"])
@pytest.mark.parametrize(("count", "spared_s"), [(4, 4.0), (3, 2.0)])
def test_slices_at_home_leave_out_what_nobody_reads(op: str, count: int, spared_s: float) -> None:
    """Of 2 FLOP a row every other row is read: one slice for each leaves the others out.

    Unsliced 2 rows x `count`, 2 for the window of one row in two, 1 for the layer beside it, which
    keeps them from being a segment of their own. Of four rows the last is not read either.
    """
    first = rows("p", count, "x", 2.0 * count)
    if op == "conv":
        first = conv("p", count, "x", 2.0 * count, 1, 1)
    beside = Layer(name="f", op="linear", inputs=("x",), flops=1.0, output_bytes=0.0)
    small = instance(rows("x", count), first, conv("c", 2, "p", 2.0, 1, 2), beside)
    held(small, 2.0 * count + 2.0 + 1.0 - spared_s)
