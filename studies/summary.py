"""A comparison in a line a solver: how many plans, how good, how sure, how fast."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log
from typing import Any, overload

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from splitfog.formulations.overview import percent
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.read_only import ReadOnly
from splitfog.instances.readable import html_table, html_text
from splitfog.studies.cells import NO_BOUND, factor, note_html, reservation, text_table
from splitfog.studies.latex import latex_number, latex_table, latex_text
from splitfog.studies.row import Row

CONFIDENCE = 0.95
RESAMPLES = 9999

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

    def to_dict(self) -> dict[str, Any]:
        """Its columns by name."""
        return asdict(self)


@dataclass(frozen=True)
class Summary(Sequence[SummaryRow]):
    """The rows of a summary, by objective and solver; `print` shows them as a table.

    `notes` say of an objective what its gaps and optima leave open.
    """

    rows: tuple[SummaryRow, ...]
    notes: Mapping[str, str] = field(default_factory=ReadOnly)

    @overload
    def __getitem__(self, position: int) -> SummaryRow: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[SummaryRow, ...]: ...
    def __getitem__(self, position: int | slice) -> SummaryRow | tuple[SummaryRow, ...]:
        return self.rows[position]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SummaryRow]:
        return iter(self.rows)

    def __str__(self) -> str:
        return "\n\n".join(
            f"{objective}\n{text_table(HEADERS, list(map(summary_cells, rows)), left=1)}"
            + f"\n{self.notes.get(objective, '')}".rstrip()
            for objective, rows in self._by_objective()
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        parts = [
            f"<p>{html_text(objective)}</p>"
            + html_table(HEADERS, list(map(summary_cells, rows)))
            + note_html(self.notes.get(objective, ""))
            for objective, rows in self._by_objective()
        ]
        return "\n".join(["<div>", *parts, "</div>"])

    def to_latex(self) -> str:
        """Tables for LaTeX with booktabs, one an objective."""
        return "\n".join(
            f"% {latex_text(objective)}\n" + latex_table("l" + "r" * 8, HEADERS, _latex_lines(rows))
            for objective, rows in self._by_objective()
        )

    def _by_objective(self) -> list[tuple[str, list[SummaryRow]]]:
        names = dict.fromkeys(row.objective for row in self.rows)
        return [(name, [row for row in self.rows if row.objective == name]) for name in names]


def summarised(rows: Sequence[Row], seed: int = 0) -> Summary:
    """The summary of a comparison's rows.

    The interval of a mean gap is a bootstrap, bias-corrected and accelerated, over instances
    (9,999 resamples from `seed`): seeds of one instance are no independent cases. It says how far
    the mean would stray with other instances of the same kind, not what any single one gives. Where
    that bootstrap is not defined, the plain percentiles; where all gaps are the same, that one.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 14.
    """
    keys = dict.fromkeys((row.objective, row.solver) for row in rows)
    of = {name: [row for row in rows if row.objective == name] for name, _ in keys}
    return Summary(
        tuple(
            _row([row for row in of[name] if row.solver == solver], seed) for name, solver in keys
        ),
        ReadOnly({name: note for name, own in of.items() if (note := reservation(own))}),
    )


def _row(own: Sequence[Row], seed: int) -> SummaryRow:
    gaps: dict[tuple[str, str | None], list[float]] = {}
    for row in own:
        if row.gap is not None:
            gaps.setdefault(_instance(row), []).append(row.gap)
    means = [sum(part) / len(part) for part in gaps.values()]
    low, high = mean_interval(means, seed)
    logs = [log(row.speedup) for row in own if row.speedup]
    seconds = [row.runtime_s for row in own if row.runtime_s is not None]
    optimal = sum(row.gap is not None and row.gap <= OPTIMALITY_GAP for row in own)
    return SummaryRow(
        objective=own[0].objective,
        solver=own[0].solver,
        instances=len({_instance(row) for row in own}),
        runs=len(own),
        plans=sum(row.value is not None for row in own),
        share_optimal=optimal / len(own),
        bounded=sum(row.gap is not None for row in own),
        mean_gap=sum(means) / len(means) if means else None,
        gap_low=low,
        gap_high=high,
        worst_gap=max((max(part) for part in gaps.values()), default=None),
        speedup=exp(sum(logs) / len(logs)) if logs else None,
        mean_s=sum(seconds) / len(seconds) if seconds else None,
    )


def _instance(row: Row) -> tuple[str, str | None]:
    return row.instance, row.instance_sha256


def mean_interval(values: Sequence[float], seed: int = 0) -> tuple[float | None, float | None]:
    """The 95 % interval of the mean of independent values, see `summarised`."""
    if len(values) < 2:
        return None, None
    if min(values) == max(values):
        return values[0], values[0]
    ends = _bootstrap(values, "BCa", seed)
    return ends if all(map(isfinite, ends)) else _bootstrap(values, "percentile", seed)


def _bootstrap(values: Sequence[float], method: str, seed: int) -> tuple[float, float]:
    from scipy.stats import bootstrap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is not defined is nan, and that is seen
        found = bootstrap(
            (np.array(values),),
            np.mean,
            n_resamples=RESAMPLES,
            batch=max(1, 10_000_000 // len(values)),
            confidence_level=CONFIDENCE,
            method=method,
            random_state=np.random.default_rng(seed),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


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
        _gap_cell(row),
        interval,
        percent(row.worst_gap),
        factor(row.speedup),
        "-" if row.mean_s is None else f"{row.mean_s:.4f}",
    )


def _gap_cell(row: SummaryRow) -> str:
    """The mean gap, and of how many plans it is where some have no bound: `2.7 % (8 of 10)`."""
    if row.mean_gap is None:
        return NO_BOUND if row.plans else percent(None)
    some = f" ({row.bounded} of {row.plans})" if row.bounded < row.plans else ""
    return f"{percent(row.mean_gap)}{some}"


def _latex_lines(rows: Sequence[SummaryRow]) -> list[list[str]]:
    lines = []
    for row in rows:
        cells = [latex_text(cell) for cell in summary_cells(row)]
        lines.append([*cells[:-1], "--" if row.mean_s is None else latex_number(row.mean_s)])
    return lines
