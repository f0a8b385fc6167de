"""What the ways of a replay share: conditions, plans, and at every seed arrivals and hindsight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite

import numpy as np

from splitfog.deployment.contest.arrivals import arrival_times
from splitfog.deployment.contest.choosers import BEST_FIXED, Makers, fixed
from splitfog.deployment.contest.hindsight import Hindsight, best_column
from splitfog.deployment.contest.measuring import Measuring, watched
from splitfog.deployment.contest.optimum import StaticOptimum
from splitfog.deployment.contest.plans import Plans
from splitfog.deployment.contest.replaying import Stage, replayed
from splitfog.deployment.contest.rows import RequestRow
from splitfog.deployment.contest.settings import Settings
from splitfog.deployment.replay.conditions import Conditions
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.instance import Instance
from splitfog.instances.traces.trace import Trace


@dataclass(frozen=True, eq=False)
class Scenes:
    """All that a replay's jobs have in common.

    Attributes
    ----------
    instance, traces, table, settings
        `instance` has one task.
    """

    instance: Instance
    traces: tuple[Trace, ...]
    table: PlanTable
    settings: Settings
    _hindsights: dict[tuple[float, ...], Hindsight] = field(default_factory=dict)

    @property
    def trace(self) -> str:
        """The traces' names, joined by `+`."""
        return "+".join(trace.name for trace in self.traces)

    @property
    def duration_s(self) -> float:
        """Of the longest trace: the others go on as their `end` says."""
        return max(trace.duration_s for trace in self.traces)

    @cached_property
    def conditions(self) -> Conditions:
        """Figures over time."""
        return Conditions(self.instance, self.traces)

    @cached_property
    def plans(self) -> Plans:
        """Those of the table, and all that are met."""
        return Plans(self.instance, self.table.plans)

    def arrivals_s(self, seed: int) -> tuple[float, ...]:
        """When the requests of a seed arrive."""
        return arrival_times(self.settings.requests, self.duration_s, seed)

    def hindsight(self, seed: int) -> Hindsight:
        """Latencies of a seed's requests by all plans of the table; of the same arrivals once."""
        arrivals = self.arrivals_s(seed)
        if arrivals not in self._hindsights:
            itineraries = tuple(known.itinerary for known in self.plans.of_table)
            optimum = StaticOptimum(self.conditions, self.table)
            self._hindsights[arrivals] = Hindsight(
                self.conditions, self.settings, itineraries, arrivals, optimum
            )
        return self._hindsights[arrivals]

    def least_s(self, seed: int) -> Mapping[int, float]:
        """{request: the clairvoyant's latency} of those that some plan ends."""
        least = self.hindsight(seed).least_s.tolist()
        return {request: value for request, value in enumerate(least) if isfinite(value)}

    def rows(self, way: str, seed: int) -> Iterator[RequestRow]:
        """The requests of a way at a seed, in the order in which they are over."""
        stage = self._stage(seed)
        if way == BEST_FIXED:
            best = fixed(self.table.plans, self._best_fixed(stage), len(stage.arrivals_s))
            return replayed(stage, way, best)
        makers = Makers(self.instance, self.table, self.settings)
        return replayed(stage, way, makers.chooser(way, self.conditions, self.hindsight(seed)))

    def _stage(self, seed: int) -> Stage:
        arrivals = self.arrivals_s(seed)
        measuring = Measuring(self.conditions, watched(self.traces), self.settings, arrivals, seed)
        return Stage(self.trace, self.conditions, self.settings, self.plans, measuring)

    def _best_fixed(self, stage: Stage) -> int:
        """The best single plan: where requests meet, by a replay of each."""
        if self.settings.queues == "none":
            return self.hindsight(stage.measuring.seed).best_fixed
        found = np.full((len(stage.arrivals_s), len(self.table.plans)), np.inf)
        for position in range(len(self.table.plans)):
            chooser = fixed(self.table.plans, position, len(stage.arrivals_s))
            for row in replayed(stage, BEST_FIXED, chooser):
                if row.latency_s is not None:
                    found[row.request, position] = row.latency_s
        return best_column(found)
