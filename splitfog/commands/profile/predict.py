"""`splitfog profile predict`: times of layers that nobody has measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put, require_writable, say

EXAMPLES = ("splitfog profile predict alexnet.json --predictor pi.json -o times.csv",)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    predictor: Annotated[Path, typer.Option(metavar="FILE", help="what profile fit wrote")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="TIMES", help="CSV file to write")
    ],
    node: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="the node or tier that the predictor is of  [default: as it says]",
        ),
    ] = None,
) -> int:
    """Predict how long each layer of an instance takes on the machine that a predictor is of.

    profile apply puts the times into the instance.
    """
    from splitfog.deployment.profiling.predictor import load_predictor
    from splitfog.instances.files import load_instance
    from splitfog.instances.times import save_times

    require_writable(output)
    instance, law = load_instance(file), load_predictor(predictor)
    save_times(law.times(instance, node), output)
    put(f"{output}\n")
    if unknown := law.unknown_kinds(instance):
        told = ", ".join(f"{kind} ({count})" for kind, count in unknown.items())
        say(f"layers of kinds that the predictor has no law of, predicted as any: {told}")
    return DONE
