"""`splitfog bands`: how far each figure may move before another plan is optimal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import (
    DONE,
    INFEASIBLE,
    put,
    put_json,
    say,
    seconds,
    solvers_are_quiet,
    split_list,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splitfog.formulations.parametric.plan_bands import PlanBands

EXAMPLES = (
    "splitfog bands alexnet.json",
    "splitfog bands alexnet.json --layers conv1,fc6 --json",
)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    layers: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B,...", help="whose times are looked at  [default: all]"),
    ] = None,
    transfers: Annotated[str, typer.Option(metavar="NAME", help="once or per-edge")] = "once",
    monotone: Annotated[
        bool, typer.Option("--monotone/--no-monotone", help="data never goes back to the device")
    ] = True,
    rows: Annotated[int, typer.Option(min=0, metavar="N", help="layers shown, the tightest")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="all bands on standard output, those of other nodes too")
    ] = False,
) -> int:
    """Say how far each figure may move before the optimal plan is another one.

    Of every bandwidth and every node's load from where to where the plan stays, and of every
    layer how long it may take where it is: each as if it alone moved. Exact, by minimum cuts.

    Exit codes: 0 done, 2 wrong input or min-cut does not apply, 3 proven infeasible.
    """
    from splitfog.solvers.parametric.plan_bands import plan_bands

    names = split_list(layers) if layers else None
    with solvers_are_quiet():
        found = plan_bands(file, layers=names, transfers=transfers, monotone=monotone)
    if as_json:
        put_json(found.rows())
    elif found.value is not None:
        _print(found, rows)
    if found.value is None:
        say(f"splitfog: {found.instance}: {found.status}: {found.reason}")
        return INFEASIBLE
    return DONE


def _print(found: PlanBands, most: int) -> None:
    put(f"{found.instance}: {found.objective} {seconds(found.value)}\n")
    put(f"{found.cuts} cuts in {seconds(found.runtime_s)}\n\n")
    figures = [
        (band.name, *map(band.shown, (band.value, band.low, band.high))) for band in found.figures
    ]
    _grid(("figure", "is", "plan stays from", "to"), figures)
    tightest = found.by_tightness
    layers = [
        (
            band.layer,
            band.node,
            seconds(band.time_s),
            seconds(band.high_s),
            f"{band.factor:.4g}",
            band.moves_to or "",
        )
        for band in tightest[:most]
    ]
    if layers:
        _grid(("layer", "on", "takes", "plan stays to", "times as long", "then on"), layers)
    if len(tightest) > most:
        put(f"and {len(tightest) - most} more layers\n")


def _grid(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.views.tables import print_grid

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for header in headers:
        grid.add_column(header, justify="left" if header in ("figure", "layer", "on") else "right")
    for row in rows:
        grid.add_row(*row)
    print_grid(grid)
    put("\n")
