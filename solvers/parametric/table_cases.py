"""The plans of a table for one state of the network: whole, or while a node is down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.decision_plane import decision_plane
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import StoppedBy
from splitfog.formulations.parametric.planes import Floats, Plane
from splitfog.formulations.parametric.route_cells import RouteCell, route_cells
from splitfog.formulations.parametric.route_flips import travelling_pairs
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Solver, SolverDeclined
from splitfog.solvers.parametric.outer import Outer, outer_approximation
from splitfog.solvers.parametric.table_oracles import TableOracle, table_oracle

ORACLES = ("min-cut", "chain-dp", "ilp")
"""Exact for `latency`, fastest first; the next is tried where one does not apply."""

TIE = "the table holds for the route that is taken inside"


@dataclass(frozen=True)
class Search:
    """What is asked of every case."""

    objective: Objective
    routes: str
    epsilon: float
    oracles: tuple[str | Solver, ...]
    deadline: Deadline


class NoPlan(Exception):
    """The oracle found no plan; where there is none at some figures there is none at any."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


@dataclass(kw_only=True)
class TableCase:
    """An instance, its figures (some of the table's), and what was found for them."""

    instance: Instance
    figures: tuple[Figure, ...]
    cells: list[RouteCell] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    gaps: list[float | None] = field(default_factory=list)
    asked: int = 0
    used: dict[str, None] = field(default_factory=dict)
    stopped_by: StoppedBy = "finished"
    stuck: Answer | None = None

    @property
    def wavering(self) -> tuple[str, str] | None:
        """Two nodes whose route no cell can follow."""
        return next((cell.wavering for cell in self.cells if cell.wavering), None)

    def claims(self, epsilon: float) -> dict[str, Any]:
        """Status, gap and statistics."""
        known = [gap for gap in self.gaps if gap is not None]
        complete = bool(self.gaps) and len(known) == len(self.gaps)
        gap = max(known) if complete else None
        found = {
            "stopped_by": self.stopped_by,
            "oracle": ", ".join(self.used) or None,
            "asked": self.asked,
        }
        if not self.decisions:
            infeasible = self.stuck is not None and self.stuck.infeasible
            status = "infeasible" if infeasible else "unknown"
            return {**found, "status": status, "reason": self._reason(epsilon, False)}
        proven = gap is not None and gap <= OPTIMALITY_GAP and self.wavering is None
        status = "optimal" if proven else "feasible"
        return {**found, "status": status, "gap": gap, "reason": self._reason(epsilon, proven)}

    def _reason(self, epsilon: float, proven: bool) -> str | None:
        if self.stuck is not None:
            return self.stuck.reason
        if self.stopped_by != "finished":
            return f"{self.stopped_by} after {self.asked} questions to the oracle"
        if self.wavering is not None:
            ends = f"{self.wavering[0]} -> {self.wavering[1]}"
            return f"two routes {ends} tie but for rounding; {TIE}"
        return None if proven or not epsilon else f"plans within {epsilon:g} are good enough"


def solve_case(case: TableCase, search: Search) -> None:
    """Find the plans of a case, cell by cell; Ctrl-C and the deadline leave what there is."""
    try:
        if search.routes == "keep" or not any(figure.link for figure in case.figures):
            case.cells = [RouteCell((), case.instance)]
        else:
            case.cells = route_cells(case.instance, case.figures)
        for cell in case.cells:
            _solve_cell(case, cell, search)
            if case.stopped_by != "finished":
                case.gaps += [None] * (len(case.cells) - len(case.gaps))
                return
    except KeyboardInterrupt:
        case.stopped_by, case.gaps = "interrupted", [None]
    except NoPlan as stuck:
        case.stuck, case.gaps = stuck.answer, [None]
        if stuck.answer.stopped_by == "time limit":
            case.stopped_by = "time limit"


def _solve_cell(case: TableCase, cell: RouteCell, search: Search) -> None:
    """Plans for one cell, by the first oracle that applies; those of other cells are known."""
    passed = []
    for solver in search.oracles:
        name = solver if isinstance(solver, str) else getattr(solver, "__name__", "oracle")
        try:
            oracle = table_oracle(solver, cell, search.objective, case.figures, search.deadline)
            _approximate(case, cell, oracle, search)
        except SolverDeclined as declined:
            passed.append(f"{name} does not apply: {declined.reason}")
        except NoPlan as stuck:
            if stuck.answer.infeasible or solver == search.oracles[-1]:
                raise
            passed.append(f"{name} found no plan: {stuck.answer.reason}")
        else:
            case.used[name] = None
            return
    raise SolverDeclined("plan_table", f"no exact oracle applies ({'; '.join(passed)})")


class _CellOracle:
    """An exact solver in a cell, with the planes of the decisions that it finds."""

    def __init__(
        self, case: TableCase, cell: RouteCell, oracle: TableOracle, search: Search
    ) -> None:
        self.case, self.cell, self.oracle, self.search = case, cell, oracle, search
        self.rows: dict[tuple[bytes, ...], Floats] = {}

    def ask(self, point: Floats, known: float | None) -> tuple[Decision, float | None]:
        answer = self.oracle(point, known)
        self.case.asked += 1
        if answer.decision is None:
            raise NoPlan(answer)
        return answer.decision, answer.lower_bound

    def row(self, decision: Decision) -> Floats:
        key = _key(decision)
        if key not in self.rows:
            objective, figures = self.search.objective, self.case.figures
            self.rows[key] = plane_row(self.cell.instance, decision, objective, figures)
        return self.rows[key]


def _approximate(case: TableCase, cell: RouteCell, oracle: TableOracle, search: Search) -> None:
    known = {_key(decision) for decision in case.decisions}
    asked = _CellOracle(case, cell, oracle, search)
    low, high = box_of(case.figures)
    outer: Outer[Decision] = Outer(low=low, high=high, sides=_sides(cell, len(case.figures)))
    outer.things = list(case.decisions)
    outer.rows = [asked.row(decision) for decision in case.decisions]
    try:
        outer_approximation(asked, outer, epsilon=search.epsilon, deadline=search.deadline)
    finally:
        case.decisions += [one for one in outer.things if _key(one) not in known]
    case.stopped_by = outer.stopped_by
    case.gaps.append(outer.gap() if outer.rows else None)


def box_of(figures: Sequence[Figure]) -> tuple[Floats, Floats]:
    """The least and the greatest coordinate of every figure."""
    ends = [sorted(map(figure.coordinate, (figure.low, figure.high))) for figure in figures]
    low, high = np.array(ends, float).reshape(-1, 2).T
    return low, high


def plane_row(
    instance: Instance, decision: Decision, objective: Objective, figures: Sequence[Figure]
) -> Floats:
    """[1 + figures]: a decision's plane; inf and zeros where a route is missing."""
    found = decision_plane(instance, decision, objective, figures)
    if found is None:
        return np.array([np.inf, *[0.0] * len(figures)])
    plane: Plane = found[0]
    return np.array([plane.alpha_s, *plane.slopes])


def _sides(cell: RouteCell, dimensions: int) -> Floats:
    rows = [[side.offset, *side.normal] for side in cell.sides]
    return np.array(rows, float).reshape(len(rows), 1 + dimensions)


def _key(decision: Decision) -> tuple[bytes, ...]:
    return tuple(task.placement.tobytes() for task in decision.tasks)


def has_own_routes(case: TableCase) -> bool:
    """Whether the only cell has the routes of the instance's own figures."""
    if len(case.cells) != 1:
        return False
    own, inside = routes_of(case.instance), routes_of(case.cells[0].instance)
    return all(own.path(*pair) == inside.path(*pair) for pair in travelling_pairs(case.instance))
