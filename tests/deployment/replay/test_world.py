"""Queues, failures and probes of replayed requests, by hand.

Unless said: d -> e -> c in a line, 1 MB/s and 4 MB/s without latency; the input has 1 MB, layer a
takes 1 s on any node and gives 1 MB, layer b 1 s.
"""

from __future__ import annotations

import pytest

from splitfog import Layer
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary, Leg
from splitfog.deployment.replay.world import MOST_RESTARTS, Probes, World
from splitfog.formulations.decision import Slice, Stage, TaskDecision, placed
from splitfog.instances.records import changed
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace
from tests.cases.small_networks import link, network
from tests.cases.small_networks import node as small_node

LAYERS = [
    Layer(name="in", op="input", output_bytes=1e6),
    Layer(name="a", op="other", inputs=("in",), output_bytes=1e6, times_s={"d": 1, "e": 1, "c": 1}),
    Layer(name="b", op="other", inputs=("a",), output_bytes=10, times_s={"d": 1, "e": 1, "c": 1}),
]
INSTANCE = network(LAYERS)


def up(*changes: tuple[float, float], node: str | None = None, link=None) -> Series:
    """A node or link (both ways) that is up or down from each moment on."""
    times, values = zip((0.0, 1.0), *changes)
    return Series(node=node, link=link, quantity="up", times_s=times, values=values)


def conditions(*series: Series, instance=INSTANCE, duration_s: float = 100.0, end="hold"):
    """The conditions of one trace."""
    trace = Trace(name="by hand", duration_s=duration_s, end=end, series=series)
    return Conditions(instance, [trace] if series else [])


def by(places: str, instance=INSTANCE) -> Itinerary:
    """The itinerary of a placement, a letter a layer."""
    nodes = [instance.node_index[name] for name in places]
    return Itinerary(instance, 0, placed(nodes).tasks[0])


def latencies(world: World, *requests: tuple[float, Itinerary | None]) -> list[float | None]:
    """What each request takes; None: it never ends."""
    for number, (time_s, itinerary) in enumerate(requests):
        world.enter(number, time_s, itinerary)
    ended = {p.request: p.latency_s for p in world.advance() if not p.probe}
    return [ended[number] for number in range(len(requests))]


class Again:
    """Gives plans to requests that start again, one after another, and remembers when."""

    def __init__(self, *plans: Itinerary | None) -> None:
        self.plans = list(plans)
        self.moments: list[tuple[int, float]] = []

    def __call__(self, request: int, time_s: float):
        self.moments.append((request, time_s))
        return self.plans.pop(0), 0.0


# Queues


def test_runs_are_broken_by_a_tensor_that_leaves():
    """Layers on one node are one run unless a tensor is sent from it between them.

    x, y on d are one run of 2 s. Where x's tensor also goes to e, they are two runs.
    """
    layers = [
        LAYERS[0],
        Layer(name="x", op="other", inputs=("in",), output_bytes=1e6, times_s={"d": 1}),
        Layer(name="y", op="other", inputs=("x",), output_bytes=0, times_s={"d": 1}),
        Layer(name="z", op="other", inputs=("x", "y"), output_bytes=0, times_s={"d": 1, "e": 1}),
    ]
    instance = network(layers)
    whole, broken = by("dddd", instance), by("ddde", instance)
    assert whole.legs == (Leg(0, 3.0),)
    sent = frozenset({1})
    assert broken.legs == (Leg(0, 1.0, 8e6, sent), Leg(0, 1.0, 0.0, sent), Leg(1, 1.0))


def test_free_layers_need_no_node():
    """Layers of zero seconds neither make nor break a run, wherever they are."""
    free = {"d": 0.0, "e": 0.0}
    layers = [
        LAYERS[0],
        Layer(name="x", op="other", inputs=("in",), output_bytes=0, times_s={"d": 1}),
        Layer(name="free", op="other", inputs=("in",), output_bytes=0, times_s=free),
        Layer(name="y", op="other", inputs=("x",), output_bytes=0, times_s={"d": 1}),
    ]
    # the input goes to e; x and y are one run though the layer between them is on e
    assert by("dded", network(layers)).legs == (Leg(0, 0.0, 8e6, frozenset({1})), Leg(0, 2.0))


def test_a_request_gives_way_between_its_runs():
    """A node serves others while a request's tensor travels; then that one queues again.

    At 0 request 0 (x on d, its tensor to e, y on d) and at 0.5 request 1 (x and y on d) arrive. d:
    x of 0 in 0-1, both of 1 in 1-3, y of 0 in 3-4, for its hop (1 s) ends at 2; z on e 4-5.
    """
    layers = [
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="x", op="other", inputs=("in",), output_bytes=1e6, times_s={"d": 1}),
        Layer(name="y", op="other", inputs=("x",), output_bytes=0, times_s={"d": 1}),
        Layer(name="z", op="other", inputs=("x", "y"), output_bytes=0, times_s={"d": 0, "e": 1}),
    ]
    instance = network(layers)
    world = World(conditions(instance=instance), queues="fifo")
    requests = [(0.0, by("ddde", instance)), (0.5, by("dddd", instance))]
    assert latencies(world, *requests) == pytest.approx([5.0, 2.5])


def test_nothing_overtakes_on_a_link():
    """A short hop waits for the long one that came before, and each direction is a link of its own.

    Request 0 sends 1 MB over d-e in 0-1. Request 1 (at 0.5, all on d, results to d) is not in its
    way; request 2 (at 0.6) sends in 1-2.
    """
    world = World(conditions(), queues="fifo")
    requests = [(0.0, by("dee")), (0.5, by("ddd")), (0.6, by("dee"))]
    # e: request 0 in 1-3, request 2 in 3-5; d: request 1 in 0.5-2.5
    assert latencies(world, *requests) == pytest.approx([3.0, 2.0, 4.4])


def test_a_delay_does_not_occupy_its_link():
    """Hops of 0.1 s latency and 1 s of bytes go out every 1.1 s; 5 s of delay come after.

    d-e: 0-1.1 and 1.1-2.2, there 5 s later. e: 6.1-8.1, and 8.1-10.1 (there at 7.2).
    """
    links = [link("d", "e", 8e6, latency_s=0.1, delay_s=5.0), link("e", "c", 32e6)]
    instance = network(LAYERS, links=links)
    world = World(conditions(instance=instance), queues="fifo")
    plan = by("dee", instance)
    assert latencies(world, (0.0, plan), (0.0, plan)) == pytest.approx([8.1, 10.1])


def test_bytes_are_sent_after_latency_and_delay():
    """A hop sends when latency and delay are over: at 2 s, when the bandwidth is 4 MB/s."""
    links = [link("d", "e", 8e6, latency_s=0.5, delay_s=1.5), link("e", "c", 32e6)]
    instance = network(LAYERS, links=links)
    band = Series(link=("d", "e"), quantity="bandwidth_bps", times_s=(0.0, 1.9), values=(8e6, 32e6))
    for queues in ("none", "fifo"):
        world = World(conditions(band, instance=instance), queues=queues)
        assert latencies(world, (0.0, by("dee", instance))) == pytest.approx([4.25])


def test_what_stalls_for_ever_lets_others_pass():
    """A hop that never ends fails at once, and leaves its link to those that need no bandwidth."""
    layers = [
        Layer(name="in", op="input", output_bytes=0),
        Layer(name="in2", op="input", output_bytes=1e6),
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, times_s={"d": 1, "e": 1}),
        Layer(name="b", op="other", inputs=("in2",), output_bytes=0, times_s={"d": 1, "e": 1}),
    ]
    instance = network(layers)
    none = Series(link=("d", "e"), quantity="bandwidth_bps", times_s=(0.0,), values=(0.0,))
    world = World(conditions(none, instance=instance), queues="fifo")
    # request 1 sends 0 bytes to e: a there in 0-1 (after nothing of request 0), b on d in 1-2
    requests = [(0.0, by("ddde", instance)), (0.0, by("dded", instance))]
    assert latencies(world, *requests) == [None, pytest.approx(2.0)]


# Links that are down


def test_a_hop_stalls_while_its_link_is_down():
    """1 MB over d-e: half of it by 0.5, when the link goes down, the other half from 2 on.

    A hop that comes to a link that is down waits until it is up, even with nothing to send.
    """
    down = up((0.5, 0.0), (2.0, 1.0), link=("d", "e"))
    assert latencies(World(conditions(down)), (0.0, by("dee"))) == pytest.approx([4.5])
    empty = network([changed(LAYERS[0], output_bytes=0), *LAYERS[1:]])
    last = up((0.1, 0.0), (2.0, 1.0), link=("e", "c"))
    # over d-e in 0.3 s (latency), then e-c is down until 2
    links = [link("d", "e", 8e6, latency_s=0.3), link("e", "c", 32e6)]
    empty = changed(empty, links=tuple(links))
    world = World(conditions(last, instance=empty))
    assert latencies(world, (0.0, by("dcc", empty))) == pytest.approx([4.0])


def test_a_link_that_is_up_only_while_nothing_passes():
    """A link that has bandwidth only while it is down never carries anything, by whichever trace.

    Its bandwidth is 0 in every first half of a second, and the link down in every second one. Down
    from 1.5 to 3 instead, it carries half a MB in 0.5-1 and half in 3.5-4; a and b on e follow.
    """
    band = Series(link=("d", "e"), quantity="bandwidth_bps", times_s=(0.0, 0.5), values=(0.0, 8e6))
    halves = Trace(name="band", duration_s=1.0, series=(band,))
    for period_s, expected in ((1.0, None), (3.0, pytest.approx(6.0))):
        down = up((period_s / 2, 0.0), link=("d", "e"))
        outages = Trace(name="outages", duration_s=period_s, series=(down,))
        world = World(Conditions(INSTANCE, [halves, outages]))
        assert latencies(world, (0.0, by("dee"))) == [expected]


def test_routes_are_those_of_the_moment():
    """A tensor takes the way that is up when its layer ends, and stays on it.

    d-c is direct (0.5 MB/s: 2 s) where it is up, else by e (1 s + 0.25 s).
    """
    links = [link("d", "e", 8e6), link("e", "c", 32e6), link("d", "c", 16e6)]
    instance = network(LAYERS, links=links)
    down = up((0.1, 0.0), (10.0, 1.0), link=("d", "c"))
    world = World(conditions(down, instance=instance))
    # at 0 by d-c (0.5 s), which goes down at 0.1 with 0.8 MB left: on at 10, for 0.4 s; at 0.2 by e
    requests = [(0.0, by("dcc", instance)), (0.2, by("dcc", instance))]
    assert latencies(world, *requests) == pytest.approx([12.4, 3.25])


# Nodes that are down


def test_a_lost_request_starts_again():
    """e goes down at 1.5, while a runs there: at 2.5 the request begins anew on d, for 2 s."""
    replan = Again(by("ddd"))
    world = World(conditions(up((1.5, 0.0), node="e")), replan=replan)
    world.enter(7, 0.0, by("dee"))
    (passage,) = world.advance()
    assert replan.moments == [(7, 2.5)]
    assert (passage.latency_s, passage.restarted) == (pytest.approx(4.5), 1)


@pytest.mark.parametrize(
    "places, time_s, lost",
    [
        ("dee", 0.5, True),  # it sends to e
        ("dcc", 0.5, True),  # and by e
        ("dcc", 1.2, True),  # and from e
        ("dcc", 1.3, False),  # all is on c
        ("dde", 0.5, False),  # a runs on d; e is up again before its tensor travels
        ("dde", 1.5, True),
        ("dee", 3.0, False),  # it ends at that moment
    ],
)
def test_who_is_lost(places, time_s, lost):
    """A node that goes down for 0.1 s loses what is on it and what sends to it, nothing else."""
    world = World(conditions(up((time_s, 0.0), (time_s + 0.1, 1.0), node="e")))
    world.enter(0, 0.0, by(places))
    (passage,) = world.advance()
    assert passage.lost_s == (pytest.approx(time_s) if lost else None)
    assert (passage.latency_s is None) == lost


def test_a_tensor_that_waits_is_lost_with_its_node():
    """The input lies on e for b, while a runs on d: e goes down and up meanwhile."""
    layers = [
        LAYERS[0],
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, times_s={"d": 5.0}),
        Layer(name="b", op="other", inputs=("in", "a"), output_bytes=0, times_s={"d": 1, "e": 1}),
    ]
    instance = network(layers)
    brief = up((2.0, 0.0), (2.1, 1.0), node="e")
    world = World(conditions(brief, instance=instance))
    world.enter(0, 0.0, by("dde", instance))
    (passage,) = world.advance()
    assert passage.lost_s == pytest.approx(2.0)


def test_an_input_lies_at_its_source_until_it_is_sent():
    """The second input is sent to e when the layer before it in the file has run on e.

    A source that goes down for a moment before that loses the request, one that does later not.
    """
    layers = [
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, times_s={"e": 2}),
        Layer(name="in2", op="input", output_bytes=1e6),
        Layer(name="b", op="other", inputs=("a", "in2"), output_bytes=0, times_s={"d": 1, "e": 1}),
    ]
    instance = network(layers)
    for time_s, places, lost in ((2.0, "dede", True), (3.5, "dede", True), (4.5, "dede", False)):
        down = up((time_s, 0.0), (time_s + 0.1, 1.0), node="d")
        world = World(conditions(down, instance=instance))
        world.enter(0, 0.0, by(places, instance))
        (passage,) = world.advance()
        # a on e in 1-3, in2 d-e in 3-4, b on e in 4-5
        assert passage.lost_s == (pytest.approx(time_s) if lost else None)


@pytest.mark.parametrize(
    "node, places, time_s, lost",
    [
        ("d", "dccc", 1.1, False),  # the input is on its way from e to c, all of it
        ("d", "dcdc", 1.1, True),  # b reads it on d
        ("d", "decx", 1.1, True),  # it is yet to be sent to x
        ("x", "decx", 1.1, False),  # it has not come there yet
        ("e", "decx", 1.5, True),  # a reads it on e
        ("e", "dccx", 1.5, False),  # it has left e
    ],
)
def test_tensors_lie_on_nodes_while_others_get_them(node, places, time_s, lost):
    """A node that goes down while a tensor is under way elsewhere loses it if it is needed there.

    The input goes d-e in 0-1, e-c in 1-1.25, then d-x in 1 s, where it is read there.
    """
    layers = [
        LAYERS[0],
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, flops=1e9),
        Layer(name="b", op="other", inputs=("in",), output_bytes=0, flops=1e9),
        Layer(name="g", op="other", inputs=("in",), output_bytes=0, flops=1e9),
    ]
    names = {"d": "device", "e": "edge", "c": "cloud", "x": "cloud"}
    links = [link("d", "e", 8e6), link("e", "c", 32e6), link("d", "x", 8e6)]
    nodes = [small_node(name, 1e9, tier) for name, tier in names.items()]
    instance = network(layers, nodes=nodes, links=links)
    down = up((time_s, 0.0), (time_s + 0.05, 1.0), node=node)
    world = World(conditions(down, instance=instance))
    world.enter(0, 0.0, by(places, instance))
    (passage,) = world.advance()
    assert passage.lost_s == (pytest.approx(time_s) if lost else None)
    assert (passage.latency_s is None) == lost


def test_what_comes_to_a_node_that_is_down_is_lost():
    """a ends on d at 1, e is down since 0.5: it has no way to e, and starts again at 2."""
    replan = Again(by("ddd"))
    world = World(conditions(up((0.5, 0.0), node="e")), replan=replan)
    assert latencies(world, (0.0, by("dde"))) == pytest.approx([4.0])
    assert replan.moments == [(0, 2.0)]


def test_without_a_plan_that_runs_it_fails():
    """A lost request fails without a plan, and with one that needs a node that is still down."""
    down = conditions(up((1.5, 0.0), node="e"))
    for plan in (None, by("dee"), by("dcc")):  # c only by e
        assert latencies(World(down, replan=Again(plan)), (0.0, by("dee"))) == [None]
    assert latencies(World(down), (0.0, None)) == [None]


def test_a_plan_is_tried_once():
    """A request whose source is still down when it starts again fails, and waits for nothing.

    d is down from 0.5 on: at 1.5 still, though up at 2.
    """
    replan = Again(by("ddd"))
    down = conditions(up((0.5, 0.0), (2.0, 1.0), node="d"))
    assert latencies(World(down, replan=replan), (0.0, by("ddd"))) == [None]
    assert replan.moments == [(0, 1.5)]


def test_a_source_that_is_down():
    """Requests that arrive while their source is down fail, and those that lie there start again.

    d is down in 0.5-1: the request at 0.6 fails. That at 0 (on d) is lost at 0.5 and starts again
    at 1.5, when d is up. By the frozen clock it never hears of that.
    """
    down = conditions(up((0.5, 0.0), (1.0, 1.0), node="d"))
    requests = [(0.0, by("ddd")), (0.6, by("ddd"))]
    world = World(down, replan=Again(by("ddd")))
    assert latencies(world, *requests) == [pytest.approx(3.5), None]
    world = World(down, replan=Again(by("ddd")), clock="frozen")
    assert latencies(world, *requests) == [pytest.approx(2.0), None]


def test_for_ever_lost():
    """A request that is lost in every period of a trace fails in the end."""
    flaps = conditions(up((1.0, 0.0), (1.1, 1.0), node="d"), duration_s=1.5, end="repeat")
    world = World(flaps, replan=lambda request, time_s: (by("ddd"), 0.0), detect_s=0.2)
    world.enter(0, 0.0, by("ddd"))
    (passage,) = world.advance()
    assert (passage.latency_s, passage.restarted) == (None, MOST_RESTARTS)


def test_queues_without_the_lost():
    """Those lost leave their queues, before anything else moves up there.

    e goes down at 1.5: it works on request 0 and sends of request 1 half a MB (in 1-1.5), of
    request 2, which waits for d-e, nothing. Request 3 (on d, from 1 on) stays. All three start
    again at 2.5, in the order in which they entered, on d: request 3 is there in 1-3, then 3-5,
    5-7, 7-9.
    """
    replan = Again(by("ddd"), by("ddd"), by("ddd"))
    world = World(conditions(up((1.5, 0.0), node="e")), queues="fifo", replan=replan)
    requests = [(0.0, by("dee")), (0.1, by("dee")), (0.2, by("dee")), (1.0, by("ddd"))]
    assert latencies(world, *requests) == pytest.approx([5.0, 6.9, 8.8, 2.0])
    assert [request for request, _ in replan.moments] == [0, 1, 2]


def test_a_queue_moves_up_behind_the_lost():
    """What waits behind a lost request is served at that moment.

    The input of request 0 lies on c for b while a runs on e, for which request 1 waits.
    """
    layers = [
        LAYERS[0],
        Layer(name="a", op="other", inputs=("in",), output_bytes=0, times_s={"e": 8.0, "d": 1.0}),
        Layer(name="b", op="other", inputs=("in", "a"), output_bytes=0, times_s={"c": 1.0, "d": 1}),
    ]
    instance = network(layers)
    world = World(
        conditions(up((4.0, 0.0), (4.1, 1.0), node="c"), instance=instance), queues="fifo"
    )
    # the input of 0: on e at 1, on c at 1.25, a on e from 1.25 to 4, when its input on c is lost;
    # that of 1 at 2 over d-e (1 s), b on d: a on e in 4-12, back to d, b on d in 12-13
    world.enter(0, 0.0, by("dec", instance))
    world.enter(1, 2.0, by("ded", instance))
    passages = {passage.request: passage for passage in world.advance()}
    assert passages[0].lost_s == pytest.approx(4.0)
    assert passages[1].latency_s == pytest.approx(11.0)


# Probes, waits, what is told


def test_probes_queue():
    """With queues a probe of 1 MB every 10 s goes before what comes later, and behind what came."""
    probes = Probes(num_bytes=1e6, every_s=10.0, links=(0,))
    world = World(conditions(), queues="fifo", probes=probes)
    # at 0.5: d-e is free at 1, e works in 2-4; at 9.5: sends in 9.5-10.5, the probe in 10.5-11.5;
    # at 11: sends in 11.5-12.5, e works in 12.5-14.5, after 10.5-12.5
    requests = [(0.5, by("dee")), (9.5, by("dee")), (11.0, by("dee"))]
    assert latencies(world, *requests) == pytest.approx([3.5, 3.0, 3.5])


def test_probes_without_queues():
    """Without queues a hop waits for the probe under way, and no probe for a hop."""
    probes = Probes(num_bytes=1e6, every_s=10.0, links=(0,))
    world = World(conditions(), probes=probes)
    # at 0.5 a probe is over at 1; at 9.5 the hop has begun; at 10.75 the probe is over at 11
    requests = [(0.5, by("dee")), (9.5, by("dee")), (10.75, by("dee"))]
    assert latencies(world, *requests) == pytest.approx([3.5, 3.0, 3.25])


def test_probes_tell_what_they_took():
    """Probes are passages of their own; one due while the last is under way is left out."""
    probes = Probes(num_bytes=3e6, every_s=2.0, links=(0, 3))
    world = World(conditions(), probes=probes)
    found = [(p.request, p.arrival_s, p.latency_s) for p in world.advance(7.5)]
    assert all(passage[0] in (0, 3) for passage in found)
    # 3 MB at 1 MB/s: at 0, 4 (2 is left out); at 4 MB/s: at 0, 2, 4, 6
    assert sorted(found) == [(0, 0.0, 3.0), (0, 4.0, 3.0)] + [
        (3, time_s, 0.75) for time_s in (0.0, 2.0, 4.0, 6.0)
    ]


def test_a_probe_fails_with_its_link():
    """No probe is sent over a link that is down, or to a node that is; one under way is lost."""
    probes = Probes(num_bytes=2e6, every_s=3.0, links=(0,))
    for down in (up((4.0, 0.0), (8.0, 1.0), node="e"), up((2.9, 0.0), (8.0, 1.0), link=("d", "e"))):
        world = World(conditions(down), probes=probes)
        ended = [p.arrival_s for p in world.advance(12.0) if p.latency_s is not None]
        assert ended == [0.0, 9.0]


def test_a_wait_counts():
    """A request that waits 3 s before it starts takes 3 s longer, and meets what is there then."""
    slow = Series(node="d", quantity="load", times_s=(0.0, 2.0), values=(1.0, 2.0))
    world = World(conditions(slow))
    world.enter(0, 0.0, by("ddd"), wait_s=3.0)
    (passage,) = world.advance()
    assert passage.latency_s == pytest.approx(7.0)
    assert passage.visits[0].start_s == 3.0


def test_visits():
    """A passage tells what worked and sent for it, when and how long."""
    world = World(conditions())
    world.enter(0, 5.0, by("dec"))
    (passage,) = world.advance()
    # the input over d-e in 1 s, a on e, its tensor over e-c in 0.25 s, b on c
    assert [tuple(visit) for visit in passage.visits] == [
        (None, 0, 5.0, 1.0, 8e6),
        (1, None, 6.0, 1.0, 1.0),
        (None, 2, 7.0, 0.25, 8e6),
        (2, None, 7.25, 1.0, 1.0),
    ]


def test_it_advances_to_a_moment():
    """`advance` tells what is over by then, that moment included, once."""
    world = World(conditions())
    world.enter(0, 0.0, by("ddd"))
    assert world.advance(1.9) == []
    assert [passage.request for passage in world.advance(2.0)] == [0]
    assert world.advance() == []


def test_sliced_plans_are_refused():
    """A plan with sliced stages is refused in a sentence."""
    places = placed([0, 0, 0]).tasks[0].placement
    stage = Stage((1,), 0, (Slice(0, (0, 1), (0, 1)),))
    with pytest.raises(ValueError, match="sliced stages, must have none"):
        Itinerary(INSTANCE, 0, TaskDecision(places, stages=(stage,)))


def test_nodes_of_a_tier_share_nothing():
    """Two nodes serve two requests at once, one serves them one after another."""
    nodes = [
        small_node(*each) for each in (("d", 1e9, "device"), ("e", 1e9, "edge"), ("c", 1e9, "edge"))
    ]
    links = [link("d", "e", 8e6), link("d", "c", 8e6)]
    instance = network(LAYERS, nodes=nodes, links=links)
    for places, last in (("dcc", 3.0), ("dee", 5.0)):
        world = World(conditions(instance=instance), queues="fifo")
        requests = [(0.0, by("dee", instance)), (0.0, by(places, instance))]
        assert latencies(world, *requests) == pytest.approx([3.0, last])
