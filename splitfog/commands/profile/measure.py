"""`splitfog profile measure`: what the layers of a real model take on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import DONE, put, require_writable, say, seconds

if TYPE_CHECKING:
    from splitfog.deployment.profiling.measure import Profile

EXAMPLES = ("splitfog profile measure net.onnx -o times.csv",)


def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="INSTANCE|MODEL", help="instance file, made by import onnx, or an ONNX file"
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="TIMES", help="CSV file to write")
    ],
    runs: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="how often it is run  [default: 30 to 200, for 2 s]"),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="the node or tier that this machine is  [default: the source of the first task]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of the inputs")] = 0,
    input_dims: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=1x3x224x224", help="MODEL: dimensions of an input left open"
        ),
    ] = None,
    level: Annotated[
        str, typer.Option(metavar="NAME", help="MODEL: how far to optimise: basic, extended or all")
    ] = "extended",
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="the canonical model, if not beside the instance"),
    ] = None,
    pause_s: Annotated[
        float,
        typer.Option(min=0, metavar="S", help="rest before every run, as between requests"),
    ] = 0.0,
) -> int:
    """Measure how long each layer of a real model takes on this machine, in CPU seconds.

    The model is run on random inputs, on one thread, by ONNX Runtime. The layers' times add up to
    the CPU time of a whole run, which other programs disturb little. TIMES says beside each time
    how far runs differ and whether it is reliable, and what the layer does, for profile fit.
    """
    from splitfog.commands.instances.import_file import input_dims_of
    from splitfog.deployment.profiling.measure import measure_times
    from splitfog.instances.times import save_times

    require_writable(output)
    inputs = input_dims_of(input_dims or [])
    found = measure_times(
        file,
        node=node,
        runs=runs,
        seed=seed,
        inputs=inputs,
        level=level,
        model=model,
        pause_s=pause_s,
    )
    save_times(found.times, output)
    put(f"{output}\n")
    say(*_summary(found))
    return DONE


def _summary(found: Profile) -> list[str]:
    cpu, wall = seconds(found.run_s), seconds(found.wall_s)
    lines = [f"{found.model}: {cpu} of CPU a run, {wall} by the clock, {found.runs} runs"]
    return [*lines, f"not reliable: {found.doubt}"] if found.doubt else lines
