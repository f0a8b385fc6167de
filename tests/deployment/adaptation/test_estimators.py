"""What is made of measurements, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.deployment.adaptation.estimators import ESTIMATORS, estimator

EXAMPLES = ("last", "ewma:0.7", "kalman", "harmonic:5", "quantile:0.2,5")


def believed(name: str, *measured: float) -> float:
    """What an estimator believes after some measurements."""
    now = estimator(name)
    for value in measured:
        now = now.after(value)
    return now.value


def test_last_is_the_last() -> None:
    """Nothing of what came before is left."""
    assert believed("last", 8.0, 2.0) == 2.0


def test_ewma_weighs_what_is_new_by_its_share() -> None:
    """8, then .7 * 2 + .3 * 8 = 3.8, then .7 * 10 + .3 * 3.8 = 8.14."""
    assert believed("ewma:0.7", 8.0, 2.0) == pytest.approx(3.8)
    assert believed("ewma:0.7", 8.0, 2.0, 10.0) == pytest.approx(8.14)


def test_ewma_without_a_share_takes_seven_tenths() -> None:
    """As `ewma:0.7`."""
    assert believed("ewma", 8.0, 2.0) == believed("ewma:0.7", 8.0, 2.0)


def test_kalman_filters_the_logarithm() -> None:
    """From 1 (variance .04) to e: predicted variance .08, gain .08 / .12 = 2/3, so e^(2/3).

    Then the variance is .08 / 3 = .02667; another e: predicted .06667, gain .625, and the
    logarithm 2/3 + .625 / 3 = .875.
    """
    assert believed("kalman", 1.0) == 1.0
    assert believed("kalman", 1.0, math.e) == pytest.approx(math.exp(2 / 3))
    assert believed("kalman", 1.0, math.e, math.e) == pytest.approx(math.exp(0.875))


def test_kalman_believes_a_zero_until_there_is_a_logarithm_again() -> None:
    """0 has none: what was filtered before goes on after it."""
    assert believed("kalman", 1.0, 0.0) == 0.0
    assert believed("kalman", 1.0, 0.0, math.e) == believed("kalman", 1.0, math.e)


def test_harmonic_is_the_harmonic_mean_of_the_last_ones() -> None:
    """Of 2 and 6: 2 / (1/2 + 1/6) = 3; the 1 is forgotten."""
    assert believed("harmonic:2", 1.0, 2.0, 6.0) == pytest.approx(3.0)


def test_harmonic_is_zero_as_long_as_one_is() -> None:
    """Its limit."""
    assert believed("harmonic:2", 0.0, 6.0) == 0.0
    assert believed("harmonic:2", 0.0, 6.0, 6.0) == pytest.approx(6.0)


def test_quantile_is_between_the_last_ones() -> None:
    """Of 10, 20, 30 the .25-quantile lies half way from 10 to 20; the 1 is forgotten."""
    assert believed("quantile:0.25,3", 1.0, 10.0, 30.0, 20.0) == pytest.approx(15.0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_estimator_never_changes(name: str) -> None:
    """`after` leaves it as it was, so that two futures can follow from one past."""
    now = estimator(name).after(3.0)
    now.after(100.0)
    assert now.value == pytest.approx(3.0)


@pytest.mark.parametrize("name", EXAMPLES)
@given(measured=st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=12))
def test_what_is_believed_lies_between_what_was_measured(name: str, measured: list[float]) -> None:
    """Every estimate is a mean of some kind."""
    value = believed(name, *measured)
    assert min(measured) * (1 - 1e-9) <= value <= max(measured) * (1 + 1e-9)


def test_every_estimator_is_tested_here() -> None:
    """A new one needs its example."""
    assert {name.partition(":")[0] for name in EXAMPLES} == set(ESTIMATORS)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("mean", "one of last, ewma:A, kalman, harmonic:N, quantile:P,N"),
        (5, "one of last, ewma:A, kalman, harmonic:N, quantile:P,N"),
        ("", "one of last, ewma:A, kalman, harmonic:N, quantile:P,N"),
        ("last:1", "must be last"),
        ("ewma:0", "ewma:A with 0 < A <= 1"),
        ("ewma:x", "ewma:A with 0 < A <= 1"),
        ("ewma:", "ewma:A with 0 < A <= 1"),
        ("ewma:nan", "ewma:A with 0 < A <= 1"),
        ("ewma:0.7,0.3", "ewma:A with 0 < A <= 1"),
        ("harmonic", "harmonic:N with a whole number N >= 1"),
        ("harmonic:2.5", "harmonic:N with a whole number N >= 1"),
        ("quantile:0.5", "quantile:P,N with 0 <= P <= 1 and a whole number N >= 1"),
        ("quantile:1.5,3", "quantile:P,N with 0 <= P <= 1 and a whole number N >= 1"),
    ],
)
def test_a_wrong_name_says_what_is_allowed(name: object, allowed: str) -> None:
    """In one sentence, with the name."""
    with pytest.raises(ValueError, match="estimate = ") as said:
        estimator(name)
    assert allowed in str(said.value)
