"""`splitfog import`: instances out of other people's formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put


def run(
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="msr")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a file of that format")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="INSTANCE", help="instance file to write")
    ],
) -> int:
    """Write an instance file from a file of another format.

    msr: workloads of github.com/msr-fiddle/dnn-partitioning, layers or operators, inference or
    training (solve them with --objective period --no-monotone).
    """
    from splitfog.instances.files import save_instance
    from splitfog.instances.importers import IMPORTERS, importer
    from splitfog.instances.lookup import look_up

    instance = importer(look_up(IMPORTERS, source_format, "format"))(file)
    save_instance(instance, output)
    put(f"{output}\n")
    return DONE
