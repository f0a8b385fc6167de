"""`splitfog show`: a picture of an instance, a plan or a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, require_writable, say

EXAMPLES = (
    "splitfog show alexnet.json plan.json -o plan.pdf",
    "splitfog show norway-bus-1 -o bus.svg",
)


def run(
    instance: Annotated[
        Path, typer.Argument(metavar="INSTANCE|TRACE", help="instance or trace file")
    ],
    plan: Annotated[Path | None, typer.Argument(metavar="PLAN", help="plan file")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="picture: .png, .svg, .pdf or .html  [required]"
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="task to draw, may be repeated  [default: all]"),
    ] = None,
    panel: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="a single panel: dag, nodes, memory, links, tasks, crossings, pipeline, timeline, "
            "stages, profile, progress",
        ),
    ] = None,
) -> int:
    """Draw an instance, a plan or a trace.

    The DAG is coloured by node or tier; the tensors that cross links are labelled. A .png or .svg
    is one sheet and says what it leaves out; .pdf (several pages) and .html hold all stages, and
    up to 100 tasks. Of a trace every figure is drawn over time.
    """
    from splitfog.formulations.evaluation.evaluate import violations
    from splitfog.formulations.plan import load_plan
    from splitfog.instances.files import load_instance
    from splitfog.instances.traces.files import is_trace, load_trace
    from splitfog.views.charts.trace import draw_trace
    from splitfog.views.show import SUFFIXES, WHOLE, show

    if output is None:
        raise ValueError(f"-o FILE is missing, must name a file that ends in {', '.join(SUFFIXES)}")
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"-o = {str(output)!r}, must end in one of {', '.join(SUFFIXES)}")
    require_writable(output)
    if is_trace(instance):
        if plan is not None or task or panel is not None:
            raise ValueError(f"{instance} is a trace, which has no plan, no --task and no --panel")
        draw_trace(load_trace(instance), output)
        say(f"written: {output}")
        return DONE
    problem = load_instance(instance)
    given = None if plan is None else load_plan(plan)
    picture = show(problem, given, tasks=task or None, panel=panel)
    picture.save(output)
    if given is not None and given.tasks:
        say(*(f"the plan is infeasible: {fault}" for fault in violations(problem, given)))
    suffix = output.suffix.lower()
    more = "--task draws others" if suffix in WHOLE else ".pdf and .html hold more"
    say(*(f"{line}; {more}" for line in picture.left_out(suffix)))
    say(f"written: {output}")
    return DONE
