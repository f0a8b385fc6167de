"""Criteria as linear forms of one 0-1 program (`placement_build`), to minimise or to limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.units import Broadcast, TaskUnits, task_units
from splitfog.formulations.fronts.criteria import Criteria, Criterion
from splitfog.formulations.passes import of_pass
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.programs.placement import ABSENT, PlacementProgram
from splitfog.formulations.programs.placement_build import ProgramBuild
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.records import changed

Form = dict[int, float]
"""Column -> coefficient, in seconds or bytes."""


@dataclass(frozen=True)
class CriteriaProgram:
    """Placements as a program, and every criterion as the largest of some linear forms."""

    placements: PlacementProgram
    forms: Mapping[str, tuple[Form, ...]]

    def minimising(
        self, name: str | None, limits: Mapping[str, float], unit: float = 1.0, at_most: float = inf
    ) -> LinearProgram:
        """The program that minimises one criterion, counted in a unit; with None, nothing.

        `limits` maps others to the value that they may have at most; their rows are relative.
        What alone is more than `at_most` of the minimised one is left out, and with it large
        numbers.
        """
        base = self.placements.program
        program = changed(
            base,
            cost=[0.0] * base.num_columns,
            upper=[*base.upper],
            is_binary=[*base.is_binary],
            rows=[*base.rows],
            row_lower=[*base.row_lower],
            row_upper=[*base.row_upper],
        )
        if name is not None:
            forms = [_within(program, form, at_most) for form in self.forms[name]]
            _pay(program, forms, unit)
        for limited, limit in limits.items():
            for form in self.forms[limited]:
                _limit(program, form, limit)
        return program


def _pay(program: LinearProgram, forms: list[Form], unit: float) -> None:
    """A criterion as the objective: its form, or the largest of several."""
    if len(forms) == 1:
        for column, value in forms[0].items():
            program.cost[column] += value / unit
        return
    largest = program.add_column(cost=1.0, upper=inf)
    for form in forms:
        terms = [(column, -value / unit) for column, value in form.items()]
        program.add_row([(largest, 1.0), *terms], lower=0.0)


def _within(program: LinearProgram, form: Form, limit: float) -> Form:
    """A form without the 0-1 columns that alone are more than a limit: they are 0."""
    dear = [column for column, value in form.items() if value > limit * (1 + BOUND_SLACK)]
    for column in dear:
        program.upper[column] = 0.0
    return {column: value for column, value in form.items() if program.upper[column]}


def _limit(program: LinearProgram, form: Form, limit: float) -> None:
    """`form <= limit`, by numbers up to 1."""
    terms = [(c, value / limit) for c, value in _within(program, form, limit).items()]
    if sum(value for _, value in terms) > 1:
        program.add_row(terms, upper=1.0)


def criteria_program(criteria: Criteria) -> CriteriaProgram:
    """The program of an instance's feasible placements with its criteria; not for `makespan`."""
    return _CriteriaBuild(criteria).with_forms()


class _CriteriaBuild(ProgramBuild):
    """Remembers what crosses where, instead of paying for it."""

    def __init__(self, criteria: Criteria) -> None:
        self.criteria = criteria
        self.crossings: list[tuple[int, int, Broadcast]] = []
        super().__init__(criteria.instance, criteria.objective, at_most_s=inf)

    def _compute(self, node: int, column: int, seconds: float) -> None:
        """Nothing: these are seconds of a whole request, a criterion may be of a pass."""

    def _cross(self, link: int, column: int, broadcast: Broadcast) -> None:
        self.crossings.append((column, link, broadcast))

    def with_forms(self) -> CriteriaProgram:
        """All rows, columns and forms."""
        placements = self.finished()
        forms = {criterion.name: self._forms(criterion) for criterion in self.criteria.each}
        return CriteriaProgram(placements, forms)

    def _forms(self, criterion: Criterion) -> tuple[Form, ...]:
        if criterion.kind == "latency":
            return (self._latency(criterion.pass_name),)
        if criterion.kind == "period":
            return self._busy(criterion.pass_name)
        form: Form = {}
        if criterion.kind == "bytes":
            for column, link, broadcast in self.crossings:
                if link == criterion.at:
                    _add(form, column, broadcast.num_bytes)
        else:
            for num_bytes, columns in self._held(criterion.at):
                _add(form, self._any_of(columns), num_bytes)
        return (form,)

    def _latency(self, pass_name: str | None) -> Form:
        """The mean over tasks."""
        form: Form = {}
        for column, _, seconds in self._computed(pass_name):
            _add(form, column, seconds * self.weight)
        for column, link, broadcast in self._crossed(pass_name):
            _add(form, column, broadcast.seconds(self.links[link]) * self.weight)
        return form

    def _busy(self, pass_name: str | None) -> tuple[Form, ...]:
        """Seconds of every node and link that is ever busy."""
        nodes: list[Form] = [{} for _ in self.instance.nodes]
        links: list[Form] = [{} for _ in self.links]
        for column, node, seconds in self._computed(pass_name):
            _add(nodes[node], column, seconds)
        for column, link, broadcast in self._crossed(pass_name):
            seconds = broadcast.busy_seconds(self.links[link])
            _add(links[link], column, seconds)
            for node in (self.links[link].tail, self.links[link].head):
                if not self.instance.nodes[node].overlap:
                    _add(nodes[node], column, seconds)
        busy = tuple(form for form in (*nodes, *links) if form)
        return busy or ({},)

    def _computed(self, pass_name: str | None) -> Iterator[tuple[int, int, float]]:
        """(column, node, seconds) of every unit and node, in one execution of a pass."""
        for columns, units in zip(self.columns, self._units_of(pass_name), strict=True):
            for unit, node in np.argwhere(columns != ABSENT).tolist():
                yield int(columns[unit, node]), node, float(units.costs_s[unit, node])

    def _crossed(self, pass_name: str | None) -> Iterator[tuple[int, int, Broadcast]]:
        """(column, link, what crosses), in one execution of a pass, where it sends anything."""
        sent = {
            id(whole): part
            for request, units in zip(self.units, self._units_of(pass_name), strict=True)
            for whole, part in _alike(request.broadcasts, units.broadcasts)
        }
        for column, link, broadcast in self.crossings:
            if id(broadcast) in sent:
                yield column, link, sent[id(broadcast)]

    def _units_of(self, pass_name: str | None) -> tuple[TaskUnits, ...]:
        """The units of every task, with the figures of one execution of a pass."""
        if pass_name is None:
            return self.units
        instance, transfers = of_pass(self.instance, pass_name), self.objective.transfers
        tasks = range(len(instance.tasks))
        return tuple(task_units(instance, task, transfers) for task in tasks)


def _alike(
    all_of: Iterable[Broadcast], some_of: Iterable[Broadcast]
) -> Iterator[tuple[Broadcast, Broadcast]]:
    """Pairs of broadcasts by the same unit to the same readers and sink."""
    known = {(own.producer, own.readers, own.sink): own for own in some_of}
    for own in all_of:
        if other := known.get((own.producer, own.readers, own.sink)):
            yield own, other


def _add(form: Form, column: int, value: float) -> None:
    if value:
        form[column] = form.get(column, 0.0) + value
