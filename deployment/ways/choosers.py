"""Who chooses the plans of a replay: ways of adapting, and those who know it all beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitfog.deployment.adaptation.adapter import Adapter
from splitfog.deployment.adaptation.learned import learn
from splitfog.deployment.adaptation.offline import offline_path
from splitfog.deployment.adaptation.way import Way
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.ways.hindsight import Hindsight
from splitfog.deployment.ways.measuring import Observation
from splitfog.deployment.ways.replaying import Chooser
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arrays import Floats
from splitfog.instances.traces.steps import StepFunction

RECENT_S = 1.0
"""How far back the means go that `learned` tells states by."""


@dataclass(frozen=True, eq=False)
class Adapting:
    """A way of adapting, which is told what is measured."""

    way: Way
    measures: bool = True

    def observe(self, told: Observation) -> None:
        """Take in what was measured."""
        observe(self.way, told)

    def decide(self, request: int, time_s: float) -> PlanFile | None:
        """The plan for a request, of whatever number."""
        return self.way.decide(time_s).plan


@dataclass(frozen=True, eq=False)
class Halves:
    """`learned`: each half of the requests by what the other half teaches."""

    ways: tuple[Way, Way]
    half: int
    """The first request of the second half."""
    measures: bool = True

    def observe(self, told: Observation) -> None:
        """Both take in what was measured."""
        for way in self.ways:
            observe(way, told)

    def decide(self, request: int, time_s: float) -> PlanFile | None:
        """The plan for a request, by the way of its half."""
        return self.ways[request >= self.half].decide(time_s).plan


@dataclass(frozen=True, eq=False)
class Scripted:
    """One who knows beforehand which plan each request gets."""

    plans: Sequence[PlanFile]
    script: Sequence[int]
    """[requests]: positions of plans."""
    measures: bool = False

    def observe(self, told: Observation) -> None:
        """Nothing that it did not know."""

    def decide(self, request: int, time_s: float) -> PlanFile | None:
        """The plan of a request, again after a loss."""
        return self.plans[self.script[request]]


def observe(way: Way, told: Observation) -> None:
    """Tell a way what was measured."""
    place: dict[str, Any] = (
        {"node": told.place} if isinstance(told.place, str) else {"link": told.place}
    )
    way.observe(told.time_s, **place, **{told.quantity: told.value})


def fixed(plans: Sequence[PlanFile], position: int, requests: int) -> Scripted:
    """The same plan for all requests."""
    return Scripted(plans, [position] * requests)


def offline(plans: Sequence[PlanFile], hindsight: Hindsight, switch_s: Any) -> Scripted:
    """The plans of least total latency, changes included, by the latencies as of the arrivals."""
    return Scripted(plans, offline_path(hindsight.fixed_s, switch_s).tolist())


def learned(
    table: PlanTable,
    conditions: Conditions,
    hindsight: Hindsight,
    make: Callable[[Any], Adapter],
) -> Halves:
    """Trained on either half of the requests, by perfect figures; `make` gives a rule's adapter."""
    arrivals = np.array(hindsight.arrivals_s)
    means = _recent_means(table, conditions, arrivals)
    half = len(arrivals) // 2
    first, second = slice(0, max(half, 1)), slice(half, None)
    rules = [learn(means[part], hindsight.fixed_s[part]) for part in (second, first)]
    return Halves((make(rules[0]), make(rules[1])), half)


def _recent_means(table: PlanTable, conditions: Conditions, arrivals_s: Floats) -> Floats:
    """[requests, figures]: of each figure of a table the mean over the second before an arrival."""
    means = np.empty((len(arrivals_s), len(table.figures)))
    for column, figure in enumerate(table.figures):
        values = figure_of(conditions, figure.key)
        for row, end in enumerate(arrivals_s.tolist()):
            start = max(0.0, end - RECENT_S)
            span = end - start
            means[row, column] = values.integral(start, end) / span if span else values.at(end)
    return means


def figure_of(conditions: Conditions, key: str | tuple[str, str]) -> StepFunction:
    """A link's bandwidth, or a node's load, over time."""
    instance = conditions.instance
    if isinstance(key, str):
        return conditions.load[instance.node_index[key]]
    ends = tuple(instance.node_index[name] for name in key)
    for link, bandwidth in zip(instance.directed_links, conditions.bandwidth_bps, strict=True):
        if (link.tail, link.head) == ends:
            return bandwidth
    raise LookupError(f"no link {','.join(key)}")
