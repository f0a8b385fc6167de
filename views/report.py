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
from splitfog.studies.row import Declined
from splitfog.studies.rows import Table
from splitfog.studies.store.database import RESULTS, is_store
from splitfog.studies.summary import HEADERS as SUMMARY
from splitfog.studies.summary import summary_cells
from splitfog.views.charts.gaps import gap_picture
from splitfog.views.tables import title


def save_report(table: Table, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `results.sqlite`, `results.csv`, `report.html` and a picture an objective.

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
    pictures = {
        folder / f"gaps-{objective}.png": gap_picture(table, objective, ".png")
        for objective in table.objectives
        if _has_plans(table, objective)
    }
    contents = {**pictures, folder / "report.html": html_page(table).encode()}
    if not is_kept:
        table.to_sqlite(results[0])
    table.to_csv(results[1])
    for path, content in contents.items():
        write_whole(path, content)
    return [*results, *contents]


def _has_plans(table: Table, objective: str) -> bool:
    return any(row.value is not None for row in table.of(objective))


def html_page(table: Table) -> str:
    """A page with, for every objective, a summary, the picture of gaps and the rows."""
    parts = [f"<p>splitfog {__version__}, {len(table)} rows. Values in seconds.</p>"]
    if table.interrupted:
        parts.append("<p>Interrupted: what had not run is not here.</p>")
    summary = table.summary()
    for objective in table.objectives:
        rows = table.of(objective)
        parts.append(f"<h2>{escape(title(table, objective))}</h2>")
        parts.append(
            html_table(
                SUMMARY, [summary_cells(line) for line in summary if line.objective == objective]
            )
        )
        if _has_plans(table, objective):
            svg = gap_picture(table, objective, ".svg").decode()
            parts.append(f"<figure>{svg[svg.index('<svg') :]}</figure>")
        lines = [(*shown_cells(row), row.reason or "") for row in rows]
        parts.append(html_table((*headers(objective), "reason"), lines))
        parts.append(note_html(reservation(rows)))
    if table.declined:
        parts.append("<h2>Solvers that do not apply</h2>")
        parts.append(html_table(Declined.__struct_fields__, list(map(astuple, table.declined))))
    return _PAGE.format(body="\n".join(parts))


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
