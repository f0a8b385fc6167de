"""The studies that come with splitfog: their quick slices run, and pages have their rows."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import splitfog as sf
from benchmarks.adaptation import study as adaptation
from benchmarks.language_models import rules
from benchmarks.partition import d3
from splitfog.cli import app
from splitfog.instances.records import changed
from splitfog.studies.comparison.contenders import contenders
from splitfog.studies.rows import Table
from tests.docs.pages import table

NAMES_THERE = {
    "water-fill speed=flops": "water-fill",
    "water-fill speed=block": "water-fill by block",
}
NAMES = [study.content.name for study in sf.shipped_studies()]


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_slice_runs_without_a_failure(name: str) -> None:
    """Whole and quick slice name solvers and instances that there are; a row says what it takes."""
    whole = sf.load_study(name)
    assert whole.path.stem == name and whole.content.title and whole.content.run_time
    rows = sf.run_study(name, quick=True)
    assert not [row for row in rows if row.status == "error"]
    if not whole.ways:
        contenders(whole.content.solvers, whole.content.options)
    assert len({row.solver for row in rows}) >= 3


def test_they_are_listed() -> None:
    """By name, with title and run time."""
    listed = json.loads(CliRunner().invoke(app, ["study", "list", "--json"]).stdout)
    assert [each["name"] for each in listed] == NAMES
    shown = CliRunner().invoke(app, ["study", "list"]).stdout
    assert all(each["title"] in shown and each["run_time"] in shown for each in listed)


def values(rows: Table) -> dict[tuple[str, str], float | None]:
    return {(row.solver, row.objective): row.value for row in rows}


def test_fleets_have_the_rows_of_their_page() -> None:
    """Of the fleet with seed 51 the optimum and the rules, to the nine digits that are stored."""
    study = sf.load_study("fleet")
    assert len(study.sources) == len(rules.SEEDS)
    stored = {row.way: row for row in rules.stored() if row.seed == 51}
    found = values(sf.run_study(changed(study, sources=(study.sources[51],))))
    for (solver, objective), value in found.items():
        way = f"optimum of {objective}" if solver == "pipeline" else NAMES_THERE.get(solver, solver)
        known = stored[way].value_s(objective)
        assert value == (None if known is None else pytest.approx(known, rel=1e-8)), way


def test_replays_have_the_rows_of_their_page() -> None:
    """NiN behind the LTE trace of seed 1: every way's mean to the seven digits that are stored."""
    study = sf.load_study("adaptation")
    lte = [own for own in study.courses if own.number == 1][1]
    nin = study.sources[11]
    rows = sf.run_study(changed(study, sources=(nin,), courses=(lte,)))
    stored = {
        f"{row['adapt']}, {row['seen']}": float(row["mean_s"])
        for row in adaptation.stored()
        if (row["setting"], row["model"], row["seed"]) == ("lte-to-edge", "nin", "1")
    }
    assert {row.solver: row.value for row in rows} == pytest.approx(stored, rel=1e-6)


def test_d3_has_the_gains_of_its_page() -> None:
    """AlexNet behind 3G, with 1, 2 and 4 edge nodes, as the page has them."""
    study = sf.load_study("d3")
    rows = sf.run_study(changed(study, sources=study.sources[:3]))
    line = d3.gains(rows).splitlines()[-1]
    assert line == f"| alexnet | {table('studies.md', 'd3')['alexnet'][0]} |"


def test_hpa_has_the_worst_gap_of_its_page() -> None:
    """GoogLeNet on a Pi 4 with 4G to the edge, which the quick slice has: 0.782 s for 0.417 s."""
    rows = {
        row.solver: row.value
        for row in sf.run_study("hpa-gap", quick=True)
        if "googlenet" in row.instance
    }
    plain, best = rows["hpa-plain"], rows["min-cut"]
    assert plain is not None and best is not None
    assert table("studies.md", "hpa-gap")["googlenet"][2] == f"{plain / best - 1:.1%}"
