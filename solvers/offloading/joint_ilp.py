"""`joint-ilp`: partition and offloading together, one plan per task out of a catalogue, exactly.

Ours: a bound by prices (`plan_prices`) rules out most plans; then branch and bound over the tasks.
Beside the plans chosen so far every other task adds at least the increment of its best plan, and
these add up (`PlanTable.increments`); that is the bound. The task whose best and second best plan
differ most is decided next.
"""

from __future__ import annotations

from itertools import zip_longest
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.audit import Audit
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.games.audit import given_audit
from splitfog.formulations.offloading.catalogue import Chosen, PlanTable
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import EQUAL, ROUNDING
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.dina.answer import timely_audit
from splitfog.solvers.dina.dina import dina_decision
from splitfog.solvers.dina.partition import (
    MOST_PLANS,
    MOST_SWEEPS,
    catalogue,
    first_loads,
    first_pass,
    home_decision,
    require_sources,
    sweep,
)
from splitfog.solvers.dina.wide import Wide
from splitfog.solvers.offloading.plan_prices import PlanBound, plan_bound
from splitfog.solvers.offloading.wide_pricing import wide_plans

MOST_TASKS = 50
"""Beyond, catalogues take too long."""


def solve_joint_ilp(request: Request) -> Answer:
    """The best choice of one plan per task, and what is proven about it.

    A task's catalogue of at most `MOST_PLANS` plans: all at home, its share of DINA-P's first
    pass, of its last and of `dina` (so that the choice is no worse than these), and the plans of
    `partition.catalogue` (the partition and one-cut plans), once as if alone and once beside
    what the others do in `dina`, alternately. With option `plans` "wide" wide plans are added that
    are better beside the others of the best choice, until there are none (`wide_pricing`).

    Returns
    -------
    Answer
        `audit.given_catalogue` has the number of plans, the bound within the catalogue, its
        gap and whether it is proven; `lower_bound` (the door's) holds for all plans.

    Raises
    ------
    SolverDeclined
        Above `MOST_TASKS` tasks, and where a task has no source.
    """
    instance = request.instance
    require_sources("joint-ilp", instance)
    if len(instance.tasks) > MOST_TASKS:
        reason = f"the instance has {len(instance.tasks)} tasks, more than {MOST_TASKS}"
        raise SolverDeclined("joint-ilp", reason, "dina")
    catalogues = catalogues_of(request)
    if empty := [t.name for t, plans in zip(instance.tasks, catalogues, strict=True) if not plans]:
        reason = f"no plan of the catalogue is possible for task {empty[0]}"
        return Answer(None, reason=reason)
    search = _Search(request, catalogues)
    stopped = search.run()
    if request.options["plans"] == "wide":
        wide = Wide()
        while stopped == "finished" and _grown(search, catalogues, wide):
            search = _Search(request, catalogues, search.places())
            stopped = search.run()
    plans = sum(map(len, catalogues))
    if search.best is None:
        reason = f"no choice out of {plans} plans was found to be feasible"
        return Answer(None, stopped_by=stopped, reason=reason)
    decision = search.decision(search.best)
    value = request.value_of(decision)  # what `verify` will hold the gap against, to the last bit
    proof = given_audit(value, min(search.bound(), value) * (1 - ROUNDING))
    found = "" if proof.proven else " found"
    reason = f"best choice of one plan per task{found} out of {plans}; lower_bound is for all plans"
    game = timely_audit(request, decision) or Audit()
    audit = changed(game, given_catalogue=changed(proof, plans=plans))
    return Answer(decision, stopped_by=stopped, reason=reason, audit=audit)


def _grown(search: _Search, catalogues: list[list[Footprint]], wide: Wide) -> bool:
    """Whether wide plans that are new and possible were added, beside the best choice so far."""
    if search.best is None:
        return False
    loads, grown = Loads(search.request.instance, search.request.objective), False
    for task, own in enumerate(wide_plans(search.request, search.decision(search.best), wide)):
        known = {_key(plan.answer) for plan in catalogues[task]}
        if own is not None and _key(own.answer) not in known and _possible(loads, task, [own]):
            catalogues[task].append(own)
            grown = True
    return grown


def catalogues_of(request: Request) -> list[list[Footprint]]:
    """The possible plans of every task: its share of known decisions, which are offered, first."""
    instance, objective = request.instance, request.objective
    known = _known(request)
    for decision in known:
        request.offer(decision)
    loads = Loads.of(instance, objective, known[-1])
    catalogues = []
    for task in range(len(instance.tasks)):
        request.deadline.check("the catalogue of plans")
        own = loads.take(task)
        beside = catalogue(instance, objective, task, loads)
        loads.put(task, own)
        alone = catalogue(instance, objective, task)
        plans = [decision.tasks[task] for decision in known]
        pairs = zip_longest(beside, alone)
        plans += [plan for pair in pairs for plan in pair if plan is not None]
        distinct = {_key(plan): plan for plan in reversed(plans)}
        kept = [plan for plan in plans if distinct[_key(plan)] is plan]
        catalogues.append([loads.footprint(task, plan) for plan in kept[:MOST_PLANS]])
    return [_possible(loads, task, plans) for task, plans in enumerate(catalogues)]


def _known(request: Request) -> list[Decision]:
    """All at home or the start, DINA-P's first pass and its last, and what `dina` ends with."""
    instance, objective = request.instance, request.objective
    first_loads(request)
    begun = [] if request.incumbent is None else [request.incumbent]
    loads = Loads.of(instance, objective, first_pass(instance, objective, request.deadline))
    known = [*begun, home_decision(instance, objective), loads.decision]
    for _ in range(MOST_SWEEPS):
        if request.out_of_time or not sweep(loads, request.deadline):
            break
    return [*known, loads.decision, dina_decision(request, request.options["plans"])]


def _key(answer: TaskDecision) -> tuple[bytes, object]:
    return answer.placement.tobytes(), answer.stages


def _possible(loads: Loads, task: int, plans: list[Footprint]) -> list[Footprint]:
    """The plans that break no rule by themselves, all other tasks away."""
    instance, objective = loads.instance, loads.objective
    kept = []
    for own in plans:
        alone = Loads(instance, objective)
        alone.put(task, own)
        overloaded = (alone.rho >= 1).any() or (alone.link_load >= 1).any()
        if own.reachable and not overloaded and alone.value()[0] == 0:
            kept.append(own)
    return kept


class _Search:
    """Depth first, the most promising plan first; `open` are the choices not looked into yet."""

    def __init__(
        self,
        request: Request,
        catalogues: list[list[Footprint]],
        begin: list[int] | None = None,
    ) -> None:
        self.request, self.begin = request, begin
        loads = Loads(request.instance, request.objective)
        self.table = PlanTable.of(loads, catalogues)
        self.of_task = [np.flatnonzero(self.table.task == t) for t in range(len(catalogues))]
        self.best: Chosen | None = None
        self.value = inf
        self.open: list[tuple[float, Chosen]] = [(0.0, self.table.nothing())]
        self.proof = PlanBound(-inf, np.full(len(self.table.task), -inf))

    def bound(self) -> float:
        """Weighted seconds that no choice is below."""
        searched = min([self.value, *(bound for bound, _ in self.open)])
        return max(searched, min(self.proof.bound, self.value))

    def places(self) -> list[int]:
        """Where the best choice has its plans in the tasks' catalogues."""
        assert self.best is not None
        plans = sorted(self.best.plans, key=lambda plan: int(self.table.task[plan]))
        return [plan - int(own[0]) for plan, own in zip(plans, self.of_task, strict=True)]

    def decision(self, chosen: Chosen) -> Decision:
        """The plans chosen, task by task."""
        plans = sorted(chosen.plans, key=lambda plan: int(self.table.task[plan]))
        return Decision(tuple(self.table.footprints[plan].answer for plan in plans))

    def run(self) -> StoppedBy:
        """Look into all choices that may be better than the best, or until the time is over."""
        if self.begin is not None:
            known = self._of([int(own[at]) for own, at in zip(self.of_task, self.begin)])
            self._offer(known, self.table.value(known))
        self._descend()
        if self.best is not None and self.value > 0:
            self.proof = plan_bound(self.table, self.best, self.request.deadline)
        while self.open:
            if self.request.out_of_time:
                return "time limit"
            bound, chosen = self.open.pop()
            if bound < self.value * (1 - ROUNDING):
                self._branch(chosen)
        return "finished"

    def _branch(self, chosen: Chosen) -> None:
        """Decide the task of largest regret: one choice more for each of its plans."""
        taken = {int(self.table.task[plan]) for plan in chosen.plans}
        free = [task for task in range(len(self.of_task)) if task not in taken]
        here = self.table.value(chosen)
        if not free:
            self._offer(chosen, here)
            return
        plans = np.concatenate([self.of_task[task] for task in free])
        plans = plans[self.proof.with_plan[plans] < self.value * (1 - ROUNDING)]
        if len(np.unique(self.table.task[plans])) < len(free):
            return
        added = self.table.increments(chosen, plans)
        owner = self.table.task[plans]
        least = {task: float(added[owner == task].min()) for task in free}
        total = here + sum(least.values())
        if not total < self.value * (1 - ROUNDING):
            return
        room = self.value - total
        useful = {t: np.sort(added[owner == t]) for t in free}
        regret = {t: _regret(row, room) for t, row in useful.items()}
        task = max(free, key=lambda t: regret[t])
        mine = owner == task
        order = np.argsort(-added[mine], kind="stable")
        for plan, cost in zip(
            plans[mine][order].tolist(), added[mine][order].tolist(), strict=True
        ):
            bound = total - least[task] + cost
            if bound < self.value * (1 - ROUNDING):
                self.open.append((bound, self.table.add(chosen, plan)))

    def _offer(self, chosen: Chosen, value: float) -> None:
        """Keep a complete choice if it is the best and breaks no rule, memory included."""
        if value < self.value:
            decision = self.decision(chosen)
            request = self.request
            if not decision_violations(request.instance, decision, request.objective):
                self.best, self.value = chosen, value
                request.offer(decision)

    def _descend(self) -> None:
        """A first choice: the best plans one after another, then exchanged while it helps."""
        chosen = self.table.nothing()
        for own in self.of_task:
            added = self.table.increments(chosen, own)
            chosen = self.table.add(chosen, int(own[added.argmin()]))
        plans, improved = list(chosen.plans), True
        value = self.table.value(chosen)
        while improved and not self.request.out_of_time:
            improved = False
            for task, own in enumerate(self.of_task):
                others = self._of(plans[:task] + plans[task + 1 :])
                values = [self.table.value(self.table.add(others, int(plan))) for plan in own]
                if min(values) < value * (1 - EQUAL):
                    value, improved = min(values), True
                    plans[task] = int(own[int(np.argmin(values))])
        self._offer(self._of(plans), value)

    def _of(self, plans: list[int]) -> Chosen:
        chosen = self.table.nothing()
        for plan in plans:
            chosen = self.table.add(chosen, plan)
        return chosen


def _regret(costs: NDArray[np.float64], room: float) -> float:
    """How much worse the second best plan is, at most the room; more the fewer plans fit."""
    second = float(costs[1] - costs[0]) if len(costs) > 1 else inf
    fitting = int((costs - costs[0] <= room).sum())
    return min(second, room if room < inf else 1e300) / max(fitting, 1)
