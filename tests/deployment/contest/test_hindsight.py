"""The clairvoyant and the best fixed plan, in cases that one can reckon."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from splitfog.deployment.contest.hindsight import best_column
from splitfog.deployment.contest.scenes import Scenes
from splitfog.deployment.contest.settings import checked
from splitfog.instances.traces.trace import Trace
from splitfog.solvers.parametric.plan_table import plan_table
from tests.cases.replays.two_nodes import (
    DEVICE_S,
    FAST_S,
    SLOW_S,
    SLOWS_DOWN,
    bandwidth,
    edge_up,
    held,
    two_nodes,
)

INSTANCE = two_nodes()
TABLE = plan_table(INSTANCE, {("device", "edge"): (1e6, 9e6)}, failures=True)
EDGE = [plan.placement("task")["layer"] for plan in TABLE.plans].index("edge")


def scenes(*traces: Trace, **settings: Any) -> Scenes:
    """Of the plans by the device and by the edge."""
    assert len(TABLE.plans) == 2
    return Scenes(INSTANCE, traces, TABLE, checked(INSTANCE, **settings))


def test_the_clairvoyant_takes_the_best_plan_of_each_request() -> None:
    """Of 1.2 and 2 s, and later of 4.2 and 2 s."""
    found = scenes(SLOWS_DOWN).hindsight(0)
    edge, device = found.fixed_s[:, EDGE], found.fixed_s[:, 1 - EDGE]
    assert edge == pytest.approx(np.array([FAST_S] * 10 + [SLOW_S] * 10))
    assert device == pytest.approx(np.full(20, DEVICE_S))
    assert found.least_s == pytest.approx(np.minimum(edge, device))
    assert found.best_fixed == 1 - EDGE  # 40 s in all against 54


def test_it_may_be_lost_and_still_be_the_first() -> None:
    """The edge is up from .5 s on. What is sent to it at 0 is lost, and starts again at .6 s: 1.8 s
    are less than the device's 2. With .7 s it would be 1.9, with .9 s 2.1: then the device's.

    A new start after .25 s finds the edge down, and fails.
    """
    trace = held(edge_up((0, 0), (0.5, 1)), duration_s=1.0)
    for detect_s, edge_s in ((0.6, 1.8), (0.7, 1.9), (0.9, 2.1), (0.25, inf)):
        found = scenes(trace, detect_s=detect_s).hindsight(0)
        assert found.fixed_s[0, EDGE] == pytest.approx(edge_s)
        assert found.least_s[0] == pytest.approx(min(edge_s, DEVICE_S))


def test_by_the_frozen_clock_the_clairvoyant_is_the_static_optimum() -> None:
    """The edge is down at 0: the device's 2 s, though .6 + 1.2 s were to be had by being lost."""
    trace = held(edge_up((0, 0), (0.5, 1)), duration_s=1.0)
    found = scenes(trace, detect_s=0.6, clock="frozen").hindsight(0)
    assert found.least_s[0] == pytest.approx(DEVICE_S)


def test_after_a_loss_it_starts_by_the_best_plan() -> None:
    """The results go to the edge: after the device's 2 s they take 8e3 bit / 1 kbit/s = 8 s.

    The edge is down from .1 to .2 s: what is sent to it at 0 is lost at .1 s, and starts again at
    .3 s, when the link has become fast: 1.2 s more. No plan ends earlier without a loss.
    """
    instance = two_nodes(results_to="edge")
    table = plan_table(instance, {("device", "edge"): (1e3, 9e6)})
    trace = held(bandwidth((0, 1e6), (0.3, 8e6), (1.9, 1e3)), edge_up((0, 1), (0.1, 0), (0.2, 1)))
    settings = checked(instance, detect_s=0.2, requests="every:20")
    found = Scenes(instance, (trace,), table, settings).hindsight(0)
    assert found.least_s == pytest.approx(np.array([0.3 + FAST_S]))


def test_the_best_fixed_plan_is_that_of_queues() -> None:
    """Ten requests within a second: the n-th waits .9 n s for the link, or 1.9 n s for the device.

    By the edge 1.2 + .9 x 4.5 = 5.25 s on average. At 3 Mbit/s a hop takes 2.667 s: 2.867 + 2.567 x
    4.5 = 14.4 s are more than the device's 2 + 1.9 x 4.5 = 10.55 s.
    """
    for rate, mean_s in ((8e6, 5.25), (3e6, 10.55)):
        trace = held(bandwidth((0, rate)), duration_s=1.0)
        rows = list(scenes(trace, queues="fifo", requests="every:0.1").rows("best-fixed", 0))
        assert np.mean([row.latency_s for row in rows]) == pytest.approx(mean_s)


def test_the_best_column() -> None:
    """Fewest failures first, then the least mean of what ended, then the first."""
    assert best_column(np.array([[1.0, inf], [9.0, 1.0]])) == 0
    assert best_column(np.array([[3.0, inf], [inf, 1.0]])) == 1
    assert best_column(np.array([[2.0, 1.0], [0.0, 1.0]])) == 0
    assert best_column(np.full((2, 2), inf)) == 0
