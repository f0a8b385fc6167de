"""The bound on `latency` over all plans beside plans worked out by hand, one for each of its parts.

Bytes are seconds: a link carries one a second, where nothing else is said. Every least value is
derived, and the examiner finds it, too, where it is asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog import Instance, Layer, Link, Model, Node, Task, Window
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from tests.cases.enumeration.sliced_latencies import least_latency

LATENCY = Objective("latency", monotone=False)


def rows(name: str, count: int, inputs: str = "", flops: float = 0.0, **rest: Any) -> Layer:
    """A layer that makes so many rows of one column: an input, or elementwise, if nothing else."""
    given = {"op": "activation" if inputs else "input", "output_bytes": 0.0, **rest}
    shape, reads = (1, count, 1), tuple(inputs.split())
    return Layer(name=name, inputs=reads, output_shape=shape, flops=flops, **given)


def conv(name: str, count: int, inputs: str, flops: float, **rest: Any) -> Layer:
    """A window over `kernel` rows, every `step`, with padding (before, after)."""
    kernel, step, (before, after) = (
        rest.pop("kernel", 1),
        rest.pop("step", 1),
        rest.pop("pad", (0, 0)),
    )
    window = Window(kernel=(kernel, 1), stride=(step, 1), padding=(before, 0, after, 0))
    return rows(name, count, inputs, flops, op="conv", window=window, **rest)


def link(tail: str, head: str, bytes_per_s: float = 1.0, **rest: Any) -> Link:
    """A link."""
    return Link(tail=tail, head=head, bandwidth_bps=8 * bytes_per_s, **rest)


def on(nodes: dict[str, float], *links: Link, layers: tuple[Layer, ...], **rest: Any) -> Instance:
    """One task whose data are at the first of some nodes of one tier, given by their speeds."""
    given = {"overhead_s": rest.pop("overhead_s", 0.0), "radio": rest.pop("radio", "parallel")}
    return Instance(
        name="by hand",
        tiers=("tier",),
        nodes=tuple(Node(name=n, tier="tier", speed_flops=s, **given) for n, s in nodes.items()),
        links=links,
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source=next(iter(nodes)), **rest),),
    )


def held(instance: Instance, least_s: float, objective: Objective = LATENCY) -> float:
    """The bound, below a least value that the examiner finds, too."""
    assert least_latency(instance, objective) == pytest.approx(least_s)
    bound = sliced_latency_bound(instance, objective)
    assert bound is not None
    assert bound <= least_s * (1 + 1e-12)
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
        first = conv("p", count, "x", 2.0 * count)
    beside = Layer(name="f", op="linear", inputs=("x",), flops=1.0, output_bytes=0.0)
    layers = (rows("x", count), first, conv("c", 2, "p", 2.0, step=2), beside)
    held(on({"a": 1.0}, layers=layers), 2.0 * count + 2.0 + 1.0 - spared_s)


WIDE = 100.0
"""Bytes that are better not sent."""

NEEDS = {
    # Row 0 of c needs both rows of a, row 1 the last: with 10 of c's 20 FLOP, 14 and 12.
    "strides that differ": (
        7.0,
        6.0,
        2.0,
        (
            rows("x", 2),
            conv("a", 2, "x", 4.0, output_bytes=WIDE),
            conv("b", 2, "a", 0.0),
            conv("c", 2, "a", 20.0, kernel=4, step=2, pad=(1, 3)),
            rows("sum", 2, "b c", op="add"),
        ),
    ),
    # Rows 0 and 1 of b and c need all of a, row 2 its rows 1 and 2: 3 + 8 and 2 + 4 FLOP.
    "two readers that look back": (
        11.0,
        6.0,
        1.0,
        (
            rows("x", 3),
            conv("a", 3, "x", 3.0, output_bytes=WIDE),
            conv("b", 3, "a", 6.0, kernel=4, pad=(1, 2)),
            conv("c", 3, "a", 6.0, kernel=4, pad=(1, 2)),
            rows("sum", 3, "b c", op="add"),
        ),
    ),
    # b reads rows 0 to 6 of the 8 of a. Rows 0 and 1 of c need all of b, row 2 its row 2, and so
    # rows 4 to 6 of a: 7 + 8 and 3 + 4 FLOP.
    "rows behind the last that is read": (
        15.0,
        7.0,
        1.0,
        (
            rows("x", 8),
            conv("a", 8, "x", 8.0, output_bytes=WIDE),
            conv("b", 3, "a", 0.0, kernel=3, step=2, output_bytes=WIDE),
            conv("c", 3, "b", 12.0, kernel=3, pad=(0, 2)),
        ),
    ),
    "the same with a branch": (
        15.0,
        7.0,
        1.0,
        (
            rows("x", 8),
            conv("a", 8, "x", 8.0, output_bytes=WIDE),
            conv("b", 3, "a", 0.0, kernel=3, step=2, output_bytes=WIDE),
            conv("c", 3, "b", 12.0, kernel=3, pad=(0, 2)),
            conv("d", 3, "x", 0.0, kernel=6),
            rows("sum", 3, "c d", op="add"),
        ),
    ),
}
"""Speeds of a home and a helper, seconds, and layers: the last rows are the helper's."""


@pytest.mark.parametrize("case", NEEDS)
def test_a_slice_at_the_end_needs_less(case: str) -> None:
    """With slices of which both nodes compute for as long, nobody is quicker."""
    home, helper, least_s, layers = NEEDS[case]
    bound = held(on({"h": home, "n": helper}, link("h", "n"), layers=layers), least_s)
    assert bound >= 0.7 * least_s


def test_three_slices_follow_one_another() -> None:
    """Three rows of 1 s work each and .5 s overhead a slice, 1 byte each to a quick node and back.

    In three slices the first is there after 1 s, and all are computed 4.5 s later, the last back
    in 1 s: 6.5 s. Two take 1 + 1.5 + 1 + 2.5 at least, one 3 + 3.5 + 3.
    """
    layers = (rows("x", 3, output_bytes=3.0), conv("c", 3, "x", 3.0, output_bytes=3.0))
    nodes = {"slow": 1e-3, "quick": 1.0}
    small = on(nodes, link("slow", "quick"), layers=layers, overhead_s=0.5, results_to="slow")
    assert held(small, 6.5) >= 6.3


def test_the_quicker_way_out_of_a_serial_home_comes_first() -> None:
    """Four rows of 1 byte and 1 s of work each, over one radio to the nearer of two nodes: each is
    computed while the next is sent, 5 s in all. To the further node a row takes 2 s."""
    layers = (rows("x", 4, output_bytes=4.0), conv("c", 4, "x", 4.0))
    nodes = {"slow": 1e-3, "near": 1.0, "far": 1.0}
    links = (link("slow", "near"), link("slow", "far", 0.5))
    small = on(nodes, *links, layers=layers, radio="serial", results_to="slow")
    assert held(small, 5.0) >= 3.9


def test_elementwise_layers_inside_a_stage_pay_their_overhead_once() -> None:
    """Both windows in halves, with the layer between them: 3 x .5 + 4 s, and .5 for the one beside
    them, which keeps them from being segments of their own. Apart they would send 100 bytes."""
    layers = (
        rows("x", 2),
        conv("a", 2, "x", 4.0, output_bytes=WIDE),
        rows("p", 2, "a", output_bytes=WIDE),
        conv("c", 2, "p", 4.0),
        Layer(name="f", op="linear", inputs=("x",), output_bytes=0.0),
    )
    small = on({"a": 1.0, "b": 1.0}, link("a", "b"), layers=layers, overhead_s=0.5)
    assert held(small, 6.0) >= 5.9


def test_a_stage_of_elementwise_layers_pays_its_overhead_and_shares_its_work() -> None:
    """Halves on both nodes: .5 + 2 s. Unsliced 4.5 s."""
    layers = (rows("x", 2), rows("p", 2, "x", 4.0))
    small = on({"a": 1.0, "b": 1.0}, link("a", "b"), layers=layers, overhead_s=0.5)
    assert held(small, 2.5) >= 2.49


def test_no_cut_lies_before_a_source() -> None:
    """c and d, with 100 bytes between them, in halves on both nodes: 4 s. A layer without inputs
    stands between them in the file, and is read later."""
    layers = (
        rows("x", 2),
        conv("c", 2, "x", 8.0, output_bytes=WIDE),
        rows("y", 2, op="other"),
        conv("d", 2, "c", 0.0),
        rows("sum", 2, "d y", op="add"),
    )
    assert held(on({"a": 1.0, "b": 1.0}, link("a", "b"), layers=layers), 4.0) >= 3.9


def test_rows_of_padding_alone_need_nothing_however_far_back() -> None:
    """Rows 2 and 3 of b read padding only: 4 FLOP. The others need both rows of z, and these both
    of y: 4 + 8 FLOP, on a node three times as fast: 4 s."""
    window = Window(kernel=(4, 3), padding=(1, 1, 2, 1))
    layers = (
        rows("x", 2),
        conv("y", 2, "x", 8.0, output_bytes=WIDE),
        rows("z", 2, "y", op="conv", window=window, output_bytes=WIDE),
        conv("b", 4, "z", 8.0, pad=(0, 2)),
    )
    held(on({"h": 3.0, "n": 1.0}, link("h", "n"), layers=layers), 4.0)


def test_a_larger_slice_may_need_less() -> None:
    """Of a window of 5 x 5 over 6 x 10 a slice of 2 x 3 needs 6 x 7 elements, one of 1 x 5 5 x 9.

    Both halves on nodes that compute one element a second: 42 s.
    """
    shapes, window = ((1, 6, 10), (1, 2, 6)), Window(kernel=(5, 5))
    layers = (
        Layer(name="x", op="input", output_shape=shapes[0], output_bytes=0.0),
        Layer(
            name="a",
            op="conv",
            inputs=("x",),
            output_shape=shapes[0],
            output_bytes=1e4,
            window=Window(kernel=(1, 1)),
            flops=60.0,
        ),
        Layer(
            name="c",
            op="conv",
            inputs=("a",),
            output_shape=shapes[1],
            output_bytes=0.0,
            window=window,
        ),
    )
    small = on({"a": 1.0, "b": 1.0}, link("a", "b"), layers=layers)
    halves = (Slice(0, (0, 2), (0, 3)), Slice(1, (0, 2), (3, 6)))
    plan = Decision((TaskDecision(np.zeros(3, np.int64), None, (Stage((1, 2), 0, halves),)),))
    assert float(decision_cost(small, plan, LATENCY)) == pytest.approx(42.0)
    bound = sliced_latency_bound(small, LATENCY)
    assert bound is not None
    assert 41.0 <= bound <= 42.0


def test_slices_are_on_both_links_of_a_way_at_once() -> None:
    """Four rows of 1 byte behind a relay, each 1 s on either link: the last is there after 5 s."""
    layers = (rows("x", 4, output_bytes=4.0), conv("c", 4, "x", 4.0))
    nodes = {"slow": 1e-3, "relay": 1e-3, "quick": 1e6}
    links = (link("slow", "relay"), link("relay", "quick"))
    assert held(on(nodes, *links, layers=layers, results_to="slow"), 5.000001) >= 3.9


def test_the_radio_at_home_carries_the_first_links_only() -> None:
    """The first of five rows is at the far node after 1 + 8.4 s, and computed in 2.5 s more. The
    others are at the near one from 2 s on, and computed in 10 s; all five there would take 12.5 s.
    """
    layers = (rows("x", 5, output_bytes=5.0), conv("c", 5, "x", 12.5))
    nodes = {"slow": 1e-3, "near": 1.0, "far": 1.0}
    links = (link("slow", "near"), link("near", "far", 1 / 8.4))
    small = on(nodes, *links, layers=layers, radio="serial", results_to="slow")
    assert held(small, 12.0) >= 11.5
