"""`splitfog pareto`: plans of which none is better in everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import (
    DONE,
    INFEASIBLE,
    INTERRUPTED,
    UNKNOWN,
    amount,
    put,
    require_writable,
    say,
    seconds,
    solvers_are_quiet,
)

if TYPE_CHECKING:
    from splitfog.formulations.fronts.front import Front
    from splitfog.instances.instance import Instance

PICTURES = (".png", ".svg")
_OVER = {"placements": "placements", "contiguous": "contiguous placements"}
MOST_ROWS = 40

EXAMPLES = ("splitfog pareto alexnet.json --objectives latency,period -o front.json",)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    objectives: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="latency, makespan, period, latency:PASS, period:PASS, memory:NODE, "
            "bytes:FROM,TO  [required]",
        ),
    ] = None,
    transfers: Annotated[str, typer.Option(metavar="NAME", help="once or per-edge")] = "once",
    monotone: Annotated[
        bool, typer.Option("--monotone/--no-monotone", help="data never goes back to the device")
    ] = True,
    contiguous: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="line or ring: a node's layers follow one another"),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="exact, supported or archive  [default: the best in time]"
        ),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="seconds  [default: 60]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of the search")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE|DIR", help=".json: the front; else plans too"),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the first two objectives: .png or .svg")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="the front file on standard output")
    ] = False,
) -> int:
    """Weigh objectives against each other.

    The points are labelled: exact (all there are), supported (the convex hull) or archive (a
    search, without proof).

    Exit codes: 0 done, 2 wrong input, 3 proven infeasible, 4 no plan found, 130 interrupted (what
    was found is printed and written).
    """
    from splitfog.instances.files import load_instance
    from splitfog.solvers.fronts.pareto import pareto

    if objectives is None:
        raise ValueError("--objectives is missing, such as --objectives latency,period")
    if picture is not None and picture.suffix not in PICTURES:
        raise ValueError(f"--picture = {str(picture)!r}, must end in {' or '.join(PICTURES)}")
    if output is not None:
        require_writable(output if _is_file(output) else output / "front.json")
    if picture is not None:
        require_writable(picture)
    instance = load_instance(file)
    with solvers_are_quiet():
        front = pareto(
            instance,
            objectives,
            transfers=transfers,
            monotone=monotone,
            kind=kind,
            contiguous=contiguous,
            time_limit_s=time_limit,
            seed=seed,
        )
        if picture is not None and front.points:
            _draw(instance, front, picture)
    if output is not None:
        _write(instance, front, output)
    if as_json:
        put(front.to_json())
    else:
        _print(instance, front)
    return _code(front)


def _is_file(path: Path) -> bool:
    return path.name.endswith((".json", ".json.gz"))


def _code(front: Front) -> int:
    if front.stopped_by == "interrupted":
        return INTERRUPTED
    if front.points:
        return DONE
    say(f"splitfog: {front.instance}: {front.status}: {front.reason or 'nothing was found'}")
    return INFEASIBLE if front.status == "infeasible" else UNKNOWN


def _write(instance: Instance, front: Front, path: Path) -> None:
    """The front; in a folder also a plan file for every point."""
    from splitfog.formulations.evaluation.describe import describe
    from splitfog.formulations.fronts.front import save_front
    from splitfog.formulations.plan import decision_of, save_plan

    if _is_file(path):
        save_front(front, path)
        return
    save_front(front, path / "front.json")
    for at in range(len(front.points)):
        plan = front.plan(at)
        full = describe(instance, decision_of(instance, plan), plan.objective, status="feasible")
        save_plan(full, path / f"plan-{at + 1:03}.json")
    say(f"written: {path}")


def _draw(instance: Instance, front: Front, path: Path) -> None:
    from splitfog.views.charts.front import draw_front

    draw_front(instance, front, path)
    say(f"written: {path}")


def _print(instance: Instance, front: Front) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.formulations.fronts.criteria import unit_of
    from splitfog.views.tables import print_grid

    stopped = "" if front.stopped_by == "finished" else f", stopped by {front.stopped_by}"
    held = f", contiguous in a {front.contiguous}" if front.contiguous else ""
    put(f"{instance.name}: {' x '.join(front.objectives)}{held}\n")
    over = "" if front.kind == "archive" else f" over {_OVER[front.proven_over]}"
    put(f"front    {front.kind}: {len(front.points)} points{over}{stopped}\n")
    put(f"method   {front.method}, {seconds(front.runtime_s)}\n")
    if not front.points:  # why is said on standard error
        return
    if front.reason:
        put(f"reason   {front.reason}\n")
    put("\n")
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    grid.add_column("point", justify="right")
    for name in front.objectives:
        grid.add_column(name, justify="right")
    grid.add_column("layers")
    for at, point in list(enumerate(front.points, 1))[:MOST_ROWS]:
        cells = [
            amount(value) if unit_of(name) == "B" else seconds(value)
            for name, value in zip(front.objectives, point.values, strict=True)
        ]
        counts: dict[str, int] = {}
        for task in point.tasks:
            for node in task.placement.values():
                counts[node] = counts.get(node, 0) + 1
        layers = ", ".join(f"{node} {count}" for node, count in counts.items())
        grid.add_row(str(at), *cells, layers)
    print_grid(grid)
    if len(front.points) > MOST_ROWS:
        put(f"and {len(front.points) - MOST_ROWS} more points (--json shows all)\n")
