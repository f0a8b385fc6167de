"""`splitfog presets`: kinds of nodes, machines and networks that stand for figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, amount, put_json, seconds

EXAMPLES = (
    "splitfog presets",
    "splitfog generate three-tier --device jetson-nano -o instances",
)


def run(
    as_json: Annotated[
        bool,
        typer.Option("--json", help='{"nodes": [...], "networks": [...], "machines": [...]}'),
    ] = False,
) -> int:
    """List the kinds of nodes, machines and networks, with their figures and where these are from.

    Options such as --device and --edge-cloud of `generate` take their names; a number, in FLOP/s
    or bit/s, is allowed instead. Machines, and networks with a delay in place of a latency, are
    those of the families pipeline and fleet. `nominal`: a round figure of ours, not measured.
    """
    from splitfog.instances.generators.machines import MACHINES
    from splitfog.instances.generators.presets import NETWORKS, NODES

    nodes, networks = NODES.values(), NETWORKS.values()
    if as_json:
        put_json(
            {
                "nodes": [asdict(preset) for preset in nodes],
                "networks": [asdict(preset) for preset in networks],
                "machines": [asdict(preset) for preset in MACHINES.values()],
            }
        )
        return DONE
    _print(
        ("node", "FLOP/s", "memory", "overhead", "source"),
        (
            (p.name, f"{p.speed_flops:g}", amount(p.memory_bytes), seconds(p.overhead_s), p.source)
            for p in nodes
        ),
    )
    _print(
        ("network", "up bit/s", "down bit/s", "latency", "delay", "source"),
        (
            (
                p.name,
                f"{p.uplink_bps:g}",
                f"{p.downlink_bps:g}",
                seconds(p.latency_s),
                seconds(p.delay_s),
                p.source,
            )
            for p in networks
        ),
    )
    _print(
        ("machine", "FLOP/s", "memory", "bytes/s", "source"),
        (
            (
                p.name,
                f"{p.speed_flops:g}",
                amount(p.memory_bytes),
                f"{p.memory_bytes_per_s:g}",
                p.source,
            )
            for p in MACHINES.values()
        ),
    )
    return DONE


def _print(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.views.tables import print_grid

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for header in headers:
        words = header in ("node", "network", "machine", "source")
        grid.add_column(header, justify="left" if words else "right", no_wrap=header != "source")
    for row in rows:
        grid.add_row(*row)
    print_grid(grid)
