"""An instance's figures as functions of time, and its routes while links and nodes are down."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.deployment.replay.outages import Rate
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.traces.joined import GivenTraces, joined
from splitfog.instances.traces.records import Key
from splitfog.instances.traces.steps import StepFunction


@dataclass(frozen=True, eq=False)
class State:
    """What is down at a moment, and which routes there are then.

    Attributes
    ----------
    nodes, links
        Positions of the nodes, and of the directed links, that are down.
    routes
        By the instance's own figures, without links that are down or end at a node that is.
    routes_if_up
        Those if all nodes were up.
    """

    nodes: frozenset[int]
    links: frozenset[int]
    routes: Routes
    routes_if_up: Routes


class Conditions:
    """Figures of nodes and directed links over time, by position; routes once for every state.

    Parameters
    ----------
    instance
        Whose own figures hold where no trace says another.
    traces
        One or several, each with its own duration and end.

    Attributes
    ----------
    instance
    load, speed
        [nodes]: what every layer's time there is multiplied by, and 1 / load.
    bandwidth_bps, latency_s
        [directed links].
    rates
        [directed links]: bits a second, none while the link is down.
    node_up, link_up
        1 where it is up, else 0: only of those of which a trace says so.

    Raises
    ------
    InstanceError
        For traces that name what the instance has not, or give a figure twice.
    """

    def __init__(self, instance: Instance, traces: GivenTraces) -> None:
        self.instance = instance
        figures = joined(traces, instance)
        nodes: list[Key] = [("node", node.name, "load") for node in instance.nodes]
        names = [node.name for node in instance.nodes]
        links = instance.directed_links
        ways = [(names[link.tail], names[link.head]) for link in links]
        self.load = tuple(figures.get(key) or constant(1.0) for key in nodes)
        self.speed = tuple(load.reciprocal for load in self.load)
        self.bandwidth_bps = tuple(
            figures.get(("link", *way, "bandwidth_bps")) or constant(link.bandwidth_bps)
            for way, link in zip(ways, links, strict=True)
        )
        self.latency_s = tuple(
            figures.get(("link", *way, "latency_s")) or constant(link.latency_s)
            for way, link in zip(ways, links, strict=True)
        )
        self.node_up = _given([figures.get(("node", name, "up")) for name in names])
        self.link_up = _given([figures.get(("link", *way, "up")) for way in ways])
        self.rates = tuple(
            Rate(bandwidth, self.link_up.get(link))
            for link, bandwidth in enumerate(self.bandwidth_bps)
        )
        self._ups = (*self.node_up.values(), *self.link_up.values())
        self._states: dict[tuple[frozenset[int], frozenset[int]], State] = {}
        self._last = (0.0, 0.0, self._state(frozenset(), frozenset()))
        """From, until, and what was asked for last."""

    def state(self, time_s: float) -> State:
        """What is down at a moment; one object for all moments at which it is the same."""
        since, until, state = self._last
        if not since <= time_s < until:
            nodes = frozenset(node for node, up in self.node_up.items() if not up.at(time_s))
            links = frozenset(link for link, up in self.link_up.items() if not up.at(time_s))
            state = self._state(nodes, links)
            self._last = (time_s, self.next_change(time_s), state)
        return state

    def states(self, times_s: Floats) -> tuple[list[State], Integers]:
        """Each state of some moments once, and [moments] the position of theirs."""
        if not self._ups:
            return [self.state(0.0)], np.zeros(len(times_s), np.int64)
        ups = np.stack([up.sample(times_s) for up in self._ups], axis=1)
        _, first, of = np.unique(ups, axis=0, return_index=True, return_inverse=True)
        return [self.state(float(times_s[i])) for i in first], of.reshape(-1)

    def next_change(self, time_s: float) -> float:
        """The first moment after this at which a node or link goes down or up; infinity: never."""
        return min((up.next_change(time_s) for up in self._ups), default=inf)

    def _state(self, nodes: frozenset[int], links: frozenset[int]) -> State:
        if (nodes, links) not in self._states:
            ending = {
                position
                for position, link in enumerate(self.instance.directed_links)
                if link.tail in nodes or link.head in nodes
            }
            self._states[nodes, links] = State(
                nodes, links, self._routes(links | ending), self._routes(links)
            )
        return self._states[nodes, links]

    def _routes(self, without: frozenset[int]) -> Routes:
        return Routes(self.instance, without) if without else routes_of(self.instance)


def constant(value: float) -> StepFunction:
    """A figure that no trace varies."""
    return StepFunction((0.0,), (value,))


def _given(functions: list[StepFunction | None]) -> dict[int, StepFunction]:
    return {position: each for position, each in enumerate(functions) if each is not None}
