"""A comparison as a folder of files, and as a page of HTML that needs no other file."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from msgspec.structs import astuple

from splitfog._version import __version__
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.json_files import write_whole
from splitfog.instances.readable import html_table
from splitfog.studies.cells import headers, note_html, reservation, shown_cells
from splitfog.studies.exports import csv_text
from splitfog.studies.row import Declined
from splitfog.studies.rows import Table
from splitfog.studies.statistics.line import StatisticsRow
from splitfog.studies.store.database import RESULTS, is_store
from splitfog.studies.summary import Summary
from splitfog.studies.tables.statistics import Statistics
from splitfog.views.charts.gaps import gap_picture
from splitfog.views.charts.profiles import profile_picture
from splitfog.views.tables import title


def save_report(table: Table, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `results.sqlite`, `results.csv`, `report.html` and two pictures an objective.

    `statistics.csv` has a line a solver; `tables.md` and `tables.tex` have the summary and the
    statistics with captions.

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
        "statistics.csv": csv_text(StatisticsRow, statistics).encode(),
        "tables.md": f"{summary.to_markdown()}\n{statistics.to_markdown()}".encode(),
        "tables.tex": f"{summary.to_latex()}\n{statistics.to_latex()}".encode(),
    }
    for objective in table.objectives:
        if _has_plans(table, objective):
            contents[f"gaps-{objective}.png"] = gap_picture(table, objective, ".png")
            contents[f"profiles-{objective}.png"] = _profiles(table, statistics, objective, ".png")
    contents["report.html"] = _page(table, summary, statistics).encode()
    if not is_kept:
        table.to_sqlite(results[0])
    table.to_csv(results[1])
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [*results, *(folder / name for name in contents)]


def _has_plans(table: Table, objective: str) -> bool:
    return any(row.value is not None for row in table.of(objective))


def html_page(table: Table) -> str:
    """A page with, for every objective, summary, statistics, gaps, profiles and the rows."""
    return _page(table, table.summary(), table.statistics())


def _page(table: Table, summary: Summary, statistics: Statistics) -> str:
    parts = [f"<p>splitfog {__version__}, {len(table)} rows. Values in seconds.</p>"]
    if table.interrupted:
        parts.append("<p>Interrupted: what had not run is not here.</p>")
    for objective in table.objectives:
        rows = table.of(objective)
        parts.append(f"<h2>{escape(title(table, objective))}</h2>")
        parts.append(summary.section(objective).html())
        parts.append(f"<h3>Beside {escape(table.baseline)}</h3>")
        parts.append(statistics.section(objective).html())
        if _has_plans(table, objective):
            parts.append(_figure(gap_picture(table, objective, ".svg")))
            parts.append(_figure(_profiles(table, statistics, objective, ".svg")))
        lines = [(*shown_cells(row), row.reason or "") for row in rows]
        parts.append(html_table((*headers(objective), "reason"), lines))
        parts.append(note_html(reservation(rows)))
    if table.declined:
        parts.append("<h2>Solvers that do not apply</h2>")
        parts.append(html_table(Declined.__struct_fields__, list(map(astuple, table.declined))))
    return _PAGE.format(body="\n".join(parts))


def _profiles(table: Table, statistics: Statistics, objective: str, suffix: str) -> bytes:
    counted = ", ".join(filter(None, (objective, table.counting)))
    return profile_picture(statistics.profiles[objective], counted, suffix)


def _figure(picture: bytes) -> str:
    svg = picture.decode()
    return f"<figure>{svg[svg.index('<svg') :]}</figure>"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>splitfog: comparison</title>
<style>
body {{ font-family: sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; margin: 1em 0; font-size: 0.9em; }}
th, td {{ padding: 0.2em 0.8em; text-align: left; border-bottom: 1px solid #ddd; }}
th {{ background: #f3f3f3; }}
svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>Comparison</h1>
{body}
</body>
</html>
"""
