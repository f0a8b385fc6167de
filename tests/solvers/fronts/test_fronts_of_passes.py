"""Fronts whose objectives are costs of single passes."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.fronts.criteria import criteria_of
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.fronts.epsilon_constraint import epsilon_constraint
from splitfog.solvers.fronts.pipelines import latency_and_period, two_latencies
from splitfog.solvers.fronts.search import enumerate_front
from tests.cases.enumeration.chains import tiny_chain
from tests.cases.enumeration.passes import with_passes

BOTH = "latency:prefill,latency:decode"


def test_a_front_of_two_passes(tmp_path: Path) -> None:
    """Time to the first word against time per word: what no placement beats in both, all of them;
    the file keeps it, and a point's plan is under its first objective."""
    instance = with_passes(7, "mesh", layers=4, idle=False)
    front = sf.pareto(instance, "latency:prefill,latency:decode", kind="exact")
    places = [
        {"job": dict(zip(["x", "b1", "b2", "b3"], ["n0", *nodes], strict=True))}
        for nodes in product(["n0", "n1", "n2"], repeat=3)
    ]
    costs = [
        tuple(
            sf.evaluate(instance, place, "latency", pass_name=name)
            for name in ("prefill", "decode")
        )
        for place in places
    ]
    best = {
        own
        for own in costs
        if not any(a <= own[0] and b <= own[1] and (a, b) != own for a, b in costs)
    }
    assert {point.values for point in front.points} == best
    assert front.plan(0).objective.pass_name == "prefill"
    sf.save_front(front, tmp_path / "front.json")
    assert sf.load_front(tmp_path / "front.json") == front


def test_a_contiguous_front_is_kept_to() -> None:
    """Every point of it obeys the rule, and is one of those without it or dearer."""
    instance = with_passes(3, "direct", chain=False)
    front = sf.pareto(instance, "latency:decode,period:decode", contiguous="line")
    assert front.contiguous == "line"
    for at in range(len(front.points)):
        assert sf.violations(instance, front.plan(at)) == []


def test_an_unknown_pass_is_named() -> None:
    """With those that there are."""
    with pytest.raises(LookupError, match="unknown pass 'dekode'; known: decode, prefill"):
        sf.pareto(with_passes(3, "mesh"), "latency:dekode,latency:decode")


def both(instance: Instance, objectives: str, held: str) -> tuple[list[Any], list[Any]]:
    """The points of contiguous placements by enumeration, and those that pipelines find."""
    criteria = criteria_of(instance, objectives, monotone=False, contiguous=held)
    all_points, found = Archive(criteria), Archive(criteria)
    enumerate_front(all_points)
    front = latency_and_period if "period" in objectives else two_latencies
    assert front(found, NEVER)
    return [values for values, _ in all_points.ordered()], [v for v, _ in found.ordered()]


def test_latency_against_period_of_pipelines() -> None:
    """All points of contiguous placements, for chains of unlike layers."""
    lengths = set()
    for seed in range(20):
        expected, found = both(tiny_chain(seed), "latency,period", ("line", "ring")[seed % 2])
        assert len(found) == len(expected)
        if expected:
            assert np.array(found) == pytest.approx(np.array(expected), rel=1e-9)
        lengths.add(len(found))
    assert max(lengths) > 1


def test_two_latencies_of_pipelines() -> None:
    """The points on the lower convex hull: no weighted sum of the two is less anywhere else."""
    for seed in range(6):
        instance = with_passes(seed, "direct", layers=4, idle=False, roomy=bool(seed % 2))
        expected, found = both(instance, "latency:prefill,latency:decode", "ring")
        assert set(found) <= set(expected)
        for weight in np.geomspace(1e-3, 1e3, 25):
            sums = [min(np.array(points) @ [1.0, weight]) for points in (found, expected)]
            assert sums[0] == pytest.approx(sums[1], rel=1e-9)


@pytest.mark.parametrize(
    ("network", "objectives", "held"),
    [
        ("mesh", "latency:prefill,latency:decode", None),
        ("line", "latency:decode,period:prefill", None),
        ("direct", "period:decode,bytes:n0,n1", None),
        ("direct", "latency:prefill,latency:decode", "ring"),
    ],
)
def test_programs_find_all_points_of_passes(
    network: Any, objectives: str, held: str | None
) -> None:
    """Those of enumeration, layers that a pass leaves out and memory limits among them; some
    fronts have several points."""
    lengths = set()
    for seed in range(6):
        instance = with_passes(seed, network, layers=4, chain=seed < 3, roomy=bool(seed % 2))
        criteria = criteria_of(instance, objectives, contiguous=held)
        all_points, found = Archive(criteria), Archive(criteria)
        enumerate_front(all_points)
        epsilon_constraint(found, lambda: np.inf)
        expected = [values for values, _ in all_points.ordered()]
        values = [values for values, _ in found.ordered()]
        assert len(values) == len(expected)
        if expected:
            assert np.array(values) == pytest.approx(np.array(expected), rel=1e-6)
        lengths.add(len(expected))
    assert max(lengths) > 1


def test_a_front_of_pipelines_says_of_which_placements() -> None:
    """Without `contiguous` the points are all those of contiguous placements; files keep that."""
    instance = generate("fleet", model="gpt2-124m", machines=4, memory_ratio=1.5)
    front = sf.pareto(instance, "latency:decode,period:decode")
    assert (front.kind, front.proven_over) == ("exact", "contiguous")
    assert b'"proven_over":"contiguous"' in front.to_json().replace(b": ", b":")
    held = sf.pareto(instance, "latency:decode,period:decode", contiguous="ring")
    assert (held.kind, held.proven_over) == ("exact", "placements")
    assert [point.values for point in held.points] == [point.values for point in front.points]


def test_programs_of_passes_that_nobody_asked_for_are_small() -> None:
    """Two passes' latencies: 24 pairs of layer and node, of 2,187 placements, are exact by
    themselves; 210 pairs have the points on the hull, which `pipeline` soon proves."""
    small = sf.pareto(with_passes(1, "direct", layers=8, chain=False), BOTH)
    assert (small.kind, small.method) == ("exact", "0-1 programs, resolution 1e-06")
    large = sf.pareto(generate("fleet", model="llama-3-8b", machines=6, memory_ratio=1.4), BOTH)
    assert (large.kind, large.method) == ("supported", "pipelines of weighted passes")
