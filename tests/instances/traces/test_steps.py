"""Step functions: values, integrals, when these are reached, and where there are steps."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.instances.traces.steps import StepFunction
from tests.instances.traces.strategies import step_functions

MOMENTS = st.floats(0, 100)
AMOUNTS = st.sampled_from([0.0, 1.0, 100.0]) | st.floats(1e-3, 1e3)


def plain_integral(function: StepFunction, start: float, end: float) -> float:
    """Stretch by stretch: each is as long as it is, and as high as its middle."""
    edges: list[float] = [start, *function.changes(start, end).tolist(), end]
    return sum((b - a) * function.at((a + b) / 2) for a, b in pairwise(edges))


@given(step_functions(), MOMENTS, MOMENTS)
def test_an_integral_is_the_sum_of_its_stretches(f: StepFunction, a: float, b: float) -> None:
    """Over whole periods, too."""
    start, end = sorted((a, b))
    assert f.integral(start, end) == pytest.approx(plain_integral(f, start, end), abs=1e-9)


@given(step_functions(), MOMENTS, AMOUNTS)
def test_finish_is_the_inverse_of_the_integral(f: StepFunction, a: float, amount: float) -> None:
    """Up to there the integral is the amount, and a little earlier it is less."""
    end = f.finish(a, amount)
    if end == inf:
        last = f.values[-1] if f.end == "hold" else f.integral(0, f.duration_s)
        assert last == 0
        return
    assert f.integral(a, end) == pytest.approx(amount, rel=1e-9, abs=1e-9)
    earlier = end - 1e-6
    assert amount == 0 or earlier <= a or f.integral(a, earlier) < amount


@given(step_functions(), MOMENTS)
def test_within_a_step_it_takes_amount_over_value(f: StepFunction, a: float) -> None:
    """Exactly, however late it is: no rounding of a sum gets in."""
    value, left = f.at(a), f.next_change(a) - a
    amount = value * min(left, 1.0) / 2
    if amount > 0:
        assert f.seconds(a, amount) == amount / value


@given(step_functions(), st.lists(MOMENTS, min_size=1, max_size=20), AMOUNTS)
def test_arrays_are_as_their_elements(f: StepFunction, at: list[float], amount: float) -> None:
    """`sample` as `at`, `seconds_all` as `seconds`, of whatever shape."""
    moments = np.array(at)[None, :]
    assert f.sample(moments).tolist() == [[f.at(t) for t in at]]
    assert f.seconds_all(moments, amount).tolist() == [[f.seconds(t, amount) for t in at]]


@given(step_functions())
def test_steps_are_where_the_value_changes(f: StepFunction) -> None:
    """`changes` holds what `next_change` finds; there the new value begins, not before."""
    found, time = [], f.next_change(0.0)
    while time < 50:
        found.append(time)
        time = f.next_change(time)
    assert f.changes(0, 50).tolist() == found
    for before, time, after in zip([0.0, *found], found, [*found[1:], 50.0], strict=False):
        assert f.at(nextafter(time, 0)) == f.at((before + time) / 2)
        assert f.at(time) == f.at((time + after) / 2)


def test_a_step_is_where_it_is_said_to_be_however_late() -> None:
    """A thousand times a step of 0.1 s, whose moments are rounded up or down: there, not before."""
    f = StepFunction([0, 0.1, 0.3], [1, 2, 3], 0.7, "repeat")
    moments = f.changes(0, 700)
    assert len(moments) == 2999
    old, new = [3, 1, 2], [1, 2, 3]
    assert f.sample(moments).tolist() == [new[(k + 1) % 3] for k in range(2999)]
    assert [f.at(t) for t in moments] == f.sample(moments).tolist()
    before = np.nextafter(moments, 0)
    assert f.sample(before).tolist() == [old[(k + 1) % 3] for k in range(2999)]
    assert [f.at(t) for t in before] == f.sample(before).tolist()


@given(step_functions(least=0.5), MOMENTS, AMOUNTS)
def test_work_under_a_load_takes_the_reciprocal(f: StepFunction, a: float, work: float) -> None:
    """A load of 5 does a fifth of the work: the integral of 1 / load is what is done."""
    end = f.reciprocal.finish(a, work)
    edges = [a, *f.changes(a, end).tolist(), end]
    done = sum((y - x) / f.at((x + y) / 2) for x, y in pairwise(edges))
    assert done == pytest.approx(work, rel=1e-9, abs=1e-9)


def test_by_hand() -> None:
    """2 for 1 s, then nothing for 1 s, then 4 for 2 s, again and again: 10 in 4 s.

    From 0.5: 1 by 1.0, nothing by 2.0, 8 by 4.0; 9 in all. 12 more: 10 by 8.0, then 2 by 9.0.
    """
    f = StepFunction([0, 1, 2], [2, 0, 4], 4, "repeat")
    assert f.finish(0.5, 1) == 1.0
    assert f.finish(0.5, 9) == 4.0
    assert f.finish(0.5, 21) == 9.0
    assert f.finish(0.5, 21 + 1e6 * 10) == 9.0 + 4e6
    assert [f.at(t) for t in (0, 0.999, 1, 2, 3.999, 4, 5)] == [2, 2, 0, 4, 4, 2, 0]


def test_what_never_comes_takes_for_ever() -> None:
    """A last value of 0 that stays, and a trace of nothing but 0."""
    assert StepFunction([0, 1], [3, 0], 2, "hold").finish(0, 3) == 1.0
    assert StepFunction([0, 1], [3, 0], 2, "hold").finish(0, 4) == inf
    assert StepFunction([0, 1], [0, 0], 2, "repeat").finish(0, 1e-9) == inf
    assert StepFunction([0, 1], [0, 0], 2, "repeat").finish(1.5, 0) == 1.5


def test_neighbours_with_one_value_are_one_step() -> None:
    """A constant is one step, whatever its period."""
    f = StepFunction([0, 1, 2], [5, 5, 5], 3, "repeat")
    assert f.constant and f.next_change(0) == inf and f.changes(0, 100).size == 0
    assert f.seconds(2.5, 1e6) == 1e6 / 5
