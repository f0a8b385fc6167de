"""`hpa-local`: the plan of `hpa-plain` kept up with what is measured, after D3's adjustment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.read_only import EMPTY, ReadOnly
from splitfog.instances.readable import in_seconds, printable
from splitfog.solvers.adjustment.adjusted_task import AdjustedTask
from splitfog.solvers.adjustment.figures import Figures, Key, Times
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.d3.hpa import NO_TIER


@dataclass(frozen=True)
class AdjustmentReport:
    """What an adjustment took.

    Attributes
    ----------
    looked_at
        Layers whose tier was decided anew, over all tasks.
    failed
        Of the recorded decisions, those that did not hold any more when all were checked: layers.
    changed
        Layers that are on another node than before.
    seconds
        From the figures to the plan.
    """

    looked_at: int
    failed: int
    changed: int
    seconds: float


class HpaLocal:
    """`hpa-plain`'s plan, kept up with figures that change by redoing only what they change.

    Parameters
    ----------
    instance
        What is placed, or the path of its file; its figures hold until others are told.
    objective, transfers, monotone
        As for `splitfog.solve`; `latency` alone is minimised, and the plan is monotone anyway.

    Attributes
    ----------
    plan : PlanFile
        The plan for the figures as they are now.

    Raises
    ------
    SolverDeclined
        For another objective.

    Notes
    -----
    The plan is that of `hpa-plain` for the instance with these figures: of the same value, up to
    rounding. A run's decisions are recorded; they are all checked at once, and those that
    do not hold any more are decided anew, with what follows from them. After D3 (arXiv
    2101.05952), whose text was not at hand: what is checked, and how, is ours.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> local = HpaLocal(generate("three-tier"))
    >>> plan, report = local.adapt({("device", "edge0"): 1e6, "edge0": 2})
    >>> plan.placement("task0")["conv1"], report.failed
    ('device', 1)
    """

    def __init__(
        self,
        instance: GivenInstance,
        objective: str | Objective = "latency",
        transfers: str = "once",
        monotone: bool = True,
    ) -> None:
        self.instance = executed_once(instance_of(instance), "hpa-local")
        self.objective = objective_for(self.instance, objective, transfers, monotone)
        if self.objective.name != "latency":
            reason = f"it does not minimise {self.objective.name}, only latency"
            raise SolverDeclined("hpa-local", reason)
        self._figures = Figures.of(self.instance)
        self._tasks = [
            AdjustedTask(self._figures, task, self.objective.transfers == "once")
            for task in range(len(self.instance.tasks))
        ]
        self._placements, self._fault = self._named(), self._first_fault()
        self.plan = self._described()

    def __repr__(self) -> str:
        value = "" if self.plan.value is None else f", {in_seconds(self.plan.value)}"
        return f"<HpaLocal for {printable(self.instance.name)}: {self.plan.status}{value}>"

    def adapt(
        self, figures: Mapping[Key, float], times: Times = EMPTY, model: str | None = None
    ) -> tuple[PlanFile, AdjustmentReport]:
        """The plan for other figures; what is not named keeps the figure that was told last.

        Parameters
        ----------
        figures
            {(from, to): bit/s, node: load}, each as it is now. Of a duplex link both directions
            change unless both are named. A load multiplies every layer's time on the node: 1 is
            as the instance says, or `times`.
        times
            {layer: {node or tier: seconds}} of layers measured at a load of 1; as `times_s` of the
            instance, a node's own go before its tier's.
        model
            The layers' model; None: the only one.

        Returns
        -------
        plan : PlanFile
            Placements, status and value in seconds; `splitfog.plan` of an instance with these
            figures computes the rest. Unknown, as `hpa-plain`, where it breaks a rule.
        report : AdjustmentReport
            How many layers were looked at, failed and changed, and in how many seconds.

        Raises
        ------
        LookupError
            For a link, node, layer or model that is unknown.
        ValueError
            For what is no such figure. Nothing is told then.
        """
        started = time.perf_counter()
        self._figures = self._figures.told(figures, times, model)
        done = [task.adjust(self._figures) for task in self._tasks]
        looked_at, failed, moved = (sum(of) for of in zip(*done, strict=True))
        if moved:
            self._placements, self._fault = self._named(), self._first_fault()
        self.plan = self._described()
        return self.plan, AdjustmentReport(looked_at, failed, moved, time.perf_counter() - started)

    def _named(self) -> list[ReadOnly[str, str]]:
        """Layer -> node of every task, by names."""
        names = [node.name for node in self.instance.nodes]
        return [
            ReadOnly(zip(own.layers, map(names.__getitem__, own.placement.tolist()), strict=True))
            if own.placement is not None
            else ReadOnly()
            for own in self._tasks
        ]

    def _first_fault(self) -> str | None:
        """Why the placements are no plan; their figures do not matter for that, but routes do."""
        for task, own in zip(self.instance.tasks, self._tasks, strict=True):
            if own.placement is None:
                return f"task {task.name}: {NO_TIER}"
        missing = any(own.latency_s == inf for own in self._tasks)
        grouped = any(model.groups for model in self.instance.models)
        if not (missing or grouped or limits_memory(self.instance)):
            return None  # tiers, routes and monotone are respected anyway
        decision = placed(*(own.placement for own in self._tasks if own.placement is not None))
        return next(iter(decision_violations(self.instance, decision, self.objective)), None)

    def _described(self) -> PlanFile:
        """The plan of the placements, as they are named, at the figures as they are."""
        claims: dict[str, Any] = {
            "instance": self.instance.name,
            "solver": "hpa-local",
            "objective": self.objective,
        }
        if self._fault is not None:
            return PlanFile(**claims, status="unknown", reason=self._fault, tasks=())
        seconds = [own.latency_s for own in self._tasks]
        entries = tuple(
            TaskEntry(task=task.name, placement=placement, latency_s=latency_s)
            for task, placement, latency_s in zip(
                self.instance.tasks, self._placements, seconds, strict=True
            )
        )
        value = sum(seconds) / len(seconds)
        return PlanFile(**claims, status="feasible", value=value, tasks=entries)
