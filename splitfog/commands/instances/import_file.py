"""`splitfog import`: instances out of other people's formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from splitfog.commands.shell import DONE, put, say

EXAMPLES = ("splitfog import onnx net.onnx --input x=1x3x224x224 -o net.json",)

SETTINGS: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}
}


def run(
    context: typer.Context,
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="msr or onnx")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a file of that format")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="INSTANCE", help="instance file to write")
    ],
    input_dims: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=1x3x224x224", help="onnx: dimensions of an input left open"
        ),
    ] = None,
    level: Annotated[
        str, typer.Option(metavar="NAME", help="onnx: how far to optimise: basic, extended or all")
    ] = "extended",
    nodes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="onnx: instance file that gives nodes, links and tasks"),
    ] = None,
    family: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="onnx: without --nodes, the family that gives them (see generate)"
        ),
    ] = "three-tier",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="onnx: of the family")] = 0,
) -> int:
    """Write an instance file from a file of another format.

    msr: workloads of github.com/msr-fiddle/dnn-partitioning, layers or operators, inference or
    training (solve them with --objective period --no-monotone).

    onnx: a model, one layer an operator, on the nodes of --nodes or of a --family, whose own
    options (as --edge-cloud 4g) may follow. The optimised model is written beside the instance.
    """
    from splitfog.instances.importers import IMPORTERS, importer
    from splitfog.instances.lookup import look_up

    if source_format == "onnx":
        _onnx(context.args, file, output, input_dims or [], level, nodes, family, seed)
        return DONE
    if context.args:
        raise ValueError(
            f"argument {context.args[0]!r} belongs to no option of import {source_format}"
        )
    known = [*IMPORTERS, "onnx"]
    look_up(dict.fromkeys(known, None), source_format, "format")
    from splitfog.instances.files import save_instance

    save_instance(importer(IMPORTERS[source_format])(file), output)
    put(f"{output}\n")
    return DONE


def _onnx(
    arguments: list[str],
    file: Path,
    output: Path,
    input_dims: list[str],
    level: str,
    nodes: Path | None,
    family: str,
    seed: int,
) -> None:
    from splitfog.commands.instances.generate import family_options
    from splitfog.deployment.models.onnx_import import canonical_path, import_onnx
    from splitfog.instances.changes import MODEL_FILE
    from splitfog.instances.generators import FAMILIES
    from splitfog.instances.lookup import look_up

    chosen = look_up(FAMILIES, family, "family")
    if nodes is not None and arguments:
        raise ValueError(f"argument {arguments[0]!r} belongs to a family, but --nodes is given")
    instance = import_onnx(
        file,
        output,
        inputs=dict(_dims(text) for text in input_dims),
        level=level,
        nodes=nodes,
        family=family,
        options=chosen.parse(family_options(chosen, arguments)),
        seed=seed,
    )
    for note in instance.meta[MODEL_FILE]["notes"]:
        say(f"splitfog: {file.name}: {note}")
    put(f"{output}\n{canonical_path(output)}\n")


def _dims(text: str) -> tuple[str, tuple[int, ...]]:
    """Name and dimensions of `NAME=1x3x224x224`; a scalar is `NAME=`."""
    name, equals, sizes = text.rpartition("=")
    parts = sizes.split("x") if sizes else []
    if not equals or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--input {text!r}, must be NAME=DIMENSIONS, as x=1x3x224x224")
    return name, tuple(map(int, parts))
