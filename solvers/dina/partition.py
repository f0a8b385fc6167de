"""DINA-P: every task partitioned adaptively, against the loads of the others.

After DINA (INFOCOM 2020), whose text was not at hand. Ours: blocks between small tensors; a
dynamic program over them; staying local always an option; star stages priced with their waits
and halos; of more than 64 nodes only the nearest without waits; a tail of the network that need
not come home placed unsliced on one node. A new partition is taken only if it lowers (excess
load, mean latency) of all tasks together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import (
    best_cut,
    cut_footprint,
    cut_latencies,
    cut_table,
    links_keep_up,
    near_nodes,
    one_cut,
    remote_seconds,
)
from splitfog.formulations.offloading.social_cut import social_cut
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Integers, Seconds, frozen
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Request, SolverDeclined
from splitfog.solvers.dina.blocks import blocks_of
from splitfog.solvers.dina.stars import Stars, stars_of
from splitfog.solvers.starts.packed_plans import offer_packed_plans

MOST_PLANS = 50
"""Plans of a catalogue."""

MOST_SWEEPS = 100


def first_pass(instance: Instance, objective: Objective, deadline: Deadline = NEVER) -> Decision:
    """Every task partitioned once, in file order, from all at home; never worse than that.

    Tasks whose turn does not come before the deadline stay at home.

    O(tasks b N) for b blocks a model, vectorised. All tasks must have a source.
    """
    loads = Loads.of(instance, objective, home_decision(instance, objective))
    sweep(loads, deadline)
    return loads.decision


def catalogue(
    instance: Instance, objective: Objective, task: int, loads: Loads | None = None
) -> list[TaskDecision]:
    """At most `MOST_PLANS` plans of a task: the partition, all at home, and cuts at borders.

    `loads` are those of the others, from which the task must be away; None: nobody else. The
    partition is first, the others follow by own latency; each is feasible by itself. A cut has
    what is before it at the source and the rest on one node.
    """
    loads = Loads(instance, objective) if loads is None else loads
    remote = remote_seconds(loads, task)
    latencies = cut_latencies(loads, task, remote_s=remote)
    plans = [own for own in [partition(loads, task, remote)] if own is not None]
    borders = blocks_of(instance, task).borders
    rows = latencies[borders]
    for at in np.argsort(rows, axis=None, kind="stable").tolist():
        row, node = divmod(at, rows.shape[1])
        if len(plans) == MOST_PLANS or rows[row, node] >= loads.overload_s:
            break
        own = cut_footprint(instance, objective, task, int(borders[row]), node)
        if links_keep_up(loads, task, own):
            plans.append(own)
    return list({_key(own.answer): own.answer for own in plans}.values())


def _key(answer: TaskDecision) -> tuple[bytes, object]:
    return answer.placement.tobytes(), answer.stages


def home_decision(instance: Instance, objective: Objective) -> Decision:
    """All tasks at their sources; one whose `tiers` forbid that, by its best single cut.

    A task with no such cut stays at its source, and the decision is infeasible.
    """
    loads = Loads(instance, objective)
    for task in range(len(instance.tasks)):
        arrays = task_arrays(instance, task)
        placement = np.full(len(arrays.model.layers), arrays.source)
        own = None
        if not arrays.allowed[:, arrays.source].all():
            own = best_cut(loads, task)
        loads.put(task, own or loads.footprint(task, TaskDecision(frozen(placement))))
    return loads.decision


def first_loads(request: Request) -> Loads:
    """The loads of the start, or of all at home, which is offered: nothing found is worse.

    Where memory has no room for all at home, plans that fit are offered, too.
    """
    start = request.start
    if start is None:
        start = home_decision(request.instance, request.objective)
        if not request.offer(start):
            offer_packed_plans(request)
    return Loads.of(request.instance, request.objective, start)


def partition(
    loads: Loads, task: int, remote_s: Seconds, nodes: Integers | None = None
) -> Footprint | None:
    """The partition that the dynamic program finds for a task that is away from `loads`.

    Blocks between borders stay at home or become stars; from some border on the tail may be
    placed on one node. None if it would overload a link, or nothing is possible.
    `remote_s` is `remote_seconds` of `nodes` (None: of all).
    """
    stars = stars_of(loads, task)
    program = _Program.of(loads, task, stars, remote_s)
    every = np.arange(len(loads.rho)) if nodes is None else nodes
    answer = program.answer(loads, task, stars, every)
    if answer is None:
        return None
    own = loads.footprint(task, answer)
    return own if own.reachable and links_keep_up(loads, task, own) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Program:
    """Least latency up to every border, by how the last block ran, and how it came about.

    `home_s` and `star_s` are [borders]; `home_from` and `star_from` the border before (-1: the
    start). Two blocks at home are never next to each other: their union is a block too, and
    waits once.
    """

    home_s: list[float]
    star_s: list[float]
    home_from: list[int]
    star_from: list[int]
    star_of: dict[tuple[int, int], int]
    tail_s: Seconds

    @classmethod
    def of(cls, loads: Loads, task: int, stars: Stars, remote_s: Seconds) -> _Program:
        borders = stars.blocks.borders.tolist()
        last = len(borders) - 1
        star_cost = stars.best()[1]
        star_of = {pair: block for block, pair in enumerate(stars.blocks.pairs)}
        local = _local_blocks(loads, task, stars.blocks.borders)
        home_s, star_s = [inf] * (last + 1), [inf] * (last + 1)
        home_from, star_from = [-1] * (last + 1), [-1] * (last + 1)
        star_s[0] = 0.0
        for j in range(1, last + 1):
            for i in range(j):
                at_home = star_s[i] + float(local[i, j])
                if at_home < home_s[j]:
                    home_s[j], home_from[j] = at_home, i
                block = star_of.get((i, j))
                if block is not None:
                    starred = min(home_s[i], star_s[i]) + float(star_cost[block])
                    if starred < star_s[j]:
                        star_s[j], star_from[j] = starred, i
        return cls(
            home_s=home_s,
            star_s=star_s,
            home_from=home_from,
            star_from=star_from,
            star_of=star_of,
            tail_s=remote_s[borders],
        )

    def answer(self, loads: Loads, task: int, stars: Stars, nodes: Integers) -> TaskDecision | None:
        """The best way to the end; `nodes` are those of the tail."""
        borders = stars.blocks.borders
        least = np.minimum(self.home_s, self.star_s)
        total = least[:, None] + self.tail_s
        border, column = (int(i) for i in np.unravel_index(int(total.argmin()), total.shape))
        if total[border, column] == inf:
            return None
        cut, node = int(borders[border]), int(nodes[column])
        placement = one_cut(loads.instance, loads.objective, task, cut, node)
        stages = []
        choice = stars.best()[0]
        starred = self.star_s[border] < self.home_s[border]
        while border > 0:
            before = (self.star_from if starred else self.home_from)[border]
            if starred:
                block = self.star_of[before, border]
                stages.append(stars.stage(block, int(choice[block])))
                starred = self.star_s[before] < self.home_s[before]
            else:
                starred = True
            border = before
        return TaskDecision(frozen(placement), stages=tuple(reversed(stages)))


def _local_blocks(loads: Loads, task: int, borders: NDArray[np.int64]) -> Seconds:
    """[borders, borders]: service and wait at the source of the layers between two borders."""
    arrays = task_arrays(loads.instance, task)
    source, rate = loads.source[task], float(loads.rate[task])
    layers = cut_table(loads.instance, loads.objective, task).layers
    times = arrays.costs_s[layers, source]
    finite = np.concatenate([[0.0], np.where(np.isfinite(times), times, 0.0).cumsum()])[borders]
    barred = np.concatenate([[0], np.isinf(times).cumsum()])[borders]
    service = np.maximum(finite[None, :] - finite[:, None], 0.0)
    waits = wait_seconds(
        loads.second[source] + rate * service**2,
        loads.rho[source] + rate * service,
        loads.overload_s,
    )
    total = service + np.where(service > 0, waits, 0.0)
    return np.where(barred[None, :] > barred[:, None], inf, total)


def better(new: tuple[float, float], old: tuple[float, float]) -> bool:
    """Whether (excess, mean latency) falls, by more than rounding."""
    if abs(new[0] - old[0]) > EQUAL:
        return new[0] < old[0]
    if old[1] == inf:
        return new[1] < inf
    return new[1] < old[1] - EQUAL * abs(old[1])


def repartition(loads: Loads, task: int) -> bool:
    """Give a task its partition or its best single cut if all together gain; whether it did."""
    value, own = loads.value(), loads.take(task)
    near = near_nodes(loads, task)[0]
    remote = remote_seconds(loads, task, near)
    latencies = cut_latencies(loads, task, near, remote)
    others = [partition(loads, task, remote, near), best_cut(loads, task, latencies, near)]
    return give_best(loads, task, own, others, value)


def recut(loads: Loads, task: int) -> bool:
    """Give a task the single cut that is best for all if all together gain; whether it did."""
    value, own = loads.value(), loads.take(task)
    return give_best(loads, task, own, [social_cut(loads, task)[0]], value)


CHANGES = {"cuts": recut, "narrow": repartition, "wide": repartition}
"""What a sweep does for every task, by the kind of plans that are asked for."""


def give_best(
    loads: Loads,
    task: int,
    own: Footprint,
    others: Iterable[Footprint | None],
    value: tuple[float, float],
) -> bool:
    """Give a task that is away one of the others if all together gain, else its own; whether it is
    another. `value`: of the loads with its own."""
    best = own
    for other in others:
        if other is None or other is best or _key(other.answer) == _key(best.answer):
            continue
        loads.put(task, other)
        now = loads.value()
        if better(now, value):
            best, value = other, now
        loads.take(task)
    loads.put(task, best)
    return best is not own


def sweep(
    loads: Loads, deadline: Deadline = NEVER, change: Callable[[Loads, int], bool] = repartition
) -> int:
    """Repartition every task once, in file order; how many changed. Stops at the deadline."""
    changed = 0
    for task in range(len(loads.tasks)):
        if deadline.is_over:
            break
        if change(loads, task):
            changed += 1
            loads.settle()
    return changed


def require_sources(name: str, instance: Instance) -> None:
    """Decline where a task's data is born nowhere: a star needs a home."""
    for task in instance.tasks:
        if task.source is None:
            raise SolverDeclined(name, f"task {task.name} has no source", "greedy")
