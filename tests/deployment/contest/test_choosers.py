"""Who chooses: what `learned` learns from, and which half it is used in."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.deployment.contest.choosers import _recent_means, require_ways
from splitfog.deployment.replay.conditions import Conditions
from splitfog.solvers.parametric.plan_table import plan_table
from splitfog.studies.replays.replay import replay
from tests.cases.replays.two_nodes import DEVICE_S, FAST_S, SLOW_S, bandwidth, held, two_nodes

INSTANCE = two_nodes()


def test_what_is_told_is_what_is_learned_from() -> None:
    """4 Mbit/s at first, 1 more every second; requests every half second.

    At once the request of 2 s is told of 1.5 and 2 s: 5 and 6. 0.75 s late that of 1.5 s is told
    of 0.75 s only: 4; that of 2.5 s of 1.75 s: 5. Those of 0 and 0.5 s are told nothing: the
    instance's own 8 Mbit/s.
    """
    steps = [(float(second), (4 + second) * 1e6) for second in range(5)]
    conditions = Conditions(INSTANCE, held(bandwidth(*steps)))
    table = plan_table(INSTANCE, {("device", "edge"): (1e6, 9e6)})
    arrivals = np.arange(8) / 2
    now = _recent_means(table, conditions, arrivals, 0.0)[:, 0] / 1e6
    assert now == pytest.approx(np.array([4, 4, 4.5, 5, 5.5, 6, 6.5, 7]))
    late = _recent_means(table, conditions, arrivals, 0.75)[:, 0] / 1e6
    assert late == pytest.approx(np.array([8, 8, 4, 4, 5, 5, 6, 6]))


def test_each_half_is_learned_from_the_other() -> None:
    """The link is fast in the first half and slow in the second, so each half learns what is wrong
    for it: where all the other half saw one state, one plan was the best in it.
    """
    trace = held(bandwidth((0, 8e6), (10, 2e6)))
    found = replay(INSTANCE, trace, adapt="learned", measure="all")
    latencies = [round(row.latency_s or 0, 9) for row in found]
    assert latencies == [DEVICE_S] * 10 + [SLOW_S] * 10


def test_it_learns_what_comes_again() -> None:
    """The same twice, 5 s fast and 5 s slow: what either half teaches is right in the other."""
    trace = held(bandwidth((0, 8e6), (5, 2e6), (10, 8e6), (15, 2e6)))
    found = replay(INSTANCE, trace, adapt="learned", measure="all")
    latencies = [round(row.latency_s or 0, 9) for row in found]
    assert latencies == ([FAST_S] * 5 + [DEVICE_S] * 5) * 2


def test_unknown_ways_are_refused() -> None:
    """With all that there are."""
    require_ways(["argmin", "hysteresis:0.2", "resolve", "learned", "best-fixed", "offline"])
    with pytest.raises(ValueError, match=r"adapt = 'hysteresis:2', must be hysteresis:H with"):
        require_ways(["hysteresis:2"])
    with pytest.raises(ValueError, match=r"adapt = 'x', must be one of argmin.*resolve.*offline"):
        require_ways(["x"])
