"""`splitfog import trace`: logs of networks and nodes as traces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.commands.shell import put, say

if TYPE_CHECKING:
    from splitfog.instances.traces.trace import Trace


def import_trace(file: Path, output: Path, form: str | None, options: Mapping[str, Any]) -> None:
    """Write a log as a trace file, and say what is in it."""
    from splitfog.instances.traces.files import save_trace
    from splitfog.instances.traces.importers.forms import FORMS
    from splitfog.instances.traces.importers.import_trace import import_trace
    from splitfog.instances.traces.trace import named_after

    if form is None:
        raise ValueError(f"--form = None, must be one of {', '.join(FORMS)}")
    trace = import_trace(file, form=form, name=named_after(output), **options)
    save_trace(trace, output)
    put(f"{output}\n")
    say_series(trace)


def say_series(trace: Trace) -> None:
    """Say what the figures of a trace are, so that a wrong unit is seen."""
    from splitfog.instances.readable import counted, in_seconds
    from splitfog.instances.traces.overview import in_figure, mean, owner

    for series in trace.series:
        values = series.values
        figures = [in_figure(v, series.quantity) for v in (min(values), max(values))]
        average = in_figure(mean(series, trace.duration_s), series.quantity)
        say(
            f"{owner(series)} {series.quantity}: {counted(len(values), 'value')} in "
            f"{in_seconds(trace.duration_s)}, {figures[0]} to {figures[1]}, mean {average}"
        )


def link_of(text: str) -> tuple[str, str]:
    """The two nodes of FROM,TO."""
    tail, comma, head = text.partition(",")
    if not comma or not tail or not head or "," in head:
        raise ValueError(f"--link = {text!r}, must be FROM,TO: the names of two nodes")
    return tail, head


def group_of(texts: list[str]) -> dict[str, str]:
    """What every NAME=VALUE says."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"--group = {text!r}, must be NAME=VALUE: a column and its text")
        if name in found:
            raise ValueError(f"--group = {text!r}: {name} is given twice")
        found[name] = value
    return found
