"""`splitfog study status`: how far a comparison is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put, put_json, say

EXAMPLES = ("splitfog study status results",)


def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="that compare -o was given")],
    as_json: Annotated[bool, typer.Option("--json", help="counts on standard output")] = False,
) -> int:
    """Say how far the comparison in a folder is, whether or not it is under way.

    Exit codes: 0 done, 2 wrong input.
    """
    from msgspec.structs import astuple

    from splitfog.studies.cells import text_table
    from splitfog.studies.study import Standing, study_status

    found = study_status(folder)
    if as_json:
        put_json(found)
        return DONE
    lines = [tuple(map(str, astuple(standing))) for standing in found.solvers]
    whose = "" if found.name is None else f"study {found.name}: "
    put(f"{whose}{found.finished} of {found.asked} runs have ended\n")
    put(text_table(Standing.__struct_fields__, lines, left=1) + "\n")
    for version, count in found.others.items():
        say(f"also there: {count} rows of splitfog {version} that are none of this comparison")
    return DONE
