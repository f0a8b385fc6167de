"""What a stage takes at least, held to every way to slice it."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.formulations.latency_bounds.stage_seconds import stage_seconds
from splitfog.formulations.latency_bounds.stages import Stages
from splitfog.formulations.latency_bounds.ways import ways_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window
from tests.cases.enumeration.sliced_latencies import least_stage


def one_stage(rng: np.random.Generator) -> Instance:
    """A layer of a few pixels on two or three nodes; transfers, overheads and work of one size."""
    count, side = int(rng.integers(2, 4)), [(4, 1), (2, 2), (3, 1)][int(rng.integers(3))]
    nodes = [
        Node(
            name=f"n{at}",
            tier="edge",
            speed_flops=float(rng.choice([1e6, 4e6])),
            overhead_s=float(rng.choice([0, 0.1, 0.3])),
            radio=["serial", "parallel"][int(rng.integers(2))],  # type: ignore[arg-type]
            overlap=bool(rng.random() < 0.7),
        )
        for at in range(count)
    ]
    names = [node.name for node in nodes]
    ways = [(names[0], names[1])] + [(names[int(rng.integers(2))], "n2")] * (count - 2)
    links = [
        Link(
            tail=tail,
            head=head,
            bandwidth_bps=float(rng.choice([8e2, 8e3, 8e4])),
            latency_s=float(rng.choice([0, 0.05])),
            duplex=False,
        )
        for low, high in ways
        for tail, head in ((low, high), (high, low))
    ]
    kernel = (int(rng.integers(1, 4)), 1)
    window = Window(kernel=kernel, padding=((kernel[0] - 1) // 2, 0, kernel[0] // 2, 0))
    layers = (
        Layer(name="x", op="input", output_shape=(1, *side), output_bytes=_bytes(rng)),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=(1, *side),
            window=window,
            flops=float(rng.choice([0, 1e6, 4e6])),
            output_bytes=_bytes(rng),
        ),
    )
    model = Model(name="m", layers=layers)
    task = Task(name="t", model="m", source="n0")
    return Instance(
        name="one",
        tiers=("edge",),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(model,),
        tasks=(task,),
    )


def _bytes(rng: np.random.Generator) -> float:
    return float(rng.choice([0, 100, 1000, 4000]))


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_no_slicing_is_quicker_than_the_bound(first: int) -> None:
    """From every home, whatever the slices, their nodes and their order."""
    for seed in range(first, first + 30):
        instance = one_stage(np.random.default_rng(seed))
        model, ways = instance.models[0], ways_of(instance)
        units = Stages(instance, model).of_units()
        assert units is not None
        bound = stage_seconds(units.work, ways, np.full((1, len(instance.nodes)), 1e3))[0]
        least = [least_stage(instance, model, (1,), home) for home in range(len(bound))]
        assert (bound <= np.array(least) * (1 + 1e-12)).all(), seed


def test_slices_follow_one_another_on_a_link() -> None:
    """Two pixels 1 s away each way, 1 s of work each, sent to a quick node and back.

    The home, slow, takes 100 s. One slice: 2 + 2 + 2. Two: 1 + 1 + 1 + 1, and 1 waits: 4 s.
    """
    shape = (1, 2, 1)
    conv = Window(kernel=(1, 1))
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=2e3),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=shape,
            window=conv,
            flops=2e6,
            output_bytes=2e3,
        ),
    )
    instance = Instance(
        name="two",
        tiers=("edge",),
        nodes=(
            Node(name="home", tier="edge", speed_flops=2e4),
            Node(name="quick", tier="edge", speed_flops=1e6),
        ),
        links=(Link(tail="home", head="quick", bandwidth_bps=8e3),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="home"),),
    )
    units = Stages(instance, instance.models[0]).of_units()
    assert units is not None
    bound = float(stage_seconds(units.work, ways_of(instance), np.full((1, 2), 50.0))[0, 0])
    assert least_stage(instance, instance.models[0], (1,), 0) == pytest.approx(4.0)
    assert 3.9 <= bound <= 4.0
