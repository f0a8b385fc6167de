"""`splitfog validate`: whether instances and traces are right; plans, policies, fronts in form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import BAD_INPUT, DONE, put, put_json, say

EXAMPLES = ("splitfog validate alexnet.json plan.json",)


def run(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="instance, trace, plan, policy or front files"),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="a list of {file, ok, defects} on standard output")
    ] = False,
) -> int:
    """Check instance, trace and events files and the form of plan, policy and front files.

    What ends in .csv or .csv.gz is read as a trace.

    Exit code 2 after naming the defects of all of them.
    """
    found = [(str(file), _defects(file)) for file in files]
    if as_json:
        put_json([{"file": file, "ok": not bad, "defects": bad} for file, bad in found])
    for file, defects in found:
        if defects:
            say(*(f"{file}: {defect}" for defect in defects))
        elif not as_json:
            put(f"{file}: OK\n")
    return BAD_INPUT if any(defects for _, defects in found) else DONE


def _defects(path: Path) -> list[str]:
    """The defects of a file, read as what its `format` says it is."""
    from splitfog.formulations import plan
    from splitfog.formulations.fronts import front
    from splitfog.formulations.parametric import policy_file
    from splitfog.instances.defects import InstanceError
    from splitfog.instances.files import load_instance
    from splitfog.instances.json_files import parse_json, read_bytes
    from splitfog.instances.traces import trace
    from splitfog.instances.traces.files import is_csv, load_trace
    from splitfog.solvers.repair import events

    loaders: dict[object, Callable[[Path], object]] = {
        plan.FORMAT: plan.load_plan,
        policy_file.FORMAT: policy_file.load_policy,
        front.FORMAT: front.load_front,
        trace.FORMAT: load_trace,
        events.FORMAT: events.load_events,
    }
    try:
        if is_csv(path):
            load_trace(path)
            return []
        data, _ = parse_json(read_bytes(path), path.name)
        told = data.get("format") if isinstance(data, dict) else None
        loaders.get(told if isinstance(told, str) else None, load_instance)(path)
    except InstanceError as error:
        return error.defects
    return []
