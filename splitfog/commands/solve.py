"""`splitfog solve`: one instance, one plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import (
    exit_code,
    key_values,
    put,
    require_writable,
    solvers_are_quiet,
)

if TYPE_CHECKING:
    from splitfog.formulations.plan import Plan
    from splitfog.formulations.plan_file import PlanFile
    from splitfog.instances.instance import Instance

EXAMPLES = (
    "splitfog solve alexnet.json -o plan.json",
    "splitfog solve alexnet.json --solver ilp --objective period --time-limit 60",
)


def run(
    file: Annotated[
        Path, typer.Argument(metavar="INSTANCE", help="instance file, .json or .json.gz")
    ],
    solver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="see `splitfog solvers`  [default: chosen and explained]",
            autocompletion=completed.solver_names,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="latency, makespan, period, mean-latency, batch or throughput  [default: latency, "
            "with two tasks or more mean-latency]",
            autocompletion=completed.objective_names,
        ),
    ] = None,
    transfers: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="a tensor is paid `once` a link, or `per-edge` of the DAG"
        ),
    ] = "once",
    monotone: Annotated[
        bool, typer.Option("--monotone/--no-monotone", help="data never goes back to the device")
    ] = True,
    pass_name: Annotated[
        str | None,
        typer.Option("--pass", metavar="NAME", help="one execution of a pass of the models"),
    ] = None,
    contiguous: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="line or ring: a node's layers follow one another"),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="throughput: replicas take over within their ranges")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="seconds of search; reading, checks, bound and audit come on top"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of everything random")] = 0,
    start: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="plan file to start from")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="an option of the solver; may be repeated"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PLAN", help="plan file to write")
    ] = None,
    write_lp: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.lp|.mps", help="the exact program of latency or period, for other solvers"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="the plan file on standard output")
    ] = False,
) -> int:
    """Find a plan for one instance.

    It is printed with what it costs and how far it is from the best.

    Exit codes: 0 plan found, 2 wrong input, 3 proven infeasible, 4 none found, 5 wrong answer of
    a solver, 130 interrupted (the best plan so far is written).
    """
    from splitfog.formulations.plan import encode_plan, save_plan
    from splitfog.instances.files import load_instance
    from splitfog.solvers.solve import solve

    options = key_values(option)
    for path in (output, write_lp):
        if path is not None:
            require_writable(path)
    instance = load_instance(file)
    first = None if start is None else _start(instance, start)
    if write_lp is not None:
        from splitfog.solvers.exact.program_file import write_program

        write_program(instance, write_lp, objective, transfers, monotone, pass_name, contiguous)
    with solvers_are_quiet():
        plan = solve(
            instance,
            solver,
            objective,
            transfers=transfers,
            monotone=monotone,
            time_limit_s=time_limit,
            seed=seed,
            start=first,
            options=options,
            pass_name=pass_name,
            contiguous=contiguous,
            partial=partial,
        )
    if output is not None:
        save_plan(plan, output)
    if as_json:
        put(encode_plan(plan))
    else:
        _print(instance, plan)
    return exit_code(plan, instance.name)


def _start(instance: Instance, path: Path) -> PlanFile:
    """The start plan; what does not fit the instance is a defect of its file."""
    from splitfog.formulations.plan import PlanError, decision_of, load_plan
    from splitfog.instances.defects import InstanceError

    plan = load_plan(path)
    if plan.instance_sha256 in (None, instance.sha256):
        try:
            decision_of(instance, plan)
        except PlanError as error:
            raise InstanceError(path.name, error.defects) from None
    return plan


def _print(instance: Instance, plan: Plan) -> None:
    from splitfog.commands.summary import print_plan

    print_plan(instance, plan)
