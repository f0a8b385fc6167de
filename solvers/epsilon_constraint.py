"""The exact front of linear criteria: one is minimised while the limits of the others fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from splitfog.formulations.criteria import Criterion
from splitfog.formulations.criteria_program import CriteriaProgram, Form, criteria_program
from splitfog.formulations.decision import Decision
from splitfog.solvers.archive import Archive
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.ilp import homeless_layer
from splitfog.solvers.milp import solve_program

RESOLUTION = 1e-6
"""Points that differ by less in a criterion, relative to its value, may count as one.

Ten times what an engine may break a row by, so that every step of a limit is one."""

_LIMITED_LAST = ("latency", "period", "memory", "bytes")
"""The first of these is minimised, the others are limited: those with few different values last."""

Values = dict[str, float]


class OutOfTime(Exception):
    """The engine stopped before it proved its answer."""


def epsilon_constraint(archive: Archive, remaining_s: Callable[[], float], seed: int = 0) -> bool:
    """Offer a plan for every point of a front; False where there is none.

    With two criteria: the least of the first under a limit of the second, then the least of the
    second at that value of the first; the limit then falls just below. With more, the limit of
    the last falls below the highest value of each front of the others that is found under it.
    Two 0-1 programs for every point of every such front, solved by HiGHS. After Y. Haimes,
    L. Lasdon and D. Wismer, "On a bicriterion formulation of the problems of integrated system
    identification and system optimization", IEEE Trans. SMC, 1971.

    Raises
    ------
    SolverDeclined
        For `makespan`, which is not linear.
    OutOfTime
        When time is over; what was found is in the archive.
    """
    criteria = archive.criteria
    if criteria.with_order:
        raise SolverDeclined("epsilon-constraint", "makespan is not linear in the placement")
    if homeless_layer(criteria.instance, criteria.objective.transfers):
        return False
    ordered = sorted(criteria.each, key=lambda criterion: _LIMITED_LAST.index(criterion.kind))
    programs = _Programs(archive, criteria_program(criteria), remaining_s, seed)
    start = programs.point(ordered[0].name, {})
    if start is None:
        return False
    programs.scale(start)
    programs.points(ordered, {})
    return True


class _Programs:
    """The same program over and over, with other limits."""

    def __init__(
        self,
        archive: Archive,
        built: CriteriaProgram,
        remaining_s: Callable[[], float],
        seed: int,
    ) -> None:
        self.archive, self.built, self.remaining_s = archive, built, remaining_s
        self.seed = seed
        self.names = [criterion.name for criterion in archive.criteria.each]
        self.units = {name: _largest(built.forms[name]) for name in self.names}

    def scale(self, values: Values) -> None:
        """Costs near 1: in units of a point of the front."""
        self.units |= {name: value for name, value in values.items() if value > 0}

    def points(self, criteria: Sequence[Criterion], limits: Mapping[str, float]) -> list[Values]:
        """The front of some criteria under limits of others."""
        *inner, outer = criteria
        if not inner:
            point = self.point(outer.name, limits)
            return [] if point is None else [point]
        found: list[Values] = []
        limit = inf
        while True:
            under = self.points(inner, limits if limit == inf else {**limits, outer.name: limit})
            found += under
            highest = max((point[outer.name] for point in under), default=0.0)
            if highest == 0:
                return found
            limit = min(limit, highest) * (1 - RESOLUTION)

    def point(self, free: str, limits: Mapping[str, float]) -> Values | None:
        """The values where a criterion is least within limits and then all others are."""
        first = self._least([free], limits, None)
        if first is None:
            return None
        values = self._values(first)
        others = [name for name in self.names if name != free]
        held = {**limits, free: values[free]}
        second = self._least(others, held, first)
        return values if second is None else self._values(second)

    def _values(self, decision: Decision) -> Values:
        return dict(zip(self.names, self.archive.criteria.values(decision), strict=True))

    def _least(
        self, names: Sequence[str], limits: Mapping[str, float], start: Decision | None
    ) -> Decision | None:
        """The decision with the least sum of some criteria within limits; None if there is none."""
        units = {name: self.units[name] for name in names}
        placements = self.built.placements
        while True:
            result = solve_program(
                self.built.minimising(units, limits),
                time_limit_s=self.remaining_s(),
                relative_gap=1e-8,
                start=None if start is None else placements.encode(start),
                seed=self.seed,
            )
            if result.stopped_by == "interrupted":
                raise KeyboardInterrupt
            if result.infeasible:
                return None
            if result.values is None or not result.optimal:
                raise OutOfTime
            decision = placements.decode(result.values)
            if not placements.exclude_overfull(decision):
                self.archive.offer(decision)
                return decision


def _largest(forms: tuple[Form, ...]) -> float:
    """The largest coefficient, 1 if there is none."""
    return max((value for form in forms for value in form.values()), default=1.0)
