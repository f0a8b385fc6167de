"""`backlog`: several requests at once, and the plan that ends first behind those under way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.adaptation.situation import UNDECIDED, Situation, Why
from splitfog.deployment.adaptation.steps import Steps
from splitfog.instances.readable import counted


@dataclass(frozen=True)
class UnderWay:
    """A request: its plan's steps that are left, as positions, and how much of the first."""

    step: int
    end: int
    left: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
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
    why: Why = UNDECIDED
    wait_s: float = 0.0

    def after(self, now: Situation) -> Backlog:
        """O((requests under way + plans) steps)."""
        assert now.step_s is not None
        time_s = max(now.time_s, self.time_s)
        under_way = self._left_at(time_s)
        bookings = Bookings(time_s, self.steps, now.step_s)
        for request in under_way:
            bookings.book(request)
        whole = [UnderWay(begin, end) for begin, end in pairwise(self.steps.first.tolist())]
        ends = [
            bookings.end_of(request) if alone < np.inf else np.inf
            for request, alone in zip(whole, now.costs_s.tolist(), strict=True)
        ]
        best = int(np.argmin(ends))
        wait_s = max(0.0, ends[best] - time_s - float(now.costs_s[best]))
        ahead = counted(len(under_way), "request")
        return replace(
            self,
            time_s=time_s,
            under_way=(*under_way, whole[best]),
            step_s=now.step_s,
            position=best,
            why=Why(f"ends first: {ahead} under way, {{}} of waits", (wait_s,)),
            wait_s=wait_s,
        )

    def _left_at(self, time_s: float) -> tuple[UnderWay, ...]:
        """What is left of the requests under way, at the pace of the last decision."""
        if self.step_s is None:
            return ()
        bookings = Bookings(self.time_s, self.steps, self.step_s)
        left = []
        for request in self.under_way:
            for step, begins, ends in bookings.book(request):
                if ends > time_s:
                    share = request.left if step == request.step else 1.0
                    if begins < time_s:
                        share *= (ends - time_s) / (ends - begins)
                    left.append(UnderWay(step, request.end, share))
                    break
        return tuple(left)


class Bookings:
    """From when on nodes and links are free, as requests are served one after the other."""

    def __init__(self, time_s: float, steps: Steps, step_s: NDArray[np.float64]) -> None:
        self.time_s = time_s
        self.steps = list(
            zip(steps.place.tolist(), steps.lag_s.tolist(), step_s.tolist(), strict=True)
        )
        self.free_s: dict[int, float] = {}

    def book(self, request: UnderWay) -> list[tuple[int, float, float]]:
        """(step, begins, ends) of what is left of a request; its places are taken so long."""
        booked = []
        time_s, left = self.time_s, request.left
        for step in range(request.step, request.end):
            place, lag_s, seconds = self.steps[step]
            begins = max(time_s + lag_s, self.free_s.get(place, 0.0))
            time_s = self.free_s[place] = begins + left * seconds
            booked.append((step, begins, time_s))
            left = 1.0
        return booked

    def end_of(self, request: UnderWay) -> float:
        """When a request that has just arrived would end."""
        time_s = self.time_s
        for place, lag_s, seconds in self.steps[request.step : request.end]:
            time_s = max(time_s + lag_s, self.free_s.get(place, 0.0)) + seconds
        return time_s
