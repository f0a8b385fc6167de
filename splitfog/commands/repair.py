"""`splitfog repair`: a plan of many tasks after a change, of which only what is hit is new."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.shell import (
    DONE,
    exit_code,
    node_pair,
    number,
    progress_bar,
    put,
    put_json,
    require_writable,
    solvers_are_quiet,
    split_list,
)

if TYPE_CHECKING:
    from splitfog.formulations.plan import Plan
    from splitfog.instances.instance import Instance
    from splitfog.solvers.repair.events import Events
    from splitfog.solvers.repair.report import RepairReport
    from splitfog.studies.replays.event_rows import EventReplay

MOST_TASKS = 20

EXAMPLES = (
    "splitfog repair fog.json fog-plan.json --down fog0 -o new.json --to in.json",
    "splitfog repair in.json new.json --up fog0 --leaves task0",
    "splitfog repair fog.json fog-plan.json --replay random:60 --csv rows.csv",
)


def run(
    file: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan file for it, of mean-latency")],
    leaves: Annotated[list[str] | None, typer.Option(metavar="TASK", help="a user leaves")] = None,
    down: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE|FROM,TO", help="a node or a link fails; NEW keeps its figures"),
    ] = None,
    up: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE|FROM,TO", help="one that failed returns as it was"),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM,TO=BIT/S[,S]", help="another bandwidth, and latency"),
    ] = None,
    arrives: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="a user arrives: a task of an instance file as JSON"),
    ] = None,
    notable: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="move others, too, where each saves this share of the mean"
        ),
    ] = None,
    bounded: Annotated[
        bool, typer.Option("--bounded", help="bound the plan with waits, too; takes longer")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="all planned anew by dina")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PLAN", help="plan file to write")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="NEW", help="instance after the changes, to write")
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(metavar="EVENTS|random:S", help="a file of events, or random ones for S s"),
    ] = None,
    ways: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B,...", help="of a replay  [default: repair,dina,static]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of random events")] = 0,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="a row an event and way of a replay")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="report and plan, or the replay, on standard output")
    ] = False,
) -> int:
    """Repair a plan of many tasks after a change, or replay a sequence of changes.

    Only the tasks that the changes hit are planned anew. Changes are made in the order of the
    options above; each may be repeated. With --replay the mean latency over time is shown under
    repairs, under dina for every event, and where nobody plans anew.

    Exit codes: 0 plan found, 2 wrong input, 3 proven infeasible, 4 none found.
    """
    from splitfog.formulations.plan import load_plan
    from splitfog.instances.files import load_instance

    for path in (output, to, csv):
        if path is not None:
            require_writable(path)
    instance, given = load_instance(file), load_plan(plan)
    told = {"leaves": leaves, "down": down, "up": up, "link": link, "arrives": arrives}
    if replay is not None:
        mixed = [name for name, own in {**told, "output": output, "to": to}.items() if own]
        if mixed or full:
            raise ValueError(f"--replay stands alone, without --{(mixed or ['full'])[0]}")
        events = _events(instance, replay, seed)
        from splitfog.studies.replays.events import WAYS, replay_events

        with progress_bar() as bar, solvers_are_quiet():
            found = replay_events(instance, events, given, split_list(ways) or WAYS, bar)
        return _replayed(found, csv, as_json)
    if csv is not None or ways:
        raise ValueError(f"--{'csv' if csv is not None else 'ways'} is for --replay")
    if not any(told.values()):
        raise ValueError(f"nothing changes, must be told by --{', --'.join(told)} or --replay")
    how = {"full": full, "notable": notable, "bounded": bounded}
    return _repaired(instance, given, _changes(instance, told), how, output, to, as_json)


def _changes(instance: Instance, told: dict[str, Any]) -> list[dict[str, Any]]:
    """The changes that the options say, in their order."""
    changes: list[dict[str, Any]] = [
        {"task": name, "leaves": True} for name in told["leaves"] or ()
    ]
    changes += [{**_place(instance, text, "--down"), "up": False} for text in told["down"] or ()]
    changes += [{**_place(instance, text, "--up"), "up": True} for text in told["up"] or ()]
    changes += [_link(instance, text) for text in told["link"] or ()]
    for path in told["arrives"] or ():
        changes += [{"task": task, "arrives": True} for task in _tasks(path)]
    return changes


def _place(instance: Instance, text: str, option: str) -> dict[str, Any]:
    """What fails or returns: a node, or the link between two."""
    from splitfog.solvers.repair.outages import outages_of

    known = {*instance.node_index, *(lost.node.name for lost in outages_of(instance).nodes)}
    if text in known or "," not in text:
        return {"node": text}
    return {"link": list(node_pair(instance, text, option))}


def _link(instance: Instance, text: str) -> dict[str, Any]:
    """What FROM,TO=BIT/S[,S] says of a link."""
    form = "FROM,TO=BIT/S[,S]: two nodes, a bandwidth and a latency"
    ends, equals, figures = text.rpartition("=")
    if not equals:
        raise ValueError(f"--link = {text!r}, must be {form}")
    bandwidth, comma, latency = figures.partition(",")
    change: dict[str, Any] = {"link": list(node_pair(instance, ends, "--link"))}
    change["bandwidth_bps"] = number(bandwidth, f"--link {ends}", form)
    if comma:
        change["latency_s"] = number(latency, f"--link {ends}", form)
    return change


def _tasks(path: Path) -> list[Any]:
    """The task, or the list of some, in a file."""
    from splitfog.instances.defects import InstanceError
    from splitfog.instances.json_files import parse_json, read_bytes

    data, clean = parse_json(read_bytes(path), path.name)
    if not clean:
        raise InstanceError(path.name, ["a key stands twice or a number is not finite"])
    if not isinstance(data, dict | list):
        raise InstanceError(path.name, ["the file must be a task or a list of tasks"])
    return data if isinstance(data, list) else [data]


def _repaired(
    instance: Instance,
    given: Any,
    changes: list[dict[str, Any]],
    how: dict[str, Any],
    output: Path | None,
    to: Path | None,
    as_json: bool,
) -> int:
    """Repair, write and print; the exit code."""
    from splitfog.formulations.plan import save_plan
    from splitfog.instances.files import save_instance
    from splitfog.solvers.repair.repair import repair

    with solvers_are_quiet():
        after, made, report = repair(instance, given, changes, **how)
    if to is not None:
        save_instance(after, to)
    if output is not None:
        save_plan(made, output)
    if as_json:
        put_json({"report": report, "plan": made})
    else:
        _print(after, made, report)
    return exit_code(made, after.name)


def _print(instance: Instance, plan: Plan, report: RepairReport) -> None:
    from splitfog.commands.summary import head_lines, task_line

    lines = [*head_lines(instance, plan), f"repair   {report}"]
    moved = set(report.changed)
    shown = [entry for entry in plan.tasks if entry.task in moved]
    lines += [task_line(instance, entry) for entry in shown[:MOST_TASKS]]
    if len(shown) > MOST_TASKS:
        lines.append(f"and {len(shown) - MOST_TASKS} more tasks that changed (--json shows all)")
    put("\n".join(lines) + "\n")


def _events(instance: Instance, text: str, seed: int) -> Events:
    """The events in a file, or random ones for so many seconds."""
    from splitfog.solvers.repair.events import generate_events, load_events

    kind, colon, duration = text.partition(":")
    if kind != "random" or not colon:
        return load_events(text)
    seconds = number(duration, "--replay", "a file of events or random:SECONDS")
    return generate_events(instance, seed, duration_s=seconds)


def _replayed(found: EventReplay, csv: Path | None, as_json: bool) -> int:
    """Write and print a replay."""
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        put_json({"events": found.events, "rows": found.rows, "ways": found.ways})
        return DONE
    from rich import box
    from rich.table import Table as Grid

    from splitfog.studies.replays.event_rows import HEADERS, shown_way
    from splitfog.views.tables import print_grid

    put(f"{found.instance}: {len(found.events.events)} events in {found.events.duration_s:g} s\n\n")
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for header in HEADERS:
        grid.add_column(header, justify="left" if header == "way" else "right")
    for way in found.ways:
        grid.add_row(*shown_way(way))
    print_grid(grid)
    put("mean latency: over the time in which all ways have a plan\n")
    return DONE
