"""The bound on mean latency is below every feasible plan, and tight where nothing is sliced."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.formulations.bounds import mean_latency
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.bounds.path_work import heaviest_path
from splitfog.formulations.bounds.stage import kept_share, leveled, segments, serial_bound
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Op, Task, Window, changed
from tests.cases.random_offloading import random_offloading, without_rates
from tests.cases.stages.random_stages import coverings, stages

LOOSE = Objective("mean-latency", monotone=False)


@pytest.mark.parametrize("most_nodes", [32, 1])
def test_no_feasible_plan_is_below(monkeypatch, most_nodes):
    """Random plans, sliced and not, cost at least the bound; with either relaxation."""
    monkeypatch.setattr(mean_latency, "MOST_NODES", most_nodes)
    seen = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        instance, decision = random_offloading(rng, utilisation=0.1, slices=5, num_tasks=2)
        if seed % 3 == 0:
            instance = without_rates(instance)
        bound = mean_latency_bound(instance)
        if not decision_violations(instance, decision, LOOSE):
            seen += 1
            assert bound is not None
            assert 0 < bound <= decision_cost(instance, decision, LOOSE)
    assert seen > 20


@given(stages(windows_only=True), st.data())
def test_a_slice_computes_these_shares(drawn, data):
    """Any rectangle of the output needs of every layer before it at least the kept shares."""
    model, layers = drawn
    geometry = geometry_of(model, layers)
    tiles = data.draw(coverings(geometry.height, geometry.width))
    shares = regions(geometry, tiles).shares
    chain = [*geometry.layers[::-1], geometry.source]
    slots = [*range(len(geometry.layers))[::-1], len(geometry.layers)]
    kept = 1.0
    for at, slot in enumerate(slots):
        if at:
            kept *= kept_share(model.layers[chain[at]], model.layers[chain[at - 1]])
        assert (shares[slot] >= kept * shares[slots[0]] - 1e-12).all()


def shaped(size):
    """A tensor of one channel."""
    return Layer(name="x", op="input", output_shape=(1, size, size), output_bytes=1.0)


def windowed(size, kernel, stride, padding=0):
    """A convolution with a square window and a map of `size`."""
    return Layer(
        name="c",
        op="conv",
        inputs=("x",),
        output_shape=(1, size, size),
        output_bytes=1.0,
        window=Window(kernel=(kernel,) * 2, stride=(stride,) * 2, padding=(padding,) * 4),
    )


def test_kept_shares_by_hand():
    """What one output row reads of eight: all windows alike, at the border, with gaps."""
    assert kept_share(shaped(8), windowed(8, 1, 1)) == 1.0
    # 3 x 3, padded: a row at the border reads 2 of 8, which is 2 per share of one in eight; all
    # rows read all
    assert kept_share(shaped(8), windowed(8, 3, 1, 1)) == 1.0
    # 1 x 1 of stride 2: one row of four reads one of eight, half its share, in both axes
    assert kept_share(shaped(8), windowed(4, 1, 2)) == 0.25
    # 5 x 5 of stride 4, padding 2, on 8 rows: the first of two reads 3 of 8, 3/4 of its share
    assert kept_share(shaped(8), windowed(2, 5, 4, 2)) == pytest.approx((3 / 4) ** 2)


@given(stages())
def test_every_stage_that_covers_a_path_is_a_segment(drawn):
    """The layers of a legal stage on the heaviest path, entered by the tensor before: a segment."""
    model, layers = drawn
    path = heaviest_path(model)
    inside = [at for at, layer in enumerate(path) if layer in layers]
    if not inside or geometry_of(model, layers).source != path[inside[0] - 1]:
        return  # beside the path
    runs = segments(model, path)
    assert (inside[0], inside[-1]) in set(zip(runs.first.tolist(), runs.last.tolist(), strict=True))


def test_segments_of_a_skip_connection():
    """x - a - b - c, c = b + a: no stage has c without b, or b and a without c."""

    def layer(name: str, op: Op, *inputs: str) -> Layer:
        return Layer(name=name, op=op, inputs=inputs, output_shape=(1, 4, 4), output_bytes=1.0)

    layers = (layer("x", "input"), layer("a", "norm", "x"), layer("b", "norm", "a"))
    model = Model(name="skip", layers=(*layers, layer("c", "add", "b", "a")))
    runs = segments(model, [0, 1, 2, 3])
    found = set(zip(runs.first.tolist(), runs.last.tolist(), strict=True))
    # not (3, 3): c also reads a, before its entry b; not (1, 2): a's tensor goes out beside b's
    assert found == {(1, 1), (2, 2), (2, 3), (1, 3)}


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_serial_bound_by_enumeration(late):
    """The least over the share at home of its transfers plus the slower side, the others' late."""
    rng = np.random.default_rng(0)
    share = np.linspace(0, 1, 2001)
    for own, others, moved, later in rng.uniform(0.1, 3, (20, 4)) * (1, 1, 1, late):
        away = np.where(share < 1, later + (1 - share) * others, 0.0)
        right = ((1 - share) * moved + np.maximum(share * own, away)).min()
        figures = (np.array([value]) for value in (own, others, moved, later))
        found = float(serial_bound(*figures)[0])
        assert found == pytest.approx(right, rel=2e-3)
        assert found <= right * (1 + 1e-12)


def test_leveled_by_bisection():
    """The time at which nodes that begin late have done all of it between them."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = np.where(rng.random(4) < 0.3, 0.0, rng.uniform(0, 2, 4))
        seconds = rng.uniform(0.1, 3, (1, 4))
        seconds[0, rng.random(4) < 0.2] = np.inf
        start[rng.random(4) < 0.1] = np.inf
        if not np.isfinite(start + seconds[0]).any():
            assert leveled(start, seconds)[0] == np.inf
            continue
        low, high = 0.0, 10.0
        for _ in range(60):
            time = (low + high) / 2
            done = np.maximum(0.0, time - start) / seconds[0]
            low, high = (low, time) if done.sum() >= 1 else (time, high)
        assert leveled(start, seconds)[0] == pytest.approx(high, rel=1e-9)
    at_once = np.array([[3.0, 0.0, 0.0, 5.0]])
    assert leveled(np.array([0.0, 0.5, 0.7, 0.8]), at_once)[0] == 0.5


def test_perfect_halves_reach_the_bound():
    """Two equal nodes with a fast link: half the time each, and the bound says so."""
    base = chain(None)
    halved = Instance(
        name="halves",
        tiers=("device",),
        nodes=tuple(Node(name=n, tier="device", speed_flops=1e9) for n in ("a", "b")),
        links=(Link(tail="a", head="b", bandwidth_bps=8e15),),
        models=(Model(name="m", layers=(shaped(8), changed(windowed(8, 1, 1), flops=4e9))),),
        tasks=(changed(base.tasks[0], source="a"),),
    )
    parts = (Slice(0, (0, 4), (0, 8)), Slice(1, (4, 8), (0, 8)))
    answer = TaskDecision(frozen(np.array([0, 0])), stages=(Stage((1,), 0, parts),))
    assert decision_cost(halved, Decision((answer,)), LOOSE) == pytest.approx(2.0)
    assert mean_latency_bound(halved) == pytest.approx(2.0)


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("speed", [1e8, 1e9, 4e9])
def test_no_split_over_two_nodes_is_below_and_the_best_is_near(radio, speed):
    """Every number of rows on the helper, over a slow link with latencies: the best is near."""
    size = 64
    layer = changed(windowed(size, 1, 1), flops=4e9, output_bytes=5e4)
    instance = Instance(
        name="split",
        tiers=("device",),
        nodes=(
            Node(name="a", tier="device", speed_flops=1e9, radio=radio),
            Node(name="b", tier="device", speed_flops=speed),
        ),
        links=(Link(tail="a", head="b", bandwidth_bps=8e5, latency_s=0.02),),
        models=(Model(name="m", layers=(changed(shaped(size), output_bytes=1e5), layer)),),
        tasks=(changed(chain(None).tasks[0], source="a", results_to="a", arrivals_per_s=None),),
    )
    values = []
    for rows in range(size + 1):
        parts = [(0, 0, size - rows), (1, size - rows, size)]
        slices = tuple(Slice(n, (r0, r1), (0, size)) for n, r0, r1 in parts if r0 < r1)
        answer = TaskDecision(frozen(np.array([0, 0])), stages=(Stage((1,), 0, slices),))
        values.append(float(decision_cost(instance, Decision((answer,)), LOOSE)))
    bound = mean_latency_bound(instance)
    assert bound is not None
    assert 0.95 * min(values) <= bound <= min(values)


def chain(results_to):
    """Three layers that nobody can slice, on a device, a fog node and a cloud."""
    layers = [Layer(name="x", op="input", output_bytes=4e5)]
    for i, (flops, size) in enumerate([(2e8, 1e5), (9e8, 2e5), (3e9, 1e3)]):
        name = layers[-1].name
        layers.append(
            Layer(name=f"l{i}", op="other", inputs=(name,), flops=flops, output_bytes=size)
        )
    return Instance(
        name="chain",
        tiers=("device", "fog", "cloud"),
        nodes=(
            Node(name="d", tier="device", speed_flops=2e9),
            Node(name="f", tier="fog", speed_flops=9e9, overhead_s=1e-3),
            Node(name="c", tier="cloud", speed_flops=1e11),
        ),
        links=(
            Link(tail="d", head="f", bandwidth_bps=2e7),
            Link(tail="f", head="c", bandwidth_bps=1e7, latency_s=0.02),
        ),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="t", model="m", source="d", results_to=results_to),),
    )


@pytest.mark.parametrize("results_to", [None, "d", "c"])
def test_on_a_chain_it_is_the_least_latency(results_to):
    """Without sliceable layers and waits the bound is the optimum of all 27 placements."""
    instance = chain(results_to)
    best = min(
        decision_cost(instance, placed([0, *places]), LOOSE)
        for places in product(range(3), repeat=3)
    )
    assert mean_latency_bound(instance) == pytest.approx(best, rel=2e-9)


@pytest.mark.parametrize("most_nodes", [32, 1])
def test_empty_tensors_do_not_travel_without_a_route(monkeypatch, most_nodes):
    """A tensor of no bytes still needs a route: cut off, the device does all."""
    monkeypatch.setattr(mean_latency, "MOST_NODES", most_nodes)
    base = chain(None)
    model = base.models[0]
    empty = changed(model, layers=tuple(changed(own, output_bytes=0.0) for own in model.layers))
    alone = Instance(
        name="alone",
        tiers=base.tiers,
        nodes=base.nodes,
        links=base.links[1:],
        models=(empty,),
        tasks=base.tasks,
    )
    # 2e8 + 9e8 + 3e9 at 2e9 a second
    assert mean_latency_bound(alone) == pytest.approx(2.05)


def test_no_bound_where_a_layer_has_no_node():
    """What may run nowhere gives no number."""
    instance = chain(None)
    layers = list(instance.models[0].layers)
    layers[1] = Layer(name="l0", op="other", inputs=("x",), flops=1.0, output_bytes=1.0, tiers=())
    nowhere = Instance(
        name="nowhere",
        tiers=instance.tiers,
        nodes=instance.nodes,
        links=instance.links,
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=instance.tasks,
    )
    assert mean_latency_bound(nowhere) is None


def uneven(layer, results_to, helper_speed):
    """A device of 1e9 FLOP/s and a helper: 1 s a MB there, 0.1 s a MB home; 1 MB of input."""
    return Instance(
        name="uneven",
        tiers=("device", "fog"),
        nodes=(
            Node(name="a", tier="device", speed_flops=1e9, radio="parallel"),
            Node(name="b", tier="fog", speed_flops=helper_speed),
        ),
        links=(
            Link(tail="a", head="b", bandwidth_bps=8e6, duplex=False),
            Link(tail="b", head="a", bandwidth_bps=8e7, duplex=False),
        ),
        models=(Model(name="m", layers=(changed(shaped(8), output_bytes=1e6), layer)),),
        tasks=(Task(name="t", model="m", source="a", results_to=results_to),),
    )


@pytest.mark.parametrize("most_nodes", [32, 1])
@pytest.mark.parametrize(("results_to", "seconds"), [("a", 2.2), (None, 2.0)])
def test_there_and_home_are_two_ways(monkeypatch, most_nodes, results_to, seconds):
    """1 s there, 1 s of work where it takes 10 at home, 0.2 s home if 2 MB of result are due.

    The ways swapped: 0.1 + 1 + 2 = 3.1 s, above the best plan, or 0.1 + 1 = 1.1 s.
    """
    monkeypatch.setattr(mean_latency, "MOST_NODES", most_nodes)
    layer = Layer(name="l", op="other", inputs=("x",), flops=1e10, output_bytes=2e6)
    bound = mean_latency_bound(uneven(layer, results_to, helper_speed=1e10))
    assert bound == pytest.approx(seconds)


@pytest.mark.parametrize("most_nodes", [32, 1])
def test_a_stage_goes_there_with_its_input_and_home_with_its_output(monkeypatch, most_nodes):
    """A window of 1 x 1, 4 s on either node: 1 MB there takes 1 s, 2 MB home 0.2 s.

    The helper does a share x in 5.2 x s, the device the rest in 4 (1 - x) s: both end at
    1 / (1/4 + 1/5.2) s. The ways swapped, 0.1 + 2 s are moved, and 6.1 stands for 5.2.
    """
    monkeypatch.setattr(mean_latency, "MOST_NODES", most_nodes)
    layer = changed(windowed(8, 1, 1), flops=4e9, output_bytes=2e6)
    bound = mean_latency_bound(uneven(layer, "a", helper_speed=1e9))
    assert bound == pytest.approx(1 / (1 / 4 + 1 / 5.2))
