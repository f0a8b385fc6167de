"""A comparison in statistics: a line a solver, held against the baseline instance by instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from splitfog.instances.read_only import ReadOnly
from splitfog.studies.cells import factor
from splitfog.studies.statistics.line import StatisticsRow
from splitfog.studies.statistics.profiles import Profile
from splitfog.studies.tables.lines import Lines, marked, sections_of
from splitfog.studies.tables.section import Section

HEADERS = (
    "solver",
    "instances",
    "failed",
    "speed-up",
    "95 % interval",
    "won-tied-lost",
    "p (Holm)",
    "best",
    "integral s",
    "growth",
)

CUT = "+ of runs of which some were ended by the time limit: time grows faster."


@dataclass(frozen=True)
class Statistics(Lines[StatisticsRow]):
    """The lines of all objectives; `print` shows them as tables.

    `profiles` are the solvers' performance profiles, `captions` say what the figures are of; both
    by objective.
    """

    profiles: Mapping[str, tuple[Profile, ...]] = field(default_factory=ReadOnly)
    captions: Mapping[str, str] = field(default_factory=ReadOnly)

    def sections(self) -> list[Section]:
        """A table an objective."""
        notes = {row.objective: CUT for row in self.rows if row.cut}
        return sections_of(self.rows, HEADERS, statistics_cells, self.captions, notes)


def statistics_cells(row: StatisticsRow) -> tuple[str, ...]:
    """The cells of a line under `HEADERS`."""
    return (
        row.solver,
        f"{row.instances} of {row.instances_in_all}",
        f"{row.failed} of {row.runs}",
        marked(factor(row.speedup), "speedup", row.not_comparable),
        _range(row.speedup_low, row.speedup_high, "x"),
        "-" if row.won is None else f"{row.won}-{row.tied}-{row.lost}",
        "-" if row.p_wilcoxon is None else _probability(row.p_wilcoxon),
        f"{100 * row.share_best:.3g} %",
        marked(_number(row.integral_s), "integral_s", row.not_comparable),
        _exponent(row),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _range(low: float | None, high: float | None, unit: str = "") -> str:
    return "-" if low is None or high is None else f"{low:.3g}{unit} to {high:.3g}{unit}"


def _probability(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _exponent(row: StatisticsRow) -> str:
    if row.exponent is None:
        return "-"
    cut = " +" if row.cut else ""
    return f"{row.exponent:.2f}{cut} ({_range(row.exponent_low, row.exponent_high)})"
