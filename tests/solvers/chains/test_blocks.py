"""Identical blocks: the best ring, which is the best of all placements where no detour pays."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task
from splitfog.solvers.chains.blocks import blocks_of
from splitfog.solvers.chains.chain import chain_for
from tests.cases.enumeration.blocks import blocks
from tests.checks import check_plan


def seconds(plan: Any) -> float:
    """Of a plan; inf where there is none."""
    return inf if plan.value is None else float(plan.value)


@pytest.mark.parametrize("shape", ["ends", "blocks", "back"])
@pytest.mark.parametrize("held", ["line", "ring"])
@pytest.mark.parametrize("objective", ["latency", "period"])
def test_by_enumeration(objective: Any, held: Any, shape: str) -> None:
    """The optimum of lines and of rings, proven: an embedding, blocks and a head, blocks alone, and
    a head whose token goes back to the embedding's node, which is a ring."""
    found = 0
    for seed in range(6):
        kind = {"ends": shape != "blocks", "back": shape == "back"}
        target = ("n0", "n2")[seed // 3]
        instance = blocks(seed, triangle=bool(seed % 2), target=target, **kind)
        asked: dict[str, Any] = {"objective": objective, "contiguous": held}
        plan = sf.solve(instance, "pipeline", **asked)
        best = seconds(sf.solve(instance, "brute-force", **asked))
        check_plan(instance, plan)
        assert seconds(plan) == pytest.approx(best, rel=1e-9)
        assert plan.status == ("infeasible" if best == inf else "optimal")
        found += best < inf
    assert found >= (0 if (shape, held) == ("back", "line") else 4)


def test_a_ring_of_blocks_is_known_as_such() -> None:
    """With a token that goes back, too: paths through sets of nodes solve it, for any network."""
    for back in (False, True):
        instance = blocks(0, back=back)
        known = blocks_of(chain_for(instance, Objective("latency")))
        assert known is not None and known.returns is back
        assert (known.count, known.first, known.last) == (3 if back else 4, 1, 1)


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


def test_auto_chooses_it_where_it_speaks_of_all() -> None:
    """For the latency of blocks whose hops are the shortest ways; else the 0-1 program decides."""
    chosen = {True: set[str | None](), False: set[str | None]()}
    for seed in range(4):
        for triangle in (True, False):
            instance = blocks(seed, triangle)
            if sf.solve(instance, "pipeline").proven_over in ("all", "contiguous"):
                plan, own = sf.solve(instance), sf.solve(instance, "pipeline")
                chosen[own.proven_over == "all"].add(plan.solver)
                assert plan.status == "optimal" and plan.proven_over == "all"
    assert chosen[True] <= {"pipeline", "chain-dp", "min-cut"} and "pipeline" in chosen[True]
    assert "ilp" in chosen[False] and "pipeline" not in chosen[False]


def test_a_star_has_shorter_periods_without_runs() -> None:
    """A hub of four blocks (0.25 s each) and three rims of one (1 s each) are all used for seven
    blocks; hops take 1 s to the hub and 1.5 s between rims. In runs some hop joins two rims: 1.5 s;
    rim, hub, rim, hub, rim takes hops of the hub only: 1 s."""
    layers = [
        Layer(
            name=f"b{i}",
            op="other",
            inputs=() if i == 0 else (f"b{i - 1}",),
            flops=1.0,
            weight_bytes=1.0,
            output_bytes=1.0,
        )
        for i in range(7)
    ]
    speeds, room = (4.0, 1.0, 1.0, 1.0), (4.0, 1.0, 1.0, 1.0)
    nodes = tuple(
        Node(name=f"n{i}", tier="t", speed_flops=speed, memory_bytes=most)
        for i, (speed, most) in enumerate(zip(speeds, room, strict=True))
    )
    links = tuple(
        Link(tail=f"n{one}", head=f"n{other}", bandwidth_bps=8e12, latency_s=1.5 if one else 1.0)
        for one in range(4)
        for other in range(one + 1, 4)
    )
    star = Instance(
        name="star",
        tiers=("t",),
        nodes=nodes,
        links=links,
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="job", model="m", source=None),),
        routing="direct",
    )
    plan = sf.solve(star, "pipeline", "period")
    assert (plan.status, plan.proven_over) == ("optimal", "contiguous")
    assert plan.value == pytest.approx(1.5)
    assert sf.solve(star, "brute-force", "period").value == pytest.approx(1.0)
