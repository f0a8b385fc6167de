"""What others do when figures change: they solve again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from splitfog.formulations.deadline import NEVER
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.decision_plane import decision_plane
from splitfog.formulations.parametric.figure import Figure, Key
from splitfog.formulations.parametric.planes import Floats
from splitfog.formulations.parametric.route_cells import RouteCell
from splitfog.formulations.parametric.vary import swept_links
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.solvers.adjustment.hpa_local import HpaLocal
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.d3.hpa import feasible_partition
from splitfog.solvers.parametric.table_cases import ORACLES
from splitfog.solvers.parametric.table_oracles import TableOracle, table_oracle
from splitfog.solvers.verdicts import Verdicts

Found = tuple[PlanFile, float] | None
"""A plan and the seconds that it takes; None: nothing was found."""
Planner = Callable[[Mapping[Key, float]], Found]
"""Finds a plan for values of the figures."""


def resolve(instance: Instance, figures: Sequence[Figure], objective: Objective) -> Planner:
    """`resolve`: the optimum, by a minimum cut on a network that is built once.

    Where no cut applies, by the next exact solver that does: chain-dp, then ilp.
    """
    exact, plans = Exact(instance, figures, objective), NamedPlans(instance, figures, objective)

    def find(values: Mapping[Key, float]) -> Found:
        point = np.array([figure.coordinate(values[figure.key]) for figure in figures])
        decision = exact.decision_at(point)
        return None if decision is None else plans.found(decision, point)

    return find


class Exact:
    """Exact solvers at any coordinates, with the routes of the instance's own figures."""

    def __init__(self, instance: Instance, figures: Sequence[Figure], objective: Objective) -> None:
        self.cell, self.figures, self.objective = RouteCell((), instance), figures, objective
        self.oracles: dict[str, TableOracle | None] = dict.fromkeys(ORACLES)

    def decision_at(self, point: Floats) -> Decision | None:
        """The first that finds a decision, or proves that there is none; others are forgotten."""
        for solver, oracle in list(self.oracles.items()):
            try:
                if oracle is None:
                    oracle = table_oracle(solver, self.cell, self.objective, self.figures, NEVER)
                    self.oracles[solver] = oracle
                answer = oracle(point, None)
            except SolverDeclined:
                del self.oracles[solver]
                continue
            if answer.decision is not None or answer.infeasible:
                return answer.decision
        return None


def hpa(instance: Instance, figures: Sequence[Figure], objective: Objective) -> Planner:
    """`hpa`: D3's horizontal partition, from the start each time."""
    cell, plans = RouteCell((), instance), NamedPlans(instance, figures, objective)

    def find(values: Mapping[Key, float]) -> Found:
        now = cell.at(figures, [values[figure.key] for figure in figures])
        decision = feasible_partition(Verdicts(now, objective))
        point = np.array([figure.coordinate(values[figure.key]) for figure in figures])
        return None if decision is None else plans.found(decision, point)

    return find


def hpa_local(instance: Instance, figures: Sequence[Figure], objective: Objective) -> Planner:
    """`hpa-local`: D3's partition, recorded and redone only where it does not hold any more."""
    local = HpaLocal(instance, objective)
    key_of = {place: figure.key for figure in figures for place in _left(instance, figure)}

    def find(values: Mapping[Key, float]) -> Found:
        plan, _ = local.adapt({place: values[key] for place, key in key_of.items()})
        return None if plan.value is None else (plan, plan.value)

    return find


def _left(instance: Instance, figure: Figure) -> tuple[Key, ...]:
    """What a figure still is in the instance: its node, or one or both directions of its link."""
    if figure.node is not None:
        return (figure.node,) if figure.node in instance.node_index else ()
    names, links = [node.name for node in instance.nodes], instance.directed_links
    swept = (links[at] for at in swept_links(instance, figure))
    return tuple((names[link.tail], names[link.head]) for link in swept)


class NamedPlans:
    """Decisions as plans, each with what it takes at any coordinates: made once, then known."""

    def __init__(self, instance: Instance, figures: Sequence[Figure], objective: Objective) -> None:
        self.instance, self.figures, self.objective = instance, figures, objective
        self._known: dict[bytes, tuple[PlanFile, Floats]] = {}

    def found(self, decision: Decision, point: Floats) -> tuple[PlanFile, float]:
        """The plan of a decision and its seconds at coordinates [figures]."""
        key = b"".join(task.placement.tobytes() for task in decision.tasks)
        if key not in self._known:
            self._known[key] = self._named(decision), self._line(decision)
        plan, line = self._known[key]
        return plan, float(line[0] + line[1:] @ point)

    def _named(self, decision: Decision) -> PlanFile:
        nodes = [node.name for node in self.instance.nodes]
        entries = []
        for task, answer in zip(self.instance.tasks, decision.tasks, strict=True):
            layers = self.instance.model_of(task).layers
            places = zip(layers, answer.placement.tolist(), strict=True)
            placement = {layer.name: nodes[place] for layer, place in places}
            entries.append(TaskEntry(task=task.name, placement=placement))
        return PlanFile(instance=self.instance.name, objective=self.objective, tasks=tuple(entries))

    def _line(self, decision: Decision) -> Floats:
        """[1 + figures]: seconds at coordinates 0, and for each of them."""
        found = decision_plane(self.instance, decision, self.objective, self.figures)
        assert found is not None  # a solver's decision has routes
        return np.array([found[0].alpha_s, *found[0].slopes])
