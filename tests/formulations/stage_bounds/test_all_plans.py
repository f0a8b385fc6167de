"""The bound over all plans is below every plan, stages included, and each of its parts counts."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.formulations.stage_bounds.halo import HaloNeeds
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window
from tests.formulations.stage_bounds.streams import best_plan, streams

LOOSE = Objective("mean-latency", monotone=False)


def test_no_plan_is_below():
    """The best of many random plans with stages costs at least the bound, over random instances."""
    seen = 0
    for seed in range(40):
        instance = streams(np.random.default_rng(seed))
        value = best_plan(np.random.default_rng(seed + 7), instance, sliced=True, tries=60)
        if value < np.inf:
            seen += 1
            bound = bound_over_all_plans(instance)
            assert bound is not None, seed
            assert bound <= value, seed
    assert seen > 20


def shared(
    radio, speed, latency_s=0.0, overhead_s=0.0, kernel=1, rate=None, quota=None, back_bps=None
):
    """A device of 1e9 FLOP/s with a window over 24 x 24, and one helper."""
    size = 24
    back: tuple[Link, ...] = ()
    if back_bps is not None:
        back = (Link(tail="b", head="a", bandwidth_bps=back_bps, duplex=False),)
    window = Window(kernel=(kernel,) * 2, padding=(kernel // 2,) * 4)
    layers = (
        Layer(name="x", op="input", output_shape=(1, size, size), output_bytes=2e5),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=(1, size, size),
            output_bytes=1e5,
            flops=1e9,
            window=window,
        ),
    )
    return Instance(
        name="shared",
        tiers=("device",),
        nodes=(
            Node(
                name="a",
                tier="device",
                speed_flops=1e9,
                radio=radio,
                overhead_s=overhead_s,
                quota=quota,
            ),
            Node(name="b", tier="device", speed_flops=speed, overhead_s=overhead_s),
        ),
        links=(
            Link(
                tail="a",
                head="b",
                bandwidth_bps=8e6,
                latency_s=latency_s,
                duplex=not back,
            ),
            *back,
        ),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a", results_to="a", arrivals_per_s=rate),),
    )


def best_split(instance):
    """Every number of rows on the helper, none and all of them included."""
    values = []
    for rows in range(25):
        parts = [(0, 0, 24 - rows), (1, 24 - rows, 24)]
        slices = tuple(Slice(n, (r0, r1), (0, 24)) for n, r0, r1 in parts if r0 < r1)
        answer = TaskDecision(frozen(np.array([0, 0])), stages=(Stage((1,), 0, slices),))
        values.append(float(decision_cost(instance, Decision((answer,)), LOOSE)))
    return min(values)


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("speed", [5e8, 1e9, 8e9])
@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"latency_s": 0.05},
        {"overhead_s": 0.1},
        {"kernel": 11},
        {"rate": 0.4},
        {"quota": 0},
        {"back_bps": 1e6},
        {"back_bps": 8e9},
        {"back_bps": 1e6, "kernel": 11},
        {"latency_s": 0.03, "kernel": 5, "rate": 0.4},
    ],
)
def test_it_is_near_the_best_split(radio, speed, figures):
    """Below the best number of rows on the helper, and by no more than a tenth of it."""
    instance = shared(radio, speed, **figures)
    best, bound = best_split(instance), bound_over_all_plans(instance)
    assert bound is not None
    assert 0.9 * best <= bound <= best


def test_needs_are_below_every_slice():
    """What a slice within a part needs per share is at least what the tables say of its size."""
    seen = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        model = streams(rng).models[0]
        inner = tuple(
            at for at, layer in enumerate(model.layers) if layer.op not in ("input", "linear")
        )
        try:
            geometry = geometry_of(model, inner)
        except ValueError:
            continue
        slots = list(range(len(inner) + 1))
        needs = HaloNeeds(geometry)
        for part in (needs.needs(needs.part(slots, 0.0)),):
            rows = np.sort(rng.integers(0, geometry.height + 1, (40, 2)), axis=1)
            columns = np.sort(rng.integers(0, geometry.width + 1, (40, 2)), axis=1)
            tiles = np.concatenate([rows, columns], axis=1)
            tiles = tiles[(rows[:, 0] < rows[:, 1]) & (columns[:, 0] < columns[:, 1])]
            if not len(tiles):
                continue
            seen += len(tiles)
            found = regions(geometry, tiles)
            area = found.areas[len(geometry.layers) - 1]
            step = np.searchsorted(part.area, area, side="right") - 1
            share = area / part.elements
            for weights in (rng.uniform(0, 1, len(slots)), np.arange(len(slots)) == len(inner)):
                least = part.least(weights[:, None].astype(float))[step, 0]
                assert (weights @ found.shares >= least * share - 1e-12).all()
    assert seen > 300


@pytest.mark.parametrize(("added_s", "least_s", "least_bound_s"), [(0, 1.0, 0.5), (3, 2.5, 2.0)])
def test_a_branch_inside_a_stage_is_sliced_with_it(added_s, least_s, least_bound_s):
    """Two windows of 1 s beside each other, added, all in halves on two equal nodes: 1 s in all.

    Where adding takes 3 s, it is in halves only with both windows: 2.5 s, and not .5 + 3 s.

    Counted whole beside the path, the second window alone would take 1 s more; the bound leaves it
    out where the first is sliced alone, .5 s.
    """
    shape = (1, 24, 24)
    window = Window(kernel=(1, 1))
    maps = [
        Layer(
            name=name,
            op="conv",
            inputs=("x",),
            output_shape=shape,
            output_bytes=1.0,
            flops=1e9,
            window=window,
        )
        for name in ("a", "b")
    ]
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1.0),
        *maps,
        Layer(
            name="sum",
            op="add",
            inputs=("a", "b"),
            output_shape=shape,
            output_bytes=1.0 + added_s,
            flops=added_s * 1e9,
        ),
    )
    instance = Instance(
        name="branch",
        tiers=("device",),
        nodes=tuple(Node(name=n, tier="device", speed_flops=1e9) for n in ("a", "b")),
        links=(Link(tail="a", head="b", bandwidth_bps=8e15),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a"),),
    )
    parts = (Slice(0, (0, 12), (0, 24)), Slice(1, (12, 24), (0, 24)))
    answer = TaskDecision(frozen(np.array([0, 0, 0, 0])), stages=(Stage((1, 2, 3), 0, parts),))
    assert decision_cost(instance, Decision((answer,)), LOOSE) == pytest.approx(least_s)
    bound = bound_over_all_plans(instance)
    assert bound is not None
    assert least_bound_s * (1 - 1e-2) <= bound <= least_s


@pytest.mark.parametrize(
    ("seed", "radio", "scale", "most"), [(1, "serial", 0.3, 0.12), (6, "parallel", 3.0, 0.3)]
)
def test_it_is_near_where_sources_are_busy(seed, radio, scale, most):
    """Ten users whose own queues decide, and each has a price of its own: behind slow links, and
    where what stages ask is not what their bounds grow by, so that prices could stand still."""
    instance = sf.generate(
        "fog", seed=seed, users=10, radio=radio, bandwidth_scale=scale, utilisation=0.5
    )
    plan = sf.solve(instance, "dina", "mean-latency")
    assert plan.value is not None
    assert plan.gap is not None
    assert plan.gap < most
