"""`backlog`: which plan ends first behind the requests under way, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.adaptation.steps import plan_steps
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.plan import decision_of
from splitfog.instances.records import changed
from tests.cases.small_networks import layer, link, network, node
from tests.cases.small_tables import LINK, two_places, two_plans


def adapter(instance: sf.Instance | None = None) -> sf.Adapter:
    """All on d: 1 s. On e: .11 s over the link, then .1 s."""
    return sf.Adapter(
        two_plans(), rule="backlog", estimate="last", instance=instance or two_places()
    )


def test_steps_are_what_a_request_does_one_after_another() -> None:
    """Places d = 0, e = 1, d -> e = 2: one step on d; or 8e5 bits over the link, .1 s on e."""
    steps = plan_steps(two_places(), two_plans().plans, two_plans().objective)
    assert steps.first.tolist() == [0, 1, 3]
    assert steps.place.tolist() == [0, 2, 1]
    assert steps.work.tolist() == pytest.approx([1.0, 8e5, 0.1])


def test_steps_take_what_the_reference_cost_says() -> None:
    """A tensor read by two layers elsewhere crosses once; with delays, and loads of 1."""
    layers = [layer("in", 0, 0.1), layer("a", 1, 0.5, "in"), layer("b", 1, 0.2, "a")]
    layers += [layer("c", 2, 0.1, "a"), layer("f", 1, 0.0, "b", "c")]
    instance = network(
        layers,
        [node("d", 1e9, "device"), node("e", 10e9, "edge", overhead_s=0.01)],
        [link("d", "e", 8e6, latency_s=0.01, delay_s=0.02)],
        results_to="d",
    )
    plans = [
        sf.plan(instance, {"t": dict(zip(["in", "a", "b", "c", "f"], nodes, strict=True))})
        for nodes in ("ddddd", "ddeee", "deeee", "ddede")
    ]
    objective = sf.Objective("latency", monotone=False)
    steps = plan_steps(instance, plans, objective)
    links = instance.directed_links
    seconds = steps.seconds(
        np.ones(2),
        np.array([one.bandwidth_bps for one in links]),
        np.array([one.latency_s for one in links]),
    )
    total = np.add.reduceat(seconds + steps.lag_s, steps.first[:-1])
    costs = [float(decision_cost(instance, decision_of(instance, p), objective)) for p in plans]
    assert total == pytest.approx(costs)


def test_requests_queue_behind_one_another_until_another_plan_ends_first() -> None:
    """All at once: on e they end at .21, .32, .43, ... as the link takes .11 s for each.

    The ninth would end at .21 + 8 * .11 = 1.09 s: it runs on d, and ends at 1. The tenth at 1.09
    on e (the ninth left the link alone), since d is taken until 1 + 1.
    """
    mine = adapter()
    choices = [mine.decide(0.0) for _ in range(10)]
    assert [choice.position for choice in choices] == [1] * 8 + [0, 1]
    ends = [0.21 + 0.11 * i for i in range(8)] + [1.0, 1.09]
    assert [choice.predicted_s for choice in choices] == pytest.approx(ends)


def test_what_is_done_by_now_is_not_waited_for() -> None:
    """The first one holds the link until .11 s and e until .21 s: at .05 s .06 s of waits are left.

    At 5 s none.
    """
    mine = adapter()
    mine.decide(0.0)
    choice = mine.decide(0.05)
    assert choice.predicted_s == pytest.approx(0.27)
    assert choice.reason.startswith("ends first: 1 request under way, 60 ms of waits")
    choice = mine.decide(5.0)
    assert choice.predicted_s == pytest.approx(0.21)
    assert choice.reason.startswith("ends first: 0 requests under way, 0 s of waits")


def test_what_is_left_goes_on_at_the_pace_believed_now() -> None:
    """Half of the link's .11 s is done when it falls to .8 Mbit/s, where a crossing takes 1.01 s.

    The half left takes .505 s; behind it the next would end at .505 + 1.01 + .1 = 1.615, on d at 1.
    At 4 Mbit/s, where it takes .21 s, it is .105 + .21 + .1 = .415.
    """
    for bandwidth, position, seconds in ((8e5, 0, 1.0), (4e6, 1, 0.415)):
        mine = adapter()
        mine.decide(0.0)
        mine.observe(0.055, link=LINK, bandwidth_bps=bandwidth)
        choice = mine.decide(0.055)
        assert (choice.position, choice.predicted_s) == (position, pytest.approx(seconds))


def test_what_was_begun_goes_on_from_where_it_was() -> None:
    """At .05 and .08 s of the first one's .11: the third starts at .22, ends at .43, .35 later."""
    mine = adapter()
    mine.decide(0.0)
    mine.decide(0.05)
    assert mine.decide(0.08).predicted_s == pytest.approx(0.35)


def test_a_delay_does_not_occupy_the_link() -> None:
    """With .2 s more after .11 s of the link, two at once end at .41 and .52."""
    instance = two_places()
    slow = changed(instance, links=(changed(instance.links[0], delay_s=0.2),))
    mine = adapter(slow)
    mine.decide(0.0)
    # the table knows nothing of the delay: its .21 s are of the plan alone, the rest is a wait
    assert mine.decide(0.0).predicted_s == pytest.approx(0.52)


def test_a_load_slows_a_node_down() -> None:
    """At 5, e takes .5 s: ends at .61, then .61 + .5 = 1.11 there or 1 on d."""
    mine = adapter()
    mine.observe(0, node="e", load=5.0)
    choices: list[Any] = [mine.decide(0.0), mine.decide(0.0)]
    assert [choice.position for choice in choices] == [1, 0]
    assert choices[0].predicted_s == pytest.approx(0.61)


def test_decisions_back_in_time_count_as_now() -> None:
    """A clock that goes back does not undo what was done."""
    mine = adapter()
    mine.decide(5.0)
    assert mine.decide(0.0).predicted_s == pytest.approx(0.32)
