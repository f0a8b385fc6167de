"""What requests could have taken, for one who knows the future: the clairvoyant, fixed plans.

Requests do not meet here, whatever the replay's queues: so no latency is above what the
clairvoyant's can be called the least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import Latencies, latencies
from splitfog.deployment.replay.world import World
from splitfog.deployment.ways.settings import Settings
from splitfog.instances.arrays import Floats, frozen

MOMENT_DIGITS = 9
"""Starts after a loss that differ by less than a nanosecond are one."""


@dataclass(frozen=True, eq=False)
class Hindsight:
    """Latencies of all requests by all plans.

    Attributes
    ----------
    conditions, settings
    itineraries
        [plans].
    arrivals_s
        [requests].
    """

    conditions: Conditions
    settings: Settings
    itineraries: tuple[Itinerary, ...]
    arrivals_s: tuple[float, ...]
    _ends: dict[float, float] = field(default_factory=dict)

    @cached_property
    def fixed_s(self) -> Floats:
        """[requests, plans]: by one plan, by which a lost request also starts again; inf: fails."""
        found = np.array(self._alone.latency_s)
        plans = len(self.itineraries)
        lost = np.argwhere(np.isfinite(self._alone.lost_s))
        if not len(lost):
            return frozen(found)
        world = World(
            self.conditions,
            clock=self.settings.clock,
            detect_s=self.settings.detect_s,
            replan=lambda number, _: (self.itineraries[number % plans], 0.0),
        )
        for request, plan in lost.tolist():
            number = request * plans + plan
            world.enter(number, self.arrivals_s[request], self.itineraries[plan])
        for passage in world.advance():
            if passage.latency_s is not None:
                found[divmod(passage.request, plans)] = passage.latency_s
        return frozen(found)

    @cached_property
    def least_s(self) -> Floats:
        """[requests]: by the best plan, and after a loss by the best one then; inf: all fail."""
        least = self._alone.latency_s.min(axis=1, initial=inf)
        lost = self._alone.lost_s + self.settings.detect_s
        for request in np.flatnonzero((lost < least[:, None]).any(axis=1)).tolist():
            for again in np.unique(lost[request][lost[request] < least[request]]).tolist():
                end = self._end(self.arrivals_s[request] + again)
                least[request] = min(least[request], end - self.arrivals_s[request])
        return frozen(least)

    @property
    def best_fixed(self) -> int:
        """The plan of fewest failures, then of least mean latency, then the first."""
        return best_column(self.fixed_s)

    @cached_property
    def _alone(self) -> Latencies:
        starts = np.array(self.arrivals_s, float)
        return latencies(self.conditions, self.itineraries, starts, self.settings.clock)

    def _end(self, start_s: float) -> float:
        """The earliest end of a request that starts at a moment, whatever it is lost with."""
        key = round(start_s, MOMENT_DIGITS)
        if key not in self._ends:
            self._ends[key] = inf  # a loss that leads back to the same moment leads nowhere
            found = latencies(
                self.conditions, self.itineraries, np.array([start_s]), self.settings.clock
            )
            ends = start_s + found.latency_s[0]
            again = start_s + found.lost_s[0] + self.settings.detect_s
            later = [self._end(moment) for moment in np.unique(again[again < ends.min()]).tolist()]
            self._ends[key] = min([float(ends.min()), *later])
        return self._ends[key]


def best_column(latency_s: NDArray[np.float64]) -> int:
    """Of [requests, plans] the plan of fewest failures, then of least mean, then the first."""
    ended = np.isfinite(latency_s)
    sums = np.where(ended, latency_s, 0.0).sum(axis=0)
    means = sums / np.maximum(ended.sum(axis=0), 1)
    return int(np.lexsort((means, -ended.sum(axis=0)))[0])
