"""What a way of adapting is told of the network: how late, how wrong, and of which figures at all.

A decision is told the values of so long ago as measurements are late. Of figures only those are
measured that the plan in use at that moment uses, unless all are; probes measure links, used or
not. Whether links and nodes are up is told of all: who goes down falls silent, and who comes back
says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.adaptation.beliefs import Place, places
from splitfog.deployment.contest.settings import Settings
from splitfog.deployment.replay.clocks import Frozen
from splitfog.deployment.replay.conditions import Conditions
from splitfog.instances.traces.records import Key, Quantity
from splitfog.instances.traces.steps import StepFunction
from splitfog.instances.traces.trace import Trace


@dataclass(frozen=True)
class Observation:
    """One figure of a link or a node, as it was measured at a moment."""

    time_s: float
    place: Place
    quantity: Quantity
    value: float


@dataclass(frozen=True)
class Watched:
    """A series of a trace: the places whose figure it is, and its values over time."""

    places: tuple[Place, ...]
    quantity: Quantity
    values: StepFunction


def watched(traces: Sequence[Trace]) -> tuple[Watched, ...]:
    """All series of several traces."""
    return tuple(
        Watched(
            tuple(_place(key) for key in series.keys),
            series.quantity,
            trace.figures[series.keys[0]],
        )
        for trace in traces
        for series in trace.series
    )


def _place(key: Key) -> Place:
    return (key[1], key[2]) if key[0] == "link" else key[1]


@dataclass(frozen=True)
class Probe:
    """When a probe ended, over which directed link, and the bandwidth that it found."""

    end_s: float
    link: tuple[str, str]
    bandwidth_bps: float


@dataclass(frozen=True, eq=False)
class Measuring:
    """What is measured in a replay at one seed, whichever way adapts.

    `arrivals_s` are those of the requests: the first decision of each shares its noise with the
    other ways.
    """

    conditions: Conditions
    series: tuple[Watched, ...]
    settings: Settings
    arrivals_s: tuple[float, ...]
    seed: int

    def factors(self, request: int, again: int) -> NDArray[np.float64]:
        """[series]: what noise multiplies a request's measurements by, before its start `again`."""
        if again == 0:
            found: NDArray[np.float64] = self._factors[request]
            return found
        return self._noise((3, request, again), len(self.series))

    @cached_property
    def _factors(self) -> NDArray[np.float64]:
        return self._noise((1,), (len(self.arrivals_s), len(self.series)))

    def _noise(self, key: tuple[int, ...], shape: int | tuple[int, int]) -> NDArray[np.float64]:
        if self.settings.noise == 0:
            return np.ones(shape)
        random = np.random.default_rng((self.seed, *key))
        return np.exp(self.settings.noise * random.standard_normal(shape))

    @cached_property
    def probed(self) -> tuple[int, ...]:
        """The directed links that probes go over: those whose bandwidth changes."""
        changing = {
            place
            for series in self.series
            if series.quantity == "bandwidth_bps"
            for place in series.places
        }
        links = enumerate(places(self.conditions.instance).links)
        return tuple(position for position, ends in links if ends in changing)

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """All probes that end before the last request arrives, in the order of their ends.

        What one finds is its bits over the seconds that they took (frozen clock: the bandwidth
        that it began with). One that never ends, or begins while the link is down, finds nothing.
        """
        if self.settings.probe is None or not self.arrivals_s:
            return ()
        num_bytes, every_s = self.settings.probe
        starts = np.arange(int(self.arrivals_s[-1] / every_s) + 1) * every_s
        ends = places(self.conditions.instance).links
        found = []
        for link in self.probed:
            factors = self._noise((2, link), len(starts))
            for start, factor in zip(starts.tolist(), factors.tolist(), strict=True):
                seconds = self._probe_seconds(link, start, 8 * num_bytes)
                if seconds < inf:
                    bandwidth = 8 * num_bytes / seconds * factor
                    found.append(Probe(start + seconds, ends[link], bandwidth))
        return tuple(sorted(found, key=lambda probe: (probe.end_s, probe.link)))

    def _probe_seconds(self, link: int, start_s: float, bits: float) -> float:
        state, ends = self.conditions.state(start_s), self.conditions.instance.directed_links[link]
        if link in state.links or not state.nodes.isdisjoint((ends.tail, ends.head)):
            return inf
        if self.settings.clock == "integrated":
            return self.conditions.rates[link].seconds(start_s, bits)
        return Frozen(self.conditions, start_s).send_seconds(link, start_s, bits)


@dataclass
class Watch:
    """What one way has been told so far, and which plans it used when."""

    measuring: Measuring
    _decided_s: list[float] = field(default_factory=list)
    _used: list[frozenset[Place]] = field(default_factory=list)
    _probes: int = 0
    """How many it has been told."""
    _up: dict[Place, float] = field(default_factory=dict)
    """Whether a place is up, as it was told last."""

    def decided(self, time_s: float, used: frozenset[Place]) -> None:
        """From a decision on a plan is in use, and these links and nodes are used."""
        self._decided_s.append(time_s)
        self._used.append(used)

    def lost(self, time_s: float, nodes: Iterable[str]) -> Iterator[Observation]:
        """A request that was lost, and starts again now, says which of its nodes are down."""
        for node in nodes:
            self._up[node] = 0.0
            yield Observation(time_s, node, "up", 0.0)

    def told(self, time_s: float, request: int, again: int = 0) -> Iterator[Observation]:
        """What there is to tell before a decision: that for a request, before its start `again`.

        In the order of time; a place of a series with several is one that is used.
        """
        settings = self.measuring.settings
        then = time_s - settings.delay_s
        yield from self._new_probes(then)
        if then < 0:
            return
        factors = self.measuring.factors(request, again)
        used = self._used_at(then)
        for number, series in enumerate(self.measuring.series):
            value = series.values.at(then)
            if series.quantity == "up":
                yield from self._changes(then, series, value)
                continue
            measured = [place for place in series.places if used is None or place in used]
            # a bandwidth of both ways is one figure; latencies are believed of each way
            told = series.places if series.quantity == "latency_s" else measured[:1]
            for place in told if measured else ():
                yield Observation(then, place, series.quantity, value * float(factors[number]))

    def _new_probes(self, until_s: float) -> Iterator[Observation]:
        probes = self.measuring.probes
        while self._probes < len(probes) and probes[self._probes].end_s <= until_s:
            probe = probes[self._probes]
            self._probes += 1
            yield Observation(probe.end_s, probe.link, "bandwidth_bps", probe.bandwidth_bps)

    def _used_at(self, then: float) -> frozenset[Place] | None:
        """What the plan in use at a moment uses, nothing before the first; None: all counts."""
        if self.measuring.settings.measure == "all":
            return None
        position = bisect_right(self._decided_s, then) - 1
        return self._used[position] if position >= 0 else frozenset()

    def _changes(self, then: float, series: Watched, value: float) -> Iterator[Observation]:
        for place in series.places:
            if self._up.get(place, 1.0) != value:
                self._up[place] = value
                yield Observation(then, place, "up", value)
