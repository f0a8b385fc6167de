"""What changes no statistic: names, the order of rows, the unit of costs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.instances.records import changed
from splitfog.studies.row import Row
from splitfog.studies.statistics import intervals
from splitfog.studies.statistics.by_solver import statistics_of
from splitfog.studies.statistics.line import StatisticsRow
from tests.studies.small_rows import row

SOLVERS = ("device-only", "hpa", "ilp")
costs = st.none() | st.floats(0.01, 10)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows of three solvers on two to four instances at two seeds, some without a plan."""
    names = "ijkl"[: draw(st.integers(2, 4))]
    return [
        row(solver=solver, instance=name, seed=seed, value=draw(costs))
        for solver in SOLVERS
        for name in names
        for seed in (0, 1)
    ]


def lines(rows: Sequence[Row], shift_s: float = 1e-3) -> dict[str, StatisticsRow]:
    """By solver; with few resamples, so that it is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 50)
        ((found, _),) = statistics_of(rows, shift_s=shift_s)
    return {line.solver: line for line in found}


@settings(max_examples=10, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_order_and_names_change_nothing(rows: list[Row], random: Random) -> None:
    """Rows shuffled, instances renamed so that they sort the other way round."""
    renamed = [changed(each, instance=chr(ord("z") - ord(each.instance) % 26)) for each in rows]
    random.shuffle(renamed)
    before, after = lines(rows), lines(renamed)
    for solver, line in before.items():
        assert after[solver].to_dict() == line.to_dict()


@settings(max_examples=10, deadline=None)
@given(tables(), st.sampled_from([2**-10, 64.0]))
def test_units_change_nothing(rows: list[Row], unit: float) -> None:
    """Costs in another unit, the shift with them; by powers of two, which round nothing."""
    scaled = [
        each if each.value is None else changed(each, value=unit * each.value) for each in rows
    ]
    before, after = lines(rows), lines(scaled, unit * 1e-3)
    for solver, line in before.items():
        assert after[solver].to_dict() == line.to_dict()


@settings(max_examples=10, deadline=None)
@given(tables())
def test_the_other_way_round_wins_are_losses(rows: list[Row]) -> None:
    """And the speed-up is the reciprocal; the p-values of two solvers are the same."""
    two = [each for each in rows if each.solver != "ilp"]
    names = {"hpa": "device-only", "device-only": "hpa"}
    there, back = lines(two)["hpa"], lines([changed(r, solver=names[r.solver]) for r in two])["hpa"]
    assert (there.won, there.tied, there.lost) == (back.lost, back.tied, back.won)
    assert (there.p_sign, there.p_wilcoxon) == pytest.approx((back.p_sign, back.p_wilcoxon))
    assert (there.speedup is None) == (back.speedup is None)
    if there.speedup is not None and back.speedup is not None:
        assert there.speedup * back.speedup == pytest.approx(1)
