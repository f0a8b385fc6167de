"""A replay as one run of a comparison: one way of adapting, through one set of traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from typing import Any

from splitfog.deployment.contest.settings import Settings
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.instance import Instance
from splitfog.instances.read_only import EMPTY
from splitfog.instances.traces.trace import Trace
from splitfog.solvers.parametric.plan_table import plan_table
from splitfog.studies.replays.replay import replay

Ranges = tuple[tuple[str | tuple[str, str], tuple[float, float]], ...]
"""Of figures, as `plan_table` takes them."""

OF_WORLDS = ("clock", "requests", "queues", "switch_cost", "detect_s")


@dataclass(frozen=True, kw_only=True)
class ReplayCase:
    """What is replayed on an instance.

    Attributes
    ----------
    traces
        That change its figures together.
    adapt
        The way of adapting.
    settings
        What `replay` takes besides, but for seed and table.
    vary
        What the plan table is over: a range by FROM,TO or node; nothing: what the traces reach.
    """

    traces: tuple[Trace, ...]
    adapt: str
    settings: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    vary: Mapping[str, tuple[float, float]] = field(default_factory=lambda: EMPTY)

    @property
    def trace(self) -> str:
        """The traces' names."""
        return "+".join(trace.name for trace in self.traces)

    @property
    def world(self) -> str:
        """What else than the traces decides how long a request takes by a plan, if it is not as
        usual: only replays in the same world can be held against each other."""
        usual = Settings()
        told = {name: self.settings.get(name, getattr(usual, name)) for name in OF_WORLDS}
        return " ".join(f"{k}={v}" for k, v in told.items() if v != getattr(usual, k))

    @property
    def sha256(self) -> str:
        """The traces' hashes."""
        return "+".join(trace.sha256 for trace in self.traces)


def replayed(instance: Instance, case: ReplayCase, seed: int) -> dict[str, Any]:
    """What a replay comes to, as fields of a row.

    The value is the mean latency, beside it what the clairvoyant has. It is no value where requests
    never end, since the mean of the others says nothing.

    Parameters
    ----------
    instance, case, seed
        What is replayed; the seed is of arrivals and noise.
    """
    found = replay(
        instance,
        case.traces,
        adapt=case.adapt,
        seed=seed,
        table=_table(instance, case.vary),
        **case.settings,
    )
    if found.interrupted:
        return {"status": "unknown", "stopped_by": "interrupted"}
    (way,) = found.ways
    if way.failed or way.mean_s is None:
        reason = f"{way.failed} of {len(found.rows)} requests never ended"
        return {"status": "unknown", "stopped_by": "finished", "reason": reason}
    least = found.clairvoyant[seed]
    bound = sum(least.values()) / len(found.rows) if len(least) == len(found.rows) else None
    return {
        "status": "feasible",
        "stopped_by": "finished",
        "value": way.mean_s,
        "lower_bound": bound if bound is not None and isfinite(bound) else None,
        "reason": f"{way.switches} changes of plan, {way.restarted} requests begun again",
    }


def _table(instance: Instance, vary: Mapping[str, tuple[float, float]]) -> PlanTable | None:
    """The table over given ranges; None: `replay` makes its own."""
    return _table_over(_OfHash(instance), ranges_of(vary)) if vary else None


def ranges_of(vary: Mapping[str, tuple[float, float]]) -> Ranges:
    """The ranges of a case, by figures as `plan_table` names them."""
    return tuple((_figure(name), (low, high)) for name, (low, high) in vary.items())


def _figure(name: str) -> str | tuple[str, str]:
    tail, comma, head = name.partition(",")
    return (tail, head) if comma else tail


class _OfHash:
    """An instance that is the same as another if its hash is."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OfHash) and self.instance.sha256 == other.instance.sha256

    def __hash__(self) -> int:
        return hash(self.instance.sha256)


@lru_cache(maxsize=4)
def _table_over(given: _OfHash, ranges: Ranges) -> PlanTable:
    """Made once for the many replays of a process on an instance."""
    return plan_table(given.instance, dict(ranges), routes="keep")
