"""`splitfog export`: a plan in another program's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, key_values, put, require_writable

EXAMPLES = ("splitfog export device-map net.json net-plan.json -o device-map.json",)


def run(
    target_format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="device-map or ort-annotations")
    ],
    instance: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan file")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="file to write")],
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="an option of the format; may be repeated"),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="whose plan is written, if there are several tasks"),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="the canonical model, if not beside the instance"),
    ] = None,
) -> int:
    """Write where a plan has a task's layers as other programs want to be told.

    device-map: {layer: device} as JSON. ort-annotations: the ONNX model, every operator annotated,
    and the session option for ONNX Runtime, on standard output. For both --option NODE=DEVICE says
    what a node of the plan is called there.
    """
    from splitfog.deployment.exporters import EXPORTERS, exporter
    from splitfog.deployment.exporters.asked import Asked
    from splitfog.deployment.splitting.given import given
    from splitfog.instances.json_files import write_whole
    from splitfog.instances.lookup import look_up

    module = look_up(EXPORTERS, target_format, "format")
    require_writable(output)
    asked = Asked(given(instance, plan, task), key_values(option), model)
    made = exporter(module)(asked)
    write_whole(output, made.content)
    put("".join(f"{line}\n" for line in (str(output), *made.lines)))
    return DONE
