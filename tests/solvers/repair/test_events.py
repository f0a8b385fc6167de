"""Events: seeded, possible one after another, and refused where they are none."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.solvers.repair.changes import applied
from splitfog.solvers.repair.events import in_words


def fog() -> sf.Instance:
    """Four users and three fog nodes."""
    return sf.generate("fog", seed=3, users=4, fog_nodes=3, models="nin")


@pytest.mark.parametrize("seed", range(5))
def test_random_events_can_happen_one_after_another(seed):
    """In order of time, within the duration, each to the instance that the others left."""
    instance = fog()
    events = sf.generate_events(
        instance, seed, duration_s=500, node_up_s=50, stay_s=60, away_s=100, link_change_s=10
    )
    times = [time_s for time_s, _ in events.steps()]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 500
    kinds = set()
    for _, change in events.steps():
        instance = applied(instance, change)
        kinds |= {"node", "link", "task"} & change.keys()
    assert kinds == {"node", "link", "task"}


def test_the_same_seed_gives_the_same_events():
    """And another seed others."""
    first, again, other = (sf.generate_events(fog(), seed) for seed in (1, 1, 2))
    assert first == again
    assert first.events != other.events


def test_what_never_happens():
    """`inf` for all means is no event at all; nodes that are named fail, no others."""
    never: dict[str, Any] = {"node_up_s": inf, "stay_s": inf, "link_change_s": inf}
    assert sf.generate_events(fog(), **never).events == ()
    one = sf.generate_events(fog(), **{**never, "node_up_s": 10.0}, nodes="fog2")
    assert {event["node"] for event in one.events} == {"fog2"}


def test_half_of_the_time_down():
    """A node that is up and down for 10 s each in the mean: 10,000 s hold about 1,000 events."""
    never: dict[str, Any] = {"stay_s": inf, "link_change_s": inf}
    events = sf.generate_events(
        fog(), duration_s=1e4, node_up_s=10, node_down_s=10, nodes="fog0", **never
    ).events
    # the number of events is near Poisson: 1,000 +- 4 x 32
    assert 870 <= len(events) <= 1130


def test_a_file_of_events(tmp_path: Path):
    """What is saved is read; a task in it is that of an instance file."""
    file = tmp_path / "events.json"
    events = sf.generate_events(fog(), 4, stay_s=50, away_s=50)
    sf.save_events(events, file)
    read = sf.load_events(file)
    assert read == events
    assert any("arrives" in event for event in read.events)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"node": "fog0", "up": False}, r"events\[1\].time_s = None, must be a number >= 0"),
        ({"time_s": 1, "node": "fog0", "up": False}, r"events\[1\].time_s = 1, must be >= 2"),
        ({"time_s": 9, "node": "fog0", "up": False}, "and < duration_s = 5"),
        ({"time_s": 3, "node": "fog0"}, r'events\[1\] lacks "up"'),
        ({"time_s": 3, "task": "a", "sings": True}, r"events\[1\] has the key 'sings'"),
    ],
)
def test_events_that_are_none(event, sentence, tmp_path: Path):
    """Every defect is named by its place, in files and in memory."""
    first = {"time_s": 2, "node": "fog1", "up": False}
    events = sf.Events(name="e", duration_s=5.0, events=(first, event))
    with pytest.raises(sf.InstanceError, match=sentence):
        sf.save_events(events, tmp_path / "e.json")
    with pytest.raises(sf.InstanceError, match=sentence):
        sf.replay_events(fog(), events)


def test_events_in_words():
    """For readers."""
    task = sf.Task(name="t", model="nin", source="user0")
    changes = [
        {"node": "fog1", "up": False},
        {"link": ["a", "b"], "bandwidth_bps": 2e6, "latency_s": 0.01},
        {"link": ["a", "b"], "up": True},
        {"task": task, "arrives": True},
        {"task": "t", "leaves": True},
    ]
    words = ["fog1 down", "a -> b: 2e+06 bit/s, 0.01 s", "a -> b up", "t arrives", "t leaves"]
    assert [in_words(change) for change in changes] == words
