"""`backlog`: several requests at once, and the plan that ends first behind those under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.adaptation.steps import Steps
from splitfog.deployment.adaptation.situation import Situation
from splitfog.instances.readable import counted, in_seconds


@dataclass(frozen=True)
class UnderWay:
    """A request: its plan's steps that are left, as positions, and how much of the first."""

    step: int
    end: int
    left: float = 1.0


@dataclass(frozen=True, eq=False)
class Backlog:
    """What nodes and links still have to do, by its own decisions and what it believes.

    A node or link serves one request after the other, in the order of their decisions. Between
    two decisions everything goes on at the pace of the former; then what is left goes on at the
    pace that is believed now. The plan chosen is the one by which this request ends first; of
    equals the first.
    """

    steps: Steps
    time_s: float = 0.0
    under_way: tuple[UnderWay, ...] = ()
    step_s: NDArray[np.float64] | None = None
    position: int | None = None
    reason: str = ""
    wait_s: float = 0.0

    def after(self, now: Situation) -> Backlog:
        """O((requests under way + plans) steps)."""
        assert now.step_s is not None
        time_s = max(now.time_s, self.time_s)
        places, seconds = self.steps.place.tolist(), now.step_s.tolist()
        under_way = self._left_at(time_s)
        free: dict[int, float] = {}
        for request in under_way:
            _serve(request, time_s, free, places, seconds)
        first = self.steps.first.tolist()
        whole = [UnderWay(begin, end) for begin, end in zip(first, first[1:])]
        ends = [
            _end(request, time_s, free, places, seconds) if alone < np.inf else np.inf
            for request, alone in zip(whole, now.costs_s.tolist(), strict=True)
        ]
        best = int(np.argmin(ends))
        wait_s = max(0.0, ends[best] - time_s - float(now.costs_s[best]))
        ahead = f"{counted(len(under_way), 'request')} under way"
        return replace(
            self,
            time_s=time_s,
            under_way=(*under_way, whole[best]),
            step_s=now.step_s,
            position=best,
            reason=f"ends first: {ahead}, {in_seconds(wait_s)} of waits",
            wait_s=wait_s,
        )

    def _left_at(self, time_s: float) -> tuple[UnderWay, ...]:
        """What is left of the requests under way, at the pace of the last decision."""
        if self.step_s is None:
            return ()
        places, seconds = self.steps.place.tolist(), self.step_s.tolist()
        free: dict[int, float] = {}
        left = []
        for request in self.under_way:
            for step, begins, ends in _serve(request, self.time_s, free, places, seconds):
                if ends > time_s:
                    share = min(1.0, (ends - time_s) / (ends - begins)) if begins < time_s else 1.0
                    first = request.left if step == request.step else 1.0
                    left.append(UnderWay(step, request.end, share * first))
                    break
        return tuple(left)


def _serve(
    request: UnderWay, time_s: float, free: dict[int, float], places: list[int], seconds: list[float]
) -> list[tuple[int, float, float]]:
    """(step, begins, ends) of what is left of a request; books when its places are `free`."""
    booked = []
    left = request.left
    for step in range(request.step, request.end):
        place = places[step]
        begins = max(time_s, free.get(place, 0.0))
        time_s = free[place] = begins + left * seconds[step]
        booked.append((step, begins, time_s))
        left = 1.0
    return booked


def _end(
    request: UnderWay, time_s: float, free: dict[int, float], places: list[int], seconds: list[float]
) -> float:
    """When a new request would end."""
    for step in range(request.step, request.end):
        time_s = max(time_s, free.get(places[step], 0.0)) + seconds[step]
    return time_s
