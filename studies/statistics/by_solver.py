"""The statistics of a comparison's rows, solver by solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np
from msgspec.structs import asdict

from splitfog.instances.records import changed
from splitfog.studies.row import Row, Run
from splitfog.studies.statistics.anytime import integrals
from splitfog.studies.statistics.cases import (
    Costs,
    InstanceKey,
    advantages,
    baseline_costs,
    instance_key,
    mean_pairs,
    solved,
    solver_costs,
    typical,
    values_by_instance,
)
from splitfog.studies.statistics.growth import growth
from splitfog.studies.statistics.holm import holm
from splitfog.studies.statistics.intervals import interval
from splitfog.studies.statistics.line import StatisticsRow
from splitfog.studies.statistics.means import SHIFT_S, from_logs, shifted_logs
from splitfog.studies.statistics.paired import sign_p, tally, wilcoxon_p
from splitfog.studies.statistics.profiles import Profile, profiles
from splitfog.studies.statistics.sizes import sizes


@dataclass(frozen=True, kw_only=True)
class _Field:
    """What the lines of one objective are made from."""

    rows: Sequence[Row]
    runs: Sequence[Run]
    baseline: str
    costs: Mapping[str, Costs]
    reference: Costs
    profiles: Mapping[str, Profile]
    integrals: Sequence[float | None]
    sizes: Mapping[InstanceKey, int]
    seed: int
    shift_s: float


def statistics_of(
    rows: Sequence[Row],
    runs: Sequence[Run] = (),
    baseline: str = "device-only",
    seed: int = 0,
    shift_s: float = SHIFT_S,
) -> list[tuple[tuple[StatisticsRow, ...], tuple[Profile, ...]]]:
    """The lines and the performance profiles of a comparison, by objective.

    Parameters
    ----------
    rows
        Of one or more objectives, in any order.
    runs
        How each row was run; without them there are no integrals and exponents.
    baseline
        Whose costs the others' are held against.
    seed
        Of the bootstrap.
    shift_s
        Seconds, of the geometric means.

    Returns
    -------
    list of pairs
        A line and a profile for every solver, in the order in which objectives and solvers come.
    """
    found = []
    for objective in dict.fromkeys(row.objective for row in rows):
        at = [position for position, row in enumerate(rows) if row.objective == objective]
        own = [rows[position] for position in at]
        own_runs = [runs[position] for position in at] if runs else []
        found.append(_objective(own, own_runs, baseline, seed, shift_s))
    return found


def _objective(
    rows: Sequence[Row], runs: Sequence[Run], baseline: str, seed: int, shift_s: float
) -> tuple[tuple[StatisticsRow, ...], tuple[Profile, ...]]:
    costs = solver_costs(rows)
    instances = list(dict.fromkeys(map(instance_key, rows)))
    drawn = profiles({name: typical(own, instances) for name, own in costs.items()})
    given = _Field(
        rows=rows,
        runs=runs,
        baseline=baseline,
        costs=costs,
        reference=baseline_costs(rows, baseline),
        profiles={profile.solver: profile for profile in drawn},
        integrals=integrals(rows, runs) if runs else [None] * len(rows),
        sizes=sizes(rows, runs) if runs else {},
        seed=seed,
        shift_s=shift_s,
    )
    return _adjusted([_line(solver, given) for solver in costs]), tuple(drawn)


def _line(solver: str, given: _Field) -> StatisticsRow:
    at = [position for position, row in enumerate(given.rows) if row.solver == solver]
    own = [given.rows[position] for position in at]
    figures = {
        **_speedup(given.costs[solver], given),
        **_against_baseline(solver, given),
        **_integral(own, [given.integrals[position] for position in at], given),
        **_growth(own, given.sizes),
    }
    means = {"speedup": figures.pop("is_fewer"), "integral_s": figures.pop("is_part")}
    return StatisticsRow(
        objective=own[0].objective,
        solver=solver,
        instances=len(given.costs[solver]),
        instances_in_all=len({instance_key(row) for row in given.rows}),
        runs=len(own),
        failed=sum(row.value is None and row.status != "infeasible" for row in own),
        share_best=given.profiles[solver].share(1.0),
        not_comparable=" ".join(name for name, is_marked in means.items() if is_marked),
        **figures,
    )


def _speedup(costs: Costs, given: _Field) -> dict[str, Any]:
    """Means of both, one over the other; resampled by instance."""
    pairs = mean_pairs(costs, given.reference, given.shift_s)
    mine, others = (shifted_logs([pair[at] for pair in pairs], given.shift_s) for at in (0, 1))

    def ratio(mine: Any, others: Any, axis: int = -1) -> Any:
        means = [from_logs(logs.mean(axis=axis), given.shift_s) for logs in (others, mine)]
        return means[0] / means[1]

    with np.errstate(all="ignore"):  # costs of 0 alone, or one without a shift: no ratio
        found = float(ratio(mine, others)) if pairs else nan
    is_known = isfinite(found)
    low, high = interval(ratio, [mine, others], given.seed) if is_known else (None, None)
    return {
        "speedup": found if is_known else None,
        "speedup_low": low,
        "speedup_high": high,
        "speedup_over": len(pairs),
        "is_fewer": is_known and len(pairs) < len(solved(given.reference)),
    }


def _against_baseline(solver: str, given: _Field) -> dict[str, Any]:
    """Wins, ties and losses, and what chance has to do with them; None of the baseline itself."""
    found = advantages(given.costs[solver], given.reference)
    if solver == given.baseline or not found:
        return dict.fromkeys(("won", "tied", "lost", "p_wilcoxon", "p_sign"))
    counts = tally(found)
    return {**asdict(counts), "p_wilcoxon": wilcoxon_p(found), "p_sign": sign_p(counts)}


def _integral(
    own: Sequence[Row], values: Sequence[float | None], given: _Field
) -> dict[str, float | bool | None]:
    known = [(row, value) for row, value in zip(own, values) if value is not None]
    means = values_by_instance([row for row, _ in known], [value for _, value in known])
    could = {
        instance_key(row)
        for row, value in zip(given.rows, given.integrals, strict=True)
        if value is not None
    }
    return {
        "integral_s": sum(means.values()) / len(means) if means else None,
        "is_part": bool(means) and not could <= set(means),
    }


def _growth(own: Sequence[Row], sizes: Mapping[InstanceKey, int]) -> dict[str, float | None]:
    """Of the runs with a plan: those that fail early tell nothing of how long it takes."""
    timed = [row for row in own if row.value is not None and row.runtime_s]
    seconds = values_by_instance(timed, [row.runtime_s or 0.0 for row in timed])
    sized = [at for at in seconds if sizes.get(at)]
    found = growth([sizes[at] for at in sized], [seconds[at] for at in sized])
    cut = [row for row in timed if row.stopped_by == "time limit" and instance_key(row) in sized]
    return {
        "exponent": found.exponent if found else None,
        "exponent_low": found.low if found else None,
        "exponent_high": found.high if found else None,
        "cut": len(cut) if found else 0,
    }


def _adjusted(lines: Sequence[StatisticsRow]) -> tuple[StatisticsRow, ...]:
    """The lines with p-values as many tests at once have them."""
    found = list(lines)
    tested = [position for position, line in enumerate(found) if line.p_sign is not None]
    for name in ("p_wilcoxon", "p_sign"):
        values = holm([getattr(found[position], name) for position in tested])
        for position, value in zip(tested, values, strict=True):
            found[position] = changed(found[position], **{name: value})
    return tuple(found)
