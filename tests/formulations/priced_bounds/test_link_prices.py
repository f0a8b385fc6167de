"""Links that tasks would ask too much of have a price in both bounds."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed

LOOSE = Objective("mean-latency", monotone=False)


def two_streams(radio: str, **link: float) -> Instance:
    """Two devices, of .14 s for the only layer, six times a second each, and over a relay and one
    link to the fog, which their tensors take .1 s to cross, far faster."""
    shape = (1, 60, 1)
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1e5),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=shape,
            output_bytes=1.0,
            flops=1e9,
            window=Window(kernel=(1, 1)),
        ),
    )
    device = Node(name="d", tier="device", speed_flops=1e9 / 0.14, quota=0)
    nodes = (
        device,
        changed(device, name="e"),
        Node(name="relay", tier="fog", speed_flops=1.0, quota=0),
        Node(name="f", tier="fog", speed_flops=1e13),
    )
    return Instance(
        name="two",
        tiers=("device", "fog"),
        nodes=tuple(changed(node, radio=radio) for node in nodes),
        links=(
            Link(tail="d", head="relay", bandwidth_bps=1e15),
            Link(tail="e", head="relay", bandwidth_bps=1e15),
            changed(Link(tail="relay", head="f", bandwidth_bps=8e6), **link),
        ),
        models=(Model(name="m", layers=layers),),
        tasks=tuple(Task(name=name, model="m", source=name, arrivals_per_s=6.0) for name in "de"),
    )


def in_rows(instance: Instance, rows: int) -> float:
    """What it costs if both tasks have so many of 60 rows in the fog."""
    answers = []
    for home in range(2):
        parts = (Slice(home, (0, 60 - rows), (0, 1)), Slice(3, (60 - rows, 60), (0, 1)))
        stage = Stage((1,), home, parts)
        answers.append(TaskDecision(frozen(np.array([home] * 2)), stages=(stage,)))
    return float(decision_cost(instance, Decision(tuple(answers)), LOOSE))


HOME_S = 0.14 + 6 * 0.14**2 / (2 * (1 - 0.84))
"""Alone at a device: rho = .84, so .3675 s of waiting."""


@pytest.mark.parametrize(
    ("link", "away_s", "share"),
    [
        ({}, 0.1, 5 / 6),
        ({"bandwidth_bps": 16e6, "latency_s": 0.05}, 0.1, 5 / 6),
        ({"bandwidth_bps": 16e6, "delay_s": 0.05}, 0.1, 1.0),
        ({"bandwidth_bps": 16e6}, 0.05, 1.0),
    ],
)
def test_what_two_ask_of_a_link_has_a_price(link, away_s, share):
    """Each alone would keep the link busy .6 of the time, so no more than 1 / 1.2 of both may cross
    it; latency keeps it busy as bytes do, and delay does not. One alone crosses it always."""
    instance = two_streams("serial", **link)
    mean = share * (away_s + 1e-4) + (1 - share) * HOME_S
    assert bound_without_stages(instance) == pytest.approx(mean, rel=1e-3)
    one = changed(instance, tasks=instance.tasks[:1])
    assert bound_without_stages(one) == pytest.approx(away_s + 1e-4, rel=1e-3)


def test_what_comes_back_has_a_price():
    """Results of as many bytes over a way back as slow: .2 s in all, and 5 / 6 of both again."""
    base = two_streams("serial", bandwidth_bps=8e9, duplex=False)
    back = Link(tail="f", head="relay", bandwidth_bps=8e6, duplex=False)
    (model,) = base.models
    layers = (model.layers[0], changed(model.layers[1], output_bytes=1e5))
    instance = changed(
        base,
        links=(*base.links, back),
        models=(changed(model, layers=layers),),
        tasks=tuple(changed(task, results_to=task.source) for task in base.tasks),
    )
    mean = 5 / 6 * (0.1 + 2e-4) + HOME_S / 6
    assert bound_without_stages(instance) == pytest.approx(mean, rel=1e-3)


def test_slices_pay_for_the_link():
    """With one radio x of .1 s of transfers and 1 - x of .14 s at home: all in the fog would be
    least, but 5 / 6 of both is the most. 49 of 60 rows can be had; nothing is below the bound."""
    instance = two_streams("serial")
    bound = bound_over_all_plans(instance)
    assert bound is not None
    assert 0.995 * (5 / 6 * 0.1 + 0.14 / 6) < bound < in_rows(instance, 49) < np.inf
    assert in_rows(instance, 50) == np.inf
    one = changed(instance, tasks=instance.tasks[:1])
    assert (bound_over_all_plans(one) or 0.0) <= 0.1 + 1e-4
