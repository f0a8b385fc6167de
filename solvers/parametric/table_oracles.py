"""The best decision at any values of the figures, while routes stay: exact solvers asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.decision_plane import axes_of
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.planes import Floats
from splitfog.formulations.parametric.route_cells import RouteCell
from splitfog.formulations.programs.cut import CutTerms, RouteFigures, cut_terms, tier_line
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, Solver, SolverDeclined
from splitfog.solvers.exact.min_cut import least_cut
from splitfog.solvers.parametric.oracles import answer_of_cuts, exact_solver

TableOracle = Callable[[Floats, float | None], Answer]
"""The best decision at coordinates [figures], given the least value known there."""


def table_oracle(
    solver: str | Solver,
    cell: RouteCell,
    objective: Objective,
    figures: Sequence[Figure],
    deadline: Deadline,
) -> TableOracle:
    """The oracle that an exact solver is within a cell.

    Raises
    ------
    SolverDeclined
        At once or when asked, where the solver does not apply or is not exact.
    LookupError
        For a name that is no solver's.
    """
    if solver == "min-cut":
        return CutTableOracle(cell.instance, objective, figures)
    run, options = exact_solver(solver, objective)

    def ask(point: Floats, _: float | None) -> Answer:
        values = [figure.coordinate(x) for figure, x in zip(figures, point.tolist(), strict=True)]
        limit = None if deadline.remaining_s == np.inf else max(deadline.remaining_s, 0.001)
        answer = run(
            Request(cell.at(figures, values), objective, time_limit_s=limit, options=options)
        )
        if answer.stopped_by == "interrupted":
            raise KeyboardInterrupt
        return answer

    return ask


class CutTableOracle:
    """`min-cut` on networks that are built once: their costs are a weighted sum of arrays.

    Every arc's cost is a sum of a constant and of a non-negative multiple of each coordinate, so
    that asking is that sum and a maximum flow.
    """

    def __init__(self, instance: Instance, objective: Objective, figures: Sequence[Figure]) -> None:
        self.instance, self.objective = instance, objective
        self.networks = [
            _terms(task_arrays(instance, task), objective, figures)
            for task in range(len(instance.tasks))
        ]

    def __call__(self, point: Floats, known: float | None) -> Answer:
        """The least cut of every task; unknown where it breaks the memory it ignores."""
        weights = np.concatenate([[1.0], point])
        at_most = None if known is None or len(self.networks) > 1 else known * (1 + SLACK)
        cuts = ((nodes, least_cut(terms.at(weights), at_most)) for nodes, terms in self.networks)
        return answer_of_cuts(self.instance, self.objective, cuts)


SLACK = 1e-9
"""By how much more than a plan's value its cut may cost in floats, at most."""


def _terms(
    arrays: TaskArrays, objective: Objective, figures: Sequence[Figure]
) -> tuple[NDArray[np.int64], CutTerms]:
    """A task's line of nodes and its network as a weighted sum, the constant part first."""
    line = tier_line(arrays)
    if isinstance(line, str):
        raise SolverDeclined("min-cut", line, "ilp")
    swept, loaded = axes_of(arrays.instance, figures)
    terms = cut_terms(arrays, line, objective, _parts(arrays, swept, loaded, len(figures)))
    if isinstance(terms, str):
        raise SolverDeclined("min-cut", terms, "ilp")
    return line.nodes, terms


def _parts(
    arrays: TaskArrays, swept: dict[int, int], loaded: dict[int, int], count: int
) -> list[tuple[Floats, RouteFigures]]:
    """What the layers' times and the routes' figures are a sum of: a constant, then each figure."""
    routes = routes_of(arrays.instance)
    axis = np.full(len(arrays.instance.nodes), -1)
    axis[list(loaded)] = list(loaded.values())
    times = [np.where(axis == part, arrays.times_s, 0.0) for part in range(-1, count)]
    nowhere = np.isinf(routes.latency_s)
    per_byte = np.zeros((1 + count, *nowhere.shape))
    for tail, head in np.argwhere(~nowhere).tolist():
        for link in routes.path(tail, head) or ():
            if link in swept:
                per_byte[1 + swept[link], tail, head] += 8.0
            else:
                per_byte[0, tail, head] += 8 / arrays.instance.directed_links[link].bandwidth_bps
    per_byte[0, nowhere] = np.inf
    latencies = [routes.latency_s, *[np.zeros_like(routes.latency_s)] * count]
    figures = [RouteFigures(*pair) for pair in zip(latencies, per_byte, strict=True)]
    return list(zip(times, figures, strict=True))
