"""A replay for people: its table on a terminal, its picture as a file."""

from __future__ import annotations

import os
from typing import IO

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record, whole, wrong
from splitfog.instances.json_files import write_whole
from splitfog.instances.readable import html_table
from splitfog.studies.replays.result import HEADERS, Replay, way_cells
from splitfog.views.charts.replay import replay_chart
from splitfog.views.page import document
from splitfog.views.show import SUFFIXES
from splitfog.views.tables import print_grid


def print_replay(replay: Replay, file: IO[str] | None = None) -> None:
    """Print a line a way.

    Parameters
    ----------
    replay
        As `splitfog.replay` gives it.
    file
        Where to; None: standard output. As wide as needed where it is no terminal.

    Raises
    ------
    ValueError
        For anything else.
    """
    from rich import box
    from rich.table import Table as Grid

    replay = record("replay", replay, Replay, "a Replay as splitfog.replay gives it")
    if file is not None and not hasattr(file, "write"):
        raise wrong("file", file, "what has a method write")
    settings = replay.settings
    grid = Grid(title=f"{replay.instance.name} through {replay.trace}", box=box.SIMPLE_HEAD)
    grid.title_justify, grid.show_edge = "left", False
    seeds = len({way.seed for way in replay.ways}) > 1
    shown = [seeds or header != "seed" for header in HEADERS]
    for header, visible in zip(HEADERS, shown, strict=True):
        if visible:
            grid.add_column(header, justify="left" if header == "way" else "right", overflow="fold")
    for way in replay.ways:
        cells = way_cells(replay, way)
        grid.add_row(*(cell for cell, visible in zip(cells, shown, strict=True) if visible))
    how = f"requests {settings.requests}, {settings.clock} clock, queues {settings.queues}"
    grid.caption = f"{how}\nregret: above the clairvoyant's mean; best fixed: the best plan's"
    grid.caption_justify = "left"
    print_grid(grid, file)


def draw_replay(replay: Replay, path: str | os.PathLike[str], seed: int | None = None) -> None:
    """Write the picture of a replay: figures on top, latencies below, and a strip of plans.

    Parameters
    ----------
    replay
        As `splitfog.replay` gives it.
    path
        Ends in `.png`, `.svg`, `.pdf` or `.html` (one file that needs no other, with the ways in a
        table).
    seed
        Of the requests that are drawn; None: the first.

    Raises
    ------
    ValueError
        For another ending, a seed that was not replayed, or a replay without requests.
    """
    replay = record("replay", replay, Replay, "a Replay as splitfog.replay gives it")
    path = path_of("path", path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name}: must end in one of {', '.join(SUFFIXES)}")
    seeds = list(dict.fromkeys(row.seed for row in replay.rows))
    if not seeds:
        raise ValueError("the replay has no requests, must have one to be drawn")
    seed = seeds[0] if seed is None else whole("seed", seed, low=0)
    if seed not in seeds:
        raise ValueError(f"seed = {seed}, must be one of {', '.join(map(str, seeds))}")
    if suffix == ".html":
        svg = replay_chart(replay, seed, ".svg").decode()
        table = html_table(HEADERS, [way_cells(replay, way) for way in replay.ways])
        title = f"{replay.instance.name} through {replay.trace}"
        body = f"<figure>{svg[svg.index('<svg') :]}</figure>\n{table}"
        write_whole(path, document(title, body).encode())
    else:
        write_whole(path, replay_chart(replay, seed, suffix))
