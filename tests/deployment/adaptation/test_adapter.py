"""The adapter: what it believes, chooses and says, by hand on a table of two plans."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import splitfog as sf
from splitfog.instances.records import changed
from tests.cases.small_tables import LINK, two_places, two_plans

HERE, THERE = 0, 1
"""The plans: all on d; the layer on e."""


def adapter(**options: Any) -> sf.Adapter:
    """On two plans, by what was measured last."""
    return sf.Adapter(two_plans(), **{"rule": "argmin", "estimate": "last"} | options)


def test_it_believes_the_instance_before_it_measures() -> None:
    """8 Mbit/s and a load of 1: .01 + .1 + .1 = .21 s on e, and it says so."""
    choice = adapter().decide(0)
    assert choice.position == THERE
    assert choice.predicted_s == pytest.approx(0.21)
    for figure, own in (("bandwidth of d -> e", "8 Mbit/s"), ("load of e", "1")):
        said = f"{figure} was never measured: taken as the instance's own {own}"
        assert said in choice.reason
    assert choice.clamped == ()


def test_a_choice_is_a_plan_of_the_table() -> None:
    """By names, at its position."""
    choice = adapter().decide(0)
    assert choice.plan is not None
    assert choice.plan.placement("t") == {"in": "d", "a": "e"}


def test_it_follows_the_bandwidth_of_a_link() -> None:
    """At 1 Mbit/s the input takes .8 s: .91 s on e; at .8 Mbit/s 1.11 s, so it stays on d."""
    mine = adapter()
    mine.observe(1, link=LINK, bandwidth_bps=1e6)
    assert mine.decide(1).position == THERE
    mine.observe(2, link=LINK, bandwidth_bps=8e5)
    choice = mine.decide(2)
    assert (choice.position, choice.predicted_s) == (HERE, 1.0)
    assert "was never measured" not in choice.reason.replace("load of e was never measured", "")


def test_a_duplex_link_that_varies_both_ways_is_measured_either_way() -> None:
    """Both directions have one figure in the table."""
    mine = adapter()
    mine.observe(1, link=("e", "d"), bandwidth_bps=8e5)
    assert mine.decide(1).position == HERE


def test_it_follows_the_load_of_a_node() -> None:
    """A load of 9 takes .9 s: 1.01 s on e."""
    mine = adapter()
    mine.observe(1, node="e", load=9)
    assert mine.decide(1).position == HERE


def test_a_measured_latency_counts_once_a_crossing() -> None:
    """.81 s instead of .01: 1.01 s on e, and with .79 s .99."""
    mine = adapter()
    mine.observe(1, link=LINK, latency_s=0.81)
    assert mine.decide(1).position == HERE
    mine.observe(2, link=LINK, latency_s=0.79)
    choice = mine.decide(2)
    assert (choice.position, choice.predicted_s) == (THERE, pytest.approx(0.99))


def test_bands_are_where_another_plan_becomes_the_fastest() -> None:
    """At 8 Mbit/s and 1: 1 = .01 + 8e5 / B + .1 at B = 8e5 / .89, and .11 + .1 load at 8.9."""
    bands = adapter().bands()
    assert bands[LINK] == pytest.approx((8e5 / 0.89, 1e8))
    assert bands["e"] == pytest.approx((0.5, 8.9))


def test_estimates_stand_between_measurements_and_plans() -> None:
    """8 Mbit/s, then 0.5: by ewma .9 it is 1.25, .01 + .64 + .1 = .75 s on e."""
    mine = adapter(estimate="ewma:0.9")
    mine.observe(0, link=LINK, bandwidth_bps=8e6)
    mine.observe(1, link=LINK, bandwidth_bps=5e5)
    assert mine.decide(1).predicted_s == pytest.approx(0.75)


@pytest.mark.parametrize("measured", [0, -3.0, 12.0, float("-inf")])
def test_what_is_below_the_box_counts_as_its_limit(measured: float) -> None:
    """100 kbit/s, at which the input takes 8 s; and it says so."""
    mine = adapter(rule="nominal")
    mine.observe(1, link=LINK, bandwidth_bps=measured)
    choice = mine.decide(1)
    assert choice.predicted_s == pytest.approx(8.11)
    assert choice.clamped == (LINK,)
    assert "bandwidth of d -> e is out of the table's range: taken as 100 kbit/s" in choice.reason


def test_what_is_above_the_box_counts_as_its_limit() -> None:
    """100 Mbit/s and a load of 20: .01 + .008 + 2 s."""
    mine = adapter(rule="nominal")
    mine.observe(1, link=LINK, bandwidth_bps=inf)
    mine.observe(1, node="e", load=1e9)
    choice = mine.decide(1)
    assert choice.predicted_s == pytest.approx(2.018)
    assert choice.clamped == (LINK, "e")


def test_a_measurement_older_than_the_last_is_ignored_and_said() -> None:
    """Once; one of the same moment counts."""
    mine = adapter()
    mine.observe(5, link=LINK, bandwidth_bps=8e6)
    mine.observe(3, link=LINK, bandwidth_bps=2e5)
    choice = mine.decide(5)
    assert choice.position == THERE
    assert "a measurement of d -> e is 2 s older than the last: ignored" in choice.reason
    assert "ignored" not in mine.decide(5).reason
    mine.observe(5, link=LINK, bandwidth_bps=2e5)
    assert mine.decide(5).position == HERE


def test_plans_that_use_what_is_down_are_left_out() -> None:
    """Without e, or without the link, until it is up again."""
    for what in ({"node": "e"}, {"link": LINK}):
        mine = adapter()
        mine.observe(1, up=False, **what)
        choice = mine.decide(1)
        assert choice.position == HERE
        assert "is down" in choice.reason
        mine.observe(2, up=True, **what)
        assert mine.decide(2).position == THERE


def test_news_of_what_is_up_that_is_old_is_ignored() -> None:
    """Down at 3 s; that it was up at 2 s changes nothing."""
    mine = adapter()
    mine.observe(3, node="e", up=False)
    mine.observe(2, node="e", up=True)
    assert mine.decide(3).position == HERE


@pytest.mark.parametrize("rule", ["argmin", "switch", "hysteresis:0.1", "work-function"])
def test_without_any_plan_it_says_so(rule: str) -> None:
    """The source is down; when it is back, so are the plans."""
    mine = adapter(rule=rule)
    mine.observe(1, node="d", up=False)
    choice = mine.decide(1)
    assert (choice.plan, choice.position, choice.predicted_s) == (None, None, inf)
    assert "no plan of the table runs without what is down" in choice.reason
    mine.observe(2, node="d", up=True)
    assert mine.decide(2).position == THERE


def test_switch_is_the_default_and_counts_regret() -> None:
    """At .5 Mbit/s 1.71 s on e: .71 of regret a decision, and 1.42 > 1 at the second."""
    mine = sf.Adapter(two_plans(), estimate="last", switch_cost_s=1.0)
    assert mine.decide(0).position == THERE
    mine.observe(1, link=LINK, bandwidth_bps=5e5)
    choice = mine.decide(1)
    assert choice.position == THERE
    assert choice.reason.startswith("stays: 710 ms of regret, a switch costs 1 s")
    choice = mine.decide(2)
    assert choice.position == HERE
    assert choice.reason.startswith("changes: 1.42 s of regret, a switch costs 1 s")


def test_weights_travel_at_a_switch() -> None:
    """8 MB from d over 8 Mbit/s to e: 8.01 s; d has its own, so that the way back is free."""
    mine = adapter(rule="switch", switch_cost_s="weights:d", instance=two_places())
    mine.observe(0, link=LINK, bandwidth_bps=1e5)
    assert mine.decide(0).position == HERE
    mine.observe(1, link=LINK, bandwidth_bps=8e6)
    choice = mine.decide(1)
    assert choice.reason.startswith("stays: 790 ms of regret, a switch costs 8.01 s")


def test_own_figures_come_from_the_instance_where_the_table_has_none() -> None:
    """8 Mbit/s, .21 s; without it the middle of the range is believed: root of 1e5 * 1e8."""
    known = sf.Adapter(two_plans(own=None), instance=two_places())
    assert known.decide(0).predicted_s == pytest.approx(0.21)
    choice = sf.Adapter(two_plans(own=None)).decide(0)
    middle = 0.01 + 8e5 / (1e5 * 1e8) ** 0.5 + 0.1 * 10**0.5
    assert choice.predicted_s == pytest.approx(middle)
    assert "load of e was never measured: taken as the middle of its range, 3.16" in choice.reason


def test_what_was_measured_long_ago_is_said() -> None:
    """What the plan in use does not use is not measured: 40 s, but not yet at 10 s."""
    mine = adapter()
    mine.observe(0, link=LINK, bandwidth_bps=8e6)
    assert "ago" not in mine.decide(10).reason
    assert "bandwidth of d -> e was last measured 40 s ago" in mine.decide(40).reason


def test_one_thread_may_observe_while_another_decides() -> None:
    """Neither raises; at the end the last measurement counts."""
    rule = sf.learn([[1e6, 1.0], [1e7, 1.0]], [[1.0, 2.0], [2.0, 1.0]], states=2)
    mine = adapter(rule=rule)
    last, interval = 4000, sys.getswitchinterval()

    def observe() -> None:
        for step in range(last + 1):
            mine.observe(step / 1000, link=LINK, bandwidth_bps=1e6 + step)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(observe)
            while not done.done():
                assert mine.decide(2.0).plan is not None
            done.result()
    finally:
        sys.setswitchinterval(interval)
    assert mine.decide(last / 1000).predicted_s == pytest.approx(1.0)


def test_changes_that_are_free_need_memory_for_all_plans() -> None:
    """Else what they cost has to be said."""
    table = two_plans()
    full = changed(
        table, held={"e": changed(table.held["e"], memory_bytes=1e6), "d": table.held["d"]}
    )
    with pytest.raises(ValueError, match="switch_cost_s must be given: no memory for all"):
        sf.Adapter(full)
    assert sf.Adapter(full, switch_cost_s=1.0).decide(0).position == THERE


moments = st.floats(-1e3, 1e6)
numbers = st.floats(allow_nan=False)
measurements = st.one_of(
    st.tuples(moments, st.just({"link": LINK}), st.just("bandwidth_bps"), numbers),
    st.tuples(moments, st.just({"link": LINK}), st.just("latency_s"), numbers),
    st.tuples(moments, st.just({"node": "e"}), st.just("load"), numbers),
    st.tuples(moments, st.just({"node": "e"}), st.just("up"), st.booleans()),
    st.tuples(moments, st.just({"link": LINK}), st.just("up"), st.booleans()),
)
RULES = ["argmin", "hysteresis:0.1", "switch", "work-function", "backlog", "nominal"]
ESTIMATES = ["last", "ewma", "kalman", "harmonic:3", "quantile:0.2,3"]


@pytest.mark.parametrize("rule", RULES)
@given(st.lists(measurements, max_size=8), st.sampled_from(ESTIMATES), moments)
@settings(max_examples=40)
def test_it_never_raises_whatever_is_measured(
    rule: str, told: list[Any], estimate: str, now: float
) -> None:
    """Any number at any time: there is a plan, d's at the least, and its prediction is one."""
    mine = adapter(rule=rule, estimate=estimate, switch_cost_s=0.5, instance=two_places())
    for time_s, place, quantity, value in told:
        mine.observe(time_s, **place, **{quantity: value})
        choice = mine.decide(time_s)
        assert choice.plan is not None
        assert choice.predicted_s > 0
        assert choice.reason
    assert mine.decide(now).plan is not None


@given(st.floats(1e5, 1e8), st.floats(0.5, 20))
def test_argmin_is_the_table(bandwidth: float, load: float) -> None:
    """What was measured last, looked up."""
    mine = adapter()
    mine.observe(1, link=LINK, bandwidth_bps=bandwidth)
    mine.observe(1, node="e", load=load)
    assert mine.decide(1).position == two_plans().choose([[bandwidth, load]])[0]


@pytest.mark.parametrize("rule", RULES)
def test_the_same_measurements_give_the_same_choices(rule: str) -> None:
    """No rule has a mind of its own."""
    figures = np.random.default_rng(1).lognormal(np.log(1e6), 1.0, 50).tolist()

    def choices() -> list[Any]:
        mine = adapter(rule=rule, switch_cost_s=0.5, instance=two_places())
        found = []
        for time_s, bandwidth in enumerate(figures):
            mine.observe(time_s, link=LINK, bandwidth_bps=bandwidth)
            choice = mine.decide(time_s)
            found.append((choice.position, choice.predicted_s, choice.reason))
        return found

    assert choices() == choices()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"link": ("d", "x"), "bandwidth_bps": 1.0}, "unknown node 'x'"),
        ({"node": "x", "load": 1.0}, "unknown node 'x'"),
        ({"link": ("e", "e"), "bandwidth_bps": 1.0}, "no link e,e; links: d,e, e,d"),
    ],
)
def test_wrong_names_are_errors(told: dict[str, Any], said: str) -> None:
    """In a sentence with what there is."""
    with pytest.raises(LookupError) as error:
        adapter(instance=two_places()).observe(0, **told)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "observe needs a link or a node, and not both"),
        ({"link": LINK, "node": "e", "up": True}, "observe needs a link or a node, and not both"),
        ({"link": LINK}, "observe of d -> e needs one of bandwidth_bps, latency_s, up"),
        ({"node": "e"}, "observe of e needs one of load, up"),
        ({"link": LINK, "load": 1.0}, "load of the link d -> e, must be bandwidth_bps"),
        ({"node": "e", "latency_s": 1.0}, "latency_s of the node e, must be load, up"),
        ({"link": "d,e", "up": True}, "link = 'd,e', must be a pair of node names (from, to)"),
        ({"node": 5, "up": True}, "node = 5, must be the name of a node"),
        ({"link": LINK, "bandwidth_bps": "fast"}, "bandwidth_bps = 'fast', must be a number"),
        ({"link": LINK, "bandwidth_bps": float("nan")}, "bandwidth_bps = nan, must be a number"),
        ({"link": LINK, "up": 0.5}, "up = 0.5, must be True or False"),
    ],
)
def test_wrong_types_are_errors(told: dict[str, Any], said: str) -> None:
    """In a sentence with what is allowed."""
    with pytest.raises(ValueError, match=r".") as error:
        adapter().observe(0, **told)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rule": "best"}, "rule = 'best', must be one of argmin, hysteresis:H, switch"),
        ({"rule": "hysteresis:1"}, "rule = 'hysteresis:1', must be hysteresis:H with 0 <= H < 1"),
        ({"rule": "learned"}, "rule = 'learned' must be trained"),
        ({"rule": "backlog"}, "rule = 'backlog' needs instance="),
        ({"estimate": "mean"}, "estimate = 'mean', must be one of last"),
        ({"switch_cost_s": -1.0}, "switch_cost_s = -1.0, must be a number >= 0"),
        ({"switch_cost_s": "weights:d"}, "switch_cost_s = 'weights:d', must be a number"),
        ({"table": None}, "table = None, must be a PlanTable"),
    ],
)
def test_wrong_options_are_errors(options: dict[str, Any], said: str) -> None:
    """At once, not at the first decision."""
    with pytest.raises(ValueError, match=r".") as error:
        sf.Adapter(**{"table": two_plans()} | options)
    assert said in str(error.value)


def test_it_goes_round_what_is_down() -> None:
    """The table's two plans where another node f links d and e, at 2 Mbit/s and .02 s each.

    Without the link, the layer on e takes 2 (.02 s + 8e5 bits / 2e6) + .1 s = .94 s, and 1.04 s
    where a hop has been measured to take .12 s before it sends. Who may not go round stays on d.
    """
    triangle = two_places()
    f = changed(triangle.nodes[1], name="f", speed_flops=1.0)
    slow = changed(triangle.links[0], bandwidth_bps=2e6, latency_s=0.02)
    legs = (changed(slow, head="f"), changed(slow, tail="f"))
    triangle = changed(triangle, nodes=(*triangle.nodes, f), links=(*triangle.links, *legs))
    table = sf.plan_table(triangle, {("d", "e"): (1e5, 1e8), "e": (0.5, 20)}, routes="keep")
    mine, other = (
        sf.Adapter(table, rule="argmin", estimate="last", instance=triangle, detours=detours)
        for detours in (True, False)
    )
    for each in (mine, other):
        each.observe(1, link=("d", "e"), up=False)
    choice = mine.decide(1)
    assert choice.plan is not None and choice.plan.placement("t")["a"] == "e"
    assert choice.predicted_s == pytest.approx(0.94)
    assert other.decide(1).predicted_s == pytest.approx(1.0)
    mine.observe(2, link=("d", "f"), latency_s=0.12)
    assert mine.decide(2).predicted_s == pytest.approx(1.0)  # the device's, since 1.04 is more
    mine.observe(3, node="f", up=False)
    assert mine.decide(3).predicted_s == pytest.approx(1.0)
    mine.observe(4, node="d", up=False)
    assert mine.decide(4).plan is None
    with pytest.raises(ValueError, match="detours = True needs instance="):
        sf.Adapter(table, detours=True)
