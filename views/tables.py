"""A comparison as text: tables on a terminal."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from splitfog.formulations.overview import percent as percent
from splitfog.instances.arguments import record, wrong
from splitfog.studies.cells import headers, reservation, shown_cells
from splitfog.studies.rows import Table
from splitfog.studies.tables.caption import setting

if TYPE_CHECKING:
    from rich.table import Table as Grid


def print_tables(table: Table, file: IO[str] | None = None) -> None:
    """Print one table an objective.

    Parameters
    ----------
    table
        What `compare` gave.
    file
        Where to; None: standard output. As wide as needed where it is no terminal.

    Raises
    ------
    ValueError
        For anything else.
    """
    from rich import box
    from rich.table import Table as Grid

    table = record("table", table, Table, "a Table as compare gives it")
    if file is not None and not hasattr(file, "write"):
        raise wrong("file", file, "what has a method write")
    seeds = len({row.seed for row in table}) > 1
    for objective in table.objectives:
        grid = Grid(title=title(table, objective), box=box.SIMPLE_HEAD, title_justify="left")
        grid.show_edge = False
        for header in headers(objective):
            if seeds or header != "seed":
                text = header in ("instance", "solver", "status")
                grid.add_column(header, justify="left" if text else "right", overflow="fold")
        rows = table.of(objective)
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            last = following is not None and following.instance != row.instance
            cells = shown_cells(row)
            grid.add_row(*(cells if seeds else cells[:2] + cells[3:]), end_section=last)
        grid.caption, grid.caption_justify = reservation(rows) or None, "left"
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


def title(table: Table, objective: str) -> str:
    """What stands above the rows of an objective."""
    return setting(objective, table.baseline, table.counting)
