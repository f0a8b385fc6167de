"""Replays of random requests under random traces, held to the plain way of tests.cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import latencies
from splitfog.deployment.replay.world import World
from splitfog.formulations.decision import placed
from splitfog.instances.records import changed
from tests.cases.replays.plain import PlainReplay, random_traces, with_delays
from tests.cases.strategies import random_instance

SEEDS = st.integers(0, 2**32 - 1)
REQUESTS = 6
TOLERANCE = 1e-9


class Case:
    """An instance, traces, arrivals and a few placements, whose inputs are at the source."""

    def __init__(self, seed: int, *, nodes_fail: bool, links_fail: bool = True, plans: int = 3):
        rng = np.random.default_rng(seed)
        instance = random_instance(rng, limits=False)
        if nodes_fail:
            instance = without_free_layers(instance)
        self.instance = with_delays(rng, instance)
        traces = random_traces(rng, self.instance, links_fail=links_fail, nodes_fail=nodes_fail)
        self.conditions = Conditions(self.instance, traces)
        self.plain = PlainReplay(self.instance, traces)
        self.arrivals = np.sort(rng.uniform(0, 6, REQUESTS)).tolist()
        (task,) = self.instance.tasks
        layers = self.instance.model_of(task).layers
        self.placements = rng.integers(0, len(self.instance.nodes), (plans, len(layers)))
        inputs = [i for i, layer in enumerate(layers) if layer.op == "input"]
        if task.source is not None:
            self.placements[:, inputs] = self.instance.node_index[task.source]
        self.places = self.placements.tolist()
        self.itineraries = [
            Itinerary(self.instance, 0, placed(places).tasks[0]) for places in self.places
        ]


def without_free_layers(instance):
    """The same where only input layers take no time: others need their node for a while."""
    nodes = tuple(changed(node, overhead_s=0.001) for node in instance.nodes)
    models = tuple(
        changed(model, layers=tuple(changed(layer, times_s={}) for layer in model.layers))
        for model in instance.models
    )
    return changed(instance, nodes=nodes, models=models)


@pytest.mark.parametrize("clock", ["integrated", "frozen"])
@given(seed=SEEDS, nodes_fail=st.booleans())
@settings(max_examples=25, deadline=None)
def test_requests_that_do_not_meet(clock, seed, nodes_fail):
    """Event by event and all at once, requests end, fail and are lost as they do the plain way."""
    case = Case(seed, nodes_fail=nodes_fail)
    found = latencies(case.conditions, case.itineraries, np.array(case.arrivals), clock)
    world = World(case.conditions, clock=clock)
    for i, arrival in enumerate(case.arrivals):
        for p, itinerary in enumerate(case.itineraries):
            world.enter(i * len(case.itineraries) + p, arrival, itinerary)
    passages = {passage.request: passage for passage in world.advance()}
    for i, arrival in enumerate(case.arrivals):
        for p, places in enumerate(case.places):
            kind, seconds = case.plain.request(places, arrival, clock)
            latency = seconds if kind == "ended" else np.inf
            lost = seconds if kind == "lost" else np.inf
            assert found.latency_s[i, p] == pytest.approx(latency, rel=TOLERANCE, abs=1e-12)
            assert found.lost_s[i, p] == pytest.approx(lost, rel=TOLERANCE, abs=1e-12)
            passage = passages[i * len(case.itineraries) + p]
            assert passage.latency_s == (
                pytest.approx(latency, rel=TOLERANCE, abs=1e-12) if kind == "ended" else None
            )


@pytest.mark.parametrize("clock", ["integrated", "frozen"])
@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_requests_that_start_again(clock, seed):
    """A lost request starts again `detect_s` later by the plan given then, as often as it must."""
    case = Case(seed, nodes_fail=True)
    count = dict.fromkeys(range(REQUESTS), 0)

    def replan(request, time_s):
        count[request] += 1
        return case.itineraries[count[request] % len(case.itineraries)], 0.0

    world = World(case.conditions, clock=clock, detect_s=0.3, replan=replan)
    for i, arrival in enumerate(case.arrivals):
        world.enter(i, arrival, case.itineraries[0])
    for passage in world.advance():
        latency, restarted = case.plain.restarted(case.places, passage.arrival_s, 0.3, clock)
        assert passage.restarted == restarted
        found = np.inf if passage.latency_s is None else passage.latency_s
        assert found == pytest.approx(latency, rel=TOLERANCE, abs=1e-12)


@pytest.mark.parametrize("clock", ["integrated", "frozen"])
@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_queues(clock, seed):
    """Under `fifo` nodes serve runs, and links hops, in order of arrival."""
    case = Case(seed, nodes_fail=False)
    plans = [i % len(case.places) for i in range(REQUESTS)]
    world = World(case.conditions, clock=clock, queues="fifo")
    for i, arrival in enumerate(case.arrivals):
        world.enter(i, arrival, case.itineraries[plans[i]])
    expected = case.plain.fifo([case.places[plan] for plan in plans], case.arrivals, clock)
    for passage in world.advance():
        found = np.inf if passage.latency_s is None else passage.latency_s
        assert found == pytest.approx(expected[passage.request], rel=TOLERANCE, abs=1e-12)
