"""pipeline: the best contiguous placement of every chain, equal to trying them all."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import SolverDeclined
from tests.cases.enumeration.passes import with_passes
from tests.checks import check_plan


def overlapping(instance: Instance) -> Instance:
    """The instance with nodes that compute while they send."""
    nodes = tuple(changed(node, overlap=True) for node in instance.nodes)
    return changed(instance, nodes=nodes)


def least(instance: Instance, **asked: Any) -> float:
    """Seconds of the best placement by trying all; inf: there is none."""
    value = sf.solve(instance, "brute-force", **asked).value
    return inf if value is None else value


@pytest.mark.parametrize("roomy", [True, False])
@pytest.mark.parametrize("network", ["line", "mesh", "direct"])
@pytest.mark.parametrize("monotone", [True, False])
def test_latency_of_lines_by_enumeration(network: Any, roomy: bool, monotone: bool) -> None:
    """The optimum of contiguous placements, of a pass and of the request, or that there is none."""
    for seed in range(12):
        instance = with_passes(seed, network, roomy=roomy)
        asked: dict[str, Any] = {"contiguous": "line", "monotone": monotone}
        asked |= {"pass_name": "decode"} if seed % 2 else {}
        plan = sf.solve(instance, "pipeline", **asked)
        best = least(instance, **asked)
        assert plan.status == ("infeasible" if best == inf else "optimal")
        assert (inf if plan.value is None else plan.value) == pytest.approx(best, rel=1e-9)
        check_plan(instance, plan)


@pytest.mark.parametrize("roomy", [True, False])
@pytest.mark.parametrize("network", ["line", "mesh", "direct"])
def test_period_of_lines_by_enumeration(network: Any, roomy: bool) -> None:
    """The optimum where its plan is claimed to be, else a plan with a bound below the optimum."""
    proven = 0
    for seed in range(12):
        instance = overlapping(with_passes(seed, network, roomy=roomy))
        asked: dict[str, Any] = {"objective": "period", "contiguous": "line", "monotone": False}
        plan = sf.solve(instance, "pipeline", **asked)
        best = least(instance, **asked)
        check_plan(instance, plan)
        if plan.value is None:
            assert best == inf and plan.status == "infeasible"
            continue
        assert plan.lower_bound is not None and plan.lower_bound <= best * (1 + 1e-9)
        if plan.status == "optimal":
            assert plan.value == pytest.approx(best, rel=1e-9)
        proven += plan.status == "optimal"
    assert proven >= 3


def test_free_placements_are_claimed_for_contiguous_ones_only() -> None:
    """Without `contiguous` the proof is over placements in a ring, of which it is the best."""
    for seed in range(8):
        instance = with_passes(seed, "mesh", roomy=False)
        plan = sf.solve(instance, "pipeline", monotone=False)
        best = least(instance, contiguous="ring", monotone=False)
        if plan.value is not None:
            assert (plan.status, plan.proven_over) == ("optimal", "contiguous")
            assert plan.value == pytest.approx(best, rel=1e-9)


def test_latency_of_plans_whose_period_is_limited() -> None:
    """The fastest plan may be too slow a pipeline: at the least period only its plans are left."""
    tightened = 0
    for seed in range(12):
        instance = overlapping(with_passes(seed, "direct", roomy=False))
        asked: dict[str, Any] = {"contiguous": "line", "monotone": False}
        shortest = sf.solve(instance, "pipeline", objective="period", **asked)
        if shortest.status != "optimal" or shortest.value is None:
            continue
        limited = sf.solve(instance, "pipeline", options={"period": shortest.value}, **asked)
        free = sf.solve(instance, "pipeline", **asked)
        if limited.value is None:
            assert "uses a link twice" in str(limited.reason)
            continue
        assert limited.proven_over == "catalogue" and free.value is not None
        period = sf.evaluate(instance, limited, objective="period").value
        assert period is not None and period <= shortest.value * (1 + 1e-9)
        assert limited.value >= free.value * (1 - 1e-12)
        tightened += limited.value > free.value * 1.001
    assert tightened >= 3


def test_declines_with_a_sentence() -> None:
    """Branches, and limits on a period where a node cannot compute while it sends."""
    branches = with_passes(1, "direct", chain=False)
    with pytest.raises(SolverDeclined, match="is no chain: "):
        sf.solve(branches, "pipeline")
    instance = overlapping(with_passes(1, "direct"))
    nodes = (changed(instance.nodes[0], overlap=False), *instance.nodes[1:])
    halting = changed(instance, nodes=nodes)
    with pytest.raises(SolverDeclined, match="node n0 cannot compute while it sends"):
        sf.solve(halting, "pipeline", "latency", options={"period": 1.0})
    with pytest.raises(SolverDeclined, match="option period limits"):
        sf.solve(instance, "pipeline", "period", options={"period": 1.0})
