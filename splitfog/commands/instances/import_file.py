"""`splitfog import`: instances and times out of other people's formats."""

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
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="msr, onnx or times")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a file of that format")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="INSTANCE|TIMES", help="file to write")
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
    form: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="times: who wrote the file: trtexec or onnxruntime"),
    ] = None,
    node: Annotated[
        str | None, typer.Option(metavar="NAME", help="times: the node or tier that was measured")
    ] = None,
    instance: Annotated[
        Path | None, typer.Option(metavar="FILE", help="times: instance file that has the layers")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="times: of the instance, if it has several")
    ] = None,
    times: Annotated[
        Path | None,
        typer.Option(metavar="TIMES", help="onnx: CSV with the columns layer, node, seconds"),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="onnx: of reading and optimising")
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(metavar="BYTES", help="onnx: of reading and optimising")
    ] = None,
) -> int:
    """Write an instance file, or one of times, from a file of another format.

    msr: workloads of github.com/msr-fiddle/dnn-partitioning, layers or operators, inference or
    training (solve them with --objective period --no-monotone).

    onnx: a model, one layer an operator, on the nodes of --nodes or of a --family, whose own
    options (as --edge-cloud 4g) may follow. The optimised model is written beside the instance.
    Another process reads and optimises it, which runs nothing but constants (docs/real-models.md).

    times: the JSON of trtexec --exportProfile or of ONNX Runtime's profiling, as a CSV file for
    profile apply. With --instance, fused layers are shared out and names that are no layers told.

    splitfog import onnx model.onnx -o instance.json --input x=1x3x224x224
    """
    from splitfog.commands.instances.import_times import import_times
    from splitfog.instances.importers import IMPORTERS, importer
    from splitfog.instances.lookup import look_up

    given = {
        "nodes": nodes,
        "times": times,
        "time_limit_s": time_limit,
        "memory_limit_bytes": memory_limit,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if source_format == "onnx":
        options |= {"level": level, "seed": seed}
        _onnx(context.args, file, output, input_dims or [], family, options)
        return DONE
    if options or input_dims:
        raise ValueError(f"import {source_format} takes none of the options of import onnx")
    if context.args:
        raise ValueError(
            f"argument {context.args[0]!r} belongs to no option of import {source_format}"
        )
    if source_format == "times":
        import_times(file, output, form, node, instance, model)
        return DONE
    known = [*IMPORTERS, "onnx", "times"]
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
    family: str,
    options: dict[str, Any],
) -> None:
    from splitfog.commands.instances.generate import family_options
    from splitfog.deployment.models.onnx_import import canonical_path, import_onnx
    from splitfog.instances.changes import MODEL_FILE
    from splitfog.instances.generators import FAMILIES
    from splitfog.instances.lookup import look_up

    chosen = look_up(FAMILIES, family, "family")
    if "nodes" in options and arguments:
        raise ValueError(f"argument {arguments[0]!r} belongs to a family, but --nodes is given")
    instance = import_onnx(
        file,
        output,
        inputs=input_dims_of(input_dims),
        family=family,
        options=chosen.parse(family_options(chosen, arguments)),
        **options,
    )
    for note in instance.meta[MODEL_FILE]["notes"]:
        say(f"splitfog: {file.name}: {note}")
    put(f"{output}\n{canonical_path(output)}\n")


def input_dims_of(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """Dimensions by name of inputs, of texts such as `x=1x3x224x224`; of a scalar it is `x=`."""
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, sizes = text.rpartition("=")
        parts = sizes.split("x") if sizes else []
        if not equals or not all(part.isdigit() and int(part) > 0 for part in parts):
            raise ValueError(f"--input {text!r}, must be NAME=DIMENSIONS, as x=1x3x224x224")
        if name in found:
            raise ValueError(f"--input {text!r}: {name} is given twice")
        found[name] = tuple(map(int, parts))
    return found
