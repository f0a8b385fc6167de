"""A comparison as text: tables on a terminal, and the cells that pages show too."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import IO, TYPE_CHECKING

from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.studies.row import Row
from splitfog.studies.rows import Table

if TYPE_CHECKING:
    from rich.table import Table as Grid

HEADERS = ("instance", "solver", "seed", "value s", "gap", "speed-up", "seconds", "status")


def print_tables(table: Table, file: IO[str] | None = None) -> None:
    """Print one table an objective.

    Parameters
    ----------
    table
        What `compare` gave.
    file
        Where to; None: standard output. As wide as needed where it is no terminal.
    """
    from rich import box
    from rich.table import Table as Grid

    seeds = len({row.seed for row in table}) > 1
    for objective in table.objectives:
        grid = Grid(title=title(table, objective), box=box.SIMPLE_HEAD, title_justify="left")
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


def title(table: Table, objective: str) -> str:
    """What stands above the rows of an objective."""
    counting = f", {table.counting}" if table.counting else ""
    return f"{objective}{counting} (speed-up over {table.baseline})"


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
