"""A comparison as a folder of files."""

from __future__ import annotations

import os
from pathlib import Path

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.json_files import write_whole
from splitfog.studies.exports import csv_text
from splitfog.studies.rows import Table
from splitfog.studies.statistics.line import StatisticsRow
from splitfog.studies.store.database import RESULTS, is_store
from splitfog.studies.summary import Summary, SummaryRow
from splitfog.studies.tables.statistics import Statistics
from splitfog.views.charts.gaps import gap_picture
from splitfog.views.charts.profiles import profile_picture
from splitfog.views.charts.times import times_picture
from splitfog.views.report_page.page import report_page

GAPS, PROFILES, TIMES = "gaps", "profiles", "times"
SHOWN = {
    GAPS: "Gaps of every solver",
    PROFILES: "Performance profiles",
    TIMES: "Mean gaps over run times",
}
"""What each picture of an objective shows."""


def save_report(table: Table, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `results.sqlite`, `results.csv`, `report.html` and three pictures an objective.

    `summary.csv` and `statistics.csv` have a line a solver; `tables.md` and `tables.tex` have both
    with captions: cost model, limits and machine. `report.html` needs no other file: beside all
    these it shows the plan of every row and holds the files of plans and instances.

    Where the table's rows are kept in the `results.sqlite` of that folder already, it stays.

    Parameters
    ----------
    table
        What `compare` gave.
    folder
        Is made where it does not exist.

    Returns
    -------
    list of Path
        What was written, each file whole or not at all.

    Raises
    ------
    ValueError
        For what is no table, or no path; where the folder keeps the rows of other comparisons.
    """
    table = record("table", table, Table, "a Table as compare gives it")
    folder = path_of("folder", folder)
    results = (folder / RESULTS, folder / "results.csv")
    is_kept = table.store is not None and table.store.resolve() == folder.resolve()
    if not is_kept and is_store(results[0]):
        raise ValueError(f"{folder} keeps other comparisons: another folder must be named")
    summary, statistics = table.summary(), table.statistics()
    contents = {
        "summary.csv": csv_text(SummaryRow, summary).encode(),
        "statistics.csv": csv_text(StatisticsRow, statistics).encode(),
        "tables.md": f"{summary.to_markdown()}\n{statistics.to_markdown()}".encode(),
        "tables.tex": f"{summary.to_latex()}\n{statistics.to_latex()}".encode(),
    }
    for objective, pictures in _charts(table, summary, statistics, ".png").items():
        contents |= {f"{name}-{objective}.png": picture for name, picture in pictures.items()}
    contents["report.html"] = _page(table, summary, statistics).encode()
    if not is_kept:
        table.to_sqlite(results[0])
    table.to_csv(results[1])
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [*results, *(folder / name for name in contents)]


def html_page(table: Table) -> str:
    """The page of a comparison: summaries, pictures, rows and the plan of each."""
    return _page(table, table.summary(), table.statistics())


def _page(table: Table, summary: Summary, statistics: Statistics) -> str:
    charts = {
        objective: {SHOWN[name]: picture for name, picture in pictures.items()}
        for objective, pictures in _charts(table, summary, statistics, ".svg").items()
    }
    return report_page(table, summary, statistics, charts)


def _charts(
    table: Table, summary: Summary, statistics: Statistics, suffix: str
) -> dict[str, dict[str, bytes]]:
    """By objective its pictures, none where nobody has a plan."""
    found: dict[str, dict[str, bytes]] = {}
    for objective in table.objectives:
        found[objective] = {}
        if all(row.value is None for row in table.of(objective)):
            continue
        counted = ", ".join(filter(None, (objective, table.counting)))
        lines = [line for line in summary if line.objective == objective]
        found[objective] = {
            GAPS: gap_picture(table, objective, suffix),
            PROFILES: profile_picture(statistics.profiles[objective], counted, suffix),
            TIMES: times_picture(lines, counted, suffix),
        }
    return found
