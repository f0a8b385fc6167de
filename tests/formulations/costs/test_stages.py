"""What sliced stages cost, as timelines and among queues, and what is forbidden."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.latency import latency
from splitfog.formulations.costs.ledger import Ledger, TaskCost
from splitfog.formulations.costs.mean_latency import mean_latency
from splitfog.formulations.costs.stages import (
    StageVisit,
    book_stage,
    book_visits,
    slice_work,
    sliced_weights,
    stage_defects,
    stage_timeline,
    stage_visits,
)
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window
from tests.cases.stages.random_stages import stages

SAME = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
MAP = (1, 8, 8)


def _layers(**rest):
    """x -> a (conv 3 x 3) -> b (conv 3 x 3) -> end (flatten); 64 bytes each, 64 and 32 FLOP."""
    return (
        Layer(name="x", op="input", output_shape=MAP, output_bytes=64.0),
        Layer(
            name="a", op="conv", inputs=("x",), output_shape=MAP, output_bytes=64.0, flops=64.0,
            weight_bytes=10.0, window=SAME, **rest,
        ),
        Layer(
            name="b", op="conv", inputs=("a",), output_shape=MAP, output_bytes=64.0, flops=32.0,
            weight_bytes=20.0, window=SAME,
        ),
        Layer(name="end", op="flatten", inputs=("b",), output_shape=(64,), output_bytes=64.0),
    )  # fmt: skip


def _instance(nodes=None, links=None, rate=None, **rest):
    """A home h and two helpers p and q at 8 and 4 FLOP/s, links of 64 bit/s (8 bytes a second)."""
    nodes = nodes or {}
    speeds = {"h": 16.0, "p": 8.0, "q": 4.0}
    links = [("h", "p"), ("h", "q")] if links is None else links
    return Instance(
        name="i",
        tiers=("edge",),
        nodes=tuple(
            Node(name=name, tier="edge", speed_flops=speed, **nodes.get(name, {}))
            for name, speed in speeds.items()
        ),
        links=tuple(
            Link(tail=pair[0], head=pair[1], bandwidth_bps=64.0, duplex=len(pair) == 2)
            for pair in links
        ),
        models=(Model(name="m", layers=_layers(**rest)),),
        tasks=(Task(name="t", model="m", source="h", arrivals_per_s=rate),),
    )


HALVES = Stage((1, 2), 0, (Slice(1, (0, 4), (0, 8)), Slice(2, (4, 8), (0, 8))))
AT_HOME = Stage((1, 2), 0, (Slice(0, (0, 8), (0, 8)),))


def _decision(*stages):
    return Decision((TaskDecision(np.zeros(4, np.int64), stages=stages),))


def test_work_of_two_halves():
    """Rows [0, 4): b computes 4 of 8 rows, a 5, and 6 input rows come in.

    On p: 5/8 x 64 / 8 + 4/8 x 32 / 8 = 5 + 2 = 7 s; on q (half as fast) 14 s. In: 48 bytes, out 32.
    """
    instance = _instance()
    geometry = geometry_of(instance.models[0], (1, 2))
    work = slice_work(instance, geometry, [(0, 4, 0, 8), (4, 8, 0, 8)], [1, 2])
    np.testing.assert_allclose(work.service_s, [7, 14], rtol=1e-12)
    assert work.input_bytes.tolist() == [48, 48]
    assert work.output_bytes.tolist() == [32, 32]


def test_work_with_overheads_and_measured_times():
    """A measured time counts by its share, a computed one with its overhead; by node, then tier.

    p has overhead 0.5 and a measured 16 s for a: 5/8 x 16 + (0.5 + 2) = 12.5. q's tier has 32 s
    for a: 20 + 4/8 x 32 / 4 = 24.
    """
    instance = _instance({"p": {"overhead_s": 0.5}}, times_s={"p": 16.0, "edge": 32.0})
    geometry = geometry_of(instance.models[0], (1, 2))
    work = slice_work(instance, geometry, [(0, 4, 0, 8), (4, 8, 0, 8)], [1, 2])
    np.testing.assert_allclose(work.service_s, [12.5, 24], rtol=1e-12)


def test_a_layer_of_which_nothing_is_computed_still_has_its_overhead():
    """The corner of a 1 x 1 conv with padding 1 reads only padding: the layer before computes 0.

    Both layers add the overhead of 0.5 s; the second computes 1 of 9 positions of 9 FLOP.
    """
    first = Layer(
        name="a", op="activation", inputs=("x",), output_shape=(1, 1, 1), output_bytes=1, flops=9
    )
    edge = Layer(
        name="e", op="conv", inputs=("a",), output_shape=(1, 3, 3), output_bytes=9, flops=9,
        window=Window(kernel=(1, 1), padding=(1, 1, 1, 1)),
    )  # fmt: skip
    source = Layer(name="x", op="input", output_shape=(1, 1, 1), output_bytes=1)
    model = Model(name="m", layers=(source, first, edge))
    instance = Instance(
        name="i",
        tiers=("edge",),
        nodes=(Node(name="h", tier="edge", speed_flops=1.0, overhead_s=0.5),),
        links=(),
        models=(model,),
        tasks=(Task(name="t", model="m", source="h"),),
    )
    work = slice_work(instance, geometry_of(model, (1, 2)), [(0, 1, 0, 1), (1, 2, 1, 2)], [0, 0])
    np.testing.assert_allclose(work.service_s, [0.5 + 0.5 + 1, 0.5 + 9 + 0.5 + 1], rtol=1e-12)
    assert work.input_bytes.tolist() == [0, 1]


def test_stage_time_and_bookings():
    """Both at once: in 6 s, 7 or 14 s, out 4 s: 24. Nodes are busy 7 and 14, links 6 and 4 each."""
    instance = _instance(rate=0.01)
    ledger = Ledger.of(instance)
    task = instance.tasks[0]
    assert book_stage(instance, task, HALVES, ledger) == pytest.approx(24)
    assert ledger.node_busy_s == pytest.approx([0, 7, 14])
    assert ledger.link_busy_s == pytest.approx([6, 4, 6, 4])
    assert ledger.link_bytes == pytest.approx([48, 32, 48, 32])
    assert ledger.link_load == pytest.approx([0.06, 0.04, 0.06, 0.04])
    timeline = stage_timeline(instance, task, HALVES)
    assert timeline is not None
    assert np.ravel(timeline.computes) == pytest.approx([6, 13, 6, 20])


def test_a_serial_radio_delays_the_second_input():
    """q's input waits for p's: 6-12, computes 12-26, out 26-30; p is back at 13 + 4 = 17."""
    instance = _instance({"h": {"radio": "serial"}})
    seconds = book_stage(instance, instance.tasks[0], HALVES, Ledger.of(instance))
    assert seconds == pytest.approx(30)


def test_latency_counts_the_stage_once():
    """`latency`: the stage's 24 s, no transfers outside; end has no FLOP."""
    instance = _instance()
    cost = latency(instance, _decision(HALVES), Objective("latency"))
    assert cost == pytest.approx(24)
    assert cost.tasks[0].transfer_s == 0


def test_one_slice_at_home_costs_what_no_slice_costs():
    """96 FLOP at 16 FLOP/s: 6 s, sliced or not, for `latency`."""
    instance = _instance({"h": {"overhead_s": 0.25}})
    sliced = latency(instance, _decision(AT_HOME), Objective("latency"))
    plain = latency(instance, placed([0, 0, 0, 0]), Objective("latency"))
    assert sliced == pytest.approx(6 + 2 * 0.25 + 0.25)
    assert plain == pytest.approx(float(sliced), rel=1e-12)
    assert sliced.ledger.node_busy_s == pytest.approx(plain.ledger.node_busy_s)


@settings(max_examples=30, deadline=None)
@given(stages(), st.floats(0, 10))
def test_one_slice_at_home_never_costs_more(drawn, overhead_s):
    """Random stages: one slice at home takes at most the layers' time (strides leave some out)."""
    model, layers = drawn
    model = Model(
        name="m",
        layers=tuple(
            Layer(**{f: getattr(layer, f) for f in layer.__struct_fields__} | {"flops": 3.0})
            for layer in model.layers
        ),
    )
    node = Node(name="h", tier="edge", speed_flops=2.0, overhead_s=overhead_s)
    task = Task(name="t", model="m", source="h")
    instance = Instance(
        name="i", tiers=("edge",), nodes=(node,), links=(), models=(model,), tasks=(task,)
    )
    geometry = geometry_of(model, layers)
    whole = Slice(0, (0, geometry.height), (0, geometry.width))
    stage = Stage(layers, 0, (whole,))
    seconds = book_stage(instance, task, stage, Ledger.of(instance))
    assert seconds <= len(layers) * (overhead_s + 1.5) * (1 + 1e-12)
    assert seconds >= len(layers) * overhead_s


def test_visits_add_up_by_node():
    """Three slices of rows 0-1, 2-3 (both p) and 4-7 (q): one visit each, in order of first slice.

    p: rows [0, 2) need 3 rows of a, 4 of x; [2, 4) need 4 and 6 (1-4 and 0-5).
    In (4 + 6) x 8 / 8 = 10 s; 7/8 x 8 + 4/8 x 4 = 9 s; out 2 x 2 = 4 s. q: 6, 14, 4.
    """
    stage = Stage(
        (1, 2),
        0,
        (Slice(1, (0, 2), (0, 8)), Slice(2, (4, 8), (0, 8)), Slice(1, (2, 4), (0, 8))),
    )
    instance = _instance()
    first, second = stage_visits(instance, instance.tasks[0], stage)
    assert (first.node, second.node) == (1, 2)
    seconds = [(v.transfer_in_s, v.service_s, v.transfer_out_s) for v in (first, second)]
    np.testing.assert_allclose(seconds, [(10, 9, 4), (6, 14, 4)], rtol=1e-12)


@pytest.mark.parametrize(("radio", "seconds"), [("parallel", 33.0), ("serial", 43.0)])
def test_closed_form_among_queues(radio, seconds):
    """Waits of 16 s at p and 5 s at q; in 6, service 7 and 14, out 4.

    Parallel: max(6 + 16 + 7 + 4, 6 + 5 + 14 + 4) = 33. Serial: 12 + max(23, 19) + 8 = 43.
    """
    instance = _instance({"h": {"radio": radio}}, rate=0.01)
    task = instance.tasks[0]
    ledger, cost = Ledger.of(instance), TaskCost(latency_s=1.0, wait_s=1.0)
    visits = stage_visits(instance, task, HALVES)
    cost += book_visits(instance, task, HALVES, visits, [99.0, 16.0, 5.0], ledger)
    assert cost.latency_s == pytest.approx(1 + seconds)
    assert cost.compute_s == pytest.approx(21)
    assert cost.transfer_s == pytest.approx(20)
    assert cost.wait_s == pytest.approx(1 + 21)
    assert ledger.node_busy_s == pytest.approx([0, 7, 14])
    assert ledger.link_load == pytest.approx([0.06, 0.04, 0.06, 0.04])


def test_a_visit_without_service_does_not_wait():
    """Service 0 at a node with an infinite wait: only its transfers count."""
    instance = _instance()
    visits = (StageVisit(1, 6.0, 0.0, 4.0), StageVisit(2, 1.0, 2.0, 1.0))
    waits = [0.0, inf, 3.0]
    cost = book_visits(instance, instance.tasks[0], HALVES, visits, waits, Ledger.of(instance))
    assert cost.latency_s == 10
    assert cost.wait_s == 3


def test_mean_latency_of_a_sliced_task_alone():
    """Rate 0.01: p serves 7 s (rho 0.07), q 14 s (rho 0.14).

    W_p = 0.01 x 49 / (2 x 0.93), W_q = 0.01 x 196 / (2 x 0.86) = 1.139535; latency 24 + W_q.
    """
    cost = mean_latency(_instance(rate=0.01), _decision(HALVES), Objective("mean-latency"))
    assert cost == pytest.approx(24 + 0.01 * 196 / (2 * 0.86))
    assert cost.utilisation == pytest.approx([0, 0.07, 0.14])


def test_without_a_route_a_stage_is_impossible():
    """q can be reached, but not left: inf for both ways of counting, nothing booked."""
    instance = _instance(links=[("h", "p"), ("h", "q", "one-way")])
    task, ledger = instance.tasks[0], Ledger.of(instance)
    assert book_stage(instance, task, HALVES, ledger) == inf
    assert stage_timeline(instance, task, HALVES) is None
    visits = stage_visits(instance, task, HALVES)
    assert visits[1].transfer_out_s == inf
    cost = book_visits(instance, task, HALVES, visits, [0.0] * 3, ledger)
    assert cost.latency_s == inf
    assert ledger == Ledger.of(instance)


def test_weights_are_held_where_slices_are():
    """Both layers on p and q, nothing at home; a slice at home holds them there too."""
    answer = TaskDecision(np.zeros(4, np.int64), stages=(HALVES,))
    assert sliced_weights(answer) == {(1, 1), (2, 1), (1, 2), (2, 2)}
    assert sliced_weights(TaskDecision(answer.placement, stages=(AT_HOME,))) == {(1, 0), (2, 0)}
    assert sliced_weights(TaskDecision(answer.placement)) == set()


def _defects(instance, *stages, placement=(0, 0, 0, 0)):
    answer = TaskDecision(np.array(placement, np.int64), stages=stages)
    return stage_defects(instance, instance.tasks[0], answer)


def test_a_right_stage_has_no_defects():
    """Halves on p and q, home h."""
    assert _defects(_instance(), HALVES) == []
    assert decision_violations(_instance(), _decision(HALVES), Objective("latency")) == []


def test_a_stage_of_the_wrong_layers_is_named():
    """flatten cannot be sliced; the shape defects come with the stage's position."""
    stage = Stage((2, 3), 0, (Slice(0, (0, 8), (0, 8)),))
    assert _defects(_instance(), stage) == [
        "stage 0: layer end has op flatten, which cannot be sliced"
    ]


def test_slices_that_do_not_cover_are_named():
    """Overlap, a gap, a slice beyond the map, none at all."""
    overlap = Stage((1, 2), 0, (Slice(1, (0, 5), (0, 8)), Slice(2, (4, 8), (0, 8))))
    assert _defects(_instance(), overlap) == ["stage 0: slices 0 and 1 overlap"]
    gap = Stage((1, 2), 0, (Slice(1, (0, 4), (0, 8)),))
    (sentence,) = _defects(_instance(), gap)
    assert "cover 32 of the 64 positions" in sentence
    beyond = Stage((1, 2), 0, (Slice(1, (0, 9), (0, 8)),))
    (sentence,) = _defects(_instance(), beyond)
    assert "slice 0 (rows [0, 9), columns [0, 8)) leaves the stage's output of 8 x 8" in sentence
    (sentence,) = _defects(_instance(), Stage((1, 2), 0, ()))
    assert "cover 0 of the 64 positions" in sentence


def test_slices_run_only_where_all_layers_may():
    """Layer a may run on p alone: q's slice is forbidden, and the home is free without a slice."""
    instance = _instance(tiers=("p",))
    assert _defects(instance, HALVES) == ["stage 0: layer a has a slice on q, must be on p"]
    assert _defects(instance, Stage((1, 2), 0, (Slice(1, (0, 8), (0, 8)),))) == []
    assert _defects(instance, AT_HOME) == ["stage 0: layer a has a slice on h, must be on p"]
    assert _defects(_instance(tiers=("edge",)), HALVES) == []


def test_layers_of_a_stage_are_placed_at_its_home():
    """b placed on p, while the stage's home is h."""
    assert _defects(_instance(), HALVES, placement=(0, 0, 1, 0)) == [
        "stage 0: layer b is on p, must be at the stage's home h"
    ]


def test_a_layer_is_in_one_stage_only():
    """Layer a alone, and a with b."""
    alone = Stage((1,), 0, (Slice(0, (0, 8), (0, 8)),))
    assert _defects(_instance(), alone, HALVES) == ["layer a is in stages 0 and 1"]


def test_missing_routes_are_named_by_direction():
    """q has no link back; p has none at all."""
    instance = _instance(links=[("h", "q", "one-way")])
    assert _defects(instance, HALVES) == [
        "stage 0: there is no route from h to p for the slices there",
        "stage 0: there is no route from p to h for the slices there",
        "stage 0: there is no route from q to h for the slices there",
    ]


def test_costs_of_what_is_no_stage_are_refused():
    """A cost is not defined for layers that form no stage, or slices beyond the map: ValueError."""
    instance = _instance()
    for stage in (
        Stage((2, 3), 0, (Slice(0, (0, 8), (0, 8)),)),
        Stage((1, 2), 0, (Slice(0, (0, 9), (0, 8)),)),
    ):
        with pytest.raises(ValueError, match=r"no stage|rectangles\[0\]"):
            book_stage(instance, instance.tasks[0], stage, Ledger.of(instance))
