"""`splitfog import`: instances, times and traces out of other people's formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import DONE, key_values, put, require_writable, say

EXAMPLES = (
    "splitfog import onnx net.onnx --input x=1x3x224x224 -o net.json",
    "splitfog import dnet model_profile.json mac.json pc.json -o home.json",
    "splitfog import trace log --form time-rate --link device,edge0 -o bus.json",
)

SETTINGS: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}
}


OWN_OPTIONS = ("onnx", "times", "trace")
"""Formats whose options are the command's; those of the others are of the form KEY=VALUE."""


def _show_formats(wanted: bool) -> None:
    if wanted:
        from splitfog.commands.formats import put_formats
        from splitfog.instances.importers import FORMATS

        put_formats(FORMATS)
        raise typer.Exit


def run(
    context: typer.Context,
    source_format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="onnx, times, trace, or see --list",
            autocompletion=completed.importer_names,
        ),
    ],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="file or files of that format")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="INSTANCE|TIMES|TRACE", help="file to write")
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
        typer.Option(
            metavar="NAME",
            help="times: who wrote the file: trtexec or onnxruntime; trace: rate, time-rate, "
            "mahimahi or columns",
        ),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="times: the node or tier that was measured; trace: a node"
        ),
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
    link: Annotated[
        str | None, typer.Option(metavar="FROM,TO", help="trace: a link, in place of --node")
    ] = None,
    directions: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="trace: forward or both, of --link  [default: forward]"),
    ] = None,
    quantity: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="trace: bandwidth_bps, latency_s or up of --link (default: the first), load or up "
            "of --node",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="trace: Mbit/s, kbit/s, bit/s, Gbit/s, bytes/s, kB/s, MB/s, or bytes since the "
            "line before; of a latency s or ms  [default: the first]",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="columns: of the values, or its place from 1 on"),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="columns: of the times  [default: --step-s apart]"),
    ] = None,
    time_unit: Annotated[
        str | None, typer.Option(metavar="NAME", help="trace: s, ms or us  [default: s]")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="columns: lines with that text in that column"),
    ] = None,
    step_s: Annotated[
        float | None,
        typer.Option(metavar="S", help="trace: between values without times  [default: 1]"),
    ] = None,
    bin_s: Annotated[
        float | None,
        typer.Option(metavar="S", help="mahimahi: of packets counted together  [default: 1]"),
    ] = None,
    max_step_s: Annotated[
        float | None, typer.Option(metavar="S", help="trace: a longer step between lines is a gap")
    ] = None,
    gaps: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="trace: error, hold, linear or stall (0)  [default: error]"
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="trace: then repeat or hold  [default: repeat]"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="an option of a listed format; may be repeated"),
    ] = None,
    list_formats: Annotated[
        bool,
        typer.Option(
            "--list", callback=_show_formats, is_eager=True, help="name the formats, their options"
        ),
    ] = False,
) -> int:
    """Write an instance file, or one of times or a trace, from a file of another format.

    onnx: a model, one layer an operator, on the nodes of --nodes or of a --family, whose own
    options (as --edge-cloud 4g) may follow. The optimised model is written beside the instance.
    Another process reads and optimises it, which runs nothing but constants (docs/real-models.md).

    times: the JSON of trtexec --exportProfile or of ONNX Runtime's profiling, as a CSV file for
    profile apply. With --instance, fused layers are shared out and names that are no layers told.

    trace: a log of a bandwidth, a latency or a load (docs/trace-file.md), as JSON or, where TRACE
    ends in .csv, as CSV.

    Instances of other tools' files: splitfog import --list (docs/importing.md).

    splitfog import onnx model.onnx -o instance.json --input x=1x3x224x224
    """
    from splitfog.commands.instances import import_trace as traces
    from splitfog.commands.instances.import_times import import_times

    given = {
        "nodes": nodes,
        "times": times,
        "time_limit_s": time_limit,
        "memory_limit_bytes": memory_limit,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    of_trace = {
        "link": None if link is None else traces.link_of(link),
        "directions": directions,
        "quantity": quantity,
        "unit": unit,
        "column": column,
        "time_column": time_column,
        "time_unit": time_unit,
        "group": traces.group_of(group) if group else None,
        "step_s": step_s,
        "bin_s": bin_s,
        "max_step_s": max_step_s,
        "gaps": gaps,
        "end": end,
    }
    of_trace = {name: value for name, value in of_trace.items() if value is not None}
    if of_trace and source_format != "trace":
        named = next(iter(of_trace)).replace("_", "-")
        raise ValueError(f"--{named} is an option of import trace, not of import {source_format}")
    if option and source_format in OWN_OPTIONS:
        raise ValueError(f"--option is of a listed format, not of import {source_format}")
    if source_format == "onnx":
        options |= {"level": level, "seed": seed}
        _onnx(files[1:], Path(files[0]), output, input_dims or [], family, options)
        return DONE
    if options or input_dims:
        raise ValueError(f"import {source_format} takes none of the options of import onnx")
    if strangers := [word for word in (*files, *context.args) if word.startswith("-")]:
        raise ValueError(
            f"argument {strangers[0]!r} belongs to no option of import {source_format}"
        )
    if source_format == "times":
        import_times(_only(files, source_format), output, form, node, instance, model)
        return DONE
    if instance is not None or model is not None:
        raise ValueError(f"import {source_format} takes no --instance and no --model")
    if source_format == "trace":
        file = _only(files, source_format)
        traces.import_trace(file, output, form, {**of_trace, "node": node})
        return DONE
    if form is not None or node is not None:
        raise ValueError(f"import {source_format} takes no --form and no --node")
    _listed(source_format, files, output, key_values(option))
    return DONE


def _only(files: list[str], source_format: str) -> Path:
    if len(files) > 1:
        raise ValueError(
            f"argument {files[1]!r} belongs to no option of import {source_format}: it reads 1 file"
        )
    return Path(files[0])


def _listed(source_format: str, files: list[str], output: Path, texts: dict[str, str]) -> None:
    """Write the instance that a listed format's files say."""
    from splitfog.instances.arguments import record
    from splitfog.instances.files import save_instance
    from splitfog.instances.importers import FORMATS
    from splitfog.instances.instance import Instance

    chosen = FORMATS.named(source_format, OWN_OPTIONS)
    chosen.require_files(files)
    options, _ = chosen.parse(texts)
    require_writable(output)
    made = chosen.load()([Path(file) for file in files], options)
    save_instance(record(f"what {chosen.name} returns", made, Instance, "an Instance"), output)
    put(f"{output}\n")


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
