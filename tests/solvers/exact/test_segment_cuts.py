"""Segments inside which stages may lie: like ones are looked at once, and only like ones."""

from __future__ import annotations

from typing import Any

import pytest

from splitfog import Instance, Layer, Link, Model, Node, Task, Window
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound

Changes = dict[str, dict[str, Any]]

MAP, ROW = (1, 2, 1), (1, 1, 1)


def segment(entry: str, number: int, changes: Changes) -> list[Layer]:
    """Two windows with much between them, behind something else; beside them another layer, and
    all joined on the home."""
    window = Window(kernel=(1, 1))
    layers = {
        "u": Layer(name="u", op="other", inputs=("t",), output_shape=MAP, output_bytes=0.0),
        "a": Layer(
            name="a", op="conv", inputs=("u",), output_shape=MAP, window=window, output_bytes=99.0
        ),
        "c": Layer(
            name="c", op="conv", inputs=("a",), output_shape=MAP, window=window, output_bytes=0.0
        ),
        "f": Layer(name="f", op="other", inputs=("t",), output_bytes=0.0),
        "j": Layer(name="j", op="other", inputs=("c", "f"), output_bytes=0.0, tiers=("near",)),
    }
    layers["a"] = changed(layers["a"], flops=8.0)
    layers = {name: changed(layer, **changes.get(name, {})) for name, layer in layers.items()}
    names = {name: f"{name}{number}" for name in layers} | {"t": entry}
    return [
        changed(layer, name=names[name], inputs=tuple(names[read] for read in layer.inputs))
        for name, layer in layers.items()
    ]


def bound(*changes: Changes, source: str = "near", others: tuple[str, ...] = ()) -> float:
    """Of segments one after another, on two equal nodes with a link of one byte a second; and on
    others in the cloud that a tenth of that leads to."""
    entries = [own.get("t", {}) for own in changes]
    layers = [Layer(name="t", op="input", output_bytes=0.0)]
    for number, own in enumerate(changes):
        layers[-1] = changed(layers[-1], **entries[number])
        layers += segment(layers[-1].name, number, own)
    layers.append(Layer(name="end", op="other", inputs=(layers[-1].name,), output_bytes=0.0))
    instance = Instance(
        name="segments",
        tiers=("device", "cloud"),
        nodes=tuple(
            Node(name=name, tier=tier, speed_flops=1.0, memory_bytes_per_s=1.0)
            for name, tier in (("near", "device"), *((name, "cloud") for name in ("far", *others)))
        ),
        links=(
            Link(tail="near", head="far", bandwidth_bps=8.0),
            *(Link(tail="near", head=name, bandwidth_bps=0.8) for name in others),
        ),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="t", model="m", source=source),),
    )
    found = sliced_latency_bound(instance, Objective("latency", monotone=False))
    assert found is not None
    return found


FAR: dict[str, Any] = {"tiers": ("far",)}
WIDE = Window(kernel=(3, 1), padding=(1, 0, 1, 0))

ONE_THING: dict[str, tuple[Changes, Changes, float]] = {
    "flops": ({}, {"f": {"flops": 3.0}}, 3.0),
    "times_s": ({}, {"f": {"times_s": {"near": 3.0, "far": 3.0}}}, 3.0),
    "traffic_bytes": ({}, {"f": {"traffic_bytes": 3.0}}, 3.0),
    "tiers": ({"f": {"output_bytes": 3.0}}, {"f": {"output_bytes": 3.0, **FAR}}, 3.0),
    "output_bytes": ({"f": FAR}, {"f": {"output_bytes": 3.0, **FAR}}, 3.0),
    "op": ({"u": {"flops": 3.0, "op": "norm"}}, {"u": {"flops": 3.0}}, 3.0),
    "entry": ({"f": FAR}, {"f": FAR, "t": {"output_bytes": 3.0}}, 3.0),
    # Both windows in halves, 4 s; in one row, or where every row reads both, 8 s.
    "output_shape": ({}, {name: {"output_shape": ROW} for name in "uac"}, 4.0),
    "window": ({}, {"c": {"window": WIDE}}, 4.0),
    # a's tensor may not be read outside a stage that holds c: each alone, on one node, 8 s.
    "result": ({}, {"a": {"result": True}}, 4.0),
    # The far layer reads what the near one makes, too: 3 bytes.
    "inputs": (
        {"u": {"output_bytes": 3.0, "tiers": ("near",)}, "f": FAR},
        {"u": {"output_bytes": 3.0, "tiers": ("near",)}, "f": {"inputs": ("t", "u"), **FAR}},
        3.0,
    ),
}
"""Changes of a segment's layers, others that differ in one thing, and by how many seconds."""


@pytest.mark.parametrize("thing", ONE_THING)
def test_segments_that_differ_in_one_thing_are_not_alike(thing: str) -> None:
    """One of either kind takes what half of two of each do, whichever comes first."""
    quick, slow, more_s = ONE_THING[thing]
    twice_quick, twice_slow = bound(quick, quick), bound(slow, slow)
    assert twice_slow - twice_quick == pytest.approx(2 * more_s, rel=2e-2)
    for both in (bound(slow, quick), bound(quick, slow)):
        assert both == pytest.approx((twice_quick + twice_slow) / 2, rel=1e-6)


def test_a_segment_may_end_below_where_it_begins() -> None:
    """From the cloud the data go back to the device, where the last layer must run."""
    assert bound({}, source="far") == pytest.approx(bound({}), rel=1e-6)


def test_the_quickest_link_between_two_tiers_counts() -> None:
    """3 bytes go to the far node and back, whatever links there are to others of its tier."""
    moved = {"f": {"output_bytes": 3.0, **FAR}, "t": {"output_bytes": 3.0}}
    for others in ((), ("slow",)):
        assert bound(moved, others=others) == pytest.approx(4.0 + 6.0, rel=1e-2)
