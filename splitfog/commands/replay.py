"""`splitfog replay`: requests through a network that changes, by several ways of adapting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from splitfog.commands.shell import (
    DONE,
    INTERRUPTED,
    number,
    progress_bar,
    put,
    require_writable,
    say,
    seed_numbers,
    solvers_are_quiet,
    split_list,
)

EXAMPLES = (
    "splitfog replay alexnet.json trace.json -o replay",
    "splitfog replay alexnet.json trace.json --adapt switch --noise 0.2",
)


def run(
    instance: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    traces: Annotated[
        list[Path], typer.Argument(metavar="TRACE", help="trace files, which are joined into one")
    ],
    adapt: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,...", help="ways  [default: argmin,switch,best-fixed]"),
    ] = None,
    clock: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="integrated, or frozen: figures stay as a request meets them"
        ),
    ] = "integrated",
    requests: Annotated[
        str, typer.Option(metavar="WHEN", help="every:S seconds, or poisson:R a second")
    ] = "every:1",
    queues: Annotated[
        str, typer.Option(metavar="NAME", help="none: requests do not meet; or fifo")
    ] = "none",
    estimate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="last, ewma:A, kalman, harmonic:N or quantile:P,N of measurements  [default: "
            "last, with noise ewma:0.7]",
        ),
    ] = None,
    delay_s: Annotated[
        float, typer.Option(metavar="S", help="how old measurements are at least")
    ] = 0.0,
    noise: Annotated[
        float, typer.Option(metavar="SIGMA", help="they are multiplied by exp(N(0, SIGMA))")
    ] = 0.0,
    measure: Annotated[
        str, typer.Option(metavar="NAME", help="used: only what the plan in use does; or all")
    ] = "used",
    probe: Annotated[
        str | None,
        typer.Option(metavar="BYTES,SECONDS", help="what is sent over every link, and how often"),
    ] = None,
    switch_cost: Annotated[
        str | None,
        typer.Option(metavar="S|weights:NODE", help="seconds, or missing weights from a node"),
    ] = None,
    detect_s: Annotated[
        float, typer.Option(metavar="S", help="after which a request lost with a node starts again")
    ] = 1.0,
    seed: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="of arrivals and noise, may be repeated  [default: 0]"),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="of splitfog policy --vary  [default: over the traces' ranges]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="folder for rows, table and picture"),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=".png, .svg, .pdf or .html  [default: replay.svg in DIR]"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="a list of the ways on standard output, in seconds")
    ] = False,
) -> int:
    """Replay requests while links and nodes change, by several ways of adapting.

    Every way sees the same requests; regret is how far its mean latency is from that of one who
    always knows the best plan. A folder of an interrupted replay is gone on with; rows of
    finished requests are never lost.

    Exit codes: 0 done, 2 wrong input, 130 interrupted (what has ended is printed and written).
    """
    from splitfog.studies.replays.replay import replay
    from splitfog.views.replays import draw_replay, print_replay
    from splitfog.views.show import SUFFIXES

    if picture is not None:
        if picture.suffix.lower() not in SUFFIXES:
            ends = ", ".join(SUFFIXES)
            raise ValueError(f"--picture = {str(picture)!r}, must end in one of {ends}")
        require_writable(picture)
    if output is not None:
        if output.exists() and not output.is_dir():
            raise ValueError(f"-o = {str(output)!r} is a file, must be a folder")
        require_writable(output / "requests.csv")
    how: dict[str, Any] = {
        "adapt": split_list(adapt) or ("argmin", "switch", "best-fixed"),
        "clock": clock,
        "requests": requests,
        "queues": queues,
        "estimate": estimate,
        "delay_s": delay_s,
        "noise": noise,
        "measure": measure,
        "probe": None if probe is None else _probe(probe),
        "switch_cost": None if switch_cost is None else _switch_cost(switch_cost),
        "detect_s": detect_s,
        "seed": seed_numbers(split_list(seed)),
        "table": table,
        "folder": output,
    }
    try:
        with solvers_are_quiet(), progress_bar() as progress:
            found = replay(instance, traces, **how, progress=progress)
    except KeyboardInterrupt:  # before anything had ended
        return INTERRUPTED
    if as_json:
        put(found.to_json())
    else:
        print_replay(found)
    drawn = picture if picture is not None or output is None else output / "replay.svg"
    if drawn is not None and found.rows:
        draw_replay(found, drawn)
        say(f"written: {drawn}")
    if output is not None:
        say(f"written: {output / 'requests.csv'}")
    return INTERRUPTED if found.interrupted else DONE


def _probe(text: str) -> tuple[float, float]:
    form = "BYTES,SECONDS: two numbers > 0"
    num_bytes, comma, seconds = text.partition(",")
    if not comma:
        raise ValueError(f"--probe = {text!r}, must be {form}")
    return number(num_bytes, "--probe", form), number(seconds, "--probe", form)


def _switch_cost(text: str) -> float | str:
    if text.startswith("weights:"):
        return text
    return number(text, "--switch-cost", "seconds >= 0 or weights:NODE")
