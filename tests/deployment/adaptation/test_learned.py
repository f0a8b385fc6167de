"""`learned`: states by quantiles, the best plan of each, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.adaptation.situation import Situation
from tests.cases.small_tables import LINK, two_plans

INF = float("inf")


def test_each_state_gets_the_plan_that_did_best_there() -> None:
    """Bandwidths 1 to 8 in 8 states: below 5 the first plan is faster, from 5 on the second."""
    samples = np.arange(1.0, 9.0)[:, None]
    latencies = np.where(samples < 5, [1.0, 2.0], [2.0, 1.0])
    rule = sf.learn(samples, latencies)
    assert rule.edges.tolist() == pytest.approx(np.quantile(samples, np.arange(1, 8) / 8))
    assert rule.plans.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_figure_that_varies_most_tells_states() -> None:
    """A load of 1 or 2 against a bandwidth over three decades."""
    rng = np.random.default_rng(0)
    samples = np.stack([rng.integers(1, 3, 50), 10 ** rng.uniform(5, 8, 50)], axis=1)
    assert sf.learn(samples, np.ones((50, 2))).figure == 1


def test_failures_count_before_seconds() -> None:
    """A plan that is fast, and fails once, is worse than one that never fails."""
    rule = sf.learn([[1.0]] * 3, [[1.0, 9.0], [INF, 9.0], [1.0, 9.0]])
    assert set(rule.plans.tolist()) == {1}


def test_a_state_without_requests_has_the_plan_that_is_best_over_all() -> None:
    """All requests at one bandwidth are in the last state."""
    rule = sf.learn([[3.0]] * 4, [[2.0, 1.0]] * 4)
    assert rule.plans.tolist() == [1] * 8


def test_it_decides_by_what_was_measured_in_the_last_second() -> None:
    """6 and 2 within it: 4, which is below 5; what was measured before does not count."""
    rule = sf.learn(np.array([[2e6], [8e6]]), [[1.0, 2.0], [2.0, 1.0]], states=2)
    mine = sf.Adapter(two_plans(), rule=rule)
    for time_s, bandwidth in ((0.0, 9e7), (1.5, 6e6), (2.0, 2e6)):
        mine.observe(time_s, link=LINK, bandwidth_bps=bandwidth)
    choice = mine.decide(2.0)
    assert choice.position == 0
    assert choice.reason.startswith("learned: the best in state 1 of 2")
    mine.observe(2.4, link=LINK, bandwidth_bps=9e6)
    assert mine.decide(2.9).position == 1  # 6 is out of it by now: (2 + 9) / 2


def test_what_is_older_than_a_second_does_not_count() -> None:
    """9 and 2 at 2 s are 5.5 on average; at 2.6 s 2 is left."""
    rule = sf.learn(np.array([[2e6], [8e6]]), [[1.0, 2.0], [2.0, 1.0]], states=2)
    mine = sf.Adapter(two_plans(), rule=rule)
    mine.observe(1.5, link=LINK, bandwidth_bps=9e6)
    mine.observe(2.0, link=LINK, bandwidth_bps=2e6)
    assert [mine.decide(2.0).position, mine.decide(2.6).position] == [1, 0]


def test_a_sample_on_an_edge_is_in_the_state_above_it() -> None:
    """Of 1, 2, 2 the median is 2: the state below it has the first request alone."""
    rule = sf.learn([[1.0], [2.0], [2.0]], [[1.0, 9.0], [9.0, 1.0], [9.0, 1.0]], states=2)
    assert rule.edges.tolist() == [2.0]
    assert rule.plans.tolist() == [0, 1]
    assert rule.after(Situation(0.0, np.array([1.0, 1.0]), np.array([2.0]))).position == 1


def test_without_measurements_in_the_last_second_it_goes_by_what_it_believes() -> None:
    """9 Mbit/s, long ago."""
    rule = sf.learn(np.array([[2e6], [8e6]]), [[1.0, 2.0], [2.0, 1.0]], states=2)
    mine = sf.Adapter(two_plans(), rule=rule, estimate="last")
    mine.observe(0.0, link=LINK, bandwidth_bps=9e6)
    assert mine.decide(100.0).position == 1


def test_what_is_down_is_not_used_though_it_was_learned() -> None:
    """The fastest of the others is."""
    rule = sf.learn([[1.0]], [[2.0, 1.0]])
    now = Situation(0.0, np.array([1.0, INF]), np.array([1.0]))
    assert rule.after(now).position == 0


def test_what_was_learned_of_another_table_is_refused() -> None:
    """A third plan, or a third figure, is not in a table of two."""
    for samples, latencies in (([[1.0]], [[3.0, 2.0, 1.0]]), ([[1, 1, 1], [1, 1, 9]], [[1], [1]])):
        with pytest.raises(ValueError, match="this one has 2 plans and 2 figures"):
            sf.Adapter(two_plans(), rule=sf.learn(samples, latencies))


@pytest.mark.parametrize(
    ("samples", "latencies", "said"),
    [
        ([1.0, 2.0], [[1.0], [1.0]], "samples has shape (2,), must be [requests, figures]"),
        ([], [], "samples has shape (0,), must be [requests, figures]"),
        ([[1.0], [2.0]], [[1.0]], "latencies has shape (1, 1), must be [2, plans]"),
        ([["x"]], [[1.0]], "samples = [['x']], must be"),
    ],
)
def test_wrong_figures_are_errors(samples: object, latencies: object, said: str) -> None:
    """In a sentence."""
    with pytest.raises(ValueError, match=r".") as error:
        sf.learn(samples, latencies)  # type: ignore[arg-type]
    assert said in str(error.value)
