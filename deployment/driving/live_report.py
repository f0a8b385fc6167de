"""What became of the requests of a live run, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from splitfog.deployment.driving.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class LiveRequest:
    """What became of one request: due `arrival_s` after the first; no latency where it is lost."""

    arrival_s: float
    plan: str
    latency_s: float | None


@dataclass(frozen=True)
class LiveReport:
    """The requests of a live run, in the order in which they were sent."""

    requests: tuple[LiveRequest, ...]

    @property
    def mean_s(self) -> float | None:
        """Of the requests that have ended; None where none has."""
        found = [each.latency_s for each in self.requests if each.latency_s is not None]
        return fmean(found) if found else None

    @property
    def p95_s(self) -> float | None:
        """The latency that 95 % of these keep below, interpolated."""
        import numpy as np

        found = [each.latency_s for each in self.requests if each.latency_s is not None]
        return float(np.percentile(found, 95)) if found else None

    @property
    def lost(self) -> int:
        """How many have not ended."""
        return sum(each.latency_s is None for each in self.requests)

    @property
    def switches(self) -> int:
        """How often a request went through another plan than the one before."""
        plans = [each.plan for each in self.requests if each.plan]
        return sum(one != other for one, other in pairwise(plans))

    def figures(self) -> dict[str, Any]:
        """What `splitfog run --json` prints of it.

        Returns
        -------
        dict[str, Any]
        """
        return {
            "measured": {
                "mean_s": self.mean_s,
                "p95_s": self.p95_s,
                "switches": self.switches,
                "lost": self.lost,
            },
            "requests": [asdict(each) for each in self.requests],
        }


def live_report(outcomes: Sequence[Outcome], every_s: float) -> LiveReport:
    """The report of requests that were sent one every `every_s`, in order."""
    return LiveReport(
        tuple(
            LiveRequest(
                arrival_s=number * every_s,
                plan=outcome.plan,
                latency_s=outcome.latency_s if outcome.lost is None else None,
            )
            for number, outcome in enumerate(outcomes)
        )
    )
