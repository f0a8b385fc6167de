"""Exact answers at one value of a parameter, cheap to ask again at another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.parameter import Parameter
from splitfog.formulations.programs.cut import CutNetwork
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, Solver, SolverDeclined
from splitfog.solvers.exact.min_cut import CutAnswer, least_cut, line_network
from splitfog.solvers.registry import load_solver, parse_options, solver_info

Oracle = Callable[[float], Answer]
"""The best decision at a value of the parameter, with its bound; none: infeasible or unknown."""


def exact_oracle(
    solver: str | Solver,
    instance: Instance,
    objective: Objective,
    parameter: Parameter,
    ends: tuple[float, float],
) -> Oracle:
    """The oracle that a solver is, between two values where routes are the same.

    Raises
    ------
    SolverDeclined
        At once or when asked, where the solver does not apply or is not exact.
    LookupError
        For a name that is no solver's.
    """
    if solver == "min-cut":
        return CutOracle(instance, objective, parameter, ends)
    run, options = exact_solver(solver, objective)

    def ask(value: float) -> Answer:
        answer = run(Request(parameter.at(instance, value), objective, options=options))
        if answer.stopped_by == "interrupted":
            raise KeyboardInterrupt
        return answer

    return ask


def exact_solver(solver: str | Solver, objective: Objective) -> tuple[Solver, dict[str, Any]]:
    """A solver and its default options, where it is exact for the objective."""
    if not isinstance(solver, str):
        return solver, {}
    info = solver_info(solver)
    if info.kind != "exact":
        raise SolverDeclined(solver, f"a policy needs an exact solver of {objective.name}", "ilp")
    if objective.name not in info.objectives:
        raise SolverDeclined(solver, f"it does not minimise {objective.name}", "ilp")
    return load_solver(info), parse_options(info, {})


def answer_of_cuts(
    instance: Instance,
    objective: Objective,
    cuts: Iterable[tuple[NDArray[np.int64], CutAnswer | None]],
) -> Answer:
    """Every task by its least cut (a line of nodes, and the cut of it), which ignores memory."""
    placements, bounds = [], []
    for (nodes, cut), task in zip(cuts, instance.tasks, strict=True):
        if cut is None:
            reason = f"task {task.name}: no placement respects tiers, groups, routes, monotone"
            return Answer(None, infeasible=True, reason=reason)
        placements.append(nodes[cut.tiers])
        bounds.append(cut.lower_bound)
    decision = placed(*placements)
    if limits_memory(instance) and (faults := decision_violations(instance, decision, objective)):
        return Answer(None, reason=f"the cut ignores memory, and {faults[0]}")
    return Answer(decision, sum(bounds) / len(bounds))


class CutOracle:
    """`min-cut` whose networks are built at both ends and interpolated in between.

    Every arc's cost is linear in 1 / value, so that asking again is a weighted sum of two arrays
    (non-negative weights: exact but for the last digits) and a maximum flow.
    """

    def __init__(
        self,
        instance: Instance,
        objective: Objective,
        parameter: Parameter,
        ends: tuple[float, float],
    ) -> None:
        self.instance, self.objective = instance, objective
        self.slow, self.fast = ends
        instances = [parameter.at(instance, end) for end in ends]
        self.networks: list[tuple[NDArray[np.int64], CutNetwork, CutNetwork]] = []
        for task in range(len(instance.tasks)):
            line, at_slow = line_network(task_arrays(instances[0], task), objective)
            _, at_fast = line_network(task_arrays(instances[1], task), objective)
            self.networks.append((line.nodes, at_slow, at_fast))

    def __call__(self, value: float) -> Answer:
        """The least cut of every task; unknown where it breaks the memory it ignores."""
        share = self._share(value)
        cuts = (
            (nodes, least_cut(_between(at_slow, at_fast, share)))
            for nodes, at_slow, at_fast in self.networks
        )
        return answer_of_cuts(self.instance, self.objective, cuts)

    def _share(self, value: float) -> float:
        """How far 1 / value is on the way from the fast end to the slow one, 0 to 1."""
        if self.slow == self.fast:
            return 0.0
        return (1 / value - 1 / self.fast) / (1 / self.slow - 1 / self.fast)


def _between(slow: CutNetwork, fast: CutNetwork, share: float) -> CutNetwork:
    """The network whose costs are `share` of the way from the fast to the slow end's."""
    if not np.array_equal(slow.tails, fast.tails):  # a cost that underflows to 0 at one end
        raise ArithmeticError("the networks at both ends of the range have different arcs")
    costs = _weighted(slow.costs, fast.costs, share)
    return changed(fast, costs=costs, tier_costs=_weighted(slow.tier_costs, fast.tier_costs, share))


def _weighted(
    slow: NDArray[np.float64], fast: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Costs in between; inf, in both or none of them, stays."""
    finite = np.isfinite(slow)
    costs = np.full(slow.shape, np.inf)
    costs[finite] = (1 - share) * fast[finite] + share * slow[finite]
    return costs
