"""A link of given bandwidth and latency, kept by the clock: when each chunk of a tensor is due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from splitfog.deployment.wire.frames import CHUNK_BYTES

CHUNK_S = 0.005
"""A chunk takes so long, or is as long as a frame may be."""

LEAST_CHUNK_BYTES = 512
"""On slow links: more chunks would only cost time."""

SPIN_S = 0.0004
"""The last of a wait is spent looking at the clock, as sleep is not that exact."""


class Pacing(Protocol):
    """When a link is free again, and when each chunk of a tensor is due."""

    def free_s(self, num_bytes: int, start_s: float) -> float:
        """When a tensor that begins to cross at `start_s` has left the link."""

    def chunks(self, num_bytes: int, start_s: float) -> Iterator[tuple[int, int, float]]:
        """(first byte, byte behind the last, when it is due) of every chunk of it."""


@dataclass(frozen=True)
class Pace:
    """A link's figures: bit/s, and seconds that a tensor waits first.

    `latency_s` occupies the link, `delay_s` does not. `bandwidth_bps` None: as fast as it goes.
    """

    bandwidth_bps: float | None = None
    latency_s: float = 0.0
    delay_s: float = 0.0

    def seconds(self, num_bytes: int) -> float:
        """How long a tensor occupies the link."""
        if self.bandwidth_bps is None:
            return self.latency_s
        return self.latency_s + 8 * num_bytes / self.bandwidth_bps

    def free_s(self, num_bytes: int, start_s: float) -> float:
        """When a tensor that begins to cross at `start_s` has left the link."""
        return start_s + self.seconds(num_bytes)

    def chunks(self, num_bytes: int, start_s: float) -> Iterator[tuple[int, int, float]]:
        """(first byte, byte behind the last, when it is due) of every chunk of a tensor.

        The dates are absolute: what one chunk is late, the next makes up. A tensor of no bytes is
        one chunk.
        """
        begin_s = start_s + self.latency_s + self.delay_s
        size = CHUNK_BYTES if self.bandwidth_bps is None else chunk_bytes(self.bandwidth_bps)
        for first in range(0, max(num_bytes, 1), size):
            last = min(first + size, num_bytes)
            late_s = 0.0 if self.bandwidth_bps is None else 8 * last / self.bandwidth_bps
            yield first, last, begin_s + late_s


def chunk_bytes(bandwidth_bps: float) -> int:
    """How long a chunk is at a bandwidth."""
    return int(min(CHUNK_BYTES, max(LEAST_CHUNK_BYTES, bandwidth_bps * CHUNK_S / 8)))


def spin_until(due_s: float) -> None:
    """Return when `time.perf_counter` has reached `due_s`, looking at nothing else."""
    while time.perf_counter() < due_s:
        pass
