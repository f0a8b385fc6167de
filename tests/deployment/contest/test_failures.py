"""Nodes that go down in a replay: what a lost request tells, and where no plan is left."""

from __future__ import annotations

import pytest

import splitfog as sf
from splitfog.deployment.contest.plans import Plans
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.records import Layer
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace
from tests.cases.small_networks import link, network, node


def layers(**last):
    """An input of 1 MB, then 2 GFLOP: 2 s on d, next to nothing on c."""
    return [
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, flops=2e9, **last),
    ]


def down(name: str, from_s: float, until_s: float) -> Series:
    """A node that is down for a while."""
    return Series(node=name, quantity="up", times_s=(0.0, from_s, until_s), values=(1.0, 0.0, 1.0))


def test_a_lost_request_tells_of_a_relay():
    """Which node is down is known when a request that was lost with it starts again, even a relay.

    d - e - c, 0.2 s in all to c, and 2 microseconds there. e is slow, and goes down at 2.95 s; all
    else is told after 100 s only. The request of 2.9 s is lost at 2.95 s, and starts again at 3.05
    s on d, for 2 s: 2.15 s.
    """
    nodes = [node("d", 1e9, "device"), node("e", 1e8, "edge"), node("c", 1e15, "cloud")]
    instance = network(layers(), nodes=nodes, links=[link("d", "e", 80e6), link("e", "c", 80e6)])
    trace = Trace(name="relay", duration_s=4.35, end="hold", series=(down("e", 2.95, 4.3),))
    found = sf.replay(
        instance, trace, adapt="argmin", requests="every:1.45", delay_s=100, detect_s=0.1
    )
    assert [row.latency_s for row in found.rows] == pytest.approx([0.200002, 0.200002, 2.15])
    assert [row.restarted for row in found.rows] == [0, 0, 1]


def test_all_fail_while_nothing_can_run():
    """While the only node that may run a layer is down, and its link too, requests fail."""
    nodes = [node("d", 1e9, "device"), node("e", 1e12, "edge")]
    links = [link("d", "e", 80e6)]
    instance = network(layers(tiers=("edge",)), nodes=nodes, links=links)
    cut = Series(link=("d", "e"), quantity="up", times_s=(0.0, 0.5, 2.5), values=(1.0, 0.0, 1.0))
    trace = Trace(name="cut", duration_s=4.0, series=(cut, down("e", 0.5, 2.5)))
    found = sf.replay(instance, trace, adapt="argmin")
    assert [row.failed for row in found.rows] == [0, 1, 1, 0]


def test_a_device_cut_off_runs_alone():
    """While all its links are down a way runs on the device, though no plan of its table does so.

    e and c take 0.102 and 0.1002 s; alone d takes 2 s, which is best for no single failure.
    """
    nodes = [node("d", 1e9, "device"), node("e", 1e12, "edge"), node("c", 1e13, "cloud")]
    links = [link("d", "e", 80e6), link("d", "c", 80e6)]
    instance = network(layers(), nodes=nodes, links=links)
    cuts = tuple(
        Series(link=("d", end), quantity="up", times_s=(0.0, 0.5, 2.5), values=(1.0, 0.0, 1.0))
        for end in ("e", "c")
    )
    trace = Trace(name="cut", duration_s=4.0, series=cuts)
    found = sf.replay(instance, trace, adapt=["argmin", "best-fixed"])
    assert [way.failed for way in found.ways] == [0, 2]
    latencies = [row.latency_s for row in found.rows if row.adapt == "argmin"]
    assert latencies == pytest.approx([0.1002, 2.0, 2.0, 0.1002])


def test_what_is_used_is_what_the_routes_of_the_moment_cross():
    """A plan uses the links of the detour while the direct one is down."""
    nodes = [node("d", 1e9, "device"), node("e", 1e6, "edge"), node("c", 1e15, "cloud")]
    links = [link("d", "e", 80e6), link("e", "c", 80e6), link("d", "c", 80e6)]
    instance = network(layers(), nodes=nodes, links=links)
    placement = {"t": {"in": "d", "a": "c"}}
    (known,) = Plans(instance, [sf.plan(instance, placement, objective="latency")]).of_table
    assert known.used(routes_of(instance)) == {"c", ("d", "c")}
    direct = [i for i, way in enumerate(instance.directed_links) if (way.tail, way.head) == (0, 2)]
    assert known.used(Routes(instance, frozenset(direct))) == {"c", ("d", "e"), ("e", "c")}
