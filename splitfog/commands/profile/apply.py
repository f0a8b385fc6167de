"""`splitfog profile apply`: an instance with measured times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, instance_name, put, require_writable, say

MOST_NODES = 8

EXAMPLES = ("splitfog profile apply alexnet.json --times times.csv -o measured.json",)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    times: Annotated[
        Path, typer.Option(metavar="TIMES", help="CSV with the columns layer, node, seconds")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="NEW", help="instance file to write")
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="of times that name no model")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="of the new instance  [default: NEW]")
    ] = None,
) -> int:
    """Write an instance with measured times of its layers.

    TIMES has a header: layer, node (a node's or a tier's name) and seconds or milliseconds; also
    model, spread_s and reliable, if you like. What it does not name stays as it is and is counted.
    """
    from splitfog.instances.changes import lasting
    from splitfog.instances.files import load_instance, save_instance
    from splitfog.instances.importers.measured import unmeasured, with_layer_times
    from splitfog.instances.records import changed
    from splitfog.instances.times import load_times

    require_writable(output)
    given, rows = load_instance(file), load_times(times)
    made = with_layer_times(given, rows, model, times.name)
    origin = {"instance": given.name, "instance_sha256": given.sha256, "times": times.name}
    made = changed(
        made, name=instance_name(output, name), meta={**lasting(made), "measured": origin}
    )
    save_instance(made, output)
    put(f"{output}\n")
    say(*_missing(unmeasured(made)))
    if doubtful := sum(row.reliable is False for row in rows):
        say(f"{doubtful} of {len(rows)} times are marked as not reliable")
    return DONE


def _missing(counts: Mapping[str, tuple[int, int]]) -> list[str]:
    """How many times are still computed, and where."""
    missing = {node: count for node, count in counts.items() if count[0]}
    if not missing:
        return []
    told = [f"{node} {left} of {all_}" for node, (left, all_) in missing.items()]
    where = ", ".join(told[:MOST_NODES])
    more = f" and {len(told) - MOST_NODES} more nodes" if len(told) > MOST_NODES else ""
    left, all_ = (sum(count[i] for count in counts.values()) for i in (0, 1))
    return [f"{left} of {all_} times are not measured but computed from FLOP: {where}{more}"]
