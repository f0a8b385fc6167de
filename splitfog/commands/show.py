"""`splitfog show`: a picture of an instance or a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, require_writable, say

FORMS = (".png", ".svg", ".html")


def run(
    instance: Annotated[Path, typer.Argument(help="instance file")],
    plan: Annotated[Path | None, typer.Argument(help="plan file")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="picture: .png, .svg or .html"),
    ] = None,
) -> int:
    """Draw an instance or a plan.

    The DAG is coloured by node or tier; the tensors that cross links are labelled.
    """
    from splitfog.formulations.costs.describe import violations
    from splitfog.formulations.plan import load_plan
    from splitfog.instances.files import load_instance
    from splitfog.views.show import show_instance

    if output is None:
        raise ValueError("-o FILE is missing, must name a .png, .svg or .html file")
    if output.suffix not in FORMS:
        raise ValueError(f"-o = {str(output)!r}, must end in one of {', '.join(FORMS)}")
    require_writable(output)
    problem = load_instance(instance)
    given = None if plan is None else load_plan(plan)
    show_instance(problem, given, output)
    if given is not None and given.tasks:
        say(*(f"the plan is infeasible: {fault}" for fault in violations(problem, given)))
    say(f"written: {output}")
    return DONE
