"""Identical blocks: the best ring, which is the best of all placements where no detour pays."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task
from tests.checks import check_plan


def blocks(seed: int, triangle: bool = True, ends: bool = True) -> Instance:
    """Three nodes, all linked, whose memory holds a little more than an embedding, four blocks and
    a head; the token comes from n0 and goes back there."""
    rng = np.random.default_rng(seed)
    size, count = 1e5, 4 if ends else 5
    names = [*["embed"] * ends, *[f"b{i}" for i in range(count)], *["head"] * ends]
    layers = [Layer(name="x", op="input", output_bytes=4.0)]
    for name in names:
        work = {"embed": 1e6, "head": 5e7}.get(name, 3e7)
        weight = {"embed": 2e6, "head": 2.5e6}.get(name, 1e6)
        layers.append(
            Layer(
                name=name,
                op="other",
                inputs=(layers[-1].name,),
                flops=work,
                weight_bytes=weight,
                state_bytes=2e5 if name.startswith("b") else 0.0,
                output_bytes=size if name != names[-1] else 4.0,
            )
        )
    need = sum(layer.weight_bytes + layer.state_bytes for layer in layers)
    nodes = tuple(
        Node(
            name=f"n{i}",
            tier="t",
            speed_flops=float(rng.uniform(1, 9)) * 1e9,
            memory_bytes=need * float(rng.uniform(0.3, 0.7)),
        )
        for i in range(3)
    )
    lags = rng.uniform(1e-3, 1.9e-3 if triangle else 2e-2, 3)
    links = tuple(
        Link(
            tail=f"n{one}",
            head=f"n{other}",
            bandwidth_bps=1e9,
            latency_s=float(lag),
            delay_s=float(rng.choice([0.0, 1e-5])),
        )
        for (one, other), lag in zip([(0, 1), (1, 2), (0, 2)], lags, strict=True)
    )
    model = Model(name="m", layers=tuple(layers))
    task = Task(name="chat", model="m", source="n0", results_to="n0")
    return Instance(
        name=f"blocks-{seed}",
        tiers=("t",),
        nodes=nodes,
        links=links,
        models=(model,),
        tasks=(task,),
        routing="direct",
    )


def seconds(plan: Any) -> float:
    """Of a plan; inf where there is none."""
    return inf if plan.value is None else float(plan.value)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("held", ["line", "ring"])
@pytest.mark.parametrize("objective", ["latency", "period"])
def test_by_enumeration(objective: Any, held: Any, ends: bool) -> None:
    """The optimum of lines and of rings; of a period it is at least bounded and mostly proven."""
    proven = 0
    for seed in range(6):
        instance = blocks(seed, triangle=bool(seed % 2), ends=ends)
        asked: dict[str, Any] = {"objective": objective, "contiguous": held}
        plan = sf.solve(instance, "pipeline", **asked)
        best = seconds(sf.solve(instance, "brute-force", **asked))
        check_plan(instance, plan)
        if plan.status == "feasible":
            assert objective == "period" and plan.lower_bound is not None
            assert plan.lower_bound <= best * (1 + 1e-9)
            continue
        assert seconds(plan) == pytest.approx(best, rel=1e-9)
        proven += 1
    assert proven >= 4


def test_no_placement_is_faster_than_the_best_ring() -> None:
    """Where the hop is never longer than a detour: proven over all placements, as enumeration."""
    for seed in range(10):
        instance = blocks(seed)
        plan = sf.solve(instance, "pipeline")
        best = seconds(sf.solve(instance, "brute-force"))
        assert seconds(plan) == pytest.approx(best, rel=1e-9)
        if plan.value is not None:
            assert (plan.status, plan.proven_over) == ("optimal", "all")


def test_detours_take_the_claim_away() -> None:
    """Where some detour is shorter than a hop the best ring is claimed among contiguous plans."""
    claims = set()
    for seed in range(10):
        plan = sf.solve(blocks(seed, triangle=False), "pipeline")
        if plan.value is not None:
            claims.add(plan.proven_over)
    assert "contiguous" in claims
