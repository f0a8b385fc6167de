"""`splitfog study resume`: a comparison goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import progress_bar, solvers_are_quiet

EXAMPLES = ("splitfog study resume results --jobs 2",)


def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="that compare -o was given")],
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="processes")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="of a Dask cluster's, tcp://HOST:PORT: run there"),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="print a line a solver; DIR holds all rows")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="rows on standard output")] = False,
) -> int:
    """Run what is missing of the comparison that a folder was last given.

    It needs no other file: the instances are kept in the folder. A run is of the same solver, seed
    and limits as it would have been.

    Exit codes: 0 done, 2 wrong input, 5 a solver failed, 130 interrupted.
    """
    from splitfog.commands.compare import code_of, publish
    from splitfog.studies.study import resume_study

    with solvers_are_quiet(), progress_bar() as progress:
        table = resume_study(folder, jobs, progress, scheduler=scheduler)
    publish(table, folder, summary, as_json)
    return code_of(table, [])
