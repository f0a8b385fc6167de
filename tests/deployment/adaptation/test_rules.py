"""When rules change plans, worked by hand; and what they can never do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from splitfog.deployment.adaptation.offline import offline_path, path_cost
from splitfog.deployment.adaptation.rules import Argmin, Fixed, Hysteresis, Switch
from splitfog.deployment.adaptation.situation import Rule, Situation
from splitfog.deployment.adaptation.switching import switch_matrix
from splitfog.deployment.adaptation.work_function import WorkFunction

INF = float("inf")
seeds = st.integers(0, 2**32 - 1)


def path(rule: Rule, costs: Sequence[Sequence[float]] | NDArray[np.float64]) -> list[int]:
    """The plans that a rule uses for requests of these costs, one after the other."""
    chosen = []
    for time_s, row in enumerate(costs):
        rule = rule.after(Situation(float(time_s), np.array(row)))
        assert rule.position is not None
        chosen.append(rule.position)
    return chosen


def same(seconds: float, plans: int = 2) -> NDArray[np.float64]:
    """Every change costs the same."""
    return switch_matrix("switch_cost_s", seconds, plans)


def test_argmin_takes_the_fastest_and_of_equals_the_first() -> None:
    """Whatever was used before."""
    assert path(Argmin(), [[3, 1, 2], [1, 1, 2], [5, 4, 3]]) == [1, 0, 2]


def test_fixed_stays_even_where_its_plan_cannot_run() -> None:
    """It does not adapt at all."""
    assert path(Fixed(1), [[1.0, 2.0], [1.0, INF]]) == [1, 1]


def test_hysteresis_changes_only_for_more_than_its_share() -> None:
    """From 10 to 9.5 is 5 % and to 9 exactly 10 %: it stays; to 8.9 it changes, and not back."""
    costs = [[10.0, 11.0], [10.0, 9.5], [10.0, 9.0], [10.0, 8.9], [8.5, 8.9]]
    assert path(Hysteresis(0.1), costs) == [0, 0, 0, 1, 1]


def test_switch_changes_when_regret_exceeds_its_price() -> None:
    """Price 5; staying on plan 0 costs 2 a request: 2, 4, 6 > 5 at the third.

    Then the regret begins anew: plan 0 is 3 faster, 3, 6 > 5 at the second.
    """
    costs = [[1, 9], [3, 1], [3, 1], [3, 1], [1, 4], [1, 4]]
    assert path(Switch(same(5.0)), costs) == [0, 0, 0, 1, 1, 0]


def test_switch_takes_off_what_staying_gained() -> None:
    """At a price of 5, 4 of regret, less 3: 1, then 5 and no more than the price, then 9."""
    costs = [[1, 9], [5, 1], [1, 4], [5, 1], [5, 1]]
    assert path(Switch(same(5.0)), costs) == [0, 0, 0, 0, 1]


def test_switch_owes_nothing_to_a_plan_that_was_slower() -> None:
    """However much slower plan 1 was: 3, 6 > 5 at the second request where it is faster."""
    costs = [[1, 99], [1, 99], [4, 1], [4, 1]]
    assert path(Switch(same(5.0)), costs) == [0, 0, 0, 1]


def test_switch_begins_anew_after_a_change() -> None:
    """Plans 1 and 2 are 3 and 2.9 faster: to 1 at 6 > 5; against 2 nothing of the 5.8 is left."""
    costs = np.array([[1, 9, 9], [4, 1, 1.1], [4, 1, 1.1], [9, 4, 3], [9, 4, 3]])
    assert path(Switch(same(5.0, 3)), costs) == [0, 0, 1, 1, 1]


def test_switch_does_not_change_at_its_price_but_above() -> None:
    """Regret 2, 4 at a price of 4: no more than it."""
    assert path(Switch(same(4.0)), [[1, 9], [3, 1], [3, 1]]) == [0, 0, 0]


def test_switch_that_costs_nothing_is_argmin() -> None:
    """Where all plans are ready."""
    costs = [[1, 2], [2, 1], [1, 2]]
    assert path(Switch(same(0.0)), costs) == path(Argmin(), costs)


def test_switch_pays_the_price_of_the_way_that_it_would_go() -> None:
    """From 0 to 1 costs 1, back 100: 2 of regret suffice there, and never back here."""
    way = np.array([[0.0, 1.0], [100.0, 0.0]])
    assert path(Switch(way), [[1, 9], [3, 1], [1, 3], [1, 3]]) == [0, 1, 1, 1]


def test_work_function_moves_when_it_would_have_paid_off() -> None:
    """Changes cost 2. Requests of costs (0, 1), then (1, 0) four times.

    Work: (0, 1); (1, 1); (2, 1); (3, 1); at (3, 1) work 0 is min(3, 1 + 2) = 3, so plan 0 costs
    3 + 0 and plan 1 costs 1 + 2: of equals the first. With the next, served 0 = 4 > work 0 =
    min(4, 1 + 2) = 3: plan 0 is not what serves best, and plan 1 is taken.
    """
    costs = [[0, 1], [1, 0], [1, 0], [1, 0], [1, 0]]
    assert path(WorkFunction(same(2.0)), costs) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "rule", [Argmin(), Hysteresis(0.9), Switch(same(99)), WorkFunction(same(99))]
)
def test_a_plan_that_cannot_run_is_left_at_once(rule: Rule) -> None:
    """Whatever changing costs."""
    assert path(rule, [[1.0, 2.0], [INF, 2.0]]) == [0, 1]


def test_what_is_left_at_once_says_so() -> None:
    """In the reason."""
    rule = Switch(same(9.0)).after(Situation(0.0, np.array([1.0, 2.0])))
    assert str(rule.why) == "starts: the fastest at these figures"
    rule = rule.after(Situation(1.0, np.array([INF, 2.0])))
    assert str(rule.why) == "changes: the plan in use needs what is down"


def test_switch_says_what_staying_has_cost() -> None:
    """3.2 ms slower than the fastest, where a change costs 100 ms."""
    rule = Switch(same(0.1)).after(Situation(0.0, np.array([1.0, 2.0])))
    rule = rule.after(Situation(1.0, np.array([1.0032, 1.0])))
    assert str(rule.why) == "stays: 3.2 ms of regret, a switch costs 100 ms"
    rule = rule.after(Situation(2.0, np.array([1.2, 1.0])))
    assert str(rule.why) == "changes: 203 ms of regret, a switch costs 100 ms"


def random_costs(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs of up to 30 requests by 2 to 4 plans, and changes that are a metric between them."""
    rng = np.random.default_rng(seed)
    plans = int(rng.integers(2, 5))
    costs = rng.exponential(1.0, (int(rng.integers(1, 31)), plans))
    places = rng.uniform(0.1, 3.0, (plans, 2))
    return costs, np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))


@given(seeds)
def test_work_function_keeps_its_bound(seed: int) -> None:
    """At most 2 n - 1 times the offline optimum, whose first plan is free, and the way to it."""
    costs, way = random_costs(seed)
    mine = path_cost(costs, path(WorkFunction(way), costs), way)
    best = path_cost(costs, offline_path(costs, way), way)
    assert mine <= (2 * len(way) - 1) * (best + way.max()) * (1 + 1e-9)


@given(seeds)
def test_no_rule_is_below_the_offline_optimum(seed: int) -> None:
    """Nor is any sequence of plans."""
    costs, way = random_costs(seed)
    best = path_cost(costs, offline_path(costs, way), way)
    rules: list[Rule] = [Argmin(), Hysteresis(0.2), Switch(way), WorkFunction(way), Fixed(0)]
    for rule in rules:
        assert path_cost(costs, path(rule, costs), way) >= best * (1 - 1e-9)


@given(seeds)
@settings(max_examples=25)
def test_offline_is_the_best_of_all_sequences(seed: int) -> None:
    """By trying all 3^5 of them."""
    rng = np.random.default_rng(seed)
    costs, way = rng.exponential(1.0, (5, 3)), rng.uniform(0.0, 2.0, (3, 3))
    np.fill_diagonal(way, 0.0)
    every = np.stack(np.meshgrid(*[range(3)] * 5), axis=-1).reshape(-1, 5)
    least = min(path_cost(costs, one, way) for one in every)
    assert path_cost(costs, offline_path(costs, way), way) == pytest.approx(least)


def test_offline_by_hand() -> None:
    """With changes at 3: staying on 0 costs 0 + 5 + 5 + 0 = 10, going over and back 0 + 6 = 6."""
    costs = [[0, 9], [5, 0], [5, 0], [0, 9]]
    assert offline_path(costs, 3).tolist() == [0, 1, 1, 0]
    assert path_cost(costs, [0, 1, 1, 0], 3) == 6
    assert offline_path(costs, 5.5).tolist() == [0, 0, 0, 0]


def test_a_request_that_all_plans_fail_counts_for_none() -> None:
    """Nothing could have been done about it."""
    costs = [[1.0, 2.0], [INF, INF], [1.0, 2.0]]
    assert offline_path(costs).tolist() == [0, 0, 0]
    assert path_cost(costs, [0, 0, 0]) == 2


def test_offline_of_no_requests_is_empty() -> None:
    """And costs nothing."""
    assert offline_path(np.zeros((0, 3))).tolist() == []
    assert path_cost(np.zeros((0, 3)), []) == 0.0


@pytest.mark.parametrize("wrong", [-1, "x", [[0, 1]], [[1, 0], [0, 0]], [[0, -1], [0, 0]]])
def test_a_wrong_price_says_what_is_allowed(wrong: object) -> None:
    """By name, with the shape."""
    with pytest.raises(ValueError, match=r"switch_cost_s = .*a number >= 0, or an array \[2, 2\]"):
        switch_matrix("switch_cost_s", wrong, 2)
