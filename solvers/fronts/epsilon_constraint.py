"""The exact front of linear criteria: one is minimised while the limits of the others fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from splitfog.formulations.deadline import TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.fronts.criteria import Criterion
from splitfog.formulations.fronts.program import CriteriaProgram, criteria_program
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.exact.ilp import SMALLER, homeless_layer
from splitfog.solvers.fronts.archive import Archive

RESOLUTION = 1e-6
"""Points that differ by less in a criterion, relative to its value, may count as one.

Ten times what an engine may break a row by, so that every step of a limit is one."""

GUESS = 100.0
"""How many times a criterion's least value the next one is first believed to be at most: what is
dearer is left out, and the numbers stay near 1."""

_LIMITED_LAST = ("latency", "period", "memory", "bytes")
"""The first of these is minimised, the others are limited: those with few different values last."""

Values = dict[str, float]


def epsilon_constraint(archive: Archive, remaining_s: Callable[[], float], seed: int = 0) -> bool:
    """Offer a plan for every point of a front; False where there is none.

    With two criteria: the least of the first under a limit of the second, then the least of the
    second at that value of the first; the limit then falls just below. With more, the limit of
    the last falls below the highest value of each front of the others that is found under it.
    A 0-1 program for every criterion at every point of every such front, solved by HiGHS. After
    Y. Haimes, L. Lasdon and D. Wismer, "On a bicriterion formulation of the problems of integrated
    system identification and system optimization", IEEE Trans. SMC, 1971.

    Raises
    ------
    SolverDeclined
        For `makespan`, which is not linear.
    TimeIsUp
        When time is over; what was found is in the archive.
    """
    criteria = archive.criteria
    if criteria.with_order:
        raise SolverDeclined("epsilon-constraint", "makespan is not linear in the placement")
    if homeless_layer(criteria.instance, criteria.objective.transfers):
        return False
    ordered = sorted(criteria.each, key=lambda criterion: _LIMITED_LAST.index(criterion.kind))
    programs = _Programs(archive, criteria_program(criteria), remaining_s, seed)
    if programs.point(ordered[0].name, {}) is None:
        return False
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
        self.last: Values = {}
        """The least values found last: of the size to come."""

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
        """The values where a criterion is least within limits, and then every other in turn."""
        held = dict(limits)
        decision: Decision | None = None
        for name in [free, *(name for name in self.names if name != free)]:
            decision = self._least(name, held, decision)
            if decision is None:
                return None
            held[name] = self._values(decision)[name]
        return None if decision is None else self._values(decision)

    def _values(self, decision: Decision) -> Values:
        return dict(zip(self.names, self.archive.criteria.values(decision), strict=True))

    def _least(
        self, name: str, limits: Mapping[str, float], known: Decision | None
    ) -> Decision | None:
        """The decision with the least of a criterion within limits; None if there is none.

        `known` is one within them. An engine's tolerances are absolute: it is asked in units of
        the value found last, of any value within the limits where there is none so small, and
        again where what it finds is several times another.
        """
        unit = inf
        if known is None and (last := self.last.get(name, 0.0)) > 0:
            known = self._solved(name, limits, last, GUESS * last)
            unit = last if known else inf
        if known is None:
            known = self._solved(None, limits)
        if known is None:
            return None
        value = self._values(known)[name]
        while value > 0 and not value / SMALLER <= unit <= value * SMALLER:
            unit, found = value, self._solved(name, limits, value, value, known)
            if found is None or self._values(found)[name] >= value:
                break
            known, value = found, self._values(found)[name]
        self.last[name] = value
        return known

    def _solved(
        self,
        name: str | None,
        limits: Mapping[str, float],
        unit: float = 1.0,
        at_most: float = inf,
        start: Decision | None = None,
    ) -> Decision | None:
        """The decision that an engine finds for a program; None if there is none."""
        placements = self.built.placements
        while True:
            result = solve_program(
                self.built.minimising(name, limits, unit, at_most),
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
                raise TimeIsUp("the engine stopped before it proved its answer")
            decision = placements.decode(result.values)
            if not placements.exclude_overfull(decision):
                self.archive.offer(decision)
                return decision
