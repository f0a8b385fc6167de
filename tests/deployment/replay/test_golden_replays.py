"""Golden replays: latencies of every arrival by fixed plans, on both clocks, with queues or not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import latencies
from splitfog.deployment.replay.world import World
from splitfog.formulations.decision import placed
from splitfog.instances.traces.files import parse_json_trace
from tests.cases.golden import REPLAYS, case, number

TOLERANCE = 1e-9

COMBINATIONS = [
    (name, position, plan, queues, clock)
    for name in REPLAYS
    for position, replay in enumerate(case(name)[1]["replays"])
    for plan, entry in enumerate(replay["plans"])
    for queues in ("none", "fifo")
    if f"queues {queues}" in entry
    for clock in ("integrated", "frozen")
]


def given(name: str, position: int, plan: int):
    """Conditions, itinerary and arrivals of a replay, and what the file says of a plan."""
    instance, data = case(name)
    replay = data["replays"][position]
    conditions = Conditions(instance, parse_json_trace(json.dumps(replay["trace"]).encode(), name))
    entry = replay["plans"][plan]
    (model,) = instance.models
    nodes = [instance.node_index[entry["placement"][layer.name]] for layer in model.layers]
    return conditions, Itinerary(instance, 0, placed(nodes).tasks[0]), replay["arrivals_s"], entry


@pytest.mark.parametrize("name, position, plan, queues, clock", COMBINATIONS)
def test_events(name, position, plan, queues, clock):
    """Event by event every request takes what the file says."""
    conditions, itinerary, arrivals, entry = given(name, position, plan)
    world = World(conditions, queues=queues, clock=clock)
    for request, arrival in enumerate(arrivals):
        world.enter(request, arrival, itinerary)
    found = {passage.request: passage.latency_s for passage in world.advance()}
    expected = [number(value) for value in entry[f"queues {queues}"][clock]]
    assert [number(found[i]) for i in range(len(arrivals))] == pytest.approx(
        expected, rel=TOLERANCE
    )


@pytest.mark.parametrize(
    "name, position, plan, clock",
    [(*rest, clock) for *rest, queues, clock in COMBINATIONS if queues == "none"],
)
def test_all_at_once(name, position, plan, clock):
    """All requests at once take what the file says, where they do not meet."""
    conditions, itinerary, arrivals, entry = given(name, position, plan)
    found = latencies(conditions, [itinerary], np.array(arrivals), clock)
    expected = [number(value) for value in entry["queues none"][clock]]
    assert found.latency_s[:, 0] == pytest.approx(expected, rel=TOLERANCE)
