"""edgeshard: exact where memory does not bind, and what it loses where it does."""

from __future__ import annotations

from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.records import changed
from tests.cases.enumeration.passes import with_passes
from tests.cases.language_models import blocks, counts, machines, serving
from tests.checks import check_plan

PAIR = machines((1, None), (1, None))


@pytest.mark.parametrize("network", ["line", "mesh", "direct"])
def test_without_memory_limits_it_is_the_shortest_path(network: Any) -> None:
    """As chain-dp, which is exact there; in a request and in a pass of it, whatever a transfer is
    counted as."""
    for seed in range(6):
        instance = with_passes(seed, network)
        asked: dict[str, Any] = {"pass_name": "decode"} if seed % 2 else {}
        asked |= {"transfers": "per-edge"} if seed % 3 else {}
        plan = sf.solve(instance, "edgeshard", **asked)
        assert plan.value == pytest.approx(sf.solve(instance, "chain-dp", **asked).value)


def test_with_memory_limits_plans_are_feasible_and_some_are_not_the_best() -> None:
    """Or no way is left, with a sentence."""
    worse = 0
    for seed in range(12):
        instance = with_passes(seed, "mesh", roomy=False)
        plan = sf.solve(instance, "edgeshard")
        check_plan(instance, plan)
        best = sf.solve(instance, "ilp").value
        if plan.value is None:
            assert plan.status == "infeasible" or "none of its ways" in str(plan.reason)
            continue
        assert best is not None and plan.value >= best * (1 - 1e-9)
        worse += plan.value > best * (1 + 1e-6)
    assert worse > 0


def test_it_keeps_one_way_to_a_machine() -> None:
    """Blocks take 0.1 s on a and 1 s on b, a hop 0.3 s, and either holds two: the best way to
    block2 on b has been on a twice, and the result comes back: 0.1 + 0.1 + 0.3 + 1 + 1 + 0.3 s."""
    instance = serving(blocks(4), machines((10, 2.0), (1, 2.0), hop_s=0.3))
    plan = sf.solve(instance, "edgeshard")
    assert counts(instance, plan) == [2, 2]
    assert plan.value == pytest.approx(2.8)


def test_a_group_stays_together() -> None:
    """Of two blocks each machine does one in 1 s and the other in 5: 2 s, but 6 together."""
    times = {"block0": {"a": 1.0, "b": 5.0}, "block1": {"a": 5.0, "b": 1.0}}
    alone = [changed(layer, times_s=times.get(layer.name, {})) for layer in blocks(2)]
    assert sf.solve(serving(alone, PAIR), "edgeshard").value == pytest.approx(2.0)
    pair = [alone[0], *(changed(layer, group="pair") for layer in alone[1:])]
    assert sf.solve(serving(pair, PAIR), "edgeshard").value == pytest.approx(6.0)


def test_shared_weights_take_memory_once() -> None:
    """Embedding and head are one table of 3 bytes: with both blocks of 1 byte they fit in a's 5,
    who is fast; in 4.9 they do not, and a block is 1 s on b and two hops of 0.3 s away."""
    layers = [
        changed(layer, weights="table") if layer.weight_bytes == 3 else layer
        for layer in blocks(2, ends=(3, 3))
    ]
    fits = serving(layers, machines((10, 5.0), (1, 1.0), hop_s=0.3))
    assert sf.solve(fits, "edgeshard").value == pytest.approx(0.2)
    tight = serving(layers, machines((10, 4.9), (1, 1.0), hop_s=0.3))
    plan = sf.solve(tight, "edgeshard")
    assert counts(tight, plan) == [1, 1]
    assert plan.value == pytest.approx(1.7)


def test_what_it_does_not_know() -> None:
    """Periods, and contiguous placements but for plans that are such by themselves."""
    instance = serving(blocks(2), machines((10, 2.0), (1, 2.0)))
    with pytest.raises(sf.SolverDeclined, match="it minimises latency"):
        sf.solve(instance, "edgeshard", "period")
    assert sf.solve(instance, "edgeshard", contiguous="line").value == pytest.approx(0.2)
