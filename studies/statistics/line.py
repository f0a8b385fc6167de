"""The record of a solver's statistics."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class StatisticsRow(Struct, frozen=True, kw_only=True):
    """What a solver did on all instances of one objective, beside the baseline.

    Attributes
    ----------
    instances, instances_in_all
        How many the solver has rows of, and how many there are of the objective.
    runs, failed
        Rows, and those without a plan though none is proven to be impossible.
    speedup, speedup_low, speedup_high
        Shifted geometric mean of the baseline's costs over that of the solver's, on the
        `speedup_over` instances where both have plans, with its 95 % interval.
    won, tied, lost
        Instances on which the solver is better than the baseline, as good, or worse. A failure
        loses.
    p_wilcoxon, p_sign
        That the solver is neither better nor worse than the baseline, by Wilcoxon's signed-rank
        test and by the sign test; adjusted for all solvers of the objective after Holm.
    share_best
        Of all instances of the objective, those on which nobody has a better plan.
    integral_s
        The primal integral, seconds: mean over instances of their mean over seeds.
    exponent, exponent_low, exponent_high
        e of run time ~ (layers x nodes) ** e, with its 95 % interval.
    cut
        Of the runs that it is made from, those that the time limit ended, which would have taken
        longer: time grows faster than e says.
    not_comparable
        Which means are over other instances than they might be, by the names of their fields.

    None where there is no number, and for the baseline itself.
    """

    objective: str
    solver: str
    instances: int
    instances_in_all: int
    runs: int
    failed: int
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    speedup_over: int
    won: int | None
    tied: int | None
    lost: int | None
    p_wilcoxon: float | None
    p_sign: float | None
    share_best: float
    integral_s: float | None
    exponent: float | None
    exponent_low: float | None
    exponent_high: float | None
    cut: int
    not_comparable: str

    def to_dict(self) -> dict[str, Any]:
        """Its columns by name."""
        return asdict(self)
