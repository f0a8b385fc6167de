"""A comparison in a line a solver: how many plans, how good, how sure, how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from splitfog.formulations.overview import percent
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.read_only import ReadOnly
from splitfog.studies.cells import NO_BOUND, factor, reservation
from splitfog.studies.row import Row
from splitfog.studies.statistics.cases import instance_key, values_by_instance
from splitfog.studies.statistics.intervals import mean_interval
from splitfog.studies.tables.lines import Lines, marked, sections_of
from splitfog.studies.tables.section import Section

HEADERS = (
    "solver",
    "instances",
    "plans",
    "optimal",
    "mean gap",
    "95 % interval",
    "worst gap",
    "speed-up",
    "mean s",
)

MEANS = MappingProxyType({"mean_gap": "gap", "speedup": "speedup", "mean_s": "runtime_s"})
"""Of which figure of a row each mean is one."""


class SummaryRow(Struct, frozen=True, kw_only=True):
    """What a solver did on all instances of one objective.

    Attributes
    ----------
    instances, runs, plans
        How many instances; how many runs on them (one for each seed), and how many gave a plan.
    share_optimal
        Of the runs, those whose plan is known to be optimal, whoever proved it: its gap to the best
        bound is at most 1e-6. A placement may be so over placements only; the summary's `notes`
        say where that is.
    bounded
        Of the runs, those with a gap: a plan for which a bound is known.
    mean_gap
        The mean over instances of their mean over seeds; None without any gap.
    gap_low, gap_high
        The 95 % interval of that mean; None for fewer than two instances with a gap.
    worst_gap
        The largest of a run.
    speedup
        Over the baseline, the geometric mean.
    mean_s
        Of a run, in seconds.
    not_comparable
        Names of the means that are over other instances than they might be: fewer than all those
        on which any solver of the objective has such a figure. A space between two.
    """

    objective: str
    solver: str
    instances: int
    runs: int
    plans: int
    share_optimal: float
    bounded: int
    mean_gap: float | None
    gap_low: float | None
    gap_high: float | None
    worst_gap: float | None
    speedup: float | None
    mean_s: float | None
    not_comparable: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Its columns by name."""
        return asdict(self)


@dataclass(frozen=True)
class Summary(Lines[SummaryRow]):
    """The rows of a summary, by objective and solver; `print` shows them as a table.

    `notes` say of an objective what its gaps and optima leave open, `captions` what its figures are
    of.
    """

    notes: Mapping[str, str] = field(default_factory=ReadOnly)
    captions: Mapping[str, str] = field(default_factory=ReadOnly)

    def sections(self) -> list[Section]:
        """A table an objective."""
        return sections_of(self.rows, HEADERS, summary_cells, self.captions, self.notes)


def summarised(
    rows: Sequence[Row], seed: int = 0, captions: Mapping[str, str] | None = None
) -> Summary:
    """The summary of a comparison's rows.

    The interval of a mean gap is a bootstrap over instances, from `seed`: seeds of one instance are
    no independent cases. It says how far the mean would stray with other instances of the same
    kind, not what any single one gives. `captions` say by objective what the figures are of.
    """
    keys = dict.fromkeys((row.objective, row.solver) for row in rows)
    of = {name: [row for row in rows if row.objective == name] for name, _ in keys}
    return Summary(
        tuple(_row(solver, of[name], seed) for name, solver in keys),
        ReadOnly({name: note for name, own in of.items() if (note := reservation(own))}),
        ReadOnly(captions or {}),
    )


def _row(solver: str, rows: Sequence[Row], seed: int) -> SummaryRow:
    own = [row for row in rows if row.solver == solver]
    bounded = [row for row in own if row.gap is not None]
    means = list(values_by_instance(bounded, [row.gap or 0.0 for row in bounded]).values())
    low, high = mean_interval(means, seed)
    logs = [log(row.speedup) for row in own if row.speedup]
    seconds = [row.runtime_s for row in own if row.runtime_s is not None]
    optimal = sum(row.gap is not None and row.gap <= OPTIMALITY_GAP for row in own)
    return SummaryRow(
        objective=own[0].objective,
        solver=solver,
        instances=len(set(map(instance_key, own))),
        runs=len(own),
        plans=sum(row.value is not None for row in own),
        share_optimal=optimal / len(own),
        bounded=len(bounded),
        mean_gap=sum(means) / len(means) if means else None,
        gap_low=low,
        gap_high=high,
        worst_gap=max((row.gap for row in own if row.gap is not None), default=None),
        speedup=exp(sum(logs) / len(logs)) if logs else None,
        mean_s=sum(seconds) / len(seconds) if seconds else None,
        not_comparable=_not_comparable(own, rows),
    )


def _not_comparable(own: Sequence[Row], rows: Sequence[Row]) -> str:
    """The means of a solver that lack instances on which another one has the figure."""
    found = []
    for mean, figure in MEANS.items():
        mine, anyone = (
            {instance_key(row) for row in part if getattr(row, figure) is not None}
            for part in (own, rows)
        )
        if mine and mine < anyone:
            found.append(mean)
    return " ".join(found)


def summary_cells(row: SummaryRow) -> tuple[str, ...]:
    """The cells of a row under `HEADERS`."""
    interval = "-"
    if row.gap_low is not None:
        interval = f"{percent(row.gap_low)} to {percent(row.gap_high)}"
    return (
        row.solver,
        str(row.instances),
        f"{row.plans} of {row.runs}",
        f"{100 * row.share_optimal:.3g} %",
        marked(_gap_cell(row), "mean_gap", row.not_comparable),
        interval,
        percent(row.worst_gap),
        marked(factor(row.speedup), "speedup", row.not_comparable),
        marked("-" if row.mean_s is None else f"{row.mean_s:.4f}", "mean_s", row.not_comparable),
    )


def _gap_cell(row: SummaryRow) -> str:
    """The mean gap, and of how many plans it is where some have no bound: `2.7 % (8 of 10)`."""
    if row.mean_gap is None:
        return NO_BOUND if row.plans else percent(None)
    some = f" ({row.bounded} of {row.plans})" if row.bounded < row.plans else ""
    return f"{percent(row.mean_gap)}{some}"
