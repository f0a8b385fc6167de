"""The statistics of a table as its users see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from splitfog.instances.records import changed
from splitfog.studies.row import Row, Run
from splitfog.studies.rows import Table
from splitfog.studies.summary import summarised
from tests.studies.small_rows import row

ROWS = (
    row(solver="device-only", value=2.0),
    row(solver="device-only", instance="j", value=2.0),
    row(solver="hpa", value=1.0),
    row(solver="hpa", instance="j", status="error"),
)


def run(**fields: Any) -> Run:
    """How a row came about."""
    given = {"options": "{}", "plan": None, "progress": None, "splitfog_version": "1"}
    return Run(**{**given, "plugin": None, "machine": "pi", "started_at": "", **fields})


def cells(table: Table, solver: str) -> list[str]:
    """A solver's cells."""
    (section,) = table.statistics().sections()
    return next(list(line) for line in section.lines if line[0] == solver)


def test_a_line_of_cells() -> None:
    """One of two failed: twice as fast on the other, which is a mean of its own; one win, one loss;
    the best on one of two; no times to integrate."""
    found = cells(Table(rows=ROWS), "hpa")
    assert found == ["hpa", "2 of 2", "1 of 2", "2x *", "-", "1-0-1", "1.000", "50 %", "-", "-"]
    assert "* over other instances" in str(Table(rows=ROWS).statistics())


def test_an_exponent_of_runs_that_were_cut_is_marked() -> None:
    """3, 9 and 27 s on 1, 3 and 9 layers: exponent 1; of runs that their limit ended, and not."""
    plans = [{"tasks": [{"placement": dict.fromkeys("abcdefghi"[:n], "pi")}]} for n in (1, 3, 9)]
    runs = tuple(run(plan=json.dumps({**plan, "nodes": {"pi": 0}})) for plan in plans)
    rows = [
        row(solver="hpa", instance=name, value=1.0, runtime_s=taken, stopped_by="time limit")
        for name, taken in (("i", 3.0), ("j", 9.0), ("k", 27.0))
    ]
    cut = Table(rows=tuple(rows), runs=runs)
    assert cells(cut, "hpa")[-1] == "1.00 + (1 to 1)"
    assert "+ of runs of which some were ended by the time limit" in str(cut.statistics())
    whole = Table(rows=tuple(changed(row, stopped_by="finished") for row in rows), runs=runs)
    assert cells(whole, "hpa")[-1] == "1.00 (1 to 1)"
    assert "ended by the time limit" not in str(whole.statistics())


def test_the_baseline_has_no_test() -> None:
    """And no mark: its means are over all there is."""
    found = cells(Table(rows=ROWS), "device-only")
    assert found[3:7] == ["1x", "1x to 1x", "-", "-"]
    assert "*" not in str(Table(rows=ROWS[:2]).statistics())


def test_a_caption_says_what_the_figures_are_of() -> None:
    """Cost model, baseline, instances and seeds, limits, versions, machines."""
    limits = '{"time_limit_s": 2.0, "memory_limit_bytes": 1e9}'
    runs = (*[run(options=limits, plugin="they 3")] * 3, run(options=limits, machine="box"))
    table = Table(rows=ROWS, runs=runs, counting="transfers per-edge")
    said = (
        "latency, transfers per-edge (speed-up over device-only); 2 instances, seed 0; "
        "at most 2 s and 1 GB a run; splitfog 1; they 3; on pi; on box."
    )
    assert table.captions["latency"] == said
    assert said in table.statistics().to_markdown()
    assert said in table.summary().to_latex()
    assert said in table.statistics()._repr_html_()


def test_a_caption_says_how_plans_count() -> None:
    """What is usual too, which a reader of a paper does not know; both ways where there are two."""
    ways = ({"name": "latency"}, {"name": "latency", "transfers": "per-edge", "monotone": False})
    runs = tuple(run(plan=json.dumps({"objective": way})) for way in (*ways, *ways))
    said = "latency, transfers once, monotone; transfers per-edge, not monotone (speed-up"
    assert Table(rows=ROWS, runs=runs).captions["latency"].startswith(said)


def test_no_limit_is_said() -> None:
    """Not left open; without runs nothing is known of it."""
    assert "; no time limit; " in Table(rows=ROWS, runs=(run(),) * 4).captions["latency"]
    assert "limit" not in Table(rows=ROWS).captions["latency"]


def test_every_objective_has_its_lines_and_profiles() -> None:
    """They are not mixed, and profiles are of all solvers."""
    other = row(solver="hpa", objective="period", value=1.0)
    found = Table(rows=(*ROWS, other)).statistics()
    assert [(line.objective, line.solver) for line in found] == [
        ("latency", "device-only"),
        ("latency", "hpa"),
        ("period", "hpa"),
    ]
    assert [profile.solver for profile in found.profiles["latency"]] == ["device-only", "hpa"]


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"shift_s": -0.1}, {"shift_s": "1 ms"}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """In a sentence that names the argument."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Table(rows=ROWS).statistics(**wrong)


def test_a_summary_marks_means_over_other_instances() -> None:
    """hpa has a gap on i alone, d3 on both: its 0 % is of the easier one, perhaps. Both have times
    for all."""
    rows: list[Row] = [row(gap=0.0, value=1.0), row(instance="j")]
    rows += [row(solver="d3", instance=name, gap=0.5, value=2.0) for name in "ij"]
    hpa, d3 = summarised(rows)
    assert (hpa.not_comparable, d3.not_comparable) == ("mean_gap", "")
    assert str(summarised(rows)).splitlines()[3].split()[7:10] == ["0", "%", "*"]
