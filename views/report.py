"""A comparison shown: tables on a terminal, CSV, a database, a page of HTML, and pictures."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from html import escape
from math import exp, log
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from msgspec.structs import astuple

from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.files import write_whole
from splitfog.studies.rows import COLUMNS, Declined, Row, Table

if TYPE_CHECKING:
    from rich.table import Table as Grid

_TYPES = {
    "seed": "INTEGER",
    **dict.fromkeys(("value", "lower_bound", "gap", "speedup", "runtime_s"), "REAL"),
}
HEADERS = ("instance", "solver", "seed", "value s", "gap", "speed-up", "seconds", "status")


def save_report(table: Table, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `results.sqlite`, `results.csv`, `report.html` and a picture an objective.

    Each file is written whole or not at all; the paths are returned.
    """
    folder = Path(folder)
    contents = {"results.sqlite": sqlite_bytes(table), "results.csv": csv_text(table).encode()}
    for objective in table.objectives:
        if any(row.gap is not None for row in table.of(objective)):
            contents[f"gaps-{objective}.png"] = gap_picture(table, objective, "png")
    contents["report.html"] = html_page(table).encode()
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [folder / name for name in contents]


def print_tables(table: Table, file: IO[str] | None = None) -> None:
    """Print one table an objective, as wide as needed where `file` is no terminal."""
    from rich import box
    from rich.table import Table as Grid

    seeds = len({row.seed for row in table}) > 1
    for objective in table.objectives:
        grid = Grid(title=_title(table, objective), box=box.SIMPLE_HEAD, title_justify="left")
        grid.show_edge = False
        for header in HEADERS:
            if seeds or header != "seed":
                text = header in ("instance", "solver", "status")
                grid.add_column(header, justify="left" if text else "right", overflow="fold")
        rows = table.of(objective)
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            last = following is not None and following.instance != row.instance
            cells = shown_cells(row)
            grid.add_row(*(cells if seeds else cells[:2] + cells[3:]), end_section=last)
        print_grid(grid, file)


def print_grid(grid: Grid, file: IO[str] | None = None) -> None:
    """Print a rich table and an empty line, without the blanks that rich leaves at line ends."""
    from rich.console import Console

    console = Console(file=file, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    with console.capture() as captured:
        console.print(grid)
    lines = captured.get().rstrip().splitlines()
    console.file.write("".join(f"{line.rstrip()}\n" for line in [*lines, ""]))


def shown_cells(row: Row) -> tuple[str, ...]:
    """The cells of a row under `HEADERS`; a dash where there is no number."""
    stopped = row.stopped_by not in (None, "finished")
    return (
        row.instance,
        row.solver,
        str(row.seed),
        "-" if row.value is None else f"{row.value:.6g}",
        percent(row.gap),
        "-" if row.speedup is None else f"{row.speedup:.3g}x",
        "-" if row.runtime_s is None else f"{row.runtime_s:.4f}",
        f"{row.status} ({row.stopped_by})" if stopped else row.status,
    )


def percent(gap: float | None) -> str:
    """A gap in per cent: 0 where it counts as proven, never 0.00 where it does not."""
    if gap is None:
        return "-"
    if gap <= OPTIMALITY_GAP:
        return "0 %"
    return f"{100 * gap:.2f} %" if gap >= 5e-5 else "< 0.01 %"


def _title(table: Table, objective: str) -> str:
    counting = f", {table.counting}" if table.counting else ""
    return f"{objective}{counting} (speed-up over {table.baseline})"


def csv_text(table: Table) -> str:
    """The rows as CSV with a header; numbers unrounded, None an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in table)
    return text.getvalue()


def sqlite_bytes(table: Table) -> bytes:
    """A database file with the tables `results` and `declined`."""
    with closing(sqlite3.connect(":memory:")) as database:
        _fill(database, "results", COLUMNS, table.rows)
        _fill(database, "declined", Declined.__struct_fields__, table.declined)
        database.commit()
        return database.serialize()


def _fill(
    database: sqlite3.Connection, name: str, columns: Sequence[str], records: Sequence[Any]
) -> None:
    typed = ", ".join(f"{column} {_TYPES.get(column, 'TEXT')}" for column in columns)
    marks = ", ".join("?" * len(columns))
    database.execute(f"CREATE TABLE {name} ({typed})")
    database.executemany(f"INSERT INTO {name} VALUES ({marks})", map(astuple, records))


SUMMARY = ("solver", "plans", "proven", "mean gap", "worst gap", "speed-up", "seconds")


def summary(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """For each solver under `SUMMARY`: plans, proofs, gaps, geometric mean speed-up, seconds."""
    lines: list[tuple[str, ...]] = []
    for solver in dict.fromkeys(row.solver for row in rows):
        own = [row for row in rows if row.solver == solver]
        gaps = [row.gap for row in own if row.gap is not None]
        logs = [log(row.speedup) for row in own if row.speedup]
        lines.append(
            (
                solver,
                f"{sum(row.value is not None for row in own)} of {len(own)}",
                str(sum(row.status == "optimal" for row in own)),
                percent(sum(gaps) / len(gaps) if gaps else None),
                percent(max(gaps, default=None)),
                f"{exp(sum(logs) / len(logs)):.3g}x" if logs else "-",
                f"{sum(row.runtime_s or 0.0 for row in own):.3f}",
            )
        )
    return lines


def html_page(table: Table) -> str:
    """A page with, for every objective, a summary, the picture of gaps and the rows."""
    from splitfog import __version__

    parts = [f"<p>splitfog {__version__}, {len(table)} rows. Values in seconds.</p>"]
    if table.interrupted:
        parts.append("<p>Interrupted: what had not run is not here.</p>")
    for objective in table.objectives:
        rows = table.of(objective)
        parts.append(f"<h2>{escape(_title(table, objective))}</h2>")
        parts.append(_html_table(SUMMARY, summary(rows)))
        if any(row.gap is not None for row in rows):
            svg = gap_picture(table, objective, "svg").decode()
            parts.append(f"<figure>{svg[svg.index('<svg') :]}</figure>")
        lines = [(*shown_cells(row), row.reason or "") for row in rows]
        parts.append(_html_table((*HEADERS, "reason"), lines))
    if table.declined:
        parts.append("<h2>Solvers that do not apply</h2>")
        parts.append(_html_table(Declined.__struct_fields__, list(map(astuple, table.declined))))
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


def _html_table(headers: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in line) + "</tr>"
        for line in lines
    ]
    return "\n".join(["<table>", f"<tr>{head}</tr>", *body, "</table>"])


def gap_picture(table: Table, objective: str, form: str) -> bytes:
    """A picture (`png` or `svg`): each solver's gap on every instance, and its mean.

    The scale is linear up to 1 % and logarithmic beyond, so that 0 and 1,000 % both fit.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = [row for row in table.of(objective) if row.gap is not None]
    solvers = list(dict.fromkeys(row.solver for row in rows))[::-1]
    with rc_context({"svg.hashsalt": "splitfog", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 1.2 + 0.32 * len(solvers)), layout="constrained")
        axes = figure.subplots()
        for height, solver in enumerate(solvers):
            gaps = [100 * row.gap for row in rows if row.solver == solver and row.gap is not None]
            axes.plot(gaps, [height] * len(gaps), "o", color="tab:blue", alpha=0.45, clip_on=False)
            axes.plot(sum(gaps) / len(gaps), height, "|", color="tab:red", ms=16, mew=2)
        worst = max(100 * row.gap for row in rows if row.gap is not None)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(-0.05, max(1.0, worst) * 1.2)
        ticks = [0.0, *(10.0**power for power in range(16) if 10.0**power <= max(1.0, worst))]
        axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks], minor=False)
        axes.minorticks_off()
        axes.set_yticks(range(len(solvers)), solvers)
        axes.set_ylim(-0.6, len(solvers) - 0.4)
        axes.set_xlabel("gap to the best bound in % (each dot one instance, red: mean)")
        axes.set_title(f"{objective}{', ' if table.counting else ''}{table.counting}")
        axes.grid(axis="x", alpha=0.3)
        picture = io.BytesIO()
        figure.savefig(
            picture, format=form, dpi=130, metadata={"Date": None} if form == "svg" else None
        )
    return picture.getvalue()
