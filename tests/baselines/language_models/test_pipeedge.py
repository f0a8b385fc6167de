"""pipeedge: its period is the best of contiguous ranges, where nothing is left out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog import Instance, Layer, Link, Model, Node, Pass, Task
from splitfog.instances.records import changed
from tests.cases.enumeration.passes import with_passes
from tests.cases.language_models import blocks, counts, machines, serving
from tests.checks import check_plan


def vision(seed: int, each: int = 2) -> Instance:
    """Unlike layers after one another on machines of two kinds, `each` of either."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    for position in range(8):
        times = dict(zip(("slow", "fast"), rng.uniform(0.1, 1, 2).tolist(), strict=True))
        layers.append(
            Layer(
                name=f"layer{position}",
                op="other",
                inputs=tuple([layer.name for layer in layers[-1:]]),
                weight_bytes=float(rng.uniform(10, 30)),
                output_bytes=float(rng.uniform(1, 8)),
                times_s=times,
            )
        )
    nodes = [
        Node(name=f"{tier}{i}", tier=tier, speed_flops=1.0)
        for tier in ("slow", "fast")
        for i in range(each)
    ]
    links = [
        Link(tail=one.name, head=other.name, bandwidth_bps=80.0 if "slow" in name else 160.0)
        for i, one in enumerate(nodes)
        for other in nodes[i + 1 :]
        for name in [one.tier + other.tier]
    ]
    return Instance(
        name="vision",
        tiers=("slow", "fast"),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(Model(name="vit", layers=tuple(layers)),),
        tasks=(Task(name="request", model="vit", source=None),),
        routing="direct",
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_best_period_where_it_leaves_out_nothing(seed: int) -> None:
    """Without latencies, an input, results and memory limits: what `pipeline` proves of two
    machines of each kind in any order."""
    instance = vision(seed)
    how: dict[str, Any] = {"contiguous": "line", "monotone": False}
    best = sf.solve(instance, "pipeline", "period", **how)
    plan = sf.solve(instance, "pipeedge", "period", **how)
    assert best.status == "optimal"
    assert plan.value == pytest.approx(best.value, rel=1e-9)


def test_machines_of_a_kind_are_counted() -> None:
    """Eight of each kind are 81 numbers of machines, not 65,536 sets of them."""
    instance = vision(0, each=8)
    plan = sf.solve(instance, "pipeedge", "period", monotone=False)
    check_plan(instance, plan)
    fewer = sf.solve(vision(0), "pipeedge", "period", monotone=False)
    assert plan.value is not None and fewer.value is not None
    assert plan.value <= fewer.value * (1 + 1e-9)


def test_it_takes_no_notice_of_latencies() -> None:
    """Two blocks of 1 s on two machines that are 10 s apart: one each, so a period of 10 s."""
    instance = serving(blocks(2), machines((1, None), (1, None), hop_s=10.0))
    plan = sf.solve(instance, "pipeedge", "period")
    assert counts(instance, plan) == [1, 1]
    assert plan.value == pytest.approx(10.0)
    assert sf.solve(instance, "pipeline", "period").value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("memory", "options", "expected"),
    [
        (8.5, {}, [1, 1]),
        (8.0, {}, None),
        (8.0, {"buffers_in": 1}, [1, 1]),
        (6.5, {"buffers_in": 3, "buffers_out": 0}, [2, 0]),
    ],
)
def test_buffers_take_memory(
    memory: float, options: dict[str, int], expected: list[int] | None
) -> None:
    """Two blocks of 2 bytes, all tensors of 1. Both on one machine: 4, what is read, 1, and what is
    made, 1 + buffers_out. The first alone 2 + 1 + 1 + buffers_out, the second 2 + 1 + buffers_in +
    1 + buffers_out, and both must be less than the memory: 6 and 8 by default (2 of each), 6 and 7
    with buffers_in of 1; and with 3 and 0 the second takes 7, but both on one 6."""
    layers = [changed(layer, output_bytes=1.0) for layer in blocks(2, weights=2.0)]
    instance = serving(layers, machines((1, memory), (1, memory)))
    plan = sf.solve(instance, "pipeedge", "period", options=options)
    if expected is None:
        assert plan.status == "unknown"
        assert "with its buffers" in str(plan.reason)
    else:
        assert counts(instance, plan) == expected


def test_the_largest_tensor_of_all_passes_is_buffered() -> None:
    """1 byte in one pass and 2 in the other: in 8.5 bytes, as above with tensors of 1, the first
    block alone, 2 + 1 + 6, does not fit, but it does where only the pass of 1 counts."""
    layers = [changed(layer, output_bytes=(1.0, 2.0)) for layer in blocks(2, weights=2.0)]
    passes = (Pass(name="prefill"), Pass(name="decode"))
    model = Model(name="llm", layers=tuple(layers), passes=passes)
    instance = serving(layers, machines((1, 8.5), (1, 8.5)), models=(model,))
    assert sf.solve(instance, "pipeedge", "period").value is None
    assert counts(instance, sf.solve(instance, "pipeedge", "period", pass_name="prefill")) == [1, 1]


def test_two_machines_of_a_kind_send_to_each_other() -> None:
    """Two blocks of 1 s, and 10 s between the two equal machines: one of them has both."""
    first, second = [changed(layer, output_bytes=1e10) for layer in blocks(2)[1:]]
    request = Task(name="request", model="llm", source=None)
    layers = [changed(first, inputs=()), second]
    instance = serving(layers, machines((1, None), (1, None)), tasks=(request,))
    assert sf.solve(instance, "pipeedge", "period").value == pytest.approx(2.0)


def test_the_cache_that_it_does_not_count_may_refuse_its_plan() -> None:
    """3 blocks of 1 + 1 bytes: b, twice as fast, shall have two of them in 3 bytes."""
    instance = serving(blocks(3, state=1.0), machines((1, 9.0), (2, 3.0)))
    plan = sf.solve(instance, "pipeedge", "period")
    assert (plan.status, plan.reason) == ("unknown", "node b holds 4 bytes, must be <= 3")


def test_shared_weights_take_memory_once() -> None:
    """Both blocks, of the same 2 bytes, on one machine: 2 + 1 + 3 = 6 bytes with the buffers; the
    second alone, with those that wait for it, would take 8."""
    layers = [
        changed(layer, output_bytes=1.0, weights="both" if layer.weight_bytes else None)
        for layer in blocks(2, weights=2.0)
    ]
    instance = serving(layers, machines((1, 6.5), (1, 6.5)))
    assert counts(instance, sf.solve(instance, "pipeedge", "period")) == [2, 0]


def test_a_group_is_not_cut() -> None:
    """Three blocks of 1 s, the first two together: 2 s, not 1."""
    layers = [
        changed(layer, group="pair") if layer.name in ("block0", "block1") else layer
        for layer in blocks(3)
    ]
    instance = serving(layers, machines((1, None), (1, None), (1, None)))
    plan = sf.solve(instance, "pipeedge", "period")
    assert plan.value == pytest.approx(2.0)


def test_who_cannot_declines_with_a_sentence() -> None:
    """Latency, branches, and more kinds of machines than its tables hold."""
    instance = serving(blocks(2), machines((1, None), (1, None)))
    with pytest.raises(sf.SolverDeclined, match="it minimises period"):
        sf.solve(instance, "pipeedge")
    with pytest.raises(sf.SolverDeclined, match="pipeedge does not apply: model m is no chain"):
        sf.solve(with_passes(1, "direct", chain=False), "pipeedge", "period")
    many = sf.generate("fleet", machines=26, spread=2)
    with pytest.raises(sf.SolverDeclined, match="26 nodes of 26 kinds are too many"):
        sf.solve(many, "pipeedge", "period", pass_name="decode")


def test_plans_on_passes_are_feasible_or_refused() -> None:
    """Of a request and of a pass, on lines and meshes."""
    for seed in range(8):
        instance = with_passes(seed, "mesh" if seed % 2 else "line", roomy=False)
        asked: dict[str, Any] = {"pass_name": "decode"} if seed % 3 else {}
        plan = sf.solve(instance, "pipeedge", "period", **asked)
        check_plan(instance, plan)
        assert plan.value is not None or plan.reason
