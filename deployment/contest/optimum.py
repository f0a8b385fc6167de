"""The static optimum: the least latency of any plan at the figures of a moment, table or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np

from splitfog.deployment.adaptation.beliefs import Place, Quantity, own_figures, places
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import latencies
from splitfog.deployment.ways.network import with_latencies
from splitfog.deployment.ways.planners import Exact
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.parametric.detours import without
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.traces.steps import StepFunction

Moment = dict[tuple[Quantity, Place], float]
"""What all bandwidths, latencies and loads are."""


@dataclass(frozen=True, eq=False)
class StaticOptimum:
    """Solves again at the figures of moments, by the frozen clock.

    Attributes
    ----------
    conditions, table
        `table` answers where it is exact; elsewhere a solver is asked: out of its box, where a
        figure that it does not have is not the instance's own, where something is down, and where
        it was not proven to hold the best plans.
    """

    conditions: Conditions
    table: PlanTable
    _solvers: dict[object, tuple[Instance, Exact] | None] = field(default_factory=dict)
    _found: dict[object, float] = field(default_factory=dict)

    def knows(self, start_s: float) -> bool:
        """Whether the table has the optimum of a moment."""
        state = self.conditions.state(start_s)
        if self.table.status != "optimal" or self.table.own is not None:
            return False  # not proven, or with routes that are not the instance's own
        if state.nodes or state.links:
            return False
        limits = self._limits
        return all(
            limits[key][0] <= value <= limits[key][1]
            for key, value in self._figures_at(start_s).items()
        )

    def seconds(self, start_s: float) -> float:
        """The least latency of a request that arrives at a moment; inf where no plan ends it.

        Off a line of tiers, a bandwidth of 0 counts as a link that is down.
        """
        now, state = self._figures_at(start_s), self.conditions.state(start_s)
        key = (tuple(now.values()), state.nodes, state.links)
        if key not in self._found:
            self._found[key] = self._solved(start_s, now)
        return self._found[key]

    def _solved(self, start_s: float, now: Moment) -> float:
        made = self._solver(start_s, now)
        if made is None:
            return inf
        rest, exact = made
        point = [figure.coordinate(now[_keys(figure)[0]]) for figure in exact.figures]
        decision = exact.decision_at(np.array(point))
        if decision is None:
            return inf
        instance = self.conditions.instance
        position = np.array([instance.node_index[node.name] for node in rest.nodes])
        own = TaskDecision(frozen(position[decision.tasks[0].placement]))
        itinerary = Itinerary(instance, 0, own)
        found = latencies(self.conditions, [itinerary], np.array([start_s]), "frozen")
        return float(found.latency_s[0, 0])

    @cached_property
    def _limits(self) -> dict[tuple[Quantity, Place], tuple[float, float]]:
        """Between what each figure may be for the table to hold: what it lacks is as it is."""
        limits = {key: (own, own) for key, own in self._own.items()}
        for figure in self.table.figures:
            for key in _keys(figure):
                limits[key] = figure.low, figure.high
        return limits

    @cached_property
    def _own(self) -> Moment:
        return own_figures(self.conditions.instance)

    def _figures_at(self, time_s: float) -> Moment:
        names, conditions = places(self.conditions.instance), self.conditions
        now: Moment = {}
        for link, ends in enumerate(names.links):
            now["bandwidth_bps", ends] = conditions.bandwidth_bps[link].at(time_s)
            now["latency_s", ends] = conditions.latency_s[link].at(time_s)
        for node, name in enumerate(names.nodes):
            now["load", name] = conditions.load[node].at(time_s)
        return now

    def _solver(self, start_s: float, now: Moment) -> tuple[Instance, Exact] | None:
        """For what is up then and latencies as then: the rest of the instance, and who solves."""
        names, state = places(self.conditions.instance), self.conditions.state(start_s)
        down: list[Place] = [names.nodes[node] for node in sorted(state.nodes)]
        down += [ends for link, ends in enumerate(names.links) if link in state.links]
        down += [
            ends for ends in names.links if ends not in down and not now["bandwidth_bps", ends]
        ]
        latency_s: dict[Place, float] = {ends: now["latency_s", ends] for ends in names.links}
        key = (tuple(down), tuple(latency_s.values()))
        if key not in self._solvers:
            rest = without(self.conditions.instance, down)
            if rest is not None:
                rest = with_latencies(rest, latency_s)
                exact = Exact(rest, self._varying(rest), self.table.objective)
                self._solvers[key] = rest, exact
            else:
                self._solvers[key] = None
        return self._solvers[key]

    def _varying(self, rest: Instance) -> list[Figure]:
        """The figures of what is left that change, whatever their limits."""
        names, left = places(self.conditions.instance), places(rest)
        bandwidths = zip(names.links, self.conditions.bandwidth_bps, strict=True)
        loads = zip(names.nodes, self.conditions.load, strict=True)
        return [
            Figure(link=ends, directions="forward", low=TINY, high=1 / TINY)
            for ends, values in bandwidths
            if ends in left.links and self._varies(("bandwidth_bps", ends), values)
        ] + [
            Figure(node=name, low=TINY, high=1 / TINY)
            for name, values in loads
            if name in left.nodes and self._varies(("load", name), values)
        ]

    def _varies(self, key: tuple[Quantity, Place], values: StepFunction) -> bool:
        return not values.constant or values.at(0.0) != self._own[key]


TINY = 1e-30


def _keys(figure: Figure) -> tuple[tuple[Quantity, Place], ...]:
    """What a figure is in an instance: of a link one or both directions."""
    if figure.node is not None:
        return (("load", figure.node),)
    return tuple(("bandwidth_bps", ends) for ends in figure.directed())
