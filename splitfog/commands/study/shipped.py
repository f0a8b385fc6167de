"""`splitfog study list`: the studies that come along."""

from __future__ import annotations

from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put, put_json

EXAMPLES = ("splitfog study list",)


def run(
    as_json: Annotated[bool, typer.Option("--json", help="studies on standard output")] = False,
) -> int:
    """Name the studies that come with splitfog, what each shows, and how long it takes.

    `splitfog compare --study NAME -o DIR` runs one, with --quick a small part of it.

    Exit codes: 0 done.
    """
    from splitfog.studies.study_files.reading import shipped_studies

    found = [study.content for study in shipped_studies()]
    if as_json:
        put_json(
            [{key: getattr(own, key) for key in ("name", "title", "run_time")} for own in found]
        )
        return DONE
    for own in found:
        put(f"{own.name}: {own.title}\n  {own.run_time}\n")
    return DONE
