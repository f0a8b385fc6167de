"""What happens when: a heap of things to do, in one order whatever the moment they were planned."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum
from itertools import count
from math import inf


class Rank(IntEnum):
    """Of what happens at one moment, the order."""

    ENDS = 0
    GOES_DOWN = 1
    STARTS = 2
    PROBES = 3


class Agenda:
    """Things to do at moments; those of one moment by rank, then by number."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, int, int, Callable[[], None]]] = []
        self._count = count()

    def plan(self, time_s: float, rank: Rank, number: int, act: Callable[[], None]) -> int:
        """Plan to do something. Returns a number that no other has."""
        event = next(self._count)
        heapq.heappush(self._heap, (time_s, rank, number, event, act))
        return event

    @property
    def next_s(self) -> float:
        """When something happens next; infinity: never."""
        return self._heap[0][0] if self._heap else inf

    def happen(self) -> None:
        """Go on to the next thing, and do it."""
        self.now, _, _, _, act = heapq.heappop(self._heap)
        act()
