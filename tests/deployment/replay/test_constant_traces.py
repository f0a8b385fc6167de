"""A trace that never changes a figure gives what `evaluate` does, and units do not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import splitfog as sf
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import latencies
from splitfog.deployment.replay.world import World
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed, figure_in
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace
from tests.cases.replays.plain import random_traces, with_delays
from tests.cases.strategies import random_instance

SEEDS = st.integers(0, 2**32 - 1)
STARTS = [0.0, 0.7, 123.4, 9876.5]


def placement(rng: np.random.Generator, instance) -> np.ndarray:
    """A random placement of the one task, its inputs at the source."""
    (task,) = instance.tasks
    layers = instance.model_of(task).layers
    places = rng.integers(0, len(instance.nodes), len(layers))
    for i, layer in enumerate(layers):
        if layer.op == "input":
            places[i] = instance.node_index[task.source]
    return places


def found(conditions, decision, clock):
    """Latencies of requests that start at `STARTS`, all at once and event by event."""
    itinerary = Itinerary(conditions.instance, 0, decision.tasks[0])
    at_once = latencies(conditions, [itinerary], np.array(STARTS), clock).latency_s[:, 0]
    world = World(conditions, clock=clock)
    for request, start in enumerate(STARTS):
        world.enter(request, start, itinerary)
    ended = {passage.request: passage.latency_s for passage in world.advance()}
    apart = [np.inf if ended[i] is None else ended[i] for i in range(len(STARTS))]
    return at_once, np.array(apart)


@pytest.mark.parametrize("clock", ["integrated", "frozen"])
@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_own_figures(clock, seed):
    """By the instance's own figures a request takes the latency that `evaluate` finds, to 1e-12.

    Whenever it starts: seconds are summed apart from the clock.
    """
    rng = np.random.default_rng(seed)
    instance = with_delays(rng, random_instance(rng, limits=False))
    series = [
        Series(link=(link.tail, link.head), quantity="bandwidth_bps", times_s=(0.0, 1.0),
               values=(link.bandwidth_bps, link.bandwidth_bps), directions="forward")
        for link in instance.links
    ]  # fmt: skip
    decision = placed(placement(rng, instance))
    cost = decision_cost(instance, decision, Objective("latency"))
    conditions = Conditions(instance, Trace(name="same", duration_s=2.0, series=tuple(series)))
    for latency in found(conditions, decision, clock):
        assert latency == pytest.approx(np.full(len(STARTS), float(cost)), rel=1e-12)


@pytest.mark.parametrize("clock", ["integrated", "frozen"])
@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_other_figures(clock, seed):
    """Constant figures other than the instance's give what `evaluate` finds of an instance of them.

    On a line, where no figure changes a route. A load multiplies overheads and measured times, too.
    """
    rng = np.random.default_rng(seed)
    instance = with_delays(rng, random_instance(rng, limits=False, line=True))
    loads = np.exp(rng.normal(0, 1, len(instance.nodes))).tolist()
    links, series = [], []
    for link in instance.links:
        bandwidth, latency = float(rng.uniform(1e5, 1e8)), float(rng.uniform(0, 0.1))
        links.append(changed(link, bandwidth_bps=bandwidth, latency_s=latency))
        whose: Any = {"link": (link.tail, link.head), "times_s": (0.0,)}
        whose["directions"] = "both" if link.duplex else "forward"
        series.append(Series(quantity="bandwidth_bps", values=(bandwidth,), **whose))
        series.append(Series(quantity="latency_s", values=(latency,), **whose))
    for node, load in zip(instance.nodes, loads):
        series.append(Series(node=node.name, quantity="load", times_s=(0.0,), values=(load,)))
    model = instance.model_of(instance.tasks[0])
    slowed = instance.with_times(
        {
            layer.name: {
                node.name: load * _time(layer, node) for node, load in zip(instance.nodes, loads)
            }
            for layer in model.layers
            if layer.op != "input"
        },
        model=model.name,
    )
    slowed = changed(slowed, links=tuple(links))
    decision = placed(placement(rng, instance))
    cost = decision_cost(slowed, decision, Objective("latency"))
    conditions = Conditions(instance, Trace(name="other", duration_s=2.0, series=tuple(series)))
    for latency in found(conditions, decision, clock):
        assert latency == pytest.approx(np.full(len(STARTS), float(cost)), rel=1e-12)


def _time(layer: sf.Layer, node: sf.Node) -> float:
    own = layer.times_s.get(node.name, layer.times_s.get(node.tier))
    work = node.overhead_s + figure_in(layer.flops, None) / node.speed_flops
    return work if own is None else figure_in(own, None)


@pytest.mark.parametrize("queues", ["none", "fifo"])
@given(seed=SEEDS, power=st.integers(-8, 8))
@settings(max_examples=25, deadline=None)
def test_units(queues, seed, power):
    """With all seconds and bytes 2^k times as long, every request takes exactly 2^k as long.

    Nothing is rounded when a number is multiplied by a power of two, so no tolerance, no constant
    in seconds, hides anywhere.
    """
    rng = np.random.default_rng(seed)
    instance = with_delays(rng, random_instance(rng, limits=False))
    traces = random_traces(rng, instance, links_fail=True, nodes_fail=True)
    decision = placed(placement(rng, instance))
    arrivals = np.sort(rng.uniform(0, 3, 5)).tolist()
    scale = 2.0**power
    plain = replayed(instance, traces, decision, arrivals, queues, 0.5)
    longer = replayed(
        stretched(instance, scale),
        [stretched_trace(trace, scale) for trace in traces],
        decision,
        [arrival * scale for arrival in arrivals],
        queues,
        0.5 * scale,
    )
    assert longer == [(None if s is None else s * scale, n) for s, n in plain]


def replayed(instance, traces, decision, arrivals, queues, detect_s):
    """(latency, restarted) of requests that start again by the same plan."""
    itinerary = Itinerary(instance, 0, decision.tasks[0])
    world = World(
        Conditions(instance, traces),
        queues=queues,
        detect_s=detect_s,
        replan=lambda request, time_s: (itinerary, 0.0),
    )
    for request, arrival in enumerate(arrivals):
        world.enter(request, arrival, itinerary)
    passages = sorted(world.advance(), key=lambda passage: passage.request)
    return [(passage.latency_s, passage.restarted) for passage in passages]


def stretched(instance: sf.Instance, scale: float) -> sf.Instance:
    """The same with all seconds, bytes and FLOP multiplied."""
    nodes = tuple(changed(node, overhead_s=node.overhead_s * scale) for node in instance.nodes)
    links = tuple(
        changed(link, latency_s=link.latency_s * scale, delay_s=link.delay_s * scale)
        for link in instance.links
    )
    models = tuple(
        changed(model, layers=tuple(stretched_layer(layer, scale) for layer in model.layers))
        for model in instance.models
    )
    return changed(instance, nodes=nodes, links=links, models=models)


def stretched_layer(layer: sf.Layer, scale: float) -> sf.Layer:
    """The same with its seconds, bytes and FLOP multiplied."""
    return changed(
        layer,
        flops=figure_in(layer.flops, None) * scale,
        output_bytes=(figure_in(layer.output_bytes, None) or 0.0) * scale,
        times_s={
            place: figure_in(seconds, None) * scale for place, seconds in layer.times_s.items()
        },
    )


def stretched_trace(trace: Trace, scale: float) -> Trace:
    """The same with all seconds multiplied."""
    return changed(
        trace,
        duration_s=trace.duration_s * scale,
        series=tuple(
            changed(
                series,
                times_s=tuple(time * scale for time in series.times_s),
                values=tuple(
                    value * (scale if series.quantity == "latency_s" else 1.0)
                    for value in series.values
                ),
            )
            for series in trace.series
        ),
    )
