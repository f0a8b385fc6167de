"""DINA: adaptive partition and matching, one after the other until neither changes.

After DINA (INFOCOM 2020), whose text was not at hand. From the plan of best responses: DINA-P
partitions every task against the loads of the others, DINA-O exchanges the subtasks, and each step
is kept only if (excess load, mean latency) falls. Ours: a step of DINA-O is one exchange, because
the potential that DINA-O goes by is not the objective where stages have barriers; and unless the
plans are to be narrow, the turns begin after one sweep of DINA-P and sweeps of wide plans (`wide`),
and end where one hardly saves anything; in small instances also after the turns of narrow plans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.games.consent import improvements
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.subtasks import Subtasks, run_layers, subtasks_of
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.arrays import frozen
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.answer import finished_answer, tidied
from splitfog.solvers.dina.best_response import respond
from splitfog.solvers.dina.partition import (
    CHANGES,
    MOST_SWEEPS,
    better,
    first_loads,
    require_sources,
    sweep,
)
from splitfog.solvers.dina.wide import widened

WORTHWHILE = 1e-3
"""Of the mean latency, that a turn after wide plans must save for another."""

MOST_FOR_BOTH = 300
"""Up to so many tasks times nodes that compute, wide plans are sought from where narrow ones end,
too."""

MOST_ROUNDS = 50
"""Turns of partition and matching."""

MOST_CANDIDATES = 50_000
"""Exchanges by which Phi falls most, out of which a round of DINA-O tries on the objective."""

MOST_FAILURES = 250
"""Exchanges in a row that do not lower it, after which a round gives up (and `reason` says so)."""


def solve_dina(request: Request) -> Answer:
    """DINA-P and DINA-O iterated, from best responses and never worse than them (or the start)."""
    require_sources("dina", request.instance)
    search = _Search(loads=first_loads(request), request=request)
    try:
        stopped_by = search.run()
        if (again := search.anew()) is not None:
            search = again
            stopped_by = search.run()
    except KeyboardInterrupt:
        stopped_by = "interrupted"
    return finished_answer(
        request,
        search.loads.settled,
        stopped_by=stopped_by,
        reason=search.reason,
        consent=request.options["consent"],
        swaps=search.exchanges,
    )


def dina_decision(request: Request, plans: str = "narrow") -> Decision:
    """What `dina` ends with: such plans, consent `total`, no start; feasible or not."""
    own = changed(request, options={"consent": "total", "plans": plans}, start=None)
    search = _Search(loads=first_loads(own), request=own)
    search.run()
    if (again := search.anew()) is not None:
        search = again
        search.run()
    return search.loads.settled


def solve_dina_p(request: Request) -> Answer:
    """DINA-P alone: sweeps from all at home (or the start) until no partition changes."""
    require_sources("dina-p", request.instance)
    loads = first_loads(request)
    stopped_by: StoppedBy = "iteration limit"
    changes, sweeps = 0, 0
    try:
        stopped_by, changes, sweeps = _partitioned(request, loads)
        if request.options["plans"] == "wide" and stopped_by == "finished":
            loads, wide = widened(loads, request.deadline)
            stopped_by, more, again = _partitioned(request, loads)
            changes, sweeps = changes + wide + more, sweeps + again
    except KeyboardInterrupt:
        stopped_by = "interrupted"
    reason = f"{changes} partitions changed in {sweeps} sweeps"
    return finished_answer(request, loads.settled, stopped_by=stopped_by, reason=reason)


def _partitioned(request: Request, loads: Loads) -> tuple[StoppedBy, int, int]:
    """Sweeps until no partition changes: why they stopped, how many changed, how many sweeps."""
    changes, change = 0, CHANGES[request.options["plans"]]
    for number in range(1, MOST_SWEEPS + 1):
        moved = sweep(loads, request.deadline, change)
        changes += moved
        if request.out_of_time:
            return "time limit", changes, number
        if moved == 0:
            return "finished", changes, number
    return "iteration limit", changes, MOST_SWEEPS


@dataclass(kw_only=True)
class _Search:
    """The turns, and what they came to."""

    loads: Loads
    request: Request
    partitions: int = 0
    exchanges: int = 0
    rounds: int = 0
    gave_up: bool = False
    responses: str = "best responses: interrupted"

    @property
    def reason(self) -> str:
        """What happened, in words."""
        left = f", the last given up after {MOST_FAILURES} in vain" if self.gave_up else ""
        return (
            f"{self.responses}; {self.partitions} partitions and {self.exchanges} exchanges "
            f"in {self.rounds} turns{left}"
        )

    def anew(self) -> _Search | None:
        """A search from the best plan known, where this one has led to none that is feasible."""
        request = self.request
        if self.loads.value()[0] == 0 or request.incumbent is None:
            return None
        return _Search(
            loads=Loads.of(request.instance, request.objective, request.incumbent), request=request
        )

    def run(self) -> StoppedBy:
        """Best responses, sweeps of narrow and of wide plans if these may be, and turns."""
        before = self.loads.decision
        value = self.loads.value()
        found = respond(self.loads, lambda: self.request.out_of_time)
        if not better(self.loads.value(), value):
            for task, answer in enumerate(before.tasks):
                self.loads.exchange(task, self.loads.footprint(task, answer))
        self.loads.settle()
        self.request.offer(self.loads.settled)
        self.responses = f"best responses: {found.stopped_by} after {found.rounds} rounds"
        if self.request.options["plans"] != "wide":
            return self._turns()
        begun = self.loads.decision
        self.partitions += sweep(self.loads, self.request.deadline)  # of narrow ones
        self._recount()
        stopped_by = self._widened()
        amount = len(self.loads.tasks) * int(hosts(self.request.instance).sum())
        if stopped_by == "finished" and amount <= MOST_FOR_BOTH:
            stopped_by = self._from_narrow(begun)
        return stopped_by

    def _widened(self) -> StoppedBy:
        """Sweeps of wide plans, and turns until one hardly saves anything."""
        self.loads, changes = widened(self.loads, self.request.deadline)
        self.partitions += changes
        return self._turns(WORTHWHILE)

    def _from_narrow(self, begun: Decision) -> StoppedBy:
        """Wide plans sought again where narrow ones end: the better of both."""
        first = self.loads
        self.request.offer(first.settled)
        self.loads = Loads.of(first.instance, first.objective, begun)
        stopped_by = self._turns()
        if stopped_by == "finished":
            stopped_by = self._widened()
        if better(first.value(), self.loads.value()):
            self.loads = first
        return stopped_by

    def _turns(self, worthwhile: float = 0.0) -> StoppedBy:
        """Turns of DINA-P and DINA-O until neither changes anything, or until one does not save
        that share of the mean latency."""
        change = CHANGES[self.request.options["plans"]]
        for _ in range(MOST_ROUNDS):
            self.rounds += 1
            before = self.loads.value()
            moved = sweep(self.loads, self.request.deadline, change)
            self.partitions += moved
            made = 0 if self.request.out_of_time else self._offload()
            self.exchanges += made
            if self.request.out_of_time:
                return "time limit"
            if not moved and not made:
                return "finished"
            self._recount()
            now = self.loads.value()
            if now[0] == before[0] and now[1] > before[1] * (1 - worthwhile):
                return "finished"
        return "iteration limit"

    def _recount(self) -> None:
        """Sum all loads anew."""
        self.loads = self.loads.again()

    def _offload(self) -> int:
        """DINA-O: rounds of exchanges until none that lowers the objective is found."""
        decision = self.loads.decision
        subtasks = subtasks_of(self.loads.instance, decision, self.loads.objective)
        if not len(subtasks.keys):
            return 0
        offers = _Offers(self.loads, subtasks, self.request)
        total = 0
        while made := offers.round():
            total += made
        self.gave_up = offers.gave_up
        return total


class _Offers:
    """Exchanges of the subtasks of a decision, tried on the objective one by one."""

    def __init__(self, loads: Loads, subtasks: Subtasks, request: Request) -> None:
        self.loads, self.subtasks, self.request = loads, subtasks, request
        self.consent: Consent = request.options["consent"]
        self.game = ExchangeGame(subtasks)
        self.places = subtasks.assignment()
        self.of_task: dict[int, list[int]] = {}
        for k, (task, _, _) in enumerate(subtasks.keys):
            self.of_task.setdefault(task, []).append(k)
        self.refused: set[tuple[int, int, int, int]] = set()
        self.footprints: dict[tuple[int, bytes], Footprint] = {}
        self.gave_up = False

    def round(self) -> int:
        """Try the exchanges that find consent, by what Phi gains, each on nodes yet untouched."""
        found, _ = improvements(self.game.state(self.places), self.consent, MOST_CANDIDATES)
        touched, value, made, failures = set[int](), self.loads.value(), 0, 0
        for k, node, j in found.tolist():
            here = int(self.places[k])
            if here in touched or node in touched or (k, here, node, j) in self.refused:
                continue
            self.gave_up = failures == MOST_FAILURES
            if self.gave_up or self.request.out_of_time:
                break
            now, failures = self._made(k, node, j, value), failures + 1
            if now is None:
                self.refused.add((k, here, node, j))
                continue
            value, made, failures = now, made + 1, 0
            self.loads.settle()
            touched |= {here, node}
        return made

    def _made(
        self, k: int, node: int, j: int, value: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Make an exchange if the objective falls, and return it; None if not.

        None too where a stage comes to lie wholly at its home, and so is written unsliced, beside
        a run elsewhere: a task's run is one subtask.
        """
        here, keys = int(self.places[k]), self.subtasks.keys
        self.places[k] = node
        if j >= 0:
            self.places[j] = here
        tasks = dict.fromkeys([keys[k][0], *([keys[j][0]] if j >= 0 else [])])
        before: dict[int, Footprint] = {}
        for task in tasks:
            before[task] = self.loads.exchange(task, self._footprint(task))
        now = self.loads.value()
        if better(now, value) and all(map(self._runs_on_one_node, tasks)):
            return now
        for task, own in before.items():
            self.loads.exchange(task, own)
        self.places[k] = here
        if j >= 0:
            self.places[j] = node
        return None

    def _runs_on_one_node(self, task: int) -> bool:
        """Whether what a task runs whole away from its source is on one node."""
        answer = self.loads.decision.tasks[task]
        run = run_layers(self.loads.instance, task, answer)
        return len(set(answer.placement[run].tolist())) <= 1

    def _footprint(self, task: int) -> Footprint:
        """What a task takes with its subtasks where they are now."""
        places = self.places[self.of_task[task]]
        key = task, places.tobytes()
        if key not in self.footprints:  # many swaps send a subtask to the same node
            answer = tidied(self._answer(task, places))
            self.footprints[key] = self.loads.footprint(task, answer)
        return self.footprints[key]

    def _answer(self, task: int, nodes: NDArray[np.int64]) -> TaskDecision:
        """The template's answer with the task's subtasks on nodes, in their order."""
        answer = self.subtasks.template.tasks[task]
        stages = [list(stage.slices) for stage in answer.stages]
        placement = answer.placement.copy()
        for k, node in zip(self.of_task[task], nodes.tolist(), strict=True):
            _, stage, piece = self.subtasks.keys[k]
            if stage is None or piece is None:
                placement[run_layers(self.loads.instance, task, answer)] = node
            else:
                stages[stage][piece] = changed(stages[stage][piece], node=node)
        moved = tuple(
            changed(stage, slices=tuple(slices))
            for stage, slices in zip(answer.stages, stages, strict=True)
        )
        return changed(answer, placement=frozen(placement), stages=moved)
