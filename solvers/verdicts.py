"""What the reference says of decisions, kept for the last ones that were asked about.

A solver checks a candidate, offers it and answers it, and the door checks the answer: the same
decision each time. It is found again by what it holds, not by which object it is, so that what is
kept cannot go stale when an array is changed after it was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.ledger import Cost
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance

MOST = 16
"""Decisions kept: more than the candidates of one round of any solver here."""

Said = TypeVar("Said")


class Verdicts:
    """Costs and faults of the decisions on one instance under one objective."""

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        self._costs: dict[Hashable, Cost] = {}
        self._faults: dict[Hashable, tuple[str, ...]] = {}

    def cost(self, decision: Decision) -> Cost:
        """The reference cost; inf where the decision is impossible."""
        return _kept(
            self._costs,
            _content(decision),
            lambda: decision_cost(self.instance, decision, self.objective),
        )

    def faults(self, decision: Decision) -> tuple[str, ...]:
        """Sentences on every rule that the decision breaks; empty: it is feasible."""
        return _kept(
            self._faults,
            _content(decision),
            lambda: tuple(decision_violations(self.instance, decision, self.objective)),
        )


def _kept(results: dict[Hashable, Said], key: Hashable, make: Callable[[], Said]) -> Said:
    """The result of a key, made if it is not there; the one not asked for the longest goes."""
    said = results.pop(key) if key in results else make()
    results[key] = said
    if len(results) > MOST:
        del results[next(iter(results))]
    return said


def _content(decision: Decision) -> Hashable:
    """All that costs and rules read of a decision, copied."""
    queues = None if decision.queues is None else tuple(map(tuple, decision.queues))
    return tuple(map(_task_content, decision.tasks)), queues


def _task_content(answer: TaskDecision) -> Hashable:
    """All that costs and rules read of a task's answer, copied."""
    array = answer.placement
    order = None if answer.order is None else tuple(answer.order)
    replicas = None if answer.replicas is None else tuple(answer.replicas)
    return array.tobytes(), array.dtype.str, array.shape, order, tuple(answer.stages), replicas
