"""A plan carried over to the instance after a change, and which tasks the change has hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Flags, Integers, Seconds, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.dina.answer import tidied


@dataclass(frozen=True, eq=False, kw_only=True)
class Carried:
    """What is left of a plan after changes.

    Attributes
    ----------
    loads
        Of the tasks that are not hit, on the instance after the changes.
    before
        Those of all, before the changes.
    hit
        Positions of the tasks that broke or became slower, and of those that arrived.
    kept
        By position, what a task that is hit can still run as it did, though slower.
    answers
        By position, how every task ran; None for one that cannot run so any more, or is new.
    value
        The mean latency if all tasks ran on as they did, in seconds; None where they cannot.
    node_of
        [nodes after]: which node before it was; -1 for a new one.
    """

    loads: Loads
    before: Loads
    hit: list[int]
    kept: dict[int, Footprint]
    answers: list[TaskDecision | None]
    value: float | None
    node_of: Integers

    @property
    def is_whole(self) -> bool:
        """Whether every task can still run as it did."""
        return len(self.kept) == len(self.hit)

    def better_reached(self) -> Flags:
        """[nodes, nodes] after: where data get faster than before, or get at all.

        From a node's row to a column's; as routes go, by seconds a byte and then by latency, so
        that nothing is reached better where something has gone. O(N^2).
        """
        before, after = routes_of(self.before.instance), routes_of(self.loads.instance)
        was, now = self._carried(before.seconds_per_byte), after.seconds_per_byte
        later, sooner = self._carried(before.latency_s), after.latency_s
        with np.errstate(invalid="ignore"):
            faster = now < was * (1 - EQUAL)
            same = np.abs(now - was) <= EQUAL * was
            better = faster | (same & (sooner < later * (1 - EQUAL)))
        np.fill_diagonal(better, False)
        return better

    def is_crowded(self, loads: Loads, own: Footprint) -> bool:
        """Whether a node that a task visits has more work than before the changes."""
        nodes = own.node[own.service_s > 0]
        known = nodes[self.node_of[nodes] >= 0]
        return bool((loads.rho[known] > self.before.rho[self.node_of[known]] + EQUAL).any())

    def _carried(self, figures: Seconds) -> Seconds:
        """[nodes, nodes] after of figures before; inf from and to new nodes."""
        new = self.node_of < 0
        return np.where(new[:, None] | new, np.inf, figures[np.ix_(self.node_of, self.node_of)])


def carried(before: Loads, instance: Instance, objective: Objective) -> Carried:
    """The answers of all tasks that the changes have not hit, on the instance after them.

    A task is hit where a node or a route that it uses is gone, or where it would take longer than
    before, waits apart. O(tasks (layers + slices)).
    """
    known = {task.name: (at, task) for at, task in enumerate(before.instance.tasks)}
    index = instance.node_index
    to_new = np.array([index.get(node.name, -1) for node in before.instance.nodes])
    node_of = np.array([before.instance.node_index.get(node.name, -1) for node in instance.nodes])
    loads, hit, kept = Loads(instance, objective), [], {}
    answers: list[TaskDecision | None] = []
    no_wait = np.zeros(max(len(to_new), len(node_of)))
    for at, task in enumerate(instance.tasks):
        was, same = known.get(task.name, (-1, None))
        own = before.tasks[was] if task == same else None
        answer = None if own is None else _moved(own.answer, to_new)
        now = None if answer is None else loads.footprint(at, answer)
        if own is None or now is None or not now.reachable:
            answers.append(None)
            hit.append(at)
            continue
        answers.append(answer)
        if now.latency_s(no_wait) > own.latency_s(no_wait) * (1 + EQUAL):
            kept[at] = now
            hit.append(at)
        else:
            loads.put(at, now)
    return Carried(
        loads=loads,
        before=before,
        hit=hit,
        kept=kept,
        answers=answers,
        value=_value(loads, kept) if len(kept) == len(hit) else None,
        node_of=node_of,
    )


def _value(loads: Loads, kept: dict[int, Footprint]) -> float | None:
    """The mean latency with what is kept of the tasks that are hit; None above some limit."""
    for task, own in kept.items():
        loads.put(task, own)
    excess, value = loads.value()
    for task in kept:
        loads.take(task)
    return value if excess == 0 else None


def _moved(answer: TaskDecision, to_new: Integers) -> TaskDecision | None:
    """A task's answer with other node positions; None where one of its nodes is gone."""
    placement = to_new[answer.placement]
    stages = tuple(
        changed(
            stage,
            home=int(to_new[stage.home]),
            slices=tuple(changed(part, node=int(to_new[part.node])) for part in stage.slices),
        )
        for stage in answer.stages
    )
    nodes = [*(stage.home for stage in stages), *(s.node for own in stages for s in own.slices)]
    if (placement < 0).any() or min(nodes, default=0) < 0:
        return None
    return tidied(changed(answer, placement=frozen(placement), stages=stages))
