"""The timeline of a stage: hand-worked cases, and a second simulation that counts ticks."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stage_timeline import run_timeline
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task


def _instance(nodes, links):
    """Links of 8 bit/s (a byte a second), or (from, to, latency_s[, delay_s])."""
    layer = Layer(name="x", op="input", output_bytes=1.0)
    return Instance(
        name="i",
        tiers=("edge",),
        nodes=tuple(Node(name=n, tier="edge", speed_flops=1.0, **kw) for n, kw in nodes.items()),
        links=tuple(
            Link(
                tail=tail,
                head=head,
                bandwidth_bps=8.0,
                latency_s=sum(figures[:1]),
                delay_s=sum(figures[1:]),
            )
            for tail, head, *figures in links
        ),
        models=(Model(name="m", layers=(layer,)),),
        tasks=(Task(name="t", model="m", source=next(iter(nodes))),),
    )


def _run(instance, nodes, service_s, input_bytes, output_bytes, home="h"):
    """The timeline of slices on named nodes."""
    index, routes = instance.node_index, routes_of(instance)
    hosts = [index[name] for name in nodes]
    paths = [
        (routes.path(index[home], node) or (), routes.path(node, index[home]) or ())
        for node in hosts
    ]
    return run_timeline(instance, index[home], hosts, paths, service_s, input_bytes, output_bytes)


def _spans(instance, timeline, direction):
    """(slice, from, to, start, end) of every transfer in a direction, by start."""
    spans = []
    for move in timeline.transfers:
        if move.direction == direction:
            link = instance.directed_links[move.link]
            names = instance.nodes[link.tail].name + instance.nodes[link.head].name
            spans.append((move.slice, names, move.start_s, move.end_s))
    return sorted(spans, key=lambda span: span[2:])


STAR = [("h", "a"), ("h", "b")]


def test_parallel_radios():
    """Both inputs leave at once; a: 2 + 5 + 1 = 8, b: 3 + 3 + 4 = 10."""
    instance = _instance({"h": {}, "a": {}, "b": {}}, STAR)
    timeline = _run(instance, "ab", [5.0, 3.0], [2.0, 3.0], [1.0, 4.0])
    assert timeline.computes == ((2, 7), (3, 6))
    assert _spans(instance, timeline, "in") == [(0, "ha", 0, 2), (1, "hb", 0, 3)]
    assert _spans(instance, timeline, "out") == [(1, "bh", 6, 10), (0, "ah", 7, 8)]
    assert timeline.end_s == 10


def test_serial_radio_of_the_home():
    """One channel out of home: a's input 0-2, b's 2-5; b computes 5-8.

    One channel into home: a is ready at 7 and sends 7-8, b is ready at 8 and sends 8-12.
    With a's output of 4 seconds b would wait: 7-11, then 11-15.
    """
    instance = _instance({"h": {"radio": "serial"}, "a": {}, "b": {}}, STAR)
    timeline = _run(instance, "ab", [5.0, 3.0], [2.0, 3.0], [1.0, 4.0])
    assert timeline.computes == ((2, 7), (5, 8))
    assert timeline.end_s == 12
    assert _run(instance, "ab", [5.0, 3.0], [2.0, 3.0], [4.0, 4.0]).end_s == 15


def test_a_serial_radio_sends_and_receives_at_once():
    """Out of home and into home are two channels: a's output does not wait for c's input.

    Inputs 0-1 (a), 1-2 (b), 2-9 (c). a computes 1-2 and sends 2-5 while c's input is under way.
    """
    instance = _instance({"h": {"radio": "serial"}, "a": {}, "b": {}, "c": {}}, [*STAR, ("h", "c")])
    timeline = _run(instance, "abc", [1.0, 1.0, 1.0], [1.0, 1.0, 7.0], [3.0, 1.0, 1.0])
    assert _spans(instance, timeline, "out")[0] == (0, "ah", 2, 5)
    assert timeline.end_s == 11


def test_transfers_over_a_shared_hop_go_one_after_another():
    """h - r - a and h - r - b: inputs cross h-r at 0-2 and 2-4, then r-a 2-4 and r-b 4-6.

    a computes 4-5, back 5-6 and 6-7; b 6-7, back 7-8 and 8-9. No link is marked `shared`.
    """
    instance = _instance({"h": {}, "r": {}, "a": {}, "b": {}}, [("h", "r"), ("r", "a"), ("r", "b")])
    timeline = _run(instance, "ab", [1.0, 1.0], [2.0, 2.0], [1.0, 1.0])
    assert _spans(instance, timeline, "in") == [
        (0, "hr", 0, 2),
        (0, "ra", 2, 4),
        (1, "hr", 2, 4),
        (1, "rb", 4, 6),
    ]
    assert timeline.end_s == 9


def test_every_hop_pays_its_latency():
    """h - r (latency 0.5) - a (0.25): 2 + .5 + 2 + .25 in, 1, 1 + .25 + 1 + .5 out = 8.5."""
    instance = _instance({"h": {}, "r": {}, "a": {}}, [("h", "r", 0.5), ("r", "a", 0.25)])
    assert _run(instance, "a", [1.0], [2.0], [1.0]).end_s == 8.5


def test_a_link_is_free_while_bytes_are_delayed():
    """Delay 5: in 0-2 and 2-4, there at 7 and 9; computing 7-8 and 9-10; out 8-9 and 10-11, home at
    14 and 16. As latency it would hold the link: in 0-7 and 7-14, back 8-14 and 15-21.
    """
    instance = _instance({"h": {}, "a": {}}, [("h", "a", 0, 5)])
    timeline = _run(instance, "aa", [1.0, 1.0], [2.0, 2.0], [1.0, 1.0])
    assert timeline.computes == ((7, 8), (9, 10))
    assert _spans(instance, timeline, "in") == [(0, "ha", 0, 7), (1, "ha", 2, 9)]
    assert timeline.end_s == 16
    held = _instance({"h": {}, "a": {}}, [("h", "a", 5)])
    assert _run(held, "aa", [1.0, 1.0], [2.0, 2.0], [1.0, 1.0]).end_s == 21


def test_without_overlap_the_next_comes_when_the_node_has_sent():
    """Delay 5, a without overlap: in 0-2 (there at 7), 7-8, sent 8-9; only then the next: in 9-11,
    there at 16, computes 16-17, sent 17-18, home at 23."""
    instance = _instance({"h": {}, "a": {"overlap": False}}, [("h", "a", 0, 5)])
    timeline = _run(instance, "aa", [1.0, 1.0], [2.0, 2.0], [1.0, 1.0])
    assert _spans(instance, timeline, "in") == [(0, "ha", 0, 7), (1, "ha", 9, 16)]
    assert timeline.end_s == 23


def test_several_slices_on_one_node_overlap_transfers_with_computing():
    """Two slices on a: inputs 0-2 and 2-4, computing 2-5 and 5-8, outputs 5-6 and 8-9."""
    instance = _instance({"h": {}, "a": {}}, [("h", "a")])
    timeline = _run(instance, "aa", [3.0, 3.0], [2.0, 2.0], [1.0, 1.0])
    assert timeline.computes == ((2, 5), (5, 8))
    assert timeline.end_s == 9


def test_without_overlap_one_thing_at_a_time():
    """The same on a node with `overlap: false`: in 0-2, 2-5, out 5-6; in 6-8, 8-11, out 11-12."""
    instance = _instance({"h": {}, "a": {"overlap": False}}, [("h", "a")])
    timeline = _run(instance, "aa", [3.0, 3.0], [2.0, 2.0], [1.0, 1.0])
    assert timeline.computes == ((2, 5), (8, 11))
    assert _spans(instance, timeline, "in") == [(0, "ha", 0, 2), (1, "ha", 6, 8)]
    assert timeline.end_s == 12


def test_without_overlap_the_first_hops_may_run_ahead():
    """h - r - a, a without overlap: slice 1's input waits at r, its last hop from 6 (a is free).

    Slice 0: h-r 0-1, r-a 1-2, computes 2-5, a-r 5-6, r-h 6-7. Slice 1: h-r 1-2, r-a 6-7, 7-10,
    a-r 10-11, r-h 11-12.
    """
    instance = _instance({"h": {}, "r": {}, "a": {"overlap": False}}, [("h", "r"), ("r", "a")])
    timeline = _run(instance, "aa", [3.0, 3.0], [1.0, 1.0], [1.0, 1.0])
    assert _spans(instance, timeline, "in") == [
        (0, "hr", 0, 1),
        (0, "ra", 1, 2),
        (1, "hr", 1, 2),
        (1, "ra", 6, 7),
    ]
    assert timeline.end_s == 12


def test_a_home_without_overlap_does_one_thing_at_a_time():
    """Slices on a, b and home. At 0 all are ready: by slice order in(a) 0-2, in(b) 2-3, home 3-7.

    a is done at 3 and waits (home's computing has been ready since 0), sends 7-8. b is done at 8:
    out 8-9. With overlap home would compute 0-4, and all would end at 4.
    """
    links = STAR
    instance = _instance({"h": {"overlap": False}, "a": {}, "b": {}}, links)
    timeline = _run(instance, "abh", [1.0, 5.0, 4.0], [2.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert timeline.computes == ((2, 3), (3, 8), (3, 7))
    assert _spans(instance, timeline, "out") == [(0, "ah", 7, 8), (1, "bh", 8, 9)]
    assert timeline.end_s == 9


def test_a_slice_at_home_needs_no_transfer():
    """Two slices at home: 3 + 4 seconds, no transfers, whatever their bytes."""
    instance = _instance({"h": {}, "a": {}}, [("h", "a")])
    timeline = _run(instance, "hh", [3.0, 4.0], [9.0, 9.0], [9.0, 9.0])
    assert timeline.computes == ((0, 3), (3, 7))
    assert timeline.transfers == ()
    assert timeline.end_s == 7


def test_the_earliest_ready_goes_first():
    """a and b send over r-h: b (slice 1) is ready first and goes first; at a tie, slice 0 does."""
    links = [("h", "r"), ("r", "a"), ("r", "b")]
    instance = _instance({"h": {}, "r": {}, "a": {}, "b": {}}, links)
    # h-r 0-1 and 1-2; r-a 1-2, r-b 2-3; a computes 2-8, b 3-4; b-r 4-5 and r-h 5-6; a 8-9, 9-10.
    early = _run(instance, "ab", [6.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    assert [move.slice for move in early.transfers if move.direction == "out"] == [1, 1, 0, 0]
    # a computes 2-4 and b 3-4: both are at r at 5.
    tie = _run(instance, "ab", [2.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    assert _spans(instance, tie, "out")[2:] == [(0, "rh", 5, 6), (1, "rh", 6, 7)]


def test_a_later_one_may_use_a_channel_that_the_earlier_cannot():
    """A serial home sends 0-2 (slice 0 to b), 2-7 and 7-8 (slices 1 and 2 to a).

    b computes 2-4; its output is ready at 4, when slice 2's input has been waiting since 0 for the
    way out. It needs only the way in, so it goes at once: 4-5.
    """
    instance = _instance({"h": {"radio": "serial"}, "a": {}, "b": {}}, STAR)
    timeline = _run(instance, "baa", [2.0, 1.0, 1.0], [2.0, 5.0, 1.0], [1.0, 1.0, 1.0])
    assert _spans(instance, timeline, "in")[2] == (2, "ha", 7, 8)
    assert _spans(instance, timeline, "out")[0] == (0, "bh", 4, 5)


class _Step(NamedTuple):
    kind: str
    place: int
    busy_s: float
    delay_s: float


def _ticks(instance, home, hosts, paths, service_s, input_bytes, output_bytes):
    """The same rules, told again: whole seconds go by one at a time, every slice looked at."""
    links, nodes = instance.directed_links, instance.nodes

    def hop(kind, link, size):
        return _Step(kind, link, links[link].latency_s + size, links[link].delay_s)

    steps = []
    for part, (there, back) in enumerate(paths):
        own = [hop("in", d, input_bytes[part]) for d in there]
        own.append(_Step("compute", hosts[part], service_s[part], 0.0))
        steps.append(own + [hop("out", d, output_bytes[part]) for d in back])
    at = [0] * len(hosts)
    ready: list[float | None] = [None] * len(hosts)
    running: dict[int, float] = {}
    ends: dict[int, float] = {}
    sent: dict[int, float] = {}

    def holds(step):
        if step.kind == "compute":
            return {("node", step.place)} if not nodes[step.place].overlap else set()
        tail, head = links[step.place].tail, links[step.place].head
        held = {("link", step.place)}
        held |= {("send", tail)} if nodes[tail].radio == "serial" else set()
        held |= {("receive", head)} if nodes[head].radio == "serial" else set()
        return held | {("node", end) for end in (tail, head) if not nodes[end].overlap}

    def turn(part):
        """Whether the slices before it on its node are far enough for its next step."""
        strict = not nodes[hosts[part]].overlap and hosts[part] != home
        gate = len(paths[part][0]) - strict
        if at[part] < gate:
            return True
        before = [other for other in range(part) if hosts[other] == hosts[part]]
        left = {other: at[other] + (sent.get(other, now + 1) <= now) for other in before}
        return all(left[other] > len(paths[other][0]) + strict for other in before)

    now = 0
    while len(ends) < len(hosts):
        for part in [p for p, end in running.items() if end == now]:
            del running[part], sent[part]
            at[part] += 1
            ready[part] = None
            if at[part] == len(steps[part]):
                ends[part] = now
        idle = [p for p in range(len(hosts)) if p not in running and p not in ends]
        for part in idle:
            if ready[part] is None and turn(part):
                ready[part] = now
        for _, part in sorted((ready[p], p) for p in idle if ready[p] is not None):
            busy = set().union(*(holds(steps[p][at[p]]) for p in running if sent[p] > now))
            step = steps[part][at[part]]
            if not busy & holds(step):
                sent[part] = now + step.busy_s
                running[part] = sent[part] + step.delay_s
        now += 1
    return max(ends.values(), default=0), ends


@st.composite
def _cases(draw):
    """Homes, relays and hosts of every kind, whole seconds only."""
    kinds = st.fixed_dictionaries(
        {"overlap": st.booleans(), "radio": st.sampled_from(["parallel", "serial"])}
    )
    names = "hrabc"
    nodes = {name: draw(kinds) for name in names}
    pairs = [("h", "r"), ("r", "a"), ("r", "b"), ("h", "a"), ("h", "b"), ("h", "c"), ("a", "c")]
    chosen = draw(st.lists(st.sampled_from(pairs[3:]), unique=True))
    waits = st.integers(0, 2)
    links = [(*pair, draw(waits), draw(waits)) for pair in pairs[:3] + chosen]
    instance = _instance(nodes, links)
    reached = [n for n in names if n != "c" or {("h", "c"), ("a", "c")} & set(chosen)]
    hosts = draw(st.lists(st.sampled_from(reached), min_size=1, max_size=7))
    figures = [
        [float(draw(st.integers(1, 5))) for _ in hosts] for _ in ("service", "input", "output")
    ]
    return instance, hosts, figures


@settings(max_examples=200, deadline=None)
@given(_cases())
def test_equals_a_simulation_by_ticks(case):
    """Serial and parallel radios, overlap or not, relays: the same end as the second simulation."""
    instance, hosts, figures = case
    timeline = _run(instance, hosts, *figures)
    index, routes = instance.node_index, routes_of(instance)
    home = index["h"]
    places = [index[name] for name in hosts]
    paths = [(routes.path(home, n), routes.path(n, home)) for n in places]
    end, ends = _ticks(instance, home, places, paths, *figures)
    assert timeline.end_s == end
    for part in range(len(hosts)):
        moves = [m.end_s for m in timeline.transfers if m.slice == part]
        assert max([timeline.computes[part][1], *moves]) == ends[part]


@settings(max_examples=100, deadline=None)
@given(_cases())
def test_channels_and_order_are_kept(case):
    """No link carries two slices at once, nobody computes two, and steps follow each other."""
    instance, hosts, figures = case
    timeline = _run(instance, hosts, *figures)
    for link in range(len(instance.directed_links)):
        delay_s = instance.directed_links[link].delay_s
        moves = [m for m in timeline.transfers if m.link == link]
        spans = sorted((m.start_s, m.end_s - delay_s) for m in moves)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for name in set(hosts):
        spans = [timeline.computes[i] for i, host in enumerate(hosts) if host == name]
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for part, (start, end) in enumerate(timeline.computes):
        assert end - start == figures[0][part]
        own = [m for m in timeline.transfers if m.slice == part]
        assert all(m.end_s <= start for m in own if m.direction == "in")
        assert all(m.start_s >= end for m in own if m.direction == "out")


def test_steps_without_duration_take_no_time():
    """Nothing to send and nothing to compute: all ends at 0."""
    instance = _instance({"h": {"radio": "serial"}, "a": {"overlap": False}}, [("h", "a")])
    timeline = _run(instance, "aah", [0.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3)
    assert timeline.end_s == 0
    assert len(timeline.transfers) == 4


@pytest.mark.parametrize("radio", ["parallel", "serial"])
def test_no_slices_end_at_once(radio):
    """A stage without slices has an empty timeline."""
    instance = _instance({"h": {"radio": radio}, "a": {}}, [("h", "a")])
    timeline = _run(instance, "", [], [], [])
    assert (timeline.computes, timeline.transfers, timeline.end_s) == ((), (), 0)
