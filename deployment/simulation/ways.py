"""What a stage sends to its nodes and back: a link carries it one visit after another."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Hop:
    """All that a visit sends over a directed link, which it occupies for `busy_s`."""

    link: int
    busy_s: float
    delay_s: float


Way = tuple[Hop, ...]


def share_links(ways: Sequence[Way]) -> bool:
    """Whether a link is on two of the ways."""
    return any(count > 1 for count in Counter(hop.link for way in ways for hop in way).values())


def arrivals_s(ready_s: Sequence[float], ways: Sequence[Way]) -> list[float]:
    """When what is ready at these times has come its way, store and forward.

    Whatever is ready first goes first over a link, of equals the first in order; nothing else
    crosses the links. O(H log H) for H hops in all.
    """
    free_s: dict[int, float] = {}
    there_s = list(ready_s)
    queue = [(ready, number, 0) for number, ready in enumerate(ready_s)]
    heapq.heapify(queue)
    while queue:
        ready, number, at = heapq.heappop(queue)
        if at == len(ways[number]):
            there_s[number] = ready
            continue
        hop = ways[number][at]
        end_s = max(ready, free_s.get(hop.link, ready)) + hop.busy_s
        free_s[hop.link] = end_s
        heapq.heappush(queue, (end_s + hop.delay_s, number, at + 1))
    return there_s
