"""`splitfog completion`: a shell completes commands, options and names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import COMPLETE, DONE, put, say

EXAMPLES = ("splitfog completion bash", "splitfog completion zsh --install")

SHELLS = ("bash", "zsh", "fish")


def run(
    shell: Annotated[
        str | None,
        typer.Argument(
            metavar="SHELL",
            help="bash, zsh or fish  [default: that of $SHELL]",
            autocompletion=lambda: list(SHELLS),
        ),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="write it where the shell reads it when it starts")
    ] = False,
) -> int:
    """Print the script by which a shell completes commands, options and names.

    Names are those of solvers, families and their options' values, objectives, formats and studies.

    Exit codes: 0 done, 2 wrong input.
    """
    from typer import completion

    asked = Path(os.environ.get("SHELL", "")).name if shell is None else shell
    if asked not in SHELLS:
        raise ValueError(f"SHELL = {asked!r}, must be {', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    how = {"prog_name": "splitfog", "complete_var": COMPLETE, "shell": asked}
    if install:
        _, path = completion.install(**how)  # type: ignore[attr-defined]
        say(f"written: {path}", "splitfog: a new shell completes")
    else:
        put(completion.get_completion_script(**how) + "\n")  # type: ignore[attr-defined]
    return DONE
