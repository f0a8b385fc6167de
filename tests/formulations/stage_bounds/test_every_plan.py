"""No plan at all is below the bounds: against the least of every plan there is."""

from __future__ import annotations

from contextlib import suppress
from math import inf

import numpy as np
import pytest

from splitfog.formulations.bounds import mean_latency
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.objective import Objective
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window
from tests.cases.enumeration.instances import small_instance
from tests.cases.enumeration.least import TooMany, least_plan
from tests.cases.enumeration.plain import plain_least
from tests.cases.enumeration.slicings import covers
from tests.formulations.stage_bounds.streams import best_plan

LOOSE = Objective("mean-latency", monotone=False)

OVER_ALL = (bound_over_all_plans, mean_latency_bound)
"""Bounds over all plans."""


@pytest.mark.parametrize(
    ("height", "width", "number"), [(1, 1, 1), (1, 3, 4), (2, 2, 8), (3, 3, 322)]
)
def test_all_covers_are_there(height, width, number):
    """As many as rectangulations of a grid: the two pinwheels of 3 x 3 are among the 322."""
    found = list(covers(height, width))
    assert len(set(found)) == len(found) == number


@pytest.mark.parametrize("name", ["mean-latency", "latency"])
def test_the_least_is_that_of_the_reference(name):
    """The same as by the reference alone, wherever there are no more than 500 plans."""
    seen, objective = 0, Objective(name, monotone=False)
    for seed in range(1000, 1080):
        instance = small_instance(seed, streams=name == "mean-latency", pixels=2)
        expected = plain_least(instance, objective, most=500)
        if expected is not None:
            seen += expected < inf
            assert least_plan(instance, objective)[0] == pytest.approx(expected, rel=1e-9), seed
    assert seen > 10


def held(seed: int) -> float:
    """The least value of an instance, held to both bounds; inf where there is no plan to find."""
    instance = small_instance(seed)
    try:
        least, _ = least_plan(instance, LOOSE, limit=300_000)
    except TooMany:
        return inf
    if least < inf:
        for bound_of in OVER_ALL:
            bound = bound_of(instance)
            assert bound is not None, seed
            assert bound <= least, seed
        unsliced, _ = least_plan(instance, LOOSE, sliced=False)
        assert unsliced >= least
        bound = bound_without_stages(instance)
        assert bound is None or bound <= unsliced, seed
    return least


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(b, marks=pytest.mark.slow) for b in range(1, 5))]
)
def test_no_plan_is_below_the_bound_over_all(block):
    """A hundred random instances a block, about seventy of which have a plan."""
    values = [held(seed) for seed in range(100 * block, 100 * block + 100)]
    assert sum(value < inf for value in values) > 55


@pytest.mark.parametrize("most_nodes", [32, 1])
def test_a_visit_without_work_goes_where_no_stranger_may(monkeypatch, most_nodes):
    """A layer without work, on two nodes of quota 0: 1 MB each way over two links of 1 MB/s.

    In halves, one a node, .5 s there and .5 s back. Whole on either of them it would take 2 s.
    """
    shape = (1, 2, 2)
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1e6),
        Layer(
            name="l",
            op="conv",
            inputs=("x",),
            window=Window(kernel=(1, 1)),
            output_shape=shape,
            output_bytes=1e6,
            tiers=("fog",),
        ),
    )
    tiers = {"a": "device", "b": "fog", "c": "fog"}
    nodes = (Node(name=n, tier=tier, speed_flops=1e9, quota=0) for n, tier in tiers.items())
    instance = Instance(
        name="idle",
        tiers=("device", "fog"),
        nodes=tuple(nodes),
        links=tuple(Link(tail="a", head=n, bandwidth_bps=8e6) for n in "bc"),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a", results_to="a", arrivals_per_s=0.1),),
    )
    least, _ = least_plan(instance, LOOSE)
    assert least == pytest.approx(1.0)
    monkeypatch.setattr(mean_latency, "MOST_NODES", most_nodes)
    for bound_of in OVER_ALL:
        bound = bound_of(instance)
        assert bound is not None
        assert bound <= 1.0
    assert bound_without_stages(instance) == pytest.approx(2.0)


def test_a_closed_source_helps_its_own_task():
    """Two devices of quota 0, one as fast as the fog node, one a hundredth; 1 MB there takes 1 s.

    The layer before and the one after 4 s of windows must be in the fog. The fast device takes
    four of ten pixels, .4 (1 + 4) s, the fog node 2.4 s; the slow one none: 4 s. In the mean 3.2 s.
    At home on the device, all of the input would come first: more than 3 s.
    """
    shape = (1, 1, 10)
    window = Window(kernel=(1, 1))
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1.0),
        Layer(
            name="p",
            op="other",
            inputs=("x",),
            output_shape=shape,
            output_bytes=1e6,
            tiers=("fog",),
        ),
        Layer(
            name="c",
            op="conv",
            inputs=("p",),
            output_shape=shape,
            output_bytes=1.0,
            window=window,
            flops=4e9,
        ),
        Layer(name="fc", op="linear", inputs=("c",), output_bytes=1.0, tiers=("fog",)),
    )
    instance = Instance(
        name="own",
        tiers=("device", "fog"),
        nodes=(
            Node(name="f", tier="fog", speed_flops=1e9),
            Node(name="a", tier="device", speed_flops=1e9, quota=0),
            Node(name="b", tier="device", speed_flops=1e7, quota=0),
        ),
        links=tuple(Link(tail=n, head="f", bandwidth_bps=8e6) for n in "ab"),
        models=(Model(name="m", layers=layers),),
        tasks=tuple(Task(name=n, model="m", source=n) for n in "ab"),
    )
    least, _ = least_plan(instance, LOOSE)
    bound = bound_over_all_plans(instance)
    assert least == pytest.approx(3.2, rel=1e-5)
    assert bound is not None
    assert 2.0 <= bound <= 3.2001


def test_no_random_plan_is_below_the_least():
    """Of 60 random instances, some of two tasks and stages; a third of the plans are the least."""
    seen = 0
    for seed in range(2000, 2060):
        instance = small_instance(seed)
        if any(task.source is None for task in instance.tasks):
            continue
        found = best_plan(np.random.default_rng(seed), instance, sliced=True, tries=60)
        with suppress(TooMany):
            least, _ = least_plan(instance, LOOSE, limit=300_000)
            assert least <= found * (1 + 1e-9), seed
            seen += least < inf
    assert seen > 20


def test_a_stage_of_more_layers_is_no_other_where_tensors_grow():
    """An activation makes 1 MB of one byte, then 1 s of windows: both are sliced together.

    In halves on two equal nodes .5 s, and next to nothing travels. The stage of the windows alone
    would have to send 1 MB over 1 MB/s: .67 s at least.
    """
    shape = (1, 1, 10)
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1.0),
        Layer(
            name="a", op="activation", inputs=("x",), output_shape=shape, output_bytes=1e6, flops=1
        ),
        Layer(
            name="c",
            op="conv",
            inputs=("a",),
            output_shape=shape,
            output_bytes=1.0,
            window=Window(kernel=(1, 1)),
            flops=1e9,
        ),
    )
    instance = Instance(
        name="grown",
        tiers=("device",),
        nodes=tuple(Node(name=n, tier="device", speed_flops=1e9) for n in "ab"),
        links=(Link(tail="a", head="b", bandwidth_bps=8e6),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a"),),
    )
    least, _ = least_plan(instance, LOOSE)
    bound = bound_over_all_plans(instance)
    assert least == pytest.approx(0.5, rel=1e-5)
    assert bound is not None
    assert 0.45 <= bound <= least
