"""Ways of adapting put to the same requests: latencies, regrets and counts that one can reckon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog.formulations.evaluation.evaluate import evaluate
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.vary import at_figures
from splitfog.instances.defects import InstanceError
from splitfog.instances.generators import generate
from splitfog.instances.records import changed
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace
from splitfog.solvers.parametric.plan_table import plan_table
from splitfog.solvers.solve import solve
from splitfog.studies.replays.replay import replay
from splitfog.studies.replays.result import Replay
from tests.cases.replays.two_nodes import (
    DEVICE_S,
    FAST_S,
    SLOW_S,
    SLOWS_DOWN,
    bandwidth,
    edge_up,
    held,
    two_nodes,
)

INSTANCE = two_nodes()


def replayed(*traces: Trace, **how: Any) -> Replay:
    """With everything measured, unless said otherwise."""
    return replay(INSTANCE, traces or SLOWS_DOWN, **{"measure": "all", **how})


def latencies(found: Replay, way: str, seed: int = 0) -> list[float | None]:
    """Of a way's requests, in order; to a nanosecond."""
    return [None if r.latency_s is None else round(r.latency_s, 9) for r in found.of(way, seed)]


def walk() -> Trace:
    """Both links of three tiers and the load of the edge, anew every second."""
    factors = np.exp(np.random.default_rng(7).normal(0, 1, (3, 60)))
    times = tuple(map(float, range(60)))
    first, second, third = (tuple(row.tolist()) for row in factors * [[1e7], [6e6], [2.0]])
    links: dict[str, Any] = {"quantity": "bandwidth_bps", "directions": "forward"}
    return Trace(
        name="walk",
        duration_s=60.0,
        series=(
            Series(link=("device", "edge0"), times_s=times, values=first, **links),
            Series(link=("edge0", "cloud"), times_s=times, values=second, **links),
            Series(node="edge0", quantity="load", times_s=times, values=third),
        ),
    )


def regret(found: Replay, way: str) -> float:
    """Of a way of which requests ended."""
    own = found.way(way).regret
    assert own is not None
    return own


def test_frozen_clock_and_perfect_measurement_leave_no_regret() -> None:
    """`argmin` by the table does as well as a fresh cut at the figures of each request's moment."""
    instance, trace = generate("three-tier", model="alexnet"), walk()
    found = replay(instance, trace, adapt="argmin", clock="frozen", measure="all")
    assert regret(found, "argmin") <= 1e-9
    figures = (
        Figure(link=("device", "edge0"), directions="forward", low=1.0, high=1e12),
        Figure(link=("edge0", "cloud"), directions="forward", low=1.0, high=1e12),
        Figure(node="edge0", low=1e-9, high=1e9),
    )
    assert found.way("argmin").switches > 3
    for row in found.of("argmin")[::5]:
        values = [series.values[row.request] for series in trace.series]
        fresh = solve(at_figures(instance, figures, values), "min-cut")
        assert row.latency_s == pytest.approx(fresh.value, rel=1e-9)
        assert found.clairvoyant[0][row.request] == pytest.approx(fresh.value, rel=1e-9)


def test_a_constant_trace_is_the_cost_of_the_plan() -> None:
    """By the integrated clock, with figures that are not the instance's: 3.1 at those figures."""
    instance = generate("three-tier", model="alexnet")
    figures = (
        Figure(link=("device", "edge0"), directions="forward", low=1.0, high=1e12),
        Figure(node="edge0", low=1e-9, high=1e9),
    )
    constant = Trace(
        name="constant",
        duration_s=5.0,
        series=(
            Series(
                link=("device", "edge0"),
                directions="forward",
                quantity="bandwidth_bps",
                times_s=(0.0,),
                values=(3.3e6,),
            ),
            Series(node="edge0", quantity="load", times_s=(0.0,), values=(7.0,)),
        ),
    )
    there = at_figures(instance, figures, (3.3e6, 7.0))
    found = replay(instance, constant, adapt=("argmin", "nominal", "best-fixed"), measure="all")
    for row in found:
        cost = evaluate(there, {t.task: t.placement for t in found.plans[row.plan].tasks})
        assert row.latency_s == pytest.approx(float(cost), rel=1e-12)


def test_means_regret_and_switches() -> None:
    """Ten requests of 1.2 s by the edge, then ten of 2 s by the device: the clairvoyant's 1.6 s.

    The best fixed plan is the device's: 2 / 1.6 - 1 = 25 %; the nominal one, the edge's, takes
    (10 x 1.2 + 10 x 4.2) / 20 = 2.7 s.
    """
    found = replayed(adapt=("argmin", "nominal", "best-fixed"))
    assert latencies(found, "argmin") == [FAST_S] * 10 + [DEVICE_S] * 10
    assert latencies(found, "nominal") == [FAST_S] * 10 + [SLOW_S] * 10
    own = {way.adapt: way for way in found.ways}
    assert own["argmin"].mean_s == pytest.approx(1.6) and own["argmin"].regret == pytest.approx(0)
    assert own["best-fixed"].regret == pytest.approx(0.25) == found.best_fixed[0]
    assert own["nominal"].regret == pytest.approx(2.7 / 1.6 - 1)
    assert [own[name].switches for name in ("argmin", "nominal", "best-fixed")] == [1, 0, 0]
    assert own["argmin"].p95_s == pytest.approx(2.0)


def test_late_measurements_cost_what_was_not_known() -> None:
    """1 s late the request of 10 s still goes by the edge, in 4.2 s."""
    found = replayed(adapt="argmin", delay_s=1.0)
    assert latencies(found, "argmin") == [FAST_S] * 10 + [SLOW_S] + [DEVICE_S] * 9


def test_a_link_that_is_not_used_is_not_measured() -> None:
    """Slow, fast, slow: who left the edge for the device never learns that the link is fast again.

    With probes of 1 kB every 2 s, of which that at 10 s takes 1 ms, the request of 11 s knows. At
    even seconds a request that goes by the link waits until the probe is over.
    """
    trace = held(bandwidth((0, 8e6), (5, 2e6), (10, 8e6)))
    blind = replayed(trace, adapt="argmin", measure="used")
    assert latencies(blind, "argmin") == [FAST_S] * 5 + [DEVICE_S] * 15
    probing = replayed(trace, adapt="argmin", measure="used", probe=(1e3, 2.0))
    # the probe that begins at 4 s knows nothing of 5 s, but the plan in use does
    fast = [round(FAST_S + 0.001 * (second % 2 == 0), 9) for second in range(20)]
    fast[4] = 1.204  # its last 8 kbit are sent from 5 s on, at 2 Mbit/s: 4 ms
    assert latencies(probing, "argmin") == [*fast[:5], *[DEVICE_S] * 6, *fast[11:]]


def test_the_frozen_clairvoyant_needs_no_table() -> None:
    """A table for 7 to 9 Mbit/s has the plan of the edge only; at 2 Mbit/s another is better."""
    table = plan_table(INSTANCE, {("device", "edge"): (7e6, 9e6)})
    found = replayed(adapt="argmin", table=table, clock="frozen")
    assert latencies(found, "argmin") == [FAST_S] * 10 + [SLOW_S] * 10
    assert list(found.clairvoyant[0].values()) == pytest.approx([FAST_S] * 10 + [DEVICE_S] * 10)
    # so a bandwidth of 0, and an edge that is down, leave it the device
    stalls = held(bandwidth((0, 8e6), (1, 0)), duration_s=2.0)
    fails = held(edge_up((0, 1), (1, 0)), duration_s=2.0)
    for trace in (stalls, fails):
        found = replayed(trace, adapt="nominal", table=table, clock="frozen")
        assert list(found.clairvoyant[0].values()) == pytest.approx([FAST_S, DEVICE_S])


def test_a_switch_takes_its_seconds() -> None:
    """3 s before the request of 10 s starts; the first plan costs nothing."""
    found = replayed(adapt=("argmin", "offline"), switch_cost=3.0)
    assert latencies(found, "argmin") == [FAST_S] * 10 + [3 + DEVICE_S] + [DEVICE_S] * 9
    # one that knows the future also changes once: 10 x 2.2 s of staying, or 10 x .8 s before
    assert latencies(found, "offline") == latencies(found, "argmin")


def test_the_weights_travel_before_the_request_starts() -> None:
    """500 kB from the edge to the device at 2 Mbit/s: 4e6 / 2e6 = 2 s."""
    found = replayed(adapt="argmin", switch_cost="weights:edge")
    assert latencies(found, "argmin") == [FAST_S] * 10 + [2 + DEVICE_S] + [DEVICE_S] * 9
    # from the device, where they are to be, they need not travel at all
    at_home = replayed(adapt="argmin", switch_cost="weights:device")
    assert latencies(at_home, "argmin") == [FAST_S] * 10 + [DEVICE_S] * 10


def test_requests_meet_in_queues() -> None:
    """Two a second over a link that each fills for 1 s: the n-th waits n / 2 s for it."""
    found = replayed(
        held(bandwidth((0, 8e6)), duration_s=3.0),
        adapt="nominal",
        queues="fifo",
        requests="every:0.5",
    )
    assert latencies(found, "nominal") == [round(FAST_S + n / 2, 9) for n in range(6)]
    # the clairvoyant's are alone: 1.2 s each, so the mean of 1.2 ... 3.7 is 2.45 / 1.2 - 1 above
    assert found.way("nominal").regret == pytest.approx(2.45 / 1.2 - 1)
    # the best single plan is the device's: 2 s each on a node that is then busy: 2 + 1.5 n
    assert found.best_fixed[0] == pytest.approx(min(2.45, 2 + 1.5 * 2.5) / 1.2 - 1)


def test_a_failure_restarts_the_request_by_another_plan() -> None:
    """The edge is down from 5.5 to 7.5 s: what is sent to it is lost, found out 1 s later.

    The request of 5 s starts again at 6.5 s, on the device: 1.5 + 2 = 3.5 s. Those of 6 and 7 s go
    by the device at once; that of 8 s by the edge.
    """
    trace = held(edge_up((0, 1), (5.5, 0), (7.5, 1)), duration_s=10.0)
    found = replayed(trace, adapt=("argmin", "nominal", "best-fixed"))
    fast = [FAST_S] * 5
    assert latencies(found, "argmin") == [*fast, 3.5, DEVICE_S, DEVICE_S, FAST_S, FAST_S]
    assert [row.restarted for row in found.of("argmin")] == [0] * 5 + [1] + [0] * 4
    assert found.way("argmin").restarted == 1 and found.way("argmin").failed == 0
    # who keeps to the edge: 5 and 6 s start again while it is down, and cannot run; 7 s does at 8 s
    assert latencies(found, "nominal") == [*fast, None, None, 1 + FAST_S, FAST_S, FAST_S]
    assert found.way("nominal").failed == 2
    # means and regret are over what ended with both: 5 x 1.2 + 2.2 + 2.4 against 5 x 1.2 + 2 + 2.4
    assert found.way("nominal").mean_s == pytest.approx(10.6 / 8)
    assert found.way("nominal").regret == pytest.approx(10.6 / 10.4 - 1)
    # the plan of fewest failures is the best fixed one, though its mean is worse
    assert latencies(found, "best-fixed") == [DEVICE_S] * 10


def test_a_failure_is_detected_later() -> None:
    """`detect_s` 0.25: the request of 5 s starts again at 5.75 s."""
    trace = held(edge_up((0, 1), (5.5, 0)), duration_s=6.0)
    found = replayed(trace, adapt="argmin", detect_s=0.25)
    assert latencies(found, "argmin")[-1] == 0.75 + DEVICE_S


def test_without_any_plan_a_request_fails() -> None:
    """The results go to the edge, which is down: every request is counted, none ends."""
    instance = two_nodes(results_to="edge")
    trace = held(edge_up((0, 0)), duration_s=3.0)
    found = replay(instance, trace, adapt=("argmin", "best-fixed"), measure="all")
    assert [(way.failed, way.mean_s, way.regret) for way in found.ways] == [(3, None, None)] * 2
    assert found.clairvoyant[0] == {} and all(row.latency_s is None for row in found)


def test_seeds_share_arrivals_between_ways() -> None:
    """And the same arguments give the same rows but for the seconds of decisions."""
    how: dict[str, Any] = {"adapt": ("switch", "nominal"), "requests": "poisson:1", "noise": 0.3}
    found = replayed(seed=(1, 2), **how)
    arrivals = {
        (w.adapt, w.seed): [r.arrival_s for r in found.of(w.adapt, w.seed)] for w in found.ways
    }
    assert arrivals["switch", 1] == arrivals["nominal", 1] != arrivals["switch", 2]
    again = replayed(seed=(1, 2), **how)
    assert [changed(row, decision_s=0.0) for row in found] == [
        changed(row, decision_s=0.0) for row in again
    ]


def test_several_traces_make_one_network() -> None:
    """Requests arrive for as long as the longest lasts; a shorter one goes on as it says."""
    load = Series(node="device", quantity="load", times_s=(0.0, 6.0), values=(1.0, 0.5))
    short = held(load, duration_s=7.0, name="load")
    found = replayed(SLOWS_DOWN, short, adapt="argmin")
    assert found.trace == "trace+load" and len(found) == 20
    # from 6 s on the device takes 1 s; what begins at 5 s on the edge takes 1.2 s
    assert latencies(found, "argmin") == [FAST_S] * 6 + [DEVICE_S / 2] * 14


@pytest.mark.parametrize(
    "way", ["argmin", "hysteresis:0.1", "switch", "work-function", "backlog", "learned", "offline"]
)
def test_every_way_replays(way: str) -> None:
    """All requests, no better than the clairvoyant; decisions take time, but for hindsight's."""
    trace = held(bandwidth(*((t, 8e6 if t % 4 < 2 else 2e6) for t in range(20))))
    found = replayed(trace, adapt=way)
    assert [row.request for row in found] == list(range(20))
    assert regret(found, way) >= -1e-12 and found.way(way).failed == 0
    assert regret(found, way) <= 2.7 / 1.6 - 1


@pytest.mark.parametrize("way", ["argmin", "resolve", "hpa", "hpa-local"])
def test_one_direction_of_a_link_is_down(way: str) -> None:
    """The way to the edge, from 1 to 3 s; the way back has the same bandwidth, and stays."""
    down = Series(
        link=("device", "edge"),
        quantity="up",
        directions="forward",
        times_s=(0.0, 1.0, 3.0),
        values=(1.0, 0.0, 1.0),
    )
    trace = held(bandwidth((0, 8e6), (4, 2e6)), down, duration_s=5.0)
    found = replayed(trace, adapt=way, clock="frozen")
    assert latencies(found, way) == [FAST_S, DEVICE_S, DEVICE_S, FAST_S, DEVICE_S]


def test_a_table_of_ones_own() -> None:
    """Is used as it is; of another instance it is refused."""
    table = plan_table(INSTANCE, {("device", "edge"): (7e6, 9e6)})
    assert len(table.plans) == 1
    found = replayed(adapt="argmin", table=table)
    assert latencies(found, "argmin") == [FAST_S] * 10 + [SLOW_S] * 10
    with pytest.raises(ValueError, match="the table is for another instance, two-nodes"):
        replay(generate("three-tier"), held(), table=table)


def test_plans_that_do_not_fit_together_need_a_switch_cost() -> None:
    """The edge and the device hold 500 kB each in the two plans; the device may hold 400 kB."""
    nodes = tuple(
        changed(node, memory_bytes=4e5) if node.name == "device" else node
        for node in INSTANCE.nodes
    )
    small = changed(INSTANCE, nodes=nodes)
    both = plan_table(INSTANCE, {("device", "edge"): (1e6, 9e6)})
    assert len(both.plans) == 2
    found = replay(small, SLOWS_DOWN, adapt="argmin", measure="all")
    assert latencies(found, "argmin") == [FAST_S] * 10 + [SLOW_S] * 10  # only the edge's fits


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"adapt": "best"}, "adapt = 'best', must be one of"),
    ({"adapt": ()}, "adapt = \\(\\), must be at least one"),
    ({"clock": "wall"}, "clock = 'wall', must be one of integrated, frozen"),
    ({"requests": "every:0"}, "requests = 'every:0', must be every:S"),
    ({"queues": "lifo"}, "queues = 'lifo', must be one of none, fifo"),
    ({"estimate": "ewma:2"}, "estimate = 'ewma:2', must be"),
    ({"delay_s": -1}, "delay_s = -1, must be a number >= 0"),
    ({"noise": "much"}, "noise = 'much', must be a number >= 0"),
    ({"measure": "some"}, "measure = 'some', must be one of used, all"),
    ({"probe": (1e3,)}, "probe = .*, must be two numbers > 0"),
    ({"probe": (0, 1)}, "probe bytes = 0, must be a number > 0"),
    ({"switch_cost": -1}, "switch_cost = -1, must be a number >= 0"),
    ({"switch_cost": "wights:edge"}, "switch_cost = .*, must be seconds >= 0 or weights:NODE"),
    ({"switch_cost": "weights:fog"}, "unknown node 'fog'; known: device, edge"),
    ({"detect_s": -1}, "detect_s = -1, must be a number >= 0"),
    ({"seed": -1}, "seed = -1, must be a whole number >= 0"),
    ({"seed": ()}, "seed = \\(\\), must be at least one"),
    ({"table": 3}, "table = 3, must be a PlanTable"),
    ({"requests": "every:1e-9"}, "requests = .*, must be at most 10000000 requests in the 20 s"),
    ({"requests": "poisson:1e12"}, "requests = .*, not 2e\\+13"),
    ({"probe": (1, 1e-9)}, "probe = .*, must be at most 10000000 probes in the 20 s"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    """In a sentence that names it."""
    with pytest.raises((ValueError, LookupError), match=sentence):
        replay(INSTANCE, SLOWS_DOWN, **wrong)


def test_traces_that_do_not_fit_are_refused() -> None:
    """Other names, and a figure that two traces give."""
    other = Trace(
        name="other",
        duration_s=1.0,
        series=(Series(node="fog", quantity="load", times_s=(0.0,), values=(1.0,)),),
    )
    with pytest.raises(InstanceError, match=r'series\[0\].node = "fog", must be a node'):
        replay(INSTANCE, other)
    with pytest.raises(InstanceError, match="must be given once"):
        replay(INSTANCE, [SLOWS_DOWN, SLOWS_DOWN])


def test_more_figures_than_a_table_has_ask_for_a_table() -> None:
    """The load of nine nodes: a table of some of them is another way out."""
    names = [f"edge{i}" for i in range(9)]
    nodes = [changed(INSTANCE.nodes[1], name=name) for name in names]
    links = [changed(INSTANCE.links[0], head=name) for name in names]
    many = changed(INSTANCE, nodes=(INSTANCE.nodes[0], *nodes), links=tuple(links))
    load: dict[str, Any] = {"quantity": "load", "times_s": (0.0, 1.0), "values": (1.0, 2.0)}
    trace = held(*(Series(node=name, **load) for name in names), duration_s=3.0)
    with pytest.raises(
        ValueError, match=r"change 9 bandwidths and loads.* at most 8: table = None"
    ):
        replay(many, trace)
    table = plan_table(many, {"edge0": (1, 2)}, routes="keep")
    assert replay(many, trace, table=table, adapt="argmin").ways[0].failed == 0


def test_one_task_only() -> None:
    """Several are refused: a request is of one."""
    two = changed(INSTANCE, tasks=(*INSTANCE.tasks, changed(INSTANCE.tasks[0], name="other")))
    with pytest.raises(ValueError, match="two-nodes has 2 tasks, must have one to be replayed"):
        replay(two, SLOWS_DOWN)
