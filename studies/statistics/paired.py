"""Two solvers on the same instances: by how much one is better, and whether that is chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign, inf, isclose, isfinite, log

import numpy as np
from msgspec import Struct

from splitfog.formulations.plan import OPTIMALITY_GAP


class Tally(Struct, frozen=True, kw_only=True):
    """On how many instances a solver was better than the other one, as good, or worse."""

    won: int
    tied: int
    lost: int


def advantage(cost: float | None, other: float | None) -> float:
    """log(other / cost): above 0 where the cost is the lower one.

    0 for a tie: costs that differ by 1e-6 of themselves, or two failures. None is a failure, which
    loses to every cost by infinitely much.
    """
    mine, theirs = (inf if value is None else value for value in (cost, other))
    if isclose(mine, theirs, rel_tol=OPTIMALITY_GAP):
        return 0.0
    if 0 in (mine, theirs) or inf in (mine, theirs):
        return copysign(inf, theirs - mine)
    return log(theirs / mine)


def tally(advantages: Sequence[float]) -> Tally:
    """How many advantages there are, ties and disadvantages."""
    won, lost = sum(each > 0 for each in advantages), sum(each < 0 for each in advantages)
    return Tally(won=won, tied=len(advantages) - won - lost, lost=lost)


def sign_p(counts: Tally) -> float:
    """The p-value of the two-sided sign test: wins and losses are equally likely. Exact; 1 if none.

    References
    ----------
    Conover, Practical Nonparametric Statistics, 1999, section 3.4.
    """
    from scipy.stats import binomtest

    decided = counts.won + counts.lost
    return float(binomtest(counts.won, decided).pvalue) if decided else 1.0


def wilcoxon_p(advantages: Sequence[float]) -> float:
    """The p-value of Wilcoxon's two-sided signed-rank test: advantages lie evenly around 0.

    Ties get ranks, which are then left out (Pratt); an infinite advantage ranks above all others.
    Exact for small samples; 1 where there is nothing but ties.

    References
    ----------
    Wilcoxon, Individual Comparisons by Ranking Methods, 1945; Pratt, Remarks on Zeros and Ties in
    the Wilcoxon Signed Rank Procedures, 1959.
    """
    if not any(advantages):
        return 1.0
    from scipy.stats import wilcoxon

    above = 1 + max((abs(each) for each in advantages if isfinite(each)), default=0.0)
    ranked = np.array([each if isfinite(each) else copysign(above, each) for each in advantages])
    return float(wilcoxon(ranked, zero_method="pratt").pvalue)
