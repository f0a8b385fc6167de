"""What a way is told: how old, how wrong, and of what."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest

from splitfog.deployment.contest.measuring import Measuring, Observation, Watch, watched
from splitfog.deployment.contest.settings import checked
from splitfog.deployment.replay.conditions import Conditions
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace
from tests.cases.replays.two_nodes import SLOWS_DOWN, bandwidth, edge_up, held, two_nodes

INSTANCE = two_nodes()
LINK = ("device", "edge")
ARRIVALS = tuple(float(second) for second in range(20))


def watch(*traces: Trace, seed: int = 0, **settings: Any) -> Watch:
    """Before the first request of 20, one a second."""
    conditions = Conditions(INSTANCE, traces)
    how = checked(INSTANCE, **settings)
    return Watch(Measuring(conditions, watched(traces), how, ARRIVALS, seed))


def bandwidths(told: list[Observation]) -> list[tuple[float, float]]:
    """(when, bit/s) of the bandwidths among observations."""
    return [(each.time_s, each.value) for each in told if each.quantity == "bandwidth_bps"]


def test_perfect_measurements_are_those_of_now() -> None:
    """Without delay and noise, of everything, also of a way's first decision."""
    own = watch(SLOWS_DOWN, measure="all")
    assert bandwidths(list(own.told(9.0, 9))) == [(9.0, 8e6)]
    assert bandwidths(list(own.told(10.0, 10))) == [(10.0, 2e6)]


def test_measurements_are_late() -> None:
    """Of so long ago; before the first second there is none."""
    own = watch(SLOWS_DOWN, measure="all", delay_s=1.5)
    assert list(own.told(1.0, 1)) == []
    assert bandwidths(list(own.told(11.0, 11))) == [(9.5, 8e6)]
    assert bandwidths(list(own.told(12.0, 12))) == [(10.5, 2e6)]


def test_only_what_is_used_is_measured() -> None:
    """Nothing before a plan is in use; then of links and nodes that it used at that moment."""
    load = Series(node="device", quantity="load", times_s=(0.0,), values=(3.0,))
    own = watch(held(bandwidth((0, 8e6)), load), delay_s=1.0)
    own.decided(0.0, frozenset({"edge", LINK}))
    own.decided(1.0, frozenset({"device"}))
    assert list(own.told(1.0, 1)) == [Observation(0.0, LINK, "bandwidth_bps", 8e6)]
    assert list(own.told(2.0, 2)) == [Observation(1.0, "device", "load", 3.0)]
    fresh = watch(held(bandwidth((0, 8e6)), load))
    assert list(fresh.told(0.0, 0)) == []


def test_noise_is_the_seed_s_and_of_its_deviation() -> None:
    """ln(measured / true) has mean 0 and deviation .2; all ways of a seed are told the same."""
    told = [bandwidths(list(watch(SLOWS_DOWN, measure="all", noise=0.2).told(5.0, 5)))] * 2
    assert told[0] == told[1] and told[0][0][1] != 8e6
    other = bandwidths(list(watch(SLOWS_DOWN, measure="all", noise=0.2, seed=1).told(5.0, 5)))
    assert other != told[0]
    logs = [
        log(
            bandwidths(list(watch(SLOWS_DOWN, measure="all", noise=0.2, seed=s).told(5.0, 5)))[0][1]
            / 8e6
        )
        for s in range(400)
    ]
    # deviations: of the mean .2 / 20 = .01, of the deviation .2 / sqrt(800) = .007
    assert abs(np.mean(logs)) < 0.05 and abs(np.std(logs) - 0.2) < 0.035


def test_a_new_start_has_noise_of_its_own() -> None:
    """A request that is lost and chosen for again is told other errors."""
    own = watch(SLOWS_DOWN, measure="all", noise=0.2)
    assert bandwidths(list(own.told(5.0, 5))) != bandwidths(list(own.told(5.0, 5, again=1)))


def test_a_series_of_both_ways_is_measured_once() -> None:
    """By whichever way the plan in use crosses the link."""
    own = watch(SLOWS_DOWN)
    own.decided(0.0, frozenset({LINK[::-1]}))
    assert list(own.told(1.0, 1)) == [Observation(1.0, LINK[::-1], "bandwidth_bps", 8e6)]


def test_a_latency_of_both_ways_is_known_of_both() -> None:
    """Once one of them is measured: what solves again asks for each way's latency."""
    series = Series(link=LINK, quantity="latency_s", times_s=(0.0,), values=(0.3,))
    own = watch(held(series))
    own.decided(0.0, frozenset({"device"}))
    own.decided(1.0, frozenset({LINK[::-1]}))
    assert list(own.told(0.5, 0)) == []
    assert list(own.told(1.0, 1)) == [
        Observation(1.0, way, "latency_s", 0.3) for way in (LINK, LINK[::-1])
    ]


def test_all_are_told_who_is_down() -> None:
    """Used or not, late as all measurements are, and only when that changes."""
    own = watch(held(edge_up((0, 1), (3.5, 0), (6.5, 1))), delay_s=1.0)
    told = {second: list(own.told(float(second), second)) for second in range(10)}
    assert told[5] == [Observation(4.0, "edge", "up", 0.0)]
    assert told[8] == [Observation(7.0, "edge", "up", 1.0)]
    assert all(not told[second] for second in (0, 1, 2, 3, 4, 6, 7, 9))


def test_probes_find_the_mean_while_they_last() -> None:
    """A probe of 1 MB begins at 0, 4, 8 and 12 s, and is known when it has ended.

    At 8 Mbit/s its 8e6 bit take 1 s. That of 8 s: 8e6 x 1 s is over before 10 s. From 12 s on,
    at 2 Mbit/s, 4 s, so 16 s. By both directions of the link.
    """
    own = watch(SLOWS_DOWN, probe=(1e6, 4.0))
    assert bandwidths(list(own.told(0.9, 0))) == []
    assert bandwidths(list(own.told(1.0, 1))) == [(1.0, 8e6)] * 2
    later = bandwidths(list(own.told(16.0, 16)))
    assert later == [(5.0, 8e6)] * 2 + [(9.0, 8e6)] * 2 + [(16.0, 2e6)] * 2
    # one of 4 MB begins at 8 s: 16e6 bit until 10 s, 16e6 more in 8 s: 32e6 bit in 10 s
    slow = watch(SLOWS_DOWN, probe=(4e6, 8.0))
    assert bandwidths(list(slow.told(19.0, 19)))[-1] == (18.0, pytest.approx(3.2e6, rel=1e-12))


def test_a_probe_of_a_link_that_stalls_finds_nothing() -> None:
    """Bandwidth 0 for ever: that of 0 s is over before, that of 4 s never is."""
    own = watch(held(bandwidth((0, 8e6), (3, 0))), probe=(1e6, 4.0))
    assert bandwidths(list(own.told(19.0, 19))) == [(1.0, 8e6)] * 2
