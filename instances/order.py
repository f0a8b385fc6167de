"""The one way in which an order of our own is made topological."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any


def topological(
    readers: Sequence[Sequence[int]], keys: Sequence[Any] | None = None
) -> Iterator[int]:
    """Positions, each after all that it reads: repeatedly the ready one of least key.

    O(E + n log n).

    Parameters
    ----------
    readers
        Who reads each position; once or repeatedly is the same.
    keys
        What is taken first, of those that are ready; of equal ones the first. None: the position.

    Yields
    ------
    int
        Each once, but for those on a cycle and behind it, which never come.
    """
    missing = [0] * len(readers)
    for heads in readers:
        for head in heads:
            missing[head] += 1
    first = range(len(readers)) if keys is None else keys
    ready = [(first[at], at) for at, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    while ready:
        at = heapq.heappop(ready)[1]
        yield at
        for reader in readers[at]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, (first[reader], reader))
