"""The bound on mean latency is below every feasible plan, and tight where nothing is sliced."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.formulations import offload_bound
from splitfog.formulations.cost import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.feasibility import decision_violations
from splitfog.formulations.objective import Objective
from splitfog.formulations.offload_bound import computed_shares, mean_latency_bound
from splitfog.formulations.stage_shape import geometry_of
from splitfog.formulations.tiles import regions
from splitfog.instances.model import Instance, Layer, Link, Model, Node, Task, Window
from tests.formulations.random_offloading import random_offloading, without_rates
from tests.formulations.random_stages import stages

LOOSE = Objective("mean-latency", monotone=False)


@pytest.mark.parametrize("most_nodes", [64, 1])
def test_no_feasible_plan_is_below(monkeypatch, most_nodes):
    """Random plans, sliced and not, cost at least the bound; with either relaxation."""
    monkeypatch.setattr(offload_bound, "MOST_NODES", most_nodes)
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


@given(stages(), st.integers(1, 4))
def test_every_slicing_computes_these_shares(drawn, fineness):
    """Slices of one stage, down to single elements, compute at least the shares of all layers."""
    model, layers = drawn
    geometry = geometry_of(model, layers)
    rows = np.unique(np.linspace(0, geometry.height, fineness * 3).astype(int))
    columns = np.unique(np.linspace(0, geometry.width, fineness * 2).astype(int))
    tiles = [(a, b, c, d) for a, b in pairwise(rows) for c, d in pairwise(columns)]
    done = regions(geometry, tiles).shares[:-1].sum(axis=1)
    shares = computed_shares(model)[list(geometry.layers)]
    assert (shares <= done + 1e-12).all()


def test_strides_leave_gaps():
    """Behind a 1 x 1 window of stride 2 nothing is sure to be computed; behind 3 x 3 almost all."""

    def model(kernel, padding, size=8):
        maps = {"op": "conv", "output_bytes": 1.0}
        return Model(
            name="m",
            layers=(
                Layer(name="x", op="input", output_shape=(1, size, size), output_bytes=1.0),
                Layer(
                    name="a",
                    inputs=("x",),
                    output_shape=(1, size, size),
                    window=Window(kernel=(1, 1)),
                    **maps,
                ),
                Layer(
                    name="b",
                    inputs=("a",),
                    output_shape=(1, 4, 4),
                    window=Window(kernel=kernel, stride=(2, 2), padding=padding),
                    **maps,
                ),
            ),
        )

    assert computed_shares(model((1, 1), (0, 0, 0, 0))).tolist() == [1.0, 0.0, 1.0]
    # rows -1 .. 3 * 2 - 1 + 3 = 8 of 8
    assert computed_shares(model((3, 3), (1, 1, 1, 1))).tolist() == [1.0, 1.0, 1.0]
    # rows 0 .. 3 * 2 + 2 = 8 of 9: one is left over, in columns too
    assert computed_shares(model((2, 2), (0, 0, 0, 0), 9)).tolist() == [1.0, 64 / 81, 1.0]


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
