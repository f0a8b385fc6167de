"""Who chooses the plans of a replay: ways of adapting, and those who know it all beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitfog.deployment.adaptation.beliefs import Place, Quantity, own_figures, places
from splitfog.deployment.adaptation.by_name import RULES
from splitfog.deployment.adaptation.learned import Learned, learn
from splitfog.deployment.adaptation.names import Kind, named
from splitfog.deployment.adaptation.offline import offline_path
from splitfog.deployment.adaptation.switching import weight_seconds
from splitfog.deployment.adaptation.way import Way
from splitfog.deployment.contest.hindsight import Hindsight
from splitfog.deployment.contest.measuring import Observation
from splitfog.deployment.contest.replaying import Chooser
from splitfog.deployment.contest.settings import EXACT, Settings
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.ways.making import RIVALS, make_way
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import wrong
from splitfog.instances.arrays import Floats
from splitfog.instances.instance import Instance
from splitfog.instances.traces.steps import StepFunction

BEST_FIXED, OFFLINE, LEARNED, NOMINAL = "best-fixed", "offline", "learned", "nominal"
RESOLVE = "resolve"

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
class Rescued:
    """A way with a table, and one that solves anew for when no plan of the table can run."""

    way: Chooser
    rescue: Way
    measures: bool = True

    def observe(self, told: Observation) -> None:
        """Both take in what was measured."""
        self.way.observe(told)
        observe(self.rescue, told)

    def decide(self, request: int, time_s: float) -> PlanFile | None:
        """The plan for a request; None: whatever it is, it needs what is down."""
        plan = self.way.decide(request, time_s)
        return self.rescue.decide(time_s).plan if plan is None else plan


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


def require_ways(names: Sequence[str]) -> None:
    """Refuse names that are no way's.

    Raises
    ------
    ValueError
        With the forms that are allowed.
    """
    if not names:
        raise wrong("adapt", names, "at least one way of adapting")
    for name in names:
        named("adapt", name, _KNOWN)


_KNOWN: dict[str, Kind[Any]] = {
    **RULES,
    **{
        name: Kind(make=lambda: None, form=name) for name in (LEARNED, *RIVALS, BEST_FIXED, OFFLINE)
    },
}


def observe(way: Way, told: Observation) -> None:
    """Tell a way what was measured."""
    what: dict[str, Any] = {"node" if isinstance(told.place, str) else "link": told.place}
    what[told.quantity] = bool(told.value) if told.quantity == "up" else told.value
    way.observe(told.time_s, **what)


def fixed(plans: Sequence[PlanFile], position: int, requests: int) -> Scripted:
    """The same plan for all requests."""
    return Scripted(plans, [position] * requests)


@dataclass(frozen=True, eq=False)
class Makers:
    """Makes choosers for an instance and a table."""

    instance: Instance
    table: PlanTable
    settings: Settings

    def chooser(self, way: str, conditions: Conditions, hindsight: Hindsight) -> Chooser:
        """Who a name stands for, but for `best-fixed`, before the first request."""
        if way == OFFLINE:
            return self._offline(hindsight)
        if way == NOMINAL:
            return Adapting(self._way(way), measures=False)
        if way in RIVALS:
            return Adapting(self._way(way))
        own = self._learned(conditions, hindsight) if way == LEARNED else Adapting(self._way(way))
        if conditions.node_up or conditions.link_up:
            return Rescued(own, self._way(RESOLVE))
        return own

    def _way(self, name: str, learned: Learned | None = None) -> Way:
        return make_way(
            name,
            self.instance,
            self.table,
            estimate=self.settings.estimate or EXACT,
            switch_cost_s=self.settings.switch_cost,
            learned=learned,
        )

    def _offline(self, hindsight: Hindsight) -> Scripted:
        """The plans of least total latency, changes included, by the latencies as of arrivals."""
        cost: Any = self.settings.switch_cost
        if self.settings.weights_from is not None:
            cost = weight_seconds(self.instance, self.table.plans, self.settings.weights_from)
        return Scripted(self.table.plans, offline_path(hindsight.fixed_s, cost).tolist())

    def _learned(self, conditions: Conditions, hindsight: Hindsight) -> Halves:
        """Trained on either half of the requests, as told without noise."""
        arrivals = np.array(hindsight.arrivals_s)
        means = _recent_means(self.table, conditions, arrivals, self.settings.delay_s)
        half = max(len(arrivals) // 2, 1)
        parts = (slice(half, None) if half < len(arrivals) else slice(None), slice(half))
        rules = [learn(means[part], hindsight.fixed_s[part]) for part in parts]
        return Halves((self._way(LEARNED, rules[0]), self._way(LEARNED, rules[1])), half)


def _recent_means(
    table: PlanTable, conditions: Conditions, arrivals_s: Floats, delay_s: float
) -> Floats:
    """[requests, figures]: what `learned` is told for each request.

    The mean of what was measured in the second before it arrives, one value a request; where that
    is nothing, the last; before the first, the instance's own figure.
    """
    told_s = arrivals_s - delay_s
    known = int(told_s.searchsorted(0.0))  # so many are told nothing
    first = np.maximum(told_s.searchsorted(arrivals_s - RECENT_S, side="right"), known)
    last = np.arange(1, len(arrivals_s) + 1)
    first = np.minimum(first, last - 1)
    means = np.empty((len(arrivals_s), len(table.figures)))
    for column, figure in enumerate(table.figures):
        values = figure_of(conditions, figure.key).sample(np.maximum(told_s, 0.0))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        means[:, column] = (sums[last] - sums[first]) / (last - first)
        means[:known, column] = own_value(conditions.instance, figure.key)
    return means


def figure_of(conditions: Conditions, key: Place) -> StepFunction:
    """A link's bandwidth, or a node's load, over time."""
    instance = conditions.instance
    if isinstance(key, str):
        return conditions.load[instance.node_index[key]]
    return conditions.bandwidth_bps[places(instance).links.index(key)]


def own_value(instance: Instance, key: Place) -> float:
    """A link's bandwidth, or a node's load, as the instance has it."""
    quantity: Quantity = "load" if isinstance(key, str) else "bandwidth_bps"
    return own_figures(instance)[quantity, key]
