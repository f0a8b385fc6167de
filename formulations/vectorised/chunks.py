"""How a batch is cut into chunks, by the device that works on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import jax


@dataclass(frozen=True)
class Device:
    """What a device likes.

    `is_host`: it reads the host's memory, so that rows are checked and turned there. Chunks have
    at most `most_rows` rows and `chunk_bytes` of working memory, roughly, and `ahead` of them are
    under way at a time.
    """

    is_host: bool
    most_rows: int
    least_rows: int
    chunk_bytes: int
    ahead: int

    def rows(self, bytes_per_row: int) -> int:
        """Rows of a chunk."""
        return max(self.least_rows, min(self.most_rows, self.chunk_bytes // bytes_per_row))

    def padded(self, batch: int, chunk: int) -> int:
        """Rows of the pieces of a batch: a power of two, or the chunk where that is less."""
        return min(chunk, max(self.least_rows, 1 << max(0, batch - 1).bit_length()))


PROCESSORS = Device(is_host=True, most_rows=1 << 12, least_rows=64, chunk_bytes=1 << 28, ahead=2)

MOST_ROWS = 1 << 18
"""On an accelerator: enough to fill it, few enough that the next chunk travels meanwhile."""

UNKNOWN_BYTES = 1 << 33
"""Memory of an accelerator that does not tell."""


def device_here() -> Device:
    """The device on which jax works by default."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return PROCESSORS
    stats = device.memory_stats() or {}
    return accelerator(int(stats.get("bytes_limit", UNKNOWN_BYTES)))


def accelerator(memory_bytes: int) -> Device:
    """A device with a memory of its own, where a call costs more than many rows of work."""
    return Device(
        is_host=False, most_rows=MOST_ROWS, least_rows=256, chunk_bytes=memory_bytes // 8, ahead=4
    )


def pieces(batch: int, size: int) -> Iterator[slice]:
    """Rows of a batch, `size` at a time; the last piece begins early, so that none need padding.

    Only a batch that is smaller than a piece is one that does.
    """
    for start in range(0, batch, size):
        first = max(0, min(start, batch - size))
        yield slice(first, min(first + size, batch))
