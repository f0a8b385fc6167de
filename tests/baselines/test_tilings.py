"""The tiling baselines, each against its rule worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.plan import Plan
from splitfog.instances.records import changed
from splitfog.solvers.d3.chains import chains_of
from splitfog.solvers.d3.rules import balanced_shares
from splitfog.solvers.d3.search import Slicer
from tests.cases.stages.small_stages import cluster, conv_chain

BASELINES = ("modnn", "deepthings", "aofl", "coedge")


def tiles(plan: Plan, stage: int = 0) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    """(node, rows, columns) of a stage's slices."""
    return [(s.node, s.rows, s.columns) for s in plan.tasks[0].stages[stage].slices]


def test_modnn_rows_by_speed() -> None:
    """Speeds 1 : 3 on 8 rows: 2 and 6, for every convolution by itself, whatever the link."""
    instance = cluster(conv_chain([(3, 1, 1)] * 2, 8, 8), [3e3, 1e3], [1e2])
    plan = sf.solve(instance, "modnn")
    assert [stage.layers for stage in plan.tasks[0].stages] == [("c0",), ("c1",)]
    for stage in range(2):
        assert tiles(plan, stage) == [("e0", (0, 6), (0, 8)), ("e1", (6, 8), (0, 8))]


def test_elementwise_layers_join() -> None:
    """norm and activation run with the convolution before them, as papers count layers."""
    instance = sf.generate("three-tier", model="resnet-18", edge_nodes=2)
    stages = sf.solve(instance, "modnn").tasks[0].stages
    model = instance.models[0]
    for stage in stages:
        ops = [model.layers[model.index[name]].op for name in stage.layers]
        assert ops[0] in ("conv", "max-pool")
        assert set(ops[1:]) <= {"norm", "activation"}


def test_coedge_shares() -> None:
    """The closed form of the linear program by hand.

    1x1 convolution of 8 x 8, 6400 FLOP: e0 takes 6.4 s whole, e1 at the same speed 6.4 s plus
    256 bytes each way at 8 x 256 / 3.2 bit/s: 3.2 s + 3.2 s. x0 6.4 = x1 12.8 gives 2 : 1.
    """
    instance = cluster(conv_chain([(1, 1, 0)], 8, 8), [1e3, 1e3], [8 * 256 / 3.2])
    slicer = Slicer(arrays=task_arrays(instance))
    block = chains_of(instance.models[0])[0].blocks[0]
    shares = balanced_shares(slicer, slicer.team(1), block)
    assert shares == pytest.approx([2 / 3, 1 / 3])
    plan = sf.solve(instance, "coedge")
    assert tiles(plan) == [("e0", (0, 5), (0, 8)), ("e1", (5, 8), (0, 8))]  # 5.33 and 2.67 of 8


def test_coedge_drops_slow_nodes() -> None:
    """A node whose latencies alone exceed the balanced time gets nothing: the layer stays whole."""
    instance = cluster(conv_chain([(1, 1, 0)], 8, 8), [1e3, 1e3], [1e9], latency_s=4.0)
    assert sf.solve(instance, "coedge").tasks[0].stages == ()  # 4 + 4 s there and back, 6.4 s here


def test_deepthings_deals_round_robin() -> None:
    """One stage from the first layer on, an equal grid, tile t on node t mod 3 in file order."""
    instance = cluster(conv_chain([(3, 1, 1)] * 3, 9, 9), [1e3] * 3, [1e9] * 2)
    plan = sf.solve(instance, "deepthings")
    (stage,) = plan.tasks[0].stages
    assert stage.layers[0] == "c0"
    assert [s.node for s in stage.slices] == [f"e{t % 3}" for t in range(len(stage.slices))]
    rows = {s.rows for s in stage.slices}
    columns = {s.columns for s in stage.slices}
    assert len(rows) * len(columns) == len(stage.slices) <= 25
    assert {b - a for a, b in rows} <= {9 // len(rows), 9 // len(rows) + 1}


def test_deepthings_scans_all() -> None:
    """It is the best of all its stages: those of vsm's times that begin with the first block."""
    instance = cluster(conv_chain([(3, 1, 1)] * 3, 9, 9), [1e3] * 3, [1e5] * 2)
    plan = sf.solve(instance, "deepthings", options={"grid": 3})
    arrays = task_arrays(instance)
    alone = arrays.times_s[1:, 1]
    slicer = Slicer(arrays=arrays, grid=3)
    slicer.sliced(np.array([0, 1, 1, 1]))
    (run,) = slicer._runs.values()
    deals = [p for p, pattern in enumerate(run.costs.patterns) if hasattr(pattern, "rows")]
    totals = [run.costs.to(f)[deals, 0].min() + alone[f:].sum() for f in (1, 2, 3)]
    assert plan.tasks[0].compute_s == pytest.approx(min([*totals, alone.sum()]))


def test_aofl_fuses() -> None:
    """Fast processors and a slow link: fusing two layers saves moving the tensor between them.

    Rows equal, one stage of both: never more than two stages' time, which modnn takes.
    """
    instance = cluster(conv_chain([(1, 1, 0)] * 2, 8, 8), [1e3, 1e3], [2e3])
    plan = sf.solve(instance, "aofl")
    assert [stage.layers for stage in plan.tasks[0].stages] == [("c0", "c1")]
    assert tiles(plan) == [("e0", (0, 4), (0, 8)), ("e1", (4, 8), (0, 8))]
    modnn = sf.solve(instance, "modnn").value
    assert plan.value is not None and modnn is not None and plan.value < modnn


@pytest.mark.parametrize("name", BASELINES)
def test_memory_is_checked(name: str) -> None:
    """A helper without room for the weights: the plan without tiles, which is not lost, and why."""
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [1e3, 1e3], [1e9], memory_bytes=[None, 1.0])
    plan = sf.solve(instance, name)
    assert plan.value is not None and plan.tasks[0].stages == ()
    assert "without tiles, as with them node e1 holds 40 bytes" in (plan.reason or "")


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_to_slice(name: str) -> None:
    """A model whose layers cannot be sliced runs whole on the cheapest node of the tier."""
    model = conv_chain([(3, 1, 1)], 8, 8)
    soft = changed(model.layers[1], op="softmax", window=None)
    instance = cluster(changed(model, layers=(model.layers[0], soft)), [1e3, 1e3], [1e9])
    plan = sf.solve(instance, name)
    assert plan.tasks[0].stages == ()
    assert plan.value == sf.solve(instance, "cloud-only").value
