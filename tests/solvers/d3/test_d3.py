"""`d3`: partition and slices in turn, never worse than either."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Slice, Stage, TaskDecision
from splitfog.instances.records import changed
from splitfog.solvers.d3.d3 import effective_times
from tests.cases.stages.small_stages import cluster, conv_chain
from tests.checks import solved

NETWORKS = ("3g", "4g", "wi-fi", "fibre")


@given(
    st.sampled_from(["alexnet", "squeezenet-1.0", "nin", "tiny-yolov2"]),
    st.sampled_from(NETWORKS),
    st.integers(1, 4),
    st.integers(0, 20),
    st.booleans(),
)
@settings(max_examples=12)
def test_never_worse(net: str, cloud: str, nodes: int, seed: int, memory: bool) -> None:
    """Never worse than hpa or vsm on unequal nodes and links; with one edge node as good as hpa."""
    instance = sf.generate(
        "three-tier",
        model=net,
        edge_cloud=cloud,
        edge_nodes=nodes,
        spread=2.0,
        seed=seed,
        memory=memory,
    )
    plan = solved(instance, "d3")
    assert plan is not None and plan.value is not None
    for other in ("hpa", "vsm"):
        rival = solved(instance, other)
        assert rival is None or rival.value is None or plan.value <= rival.value * (1 + 1e-9)
    if nodes == 1:
        assert plan.tasks[0].stages == ()


def test_slices_pull_layers_to_the_edge() -> None:
    """Where the cloud beats one edge node but not three, hpa leaves the edge and d3 stays.

    By hand: 64 kFLOP of a convolution take 64 s at an edge node of 1 kFLOP/s. To the cloud it is
    30 s for the input and 1 s of work there, so 31; on three edge nodes with ideal links
    64 x 3 / 8 = 24 s, as 8 rows are at best 3, 3 and 2.
    """
    model = conv_chain([(1, 1, 0)], 8, 8)
    flops = 64e3

    conv = changed(model.layers[1], flops=flops)
    star = cluster(changed(model, layers=(model.layers[0], conv)), [1e3] * 3, [1e12] * 2)
    cloud = sf.Node(name="cloud", tier="cloud", speed_flops=64e3)
    instance = sf.Instance(
        name="pull",
        tiers=(*star.tiers, "cloud"),
        nodes=(*star.nodes, cloud),
        links=(*star.links, sf.Link(tail="e0", head="cloud", bandwidth_bps=8 * 256 / 30)),
        models=star.models,
        tasks=star.tasks,
    )
    assert sf.solve(instance, "hpa").placement("task")["c0"] == "cloud"
    plan = sf.solve(instance, "d3", options={"grid": 1})
    assert plan.placement("task")["c0"] == "e0"
    assert plan.tasks[0].compute_s == pytest.approx(24.0, rel=1e-6)


@pytest.mark.parametrize("partition", ["hpa", "min-cut"])
def test_partitions(partition: str) -> None:
    """Either partition gives a contract-keeping plan that is no worse than without slices."""
    instance = sf.generate("three-tier", model="resnet-18", edge_nodes=3, edge_cloud="wi-fi")
    plan = solved(instance, "d3", options={"partition": partition})
    assert plan is not None and plan.value is not None
    single = sf.generate("three-tier", model="resnet-18", edge_nodes=1, edge_cloud="wi-fi")
    alone = sf.solve(single, "min-cut").value
    assert alone is not None and plan.value < alone


def test_min_cut_needs_a_line() -> None:
    """With a direct way from device to cloud the cut does not apply, and d3 says so."""
    instance = sf.generate("three-tier", edge_nodes=2, direct_cloud="fibre")
    with pytest.raises(sf.SolverDeclined, match=r"partition=min-cut.*hpa applies"):
        sf.solve(instance, "d3", options={"partition": "min-cut"})


def test_effective_times() -> None:
    """A stage's time is divided in proportion to its layers' own times at home: here equally."""
    instance = cluster(conv_chain([(1, 1, 0)] * 2, 4, 4), [1e3, 1e3], [1e12])
    arrays = task_arrays(instance)
    slices = (Slice(1, (0, 2), (0, 4)), Slice(2, (2, 4), (0, 4)))
    stage = Stage((1, 2), 1, slices)
    answer = TaskDecision(np.array([0, 1, 1]), None, (stage,))
    timeline = stage_timeline(instance, instance.tasks[0], stage)
    assert timeline is not None
    found = effective_times(arrays, answer, {(2, 1): 0.5})
    assert found == {(1, 1): pytest.approx(timeline.end_s / 2), (2, 1): 0.5}


def test_several_tasks() -> None:
    """Tasks are partitioned and sliced one after another; the mean is no worse than hpa's."""
    one = sf.generate("three-tier", model="alexnet", edge_nodes=2)
    tasks = tuple(sf.Task(name=n, model="alexnet", source="device") for n in ("a", "b"))
    instance = sf.Instance(
        name=one.name,
        tiers=one.tiers,
        nodes=one.nodes,
        links=one.links,
        models=one.models,
        tasks=tasks,
    )
    plan = solved(instance, "d3", objective="latency")
    rival = solved(instance, "hpa", objective="latency")
    assert plan is not None and rival is not None
    assert plan.value is not None and rival.value is not None
    assert plan.value < rival.value
