"""What requests could have taken, for one who knows the future: the clairvoyant, fixed plans.

Requests do not meet here, whatever the replay's queues: so no latency is above what the
clairvoyant's can be called the least.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.contest.optimum import StaticOptimum
from splitfog.deployment.contest.settings import Settings
from splitfog.deployment.replay.conditions import Conditions, State
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.latencies import Latencies, latencies
from splitfog.deployment.replay.world import World
from splitfog.instances.arrays import Floats, frozen

MOMENT_DIGITS = 9
"""Starts after a loss that differ by less than a nanosecond are one."""
MOST_STARTS = 1000
"""As in `World`: a request that is lost more often has failed."""


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
    optimum
        By the frozen clock plans count that are not among these, too.
    """

    conditions: Conditions
    settings: Settings
    itineraries: tuple[Itinerary, ...]
    arrivals_s: tuple[float, ...]
    optimum: StaticOptimum

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
        """[requests]: by the best plan, and after a loss by the best one then; inf: all fail.

        By the frozen clock the best plan is the static optimum; who is lost counts only where no
        plan ends at the figures of the arrival.
        """
        least = self._alone.latency_s.min(axis=1, initial=inf)
        lost = self._alone.lost_s + self.settings.detect_s
        if self.settings.clock == "frozen":
            for request, start_s in enumerate(self.arrivals_s):
                if not self.optimum.knows(start_s):
                    least[request] = min(least[request], self.optimum.seconds(start_s))
            lost[np.isfinite(least)] = inf
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
        """The earliest end of a request that starts again at a moment, whatever it is lost with."""
        end_s, moments, seen = inf, [start_s], set[float]()
        while moments and moments[0] < end_s and len(seen) < MOST_STARTS:
            now = heappop(moments)
            if round(now, MOMENT_DIGITS) in seen:
                continue
            seen.add(round(now, MOMENT_DIGITS))
            state = self.conditions.state(now)
            able = [each for each in self.itineraries if _can_run(each, state)]
            found = latencies(self.conditions, able, np.array([now]), self.settings.clock)
            end_s = min(end_s, now + float(found.latency_s.min(initial=inf)))
            for lost_s in found.lost_s[np.isfinite(found.lost_s)].tolist():
                heappush(moments, now + lost_s + self.settings.detect_s)
        return end_s


def _can_run(itinerary: Itinerary, state: State) -> bool:
    """Whether what starts again in a state would come to its end in it."""
    return itinerary.nodes.isdisjoint(state.nodes) and all(
        state.routes.tree(leg.node, set(leg.leaves)) is not None for leg in itinerary.legs
    )


def best_column(latency_s: NDArray[np.float64]) -> int:
    """Of [requests, plans] the plan of fewest failures, then of least mean, then the first."""
    ended = np.isfinite(latency_s)
    sums = np.where(ended, latency_s, 0.0).sum(axis=0)
    means = sums / np.maximum(ended.sum(axis=0), 1)
    return int(np.lexsort((means, -ended.sum(axis=0)))[0])
