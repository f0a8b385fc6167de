"""`splitfog compare`: solvers side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import (
    BAD_INPUT,
    DONE,
    ERROR,
    INTERRUPTED,
    progress_bar,
    put,
    require_writable,
    say,
    seed_numbers,
    solvers_are_quiet,
    split_list,
)

if TYPE_CHECKING:
    from splitfog.instances.instance import Instance
    from splitfog.studies.rows import Table

EXAMPLES = (
    "splitfog compare alexnet.json --solvers min-cut,hpa,device-only -o results",
    "splitfog compare --study hpa-gap --quick -o quick",
)

BESIDE_A_STUDY = ("study", "quick", "jobs", "scheduler", "output", "summary", "as_json")
"""What may be given with a study; all else stands in its file."""


def run(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="INSTANCE", help="instance files")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="a study's file or name, in the place of all else",
            autocompletion=completed.study_names,
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="the quick slice of the study")] = False,
    solvers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B,...|all",
            help="names  [default: all]",
            autocompletion=completed.solver_lists,
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="may be repeated  [default: latency, of several tasks mean-latency]",
            autocompletion=completed.objective_names,
        ),
    ] = None,
    transfers: Annotated[str, typer.Option(metavar="NAME", help="once or per-edge")] = "once",
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
    seed: Annotated[
        list[str] | None, typer.Option(metavar="N", help="may be repeated  [default: 0]")
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="whose value speed-ups refer to",
            autocompletion=completed.solver_names,
        ),
    ] = "device-only",
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="processes")] = 1,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="seconds for each run")
    ] = None,
    memory_limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="BYTES", help="of each run with all that its solver starts"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="of a Dask cluster's, tcp://HOST:PORT: run there"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="folder for results, kept as they come; a report"
        ),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="print summary and statistics; -o holds all rows")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="rows on standard output")] = False,
) -> int:
    """Run solvers side by side and print a table.

    Every applicable solver and baseline runs on every instance; each objective has its table. With
    -o every run is kept as soon as it has ended; the same command goes on where it was cut short.
    --study runs what a file says, or a study that comes along (splitfog study list).

    Exit codes: 0 done, 2 wrong input or a named solver applies nowhere, 5 a solver failed,
    130 interrupted (what has ended is printed and written).
    """
    if output is not None:
        _require_folder(output)
    if study is not None:
        _refuse_others(context)
        return _run_study(study, quick, jobs, scheduler, output, summary, as_json)
    if quick:
        raise ValueError("--quick is given, must be with --study")
    if not files:
        raise ValueError("no INSTANCE is given, must be one, or --study FILE")
    from splitfog.studies.compare import compare
    from splitfog.studies.comparison.contenders import solver_names

    names = split_list(solvers) or ["all"]
    everything = names == ["all"]
    chosen = solver_names(names)
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time limit = {time_limit} s, must be > 0")
    seeds = seed_numbers(split_list(seed))
    instances = _instances(files)
    with solvers_are_quiet(), progress_bar() as progress:
        table = compare(
            instances,
            chosen,
            split_list(objective) or None,
            seeds=seeds,
            baseline=baseline,
            time_limit_s=time_limit,
            jobs=jobs,
            transfers=transfers,
            monotone=monotone,
            pass_name=pass_name,
            contiguous=contiguous,
            partial=partial,
            progress=progress,
            store=output,
            memory_limit_bytes=memory_limit,
            scheduler=scheduler,
        )
    publish(table, output, summary, as_json)
    _say_declined(table, everything)
    return code_of(table, [] if everything else chosen)


def _require_folder(output: Path) -> None:
    """That results can be written to a folder; says that some are there."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"-o = {str(output)!r} is a file, must be a folder")
    require_writable(output / "report.html")
    if (output / "results.sqlite").exists():
        say(f"splitfog: {output} holds results: what has ended there is not run again")


def _refuse_others(context: typer.Context) -> None:
    """Refuse what is given beside a study and stands in its file."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name not in BESIDE_A_STUDY and source is not None and source.name == "COMMANDLINE":
            given = "INSTANCE" if name == "files" else max(parameter.opts, key=len)
            raise ValueError(f"{given} is given beside --study, must stand in the study's file")


def _run_study(
    study: str,
    quick: bool,
    jobs: int,
    scheduler: str | None,
    output: Path | None,
    summary: bool,
    as_json: bool,
) -> int:
    """Run a study; the exit code."""
    from splitfog.studies.run_study import run_study
    from splitfog.studies.study_files.reading import load_study

    read = load_study(study, quick)
    with solvers_are_quiet(), progress_bar() as progress:
        table = run_study(read, output, jobs, progress, scheduler=scheduler)
    publish(table, output, summary, as_json)
    _say_declined(table, read.content.solvers is None)
    return code_of(table, list(read.content.solvers or ()))


def _instances(files: list[Path]) -> list[Instance]:
    """The instances; the defects of all files in one error."""
    from splitfog.instances.defects import InstanceError
    from splitfog.instances.files import load_instance

    instances, errors = [], []
    for file in files:
        try:
            instances.append(load_instance(file))
        except InstanceError as error:
            errors.append(error)
    if errors:
        say(*map(str, errors[:-1]))
        raise errors[-1]
    names = [instance.name for instance in instances]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        say(f"{names.count(name)} files hold an instance named {name}: their rows look alike")
    return instances


def publish(table: Table, output: Path | None, summary: bool, as_json: bool) -> None:
    """Print a table, and write its report into a folder if there is one."""
    if output is not None:
        from splitfog.views.report import save_report

        for path in save_report(table, output):
            say(f"written: {path}")
    if as_json:
        put(table.to_json())
    elif summary:
        put(f"{table.summary()}\n\n{table.statistics()}\n")
    else:
        from splitfog.views.tables import print_tables

        print_tables(table)


def _say_declined(table: Table, everything: bool) -> None:
    """Every pair left out with its reason; only how many where all solvers were asked."""
    from splitfog.studies.row import EVERY

    for entry in table.declined:
        if not everything or entry.solver == EVERY:
            say(f"left out: {entry.instance}, {entry.objective}: {entry.sentence}")
    count = sum(entry.solver != EVERY for entry in table.declined)
    if everything and count:
        say(f"pairs of solver and instance left out, as the solver does not apply: {count}")


def code_of(table: Table, named: list[str]) -> int:
    """The exit code, with a line for all that went wrong."""
    failures = [row for row in table if row.status == "error"]
    for row in failures:
        say(f"splitfog: {row.instance}, {row.objective}, {row.solver}: {row.reason}")
    if table.interrupted:
        return INTERRUPTED
    unused = table.without_rows(named)
    for reason in unused.values():
        say(f"splitfog: {reason}")
    if failures:
        return ERROR
    return BAD_INPUT if unused else DONE
