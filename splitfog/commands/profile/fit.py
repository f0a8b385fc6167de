"""`splitfog profile fit`: a latency predictor out of measured times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import DONE, put, put_json, require_writable, say, seconds

if TYPE_CHECKING:
    from splitfog.deployment.profiling.predictor import Predictor

EXAMPLES = ("splitfog profile fit times.csv -o pi.json",)


def run(
    times: Annotated[
        list[Path],
        typer.Argument(metavar="TIMES", help="CSV files of profile measure, all of one machine"),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PREDICTOR", help="JSON file to write")
    ],
    node: Annotated[
        str | None, typer.Option(metavar="NAME", help="whose times, if they are of several nodes")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="the predictor, on standard output")
    ] = False,
) -> int:
    """Fit a predictor of layers' times to measured ones, and say how good it is.

    Each kind of layer gets a law: its seconds are linear in FLOP, bytes read, bytes written, bytes
    of weights, none of them negative. Of several models, each is predicted by a fit to the others:
    that error is what to expect of a model that was never measured.
    """
    from splitfog.deployment.profiling.fitting import fit_files
    from splitfog.deployment.profiling.predictor import save_predictor

    require_writable(output)
    found = fit_files(times, node)
    save_predictor(found, output)
    if as_json:
        put_json(found)
    else:
        put(_report(found, output))
    if len(found.models) < 2:
        say("no errors: times of one model do not say how well others are predicted")
    return DONE


def _report(found: Predictor, output: Path) -> str:
    from statistics import median

    lines = []
    if found.errors:
        rows = [("model", "layers", "measured", "predicted", "error")]
        rows += [
            (
                each.model,
                str(each.layers),
                seconds(each.measured_s),
                seconds(each.predicted_s),
                f"{each.error:.1%}",
            )
            for each in found.errors
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        errors = [each.error for each in found.errors]
        lines.append(
            f"each predicted by the others: median error {median(errors):.1%}, "
            f"worst {max(errors):.1%}"
        )
    lines.append(f"{output}: {len(found.laws) - 1} kinds of layers, {len(found.models)} models")
    return "\n".join(lines) + "\n"
