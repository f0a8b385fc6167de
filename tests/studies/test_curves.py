"""Other solvers' curves beside a policy."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog import Instance, Policy, SolverDeclined, generate, policy
from splitfog.studies.curves import solver_curves


@pytest.fixture(scope="module")
def given() -> tuple[Instance, Policy]:
    """A chain over three tiers, and its policy over the first link."""
    instance = generate("three-tier", model="alexnet")
    return instance, policy(instance, link=("device", "edge0"), low_bps=1e5, high_bps=1e9)


def test_an_exact_solver_lies_on_the_policy(given: tuple[Instance, Policy]) -> None:
    """At every point, both ends among them; who stays on the device is as slow everywhere."""
    found = given[1]
    exact, alone = solver_curves(*given, ["min-cut", "device-only"], samples=5)
    assert (exact.name, alone.name) == ("min-cut", "device-only")
    assert exact.at[[0, -1]] == pytest.approx([found.low, found.high])
    inside = exact.at.clip(found.low, found.high).tolist()
    assert exact.value_s == pytest.approx([found.value_at(value) for value in inside])
    assert np.ptp(alone.value_s) == 0
    assert (exact.value_s <= alone.value_s * (1 + 1e-9)).all()


def test_by_default_baselines_and_hpa_that_apply(given: tuple[Instance, Policy]) -> None:
    """No search, which would take its time at every point; nobody who has no plan anywhere."""
    names = {curve.name for curve in solver_curves(*given, samples=2)}
    assert {"device-only", "neurosurgeon", "hpa"} <= names
    assert not names & {"evolution", "ilp", "contiguous"}
    assert solver_curves(*given, []) == []


def test_who_cannot_be_shown_is_said(given: tuple[Instance, Policy]) -> None:
    """Named, but unknown, or for other objectives; or the policy is another instance's."""
    with pytest.raises(LookupError, match="unknown solver 'hqa'"):
        solver_curves(*given, ["hqa"])
    with pytest.raises(SolverDeclined, match="dina"):
        solver_curves(*given, ["dina"], samples=2)
    with pytest.raises(ValueError, match="the policy is for another instance"):
        solver_curves(generate("three-tier", model="vgg-16"), given[1])
