"""`splitfog study export`: the report of what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, say

EXAMPLES = ("splitfog study export results",)


def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="that compare -o was given")],
) -> int:
    """Write the tables, the page and the pictures of what has ended of a folder's comparison.

    Exit codes: 0 done, 2 wrong input.
    """
    from splitfog.studies.study import study_table
    from splitfog.views.report import save_report

    for path in save_report(study_table(folder), folder):
        say(f"written: {path}")
    return DONE
