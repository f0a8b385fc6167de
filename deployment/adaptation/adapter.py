"""The adapter: measurements go in, the plan of a table for the next request comes out."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.adaptation.backlog import Backlog
from splitfog.deployment.adaptation.beliefs import (
    Beliefs,
    Measured,
    Place,
    own_figures,
    places,
)
from splitfog.deployment.adaptation.by_name import Given, rule_of
from splitfog.deployment.adaptation.situation import Rule, Situation
from splitfog.deployment.adaptation.switching import switch_matrix, weight_seconds
from splitfog.deployment.adaptation.way import Choice, Way
from splitfog.formulations.parametric.detours import around
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.arguments import flag, number, record, wrong
from splitfog.instances.files import GivenInstance, instance_of


class Adapter(Way):
    """Follows the network with the plans of a table.

    Parameters
    ----------
    table
        As `plan_table` makes it.
    rule
        When to change plans: `argmin`, `hysteresis:H`, `switch`, `work-function`, `backlog` or
        `nominal`; or a rule itself, as `learn` gives it.
    estimate
        What is made of measurements: `last`, `ewma:A`, `kalman`, `harmonic:N` or `quantile:P,N`.
    switch_cost_s
        Seconds of a change; or [plans, plans], from row to column; or `weights:NODE`, where the
        weights that a change needs travel from. None: every plan is ready, changes are free.
    instance
        Whose figures hold before something is measured, and by which unknown links are told; or
        the path of its file. None: the middle of each figure's range does. `backlog` and
        `weights:NODE` need it.
    detours
        Whether tensors go round what is down, by the routes of what is left of `instance`, as in
        a replay. Else a plan that crosses it is left out.

    Raises
    ------
    ValueError
        For a rule or estimate that is not one of these, a table without plans, and where changes
        are to be free though a node has no memory for all plans.

    Notes
    -----
    It never blocks, and measurements of whatever size raise nothing: what is out of the table's
    box counts as the box's limit. Observe and decide may be called from several threads. A
    decision takes some ten microseconds and a look at every plan, O(plans figures); `backlog` also
    looks at every request under way.
    """

    def __init__(
        self,
        table: PlanTable,
        *,
        rule: str | Rule = "switch",
        estimate: str = "ewma:0.7",
        switch_cost_s: Any = None,
        instance: GivenInstance | None = None,
        detours: bool = False,
    ) -> None:
        self.table = record("table", table, PlanTable, "a PlanTable")
        self.plans = table.plans
        self._instance = None if instance is None else instance_of(instance)
        if flag("detours", detours) and self._instance is None:
            raise ValueError("detours = True needs instance=, for the routes of what is left")
        self._detours, self._around = detours, dict[tuple[Place, ...], PlanTable]()
        own: dict[Measured, float] = {
            ("latency_s", (link.tail, link.head)): link.latency_s for link in table.links
        }
        own |= {} if self._instance is None else own_figures(self._instance)
        links = None if self._instance is None else places(self._instance).links
        super().__init__(Beliefs(table.figures, own, estimate), table.held, links)
        nominal = int(self._costs_s([]).argmin())
        given = Given(table, self._instance, self._switch_s(switch_cost_s), nominal)
        self._rule = rule_of(rule, given)

    def decide(self, time_s: float) -> Choice:
        """The plan for a request that arrives now.

        Parameters
        ----------
        time_s
            Now, by the clock of the measurements. One decision is one request: rules that count
            what staying has cost count it once a decision.

        Returns
        -------
        Choice

        Raises
        ------
        ValueError
            For what is no number.
        """
        time_s = number("time_s", time_s)
        with self._lock:
            costs_s = self._costs_s(list(self._beliefs.down))
            clamped = self._beliefs.outside
            if costs_s.min() == inf:
                return Choice(None, None, inf, clamped, (NO_PLAN, *self._beliefs.doubts(time_s)))
            now = Situation(time_s, costs_s, self._recent(time_s), self._step_s)
            rule = self._rule = self._rule.after(now)
            position = rule.position
            assert position is not None
            predicted_s = float(costs_s[position]) + rule.wait_s
            grounds = (rule.why, *self._beliefs.doubts(time_s))
            return Choice(self.plans[position], position, predicted_s, clamped, grounds)

    def bands(self) -> dict[Place, tuple[float, float]]:
        """How far each figure alone may move from what is believed before another plan is fastest.

        Returns
        -------
        dict
            (low, high) within the table's box, by link (from, to) in bit/s or node, its load; with
            latencies as in the instance.

        Raises
        ------
        ValueError
            Where no plan runs without what is down.
        """
        with self._lock:
            values = {figure.key: belief.value for figure, belief in self._beliefs.varying}
            return self.table.bands(values, list(self._beliefs.down))

    @property
    def _step_s(self) -> NDArray[np.float64] | None:
        """[steps]: what every step of every plan takes, for rules that look at steps."""
        if not isinstance(self._rule, Backlog):
            return None
        assert self._instance is not None
        known, names = self._beliefs.known, places(self._instance)
        load = [known["load", node].value for node in names.nodes]
        bandwidth = [known["bandwidth_bps", link].value for link in names.links]
        latency = [known["latency_s", link].value for link in names.links]
        return self._rule.steps.seconds(np.array(load), np.array(bandwidth), np.array(latency))

    def _costs_s(self, down: list[Place]) -> NDArray[np.float64]:
        """[plans]: seconds of the next request alone; inf for plans that need what is down."""
        table = self._table_around(tuple(down)) if down and self._detours else self.table
        left = None if table is not self.table else down or None
        point = np.array([[belief.value for _, belief in self._beliefs.varying]])
        measured = {}
        for link in table.links:
            belief = self._beliefs.known["latency_s", (link.tail, link.head)]
            if belief.is_measured:
                measured[link.tail, link.head] = belief.value
        return np.asarray(table.values(point, left, latency_s=measured, routes="keep")[0])

    def _table_around(self, down: tuple[Place, ...]) -> PlanTable:
        """The table by the ways round what is down; of the same places made once."""
        assert self._instance is not None
        if down not in self._around:
            self._around[down] = around(self.table, self._instance, down)
        return self._around[down]

    def _recent(self, time_s: float) -> NDArray[np.float64]:
        return np.array([belief.recent(time_s) for _, belief in self._beliefs.varying])

    def _switch_s(self, given: Any) -> NDArray[np.float64]:
        """[plans, plans]: what changes cost."""
        if given is None and self.table.overfull:
            full = ", ".join(self.table.overfull)
            raise ValueError(f"switch_cost_s must be given: no memory for all plans on {full}")
        if not isinstance(given, str):
            return switch_matrix("switch_cost_s", given, len(self.plans))
        if not given.startswith("weights:") or self._instance is None:
            allowed = "a number, an array or, where instance= is given, weights:NODE"
            raise wrong("switch_cost_s", given, allowed)
        return weight_seconds(self._instance, self.plans, given.removeprefix("weights:"))


NO_PLAN = "no plan of the table runs without what is down"
