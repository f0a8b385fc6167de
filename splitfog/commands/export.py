"""`splitfog export`: a plan in another program's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import DONE, key_values, put, require_writable

EXAMPLES = (
    "splitfog export device-map net.json net-plan.json -o device-map.json",
    "splitfog export exo llm.json plan.json -o exo.json --option mac=ID",
)


def _show_formats(wanted: bool) -> None:
    if wanted:
        from splitfog.commands.formats import put_formats
        from splitfog.deployment.exporters import FORMATS

        put_formats(FORMATS)
        raise typer.Exit


def run(
    target_format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="see --list", autocompletion=completed.exporter_names
        ),
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
    list_formats: Annotated[
        bool,
        typer.Option(
            "--list", callback=_show_formats, is_eager=True, help="name the formats, their options"
        ),
    ] = False,
) -> int:
    """Write where a plan has a task's layers as other programs want to be told.

    The options of a format, and what it says of itself: splitfog export --list. Where it has an
    option for every node, --option NODE=VALUE says what a node of the plan is called there.
    """
    from splitfog.deployment.exporters import FORMATS
    from splitfog.deployment.exporters.asked import Asked, Export
    from splitfog.deployment.splitting.given import given
    from splitfog.instances.arguments import record
    from splitfog.instances.json_files import write_whole

    chosen = FORMATS.named(target_format)
    require_writable(output)
    whose = given(instance, plan, task, with_passes=True)
    options, of_nodes = chosen.parse(key_values(option), whose.alone.node_index)
    given_back = chosen.load()(Asked(whose, options, of_nodes, model))
    made = record(f"what {chosen.name} returns", given_back, Export, "an Export")
    write_whole(output, made.content)
    put("".join(f"{line}\n" for line in (str(output), *made.lines)))
    return DONE
