"""`splitfog schema`: what a kind of file may say, as JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put_json, require_writable

EXAMPLES = (
    "splitfog schema instance -o instance.schema.json",
    "splitfog schema plan",
)


def run(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="instance, plan, policy, plan-table, front, trace, events, manifest, predictor "
            "or study",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="file to write")
    ] = None,
) -> int:
    """Print the JSON Schema of a kind of file.

    Editors that know it complete names and mark mistakes while one writes: give its path as
    `$schema` in an instance file, which splitfog ignores.

    Exit codes: 0 done, 2 wrong input.
    """
    from splitfog.instances.json_files import encode, write_whole
    from splitfog.schemas import json_schema

    schema = json_schema(kind)
    if output is None:
        put_json(schema)
    else:
        require_writable(output)
        write_whole(output, encode(schema))
    return DONE
