"""A node's figures that change with time: its links' paces and its load, by a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np

from splitfog.deployment.replay.outages import Rate
from splitfog.deployment.wire.frames import Malformed, Varies
from splitfog.deployment.wire.pacing import Pace, chunk_bytes
from splitfog.instances.traces.steps import StepFunction

MOST_STEPS = 2_000_000
"""Of all figures of a node together."""

UNPACED_BPS = 1e15
"""The bandwidth of a link that is as fast as it goes, where only its latency or `up` changes."""


@dataclass(frozen=True)
class PaceOverTime:
    """A link whose figures change: a chunk is due when the integral of the bandwidth is its bits.

    Moments are those of the clock, of which the trace begins at `origin_s`. A tensor waits for the
    latency of the moment at which it begins, and for `delay_s`; while the link is down, or without
    bandwidth, it stalls.
    """

    rate: Rate
    latency_s: StepFunction
    delay_s: float
    origin_s: float

    def free_s(self, num_bytes: int, start_s: float) -> float:
        """When a tensor that begins to cross at `start_s` has left the link; inf: never."""
        begin_s = self._begin_s(start_s)
        sent_s = begin_s + self.rate.seconds(begin_s, 8.0 * num_bytes)
        return self.origin_s + sent_s - self.delay_s

    def chunks(self, num_bytes: int, start_s: float) -> Iterator[tuple[int, int, float]]:
        """(first byte, byte behind the last, when it is due) of every chunk of a tensor.

        The last one's date is inf where the link never carries so many bytes.
        """
        begin_s = at_s = self._begin_s(start_s)
        first = 0
        while True:
            last = min(first + chunk_bytes(self.rate.bandwidth_bps.at(at_s)), num_bytes)
            at_s = begin_s + self.rate.seconds(begin_s, 8.0 * last)
            yield first, last, self.origin_s + at_s
            if last == num_bytes or at_s == inf:
                return
            first = last

    def _begin_s(self, start_s: float) -> float:
        """When the first byte begins to cross, by the trace's clock."""
        at_s = max(0.0, start_s - self.origin_s)
        return at_s + self.latency_s.at(at_s) + self.delay_s


@dataclass
class Variations:
    """What changes at a node, as the driver tells it piece by piece."""

    _steps: dict[tuple[str | None, str], list[bytes]] = field(default_factory=dict)
    _told: dict[tuple[str | None, str], Varies] = field(default_factory=dict)
    _count: int = 0

    def add(self, varies: Varies, payload: memoryview) -> None:
        """Take some steps of a figure; `Malformed` where there are too many, or a torn one."""
        if not payload or len(payload) % 16:
            raise Malformed(f"{len(payload)} bytes of steps, must be pairs of 16 bytes")
        self._count += len(payload) // 16
        if self._count > MOST_STEPS:
            raise Malformed(f"more than {MOST_STEPS} steps of figures that change")
        key = (varies.head, varies.quantity)
        self._told[key] = varies
        self._steps.setdefault(key, []).append(bytes(payload))

    @property
    def heads(self) -> set[str]:
        """The nodes that links lead to of which some figure changes."""
        return {head for head, _ in self._told if head is not None}

    @property
    def load(self) -> StepFunction | None:
        """By what the times of the node's parts are multiplied; None: nothing is told of it."""
        return self._function(None, "load")

    def pace(self, head: str, own: Pace, origin_s: float) -> PaceOverTime:
        """The pace of a link some figure of which changes; `own` are the others."""
        bandwidth = self._function(head, "bandwidth_bps")
        if bandwidth is None:
            bandwidth = _constant(own.bandwidth_bps or UNPACED_BPS)
        latency = self._function(head, "latency_s")
        return PaceOverTime(
            rate=Rate(bandwidth, self._function(head, "up")),
            latency_s=_constant(own.latency_s) if latency is None else latency,
            delay_s=own.delay_s,
            origin_s=origin_s,
        )

    def _function(self, head: str | None, quantity: str) -> StepFunction | None:
        key = (head, quantity)
        if key not in self._told:
            return None
        pairs = np.frombuffer(b"".join(self._steps[key])).reshape(-1, 2)
        times, values = pairs.T
        positive = bool((values > 0).all()) or quantity != "load"
        if not (np.isfinite(pairs).all() and (values >= 0).all() and positive and times[0] == 0):
            raise Malformed(f"steps of {quantity} that are none")
        if not (np.diff(times) > 0).all() or not times[-1] < self._told[key].duration_s:
            raise Malformed(f"steps of {quantity} that do not follow each other")
        return StepFunction(times, values, self._told[key].duration_s, self._told[key].end)


def _constant(value: float) -> StepFunction:
    return StepFunction((0.0,), (value,))
