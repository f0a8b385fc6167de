"""Fronts without a proof: the solvers' own ways and a seeded local search fill an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.arrays.units import TaskUnits, task_units
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import of_pass
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, SolverDeclined, is_strict, timely
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.exact.brute_force import num_orders, num_placements, topological_orders
from splitfog.solvers.fronts.archive import Archive, ArchiveRequest
from splitfog.solvers.registry import load_solver, own_infos, parse_options

MOST_ENUMERATED = 20_000
"""Placements (for `makespan`: times orders) that are tried one by one."""

PATIENCE = 2_000
"""Moves without a new point after which the local search stops."""


def num_decisions(archive: Archive) -> int:
    """How many decisions an enumeration tries; of more than `MOST_ENUMERATED`, some more."""
    instance = archive.criteria.instance
    count = num_placements(instance)
    if archive.criteria.with_order and 0 < count <= MOST_ENUMERATED:
        count *= num_orders(instance.model_of(instance.tasks[0]), MOST_ENUMERATED // count)
    return count


def enumerate_front(archive: Archive) -> None:
    """Offer every placement that routes and `monotone` allow, for `makespan` in every order."""
    instance = archive.criteria.instance
    orders: list[tuple[int, ...] | None] = [None]
    if archive.criteria.with_order:
        orders = list(topological_orders(instance.model_of(instance.tasks[0])))
    for placements in _placements(instance, archive.criteria.objective):
        for order in orders:
            tasks = tuple(TaskDecision(placement, order) for placement in placements)
            archive.offer(Decision(tasks))


def _placements(
    instance: Instance, objective: Objective
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Every placement by units that keeps to `tiers`, sources, groups, routes and `monotone`."""
    units = [task_units(instance, task, "once") for task in range(len(instance.tasks))]
    may, rises = _may_send(instance, objective), _may_read(instance, objective)
    parts = [list(_task_placements(own, may, rises)) for own in units]
    for choice in product(*parts):
        yield tuple(choice)


def _task_placements(
    units: TaskUnits, may: NDArray[np.bool_], rises: NDArray[np.bool_]
) -> Iterator[NDArray[np.int64]]:
    """Of one task; where nothing is ever sent along an edge only ranks count."""
    rows = np.zeros((1, 0), np.int64)
    for costs in units.costs_s:
        nodes = np.flatnonzero(np.isfinite(costs))
        last = np.tile(nodes, len(rows))[:, None]
        rows = np.hstack([np.repeat(rows, len(nodes), axis=0), last])
    for producer, reader in units.edges:
        table = rises if (producer, reader) in units.silent else may
        rows = rows[table[rows[:, producer], rows[:, reader]]]
    for row in rows:
        yield frozen(row[units.unit_of])


def _may_send(instance: Instance, objective: Objective) -> NDArray[np.bool_]:
    """[nodes, nodes]: whether a tensor may go from one node to another."""
    may: NDArray[np.bool_] = np.isfinite(routes_of(instance).latency_s)
    return may & _may_read(instance, objective)


def _may_read(instance: Instance, objective: Objective) -> NDArray[np.bool_]:
    """[nodes, nodes]: whether ranks let an edge lead from one node to another."""
    rises: NDArray[np.bool_] = instance.node_rank[:, None] <= instance.node_rank
    return rises | (not objective.monotone)


def search_front(
    archive: Archive, seed: int, remaining_s: Callable[[], float]
) -> tuple[list[str], list[str]]:
    """Fill an archive by running solvers, then by a local search; who ran, and who failed and how.

    Every heuristic and baseline of ours runs for every objective among the criteria (`latency` if
    there is none), and all that it offers on its way counts; `evolution` shows all that it breeds.
    The local search moves a run of layers of a random member to another node, and stops after
    `PATIENCE` moves in vain or when time is over. A solver has half of the time left.
    """
    names, failures = _run_solvers(archive, seed, remaining_s)
    rng = np.random.default_rng(seed)
    moves = _Moves.of(archive.criteria.instance)
    vain = 0
    while archive.decisions and vain < PATIENCE and remaining_s() > 0:
        parent = archive.decisions[int(rng.integers(len(archive.decisions)))]
        vain = 0 if archive.offer(moves.changed(parent, rng)) else vain + 1
    return names, failures


def _run_solvers(
    archive: Archive, seed: int, remaining_s: Callable[[], float]
) -> tuple[list[str], list[str]]:
    criteria = archive.criteria
    names: list[str] = []
    failures: list[str] = []
    costs = [criteria.objective_of(c) for c in criteria.each if c.unit == "s"]
    for info in own_infos():
        for objective in costs or [criteria.objective]:
            if objective.name not in info.objectives or info.kind == "exact" or remaining_s() <= 0:
                continue
            how: dict[str, Any] = {"seed": seed, "options": parse_options(info, {})}
            how["time_limit_s"] = remaining_s() / 2
            seen = of_pass(criteria.instance, objective.pass_name)
            alone = changed(objective, pass_name=None)
            request = ArchiveRequest(seen, alone, archive=archive, **how)
            try:
                answer = _run(info, request, archive, objective)
            except SolverDeclined:
                continue
            except Exception as error:
                if is_strict():
                    raise
                failures.append(f"{info.name} failed ({type(error).__name__}: {error})")
                continue
            if answer.decision is not None:
                request.offer(answer.decision)
            names.append(info.name)
    for node in range(len(criteria.instance.nodes)):
        archive.offer(_together(criteria.instance, node))
    return list(dict.fromkeys(names)), failures


def _run(
    info: SolverInfo, request: ArchiveRequest, archive: Archive, objective: Objective
) -> Answer:
    """A solver's answer; the population search shows all that it breeds."""
    if info.name != "evolution":
        return load_solver(info)(request)
    from splitfog.solvers.fronts.watch import ArchiveWatch
    from splitfog.solvers.search.evolution import evolve

    watch = ArchiveWatch(archive, objective)
    return timely(lambda own: evolve(own, watch))(request)


def _together(instance: Instance, node: int) -> Decision:
    """All layers on one node where they may be there, the others at their quickest."""
    placements = []
    for task in range(len(instance.tasks)):
        units = task_units(instance, task, "once")
        places = units.costs_s.argmin(axis=1)
        places[np.isfinite(units.costs_s[:, node])] = node
        placements.append(places[units.unit_of])
    return placed(*placements)


@dataclass(frozen=True)
class _Moves:
    """What a move may do: the model's order and the nodes that layers may be on."""

    orders: tuple[NDArray[np.int64], ...]
    allowed: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(cls, instance: Instance) -> _Moves:
        arrays = [task_arrays(instance, task) for task in range(len(instance.tasks))]
        return cls(tuple(a.model.order for a in arrays), tuple(a.allowed for a in arrays))

    def changed(self, decision: Decision, rng: np.random.Generator) -> Decision:
        """A run of layers, mostly short or up to where the node changes, on another node."""
        task = int(rng.integers(len(self.orders)))
        order, allowed = self.orders[task], self.allowed[task]
        placement = decision.tasks[task].placement.copy()
        start = int(rng.integers(len(order)))
        length = 1 + int(len(order) ** float(rng.random()) - 1)
        node = int(rng.integers(allowed.shape[1]))
        run = order[start : start + length]
        run = run[allowed[run, node]]
        placement[run] = node
        tasks = list(decision.tasks)
        tasks[task] = TaskDecision(frozen(placement), decision.tasks[task].order)
        return Decision(tuple(tasks))
