"""Fronts whose objectives are costs of single passes."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

import splitfog as sf
from tests.cases.enumeration.passes import with_passes


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
