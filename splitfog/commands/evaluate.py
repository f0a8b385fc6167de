"""`splitfog evaluate`: what a plan costs on an instance, term by term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import DONE, amount, put, put_json, seconds
from splitfog.commands.summary import (
    MAX_TASKS,
    more_tasks,
    places,
    plain_grid,
    print_loads,
    request_lines,
    requests_of,
    task_line,
    told_value,
)
from splitfog.instances.readable import span

if TYPE_CHECKING:
    from splitfog.formulations.evaluation.terms import Term
    from splitfog.formulations.plan import Plan
    from splitfog.formulations.plan_file import PlanFile
    from splitfog.instances.instance import Instance

EXAMPLES = ("splitfog evaluate alexnet.json plan.json",)


def run(
    instance: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan file")],
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="[default: the plan's own]",
            autocompletion=completed.objective_names,
        ),
    ] = None,
    transfers: Annotated[
        str | None, typer.Option(metavar="NAME", help="once or per-edge  [default: the plan's own]")
    ] = None,
    monotone: Annotated[
        bool | None,
        typer.Option(
            "--monotone/--no-monotone",
            help="data never goes back to the device  [default: the plan's own]",
        ),
    ] = None,
    pass_name: Annotated[
        str | None,
        typer.Option(
            "--pass",
            metavar="NAME",
            help="one execution of a pass of the models  [default: the plan's own]",
        ),
    ] = None,
    contiguous: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="line or ring: a node's layers follow one another  [default: the plan's own]",
        ),
    ] = None,
    partial: Annotated[
        bool | None,
        typer.Option(
            "--partial/--no-partial",
            help="throughput: replicas take over within their ranges  [default: the plan's own]",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="the plan with `violations` and `terms`")
    ] = False,
) -> int:
    """Say what a plan costs here and now, term by term.

    The instance may be another than the plan was made for, of another bandwidth for instance, if
    it has the plan's tasks, layers and nodes. Rules that the plan breaks are listed, not refused:
    exit code 0 all the same. (`verify` holds a plan to its claims.)
    """
    import msgspec

    from splitfog.formulations.evaluation.evaluate import plan as plan_of
    from splitfog.formulations.evaluation.evaluate import violations
    from splitfog.formulations.evaluation.terms import terms
    from splitfog.formulations.plan import PlanError, load_plan
    from splitfog.instances.defects import InstanceError
    from splitfog.instances.files import load_instance

    given, problem = load_plan(plan), load_instance(instance)
    how: dict[str, Any] = {
        "transfers": transfers,
        "monotone": monotone,
        "pass_name": pass_name,
        "contiguous": contiguous,
        "partial": partial,
    }
    asked = {name: value for name, value in how.items() if value is not None}
    try:
        here = plan_of(problem, given, objective, **asked)
    except PlanError as error:
        raise InstanceError(plan.name, error.defects) from None
    broken, parts = violations(problem, here), terms(problem, here)
    if as_json:
        here = msgspec.structs.replace(here, solver=given.solver, seed=given.seed)
        put_json({**msgspec.to_builtins(here), "violations": broken, "terms": parts})
    else:
        put("\n".join(_head(problem, given, here, broken)) + "\n\n")
        requests = requests_of(problem, here)
        for entry in here.tasks[:MAX_TASKS]:
            own = request_lines(requests[entry.task]) if entry.task in requests else []
            put("".join(f"{line}\n" for line in [task_line(problem, entry), *own]))
            if entry.replicas is not None:
                put("".join(f"{line}\n" for line in places(problem, entry)) + "\n")
                continue
            _print_terms(problem, [part for part in parts if part.task == entry.task])
        put("".join(f"{line}\n\n" for line in more_tasks(here)))
        print_loads(problem, here)
    return DONE


def _head(instance: Instance, given: PlanFile, here: Plan, broken: Sequence[str]) -> list[str]:
    from splitfog.formulations.objective import RATES

    kind = here.objective.name
    other = given.instance_sha256 not in (None, instance.sha256)
    by = f" by {given.solver}" if given.solver else ""
    named = f" ({given.instance})" if given.instance else ""
    whose = f"another instance{named}" if other else "this instance"
    lines = [f"{instance.name}: {here.objective}"]
    if given.value is not None and given.objective == here.objective:
        lines.append(f"made{by} for {whose}, where it cost {told_value(kind, given.value)}")
    elif other:
        lines.append(f"made{by} for {whose}")
    impossible = "0 per s" if kind in RATES else "infinite"
    lines.append(f"value    {impossible if here.value is None else told_value(kind, here.value)}")
    lines.append(f"breaks   {len(broken) or 'no'} rule{'s' if len(broken) > 1 else ''}")
    return [*lines, *(f"  {sentence}" for sentence in broken)]


def _print_terms(instance: Instance, parts: Sequence[Term]) -> None:
    """A task's terms as a table, those of computing by runs of layers on one node."""
    from splitfog.views.tables import print_grid

    grid = plain_grid("what", ["layers or tensor", "where", "bytes", "seconds"])
    for column in grid.columns[1:3]:
        column.justify = "left"
    for row in _computing(instance, parts):
        grid.add_row(*row)
    for part in parts:
        if part.kind != "compute":
            grid.add_row(
                part.kind,
                part.layer or part.tensor or "",
                part.node or f"{part.tail} -> {part.head or 'no route'}",
                amount(part.bytes) if part.bytes else "",
                _told(part.seconds),
            )
    print_grid(grid)


def _computing(instance: Instance, parts: Sequence[Term]) -> Iterator[tuple[str, ...]]:
    """Rows of computing, one for every run of layers, in topological order, on one node."""
    own = {part.layer: part for part in parts if part.kind == "compute"}
    if not own:
        return
    task = next(task for task in instance.tasks if task.name == parts[0].task)
    layers = instance.model_of(task).layers
    order = [layers[position].name for position in instance.model_of(task).order.tolist()]
    for node, run in groupby((own[name] for name in order if name in own), lambda part: part.node):
        members = list(run)
        took = [part.seconds for part in members]
        total = None if None in took else sum(value or 0.0 for value in took)
        yield "compute", span([str(part.layer) for part in members]), str(node), "", _told(total)


def _told(value: float | None) -> str:
    return "infinite" if value is None else seconds(value)
