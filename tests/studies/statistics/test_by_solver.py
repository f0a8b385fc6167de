"""The statistics of a comparison's rows, on tables small enough to reckon by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from splitfog.studies.row import Row, Run
from splitfog.studies.statistics.by_solver import statistics_of
from splitfog.studies.statistics.line import StatisticsRow
from tests.studies.small_rows import row


def base(instance: str, value: float | None, **fields: Any) -> Row:
    """A row of the baseline."""
    return row(solver="device-only", instance=instance, value=value, **fields)


def mine(instance: str, value: float | None, **fields: Any) -> Row:
    """A row of the solver that is judged."""
    return row(solver="hpa", instance=instance, value=value, **fields)


def run(layers: int = 1, progress: object = (), limit_s: float | None = 10.0) -> Run:
    """How a row came about, on two nodes."""
    plan = {
        "tasks": [{"placement": {f"l{i}": "d" for i in range(layers)}}],
        "nodes": {"d": 0, "e": 0},
    }
    return Run(
        options=json.dumps({} if limit_s is None else {"time_limit_s": limit_s}),
        plan=json.dumps(plan),
        progress=json.dumps(progress),
        splitfog_version="1",
        plugin=None,
        machine="m",
        started_at="",
    )


def of(solver: str, rows: list[Row], runs: list[Run] | None = None, **how: Any) -> StatisticsRow:
    """A solver's line, of rows of one objective."""
    ((lines, _),) = statistics_of(rows, runs or [], **how)
    return next(line for line in lines if line.solver == solver)


def test_a_speedup_is_a_ratio_of_means() -> None:
    """Shifted by 1 s the baseline's 3 and 0 have the mean sqrt(4 * 1) - 1 = 1, the solver's 1 and 0
    the mean sqrt(2 * 1) - 1; without shift, of 2 / 1 and 2 / 4, it is sqrt(2 * 1 / 2) = 1."""
    rows = [base("i", 3.0), base("j", 0.0), mine("i", 1.0), mine("j", 0.0)]
    assert of("hpa", rows, shift_s=1).speedup == pytest.approx(1 / (2**0.5 - 1))
    rows = [base("i", 2.0), base("j", 2.0), mine("i", 1.0), mine("j", 4.0)]
    assert of("hpa", rows, shift_s=0).speedup == pytest.approx(1)


def test_no_ratio_to_nothing() -> None:
    """A solver whose every plan costs nothing, and one such plan where there is no shift."""
    rows = [base("i", 1.0), base("j", 1.0), mine("i", 0.0), mine("j", 0.0)]
    assert of("hpa", rows).speedup is None
    rows[-1] = mine("j", 1.0)
    assert of("hpa", rows, shift_s=0).speedup is None
    assert of("hpa", rows, shift_s=0).won == 1


def test_seeds_of_an_instance_are_one_case() -> None:
    """i at three seeds is three times as fast, j at one seed as fast: sqrt(3 * 1), not 3**(3 / 4);
    one win and one tie."""
    rows = [base("j", 1.0), mine("j", 1.0)]
    for seed in range(3):
        rows += [base("i", 3.0, seed=seed), mine("i", 1.0, seed=seed)]
    line = of("hpa", rows, shift_s=0)
    assert line.speedup == pytest.approx(3**0.5)
    assert (line.won, line.tied, line.lost, line.speedup_over) == (1, 1, 0, 2)


def test_a_failure_is_counted_and_loses() -> None:
    """Of three instances one fails and one is proven infeasible: one failure, one loss, one tie;
    the mean is over the third, as good means of two are not: marked."""
    rows = [base("i", 2.0), base("j", 2.0), base("k", None, status="infeasible")]
    rows += [mine("i", 1.0), mine("j", None, status="error"), mine("k", None, status="infeasible")]
    line = of("hpa", rows)
    assert (line.runs, line.failed) == (3, 1)
    assert (line.won, line.tied, line.lost) == (1, 1, 1)
    assert (line.speedup_over, line.not_comparable) == (1, "speedup")
    assert of("device-only", rows).not_comparable == ""


def test_an_instance_that_a_solver_declines_marks_its_means() -> None:
    """It has no row of j; it is not tested there, but not the best there either."""
    rows = [base("i", 2.0), base("j", 2.0), mine("i", 1.0)]
    line = of("hpa", rows, [run()] * 3)
    assert (line.instances, line.instances_in_all, line.failed) == (1, 2, 0)
    assert (line.won, line.tied, line.lost) == (1, 0, 0)
    assert line.not_comparable == "speedup integral_s"
    assert line.share_best == 0.5


def test_p_values_are_adjusted_for_all_solvers_but_the_baseline() -> None:
    """Two solvers win all five: 2 * 2 / 2**5 each, of both tests."""
    names = "ijklm"
    rows = [base(name, 2.0) for name in names]
    rows += [row(solver=s, instance=name, value=1.0) for s in ("hpa", "ilp") for name in names]
    line = of("ilp", rows)
    assert (line.p_sign, line.p_wilcoxon) == pytest.approx((4 / 32, 4 / 32))
    assert of("device-only", rows).p_sign is None


def test_a_baseline_without_rows_speaks_through_speedups() -> None:
    """Its cost is the value times the speed-up: 3 s, which is also what a failure loses to."""
    rows = [mine("i", 1.0, speedup=3.0), row(solver="ilp", instance="i")]
    assert of("hpa", rows, shift_s=0).speedup == pytest.approx(3)
    assert of("ilp", rows).lost == 1


def test_rates_are_compared_as_seconds() -> None:
    """4 executions per second beside 1: four times as fast, and won."""
    rate = {"objective": "throughput"}
    line = of("hpa", [base("i", 1.0, **rate), mine("i", 4.0, **rate)], shift_s=0)
    assert (line.speedup, line.won) == (pytest.approx(4), 1)
    stuck = of("hpa", [base("i", 1.0, **rate), mine("i", 0.0, **rate)])
    assert (stuck.speedup, stuck.lost) == (None, 1)


def test_integrals_run_to_the_limit() -> None:
    """10 s. The solver has 2 s after 1 s and the best, 1 s, after 3 s: 1 + 0.5 * 2 = 2; the other
    never has a plan: 10. The baseline has 2 s after 0.5 s, as its row says: 0.5 + 0.5 * 9.5."""
    told = [[1, 2.0, None], [3, 1.0, 1.0]]
    rows = [mine("i", 1.0), row(solver="ilp"), base("i", 2.0, runtime_s=0.5)]
    runs = [run(progress=told), run(), run()]
    found = {name: of(name, rows, runs).integral_s for name in ("hpa", "ilp", "device-only")}
    assert found == pytest.approx({"hpa": 2, "ilp": 10, "device-only": 5.25})


def test_integrals_without_limit_run_to_the_end_of_the_longest() -> None:
    """4 s; the other has the best plan at once."""
    rows = [mine("i", 1.0, runtime_s=0.0), row(solver="ilp", runtime_s=4.0)]
    runs = [run(limit_s=None)] * 2
    assert of("ilp", rows, runs).integral_s == pytest.approx(4)
    assert of("hpa", rows, runs).integral_s == 0


def test_growth_is_over_layers_times_nodes() -> None:
    """1, 2 and 4 layers on two nodes in 1, 8 and 64 s: the third power. Failures are left out."""
    layers = {"i": 1, "j": 2, "k": 4}
    rows = [mine(name, 1.0, runtime_s=float(n**3)) for name, n in layers.items()]
    rows += [mine(name, None, runtime_s=0.001, seed=1) for name in layers]
    runs = [run(n) for n in layers.values()] * 2
    line = of("hpa", rows, runs)
    assert line.exponent == pytest.approx(3)
    assert of("hpa", rows).exponent is None


def test_growth_says_which_runs_were_cut() -> None:
    """1, 2 and 4 layers; the last was ended at 10 s. It counts in the exponent, and is told."""
    seconds = {"i": (1, 1.0), "j": (2, 8.0), "k": (4, 10.0)}
    runs = [run(layers) for layers, _ in seconds.values()]
    ended = {True: "time limit", False: "finished"}
    rows = [
        mine(name, 1.0, runtime_s=taken, stopped_by=ended[name == "k"])
        for name, (_, taken) in seconds.items()
    ]
    assert of("hpa", rows, runs).cut == 1
    assert of("hpa", rows[:2], runs[:2]).cut == 0, "there is no exponent"
