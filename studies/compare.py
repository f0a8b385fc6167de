"""The comparison: instances x objectives x solvers x seeds -> rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from splitfog.formulations.objective import Objective, objective_for
from splitfog.instances.arguments import entries, number, texts, whole, wrong
from splitfog.instances.arguments import path as path_of
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.solvers.functions import Function, require_portable
from splitfog.solvers.registry import solver_info, solver_infos
from splitfog.solvers.solve import info_of
from splitfog.studies.comparison.carry_out import carry_on, carry_out
from splitfog.studies.engine.jobs import Job, Progress
from splitfog.studies.engine.places import place_for
from splitfog.studies.row import EVERY, Declined
from splitfog.studies.rows import Table

SEEDS = "a list of whole numbers >= 0"
INSTANCES = "an Instance, the path of its file, or a list of these"


def compare(
    instances: GivenInstance | Iterable[GivenInstance],
    solvers: str | Function | Sequence[str | Function] | None = None,
    objectives: str | Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    baseline: str = "device-only",
    time_limit_s: float | None = None,
    jobs: int = 1,
    transfers: str = "once",
    monotone: bool = True,
    progress: Progress | None = None,
    *,
    pass_name: str | None = None,
    contiguous: str | None = None,
    partial: bool = False,
    store: str | os.PathLike[str] | None = None,
    memory_limit_bytes: int | None = None,
    scheduler: str | None = None,
) -> Table:
    """The table of every applicable solver on every instance, objective and seed.

    Parameters
    ----------
    instances
        One or several, or the paths of their files.
    solvers
        Names; None or "all": every solver and baseline but `auto`, which only chooses among them.
        Functions too, as `solve` takes them; their rows bear their names, and where runs have
        processes of their own they must be such as another process can be handed.
    objectives
        Names; None: each instance's default. An instance that excludes one (`makespan` of two
        tasks) is left out of it, and named in `declined`.
    seeds
        Every solver runs once for each.
    baseline
        Whose value the speed-ups refer to; it need not be among the solvers.
    time_limit_s
        Of each run, in seconds. In a process of its own one is killed that goes on for half of it
        and 10 s more.
    jobs
        Runs at a time. Above 1, with a store or with a memory limit they have processes of their
        own, which take nothing along if they crash; where solvers are functions, a calling script
        then needs the `if __name__ == "__main__"` guard.
    transfers, monotone, pass_name, contiguous, partial
        As for `solve`.
    progress
        Told of every run that ends.
    store
        A folder, made where it does not exist, in whose `results.sqlite` every run is kept as soon
        as it has ended: what is there of this comparison is not run again, whatever ended the
        process that was at it. Runs of another version of splitfog are others.
    memory_limit_bytes
        Of each run, with all that its solver starts; one that holds more is killed.
    scheduler
        The address of a Dask cluster's, `tcp://HOST:PORT`: as many runs at a time as the cluster
        has threads, each in a process beside a worker, whatever `jobs` is. Functions must be
        installed there too. The cluster is trusted, and needs the same splitfog and Python.

    Returns
    -------
    Table
        Rows in the order instance, objective, solver, seed, whatever the order they end in. A
        solver that crashes or is killed, or whose claims are refuted by another's plan, has rows of
        status `error`; Ctrl-C keeps what has ended.

    Raises
    ------
    LookupError, ValueError
        For unknown names and arguments that make no sense; for a store that another process uses,
        or that is of another form.
    OSError
        Where the store cannot be read or written, and where the cluster is lost; what the store
        holds stays.
    ModuleNotFoundError
        For a scheduler without the extra `splitfog[dask]`.
    SolverDeclined
        Where no solver applies anywhere.
    """
    chosen = _chosen(solvers)
    jobs = whole("jobs", jobs, low=1)
    if time_limit_s is not None:
        time_limit_s = number("time_limit_s", time_limit_s, above=0, endless=True)
    chosen_seeds = [whole("seeds", seed, low=0) for seed in entries("seeds", seeds, SEEDS)]
    if progress is not None and not callable(progress):
        raise wrong("progress", progress, "a function of (done, total, what)")
    if memory_limit_bytes is not None:
        memory_limit_bytes = whole("memory_limit_bytes", memory_limit_bytes, low=1)
    home = None if store is None else path_of("store", store)
    isolated = jobs > 1 or not (home is None and memory_limit_bytes is None and scheduler is None)
    for function in chosen.values():
        if isolated and not isinstance(function, str):
            require_portable(function)
    if not isinstance(baseline, str) or baseline not in chosen:
        solver_info(baseline)
    wanted = None if objectives is None else texts("objectives", objectives)
    given: Iterable[GivenInstance]
    if isinstance(instances, Instance | str | os.PathLike):
        given = [instances]
    else:
        given = entries("instances", instances, INSTANCES)
    loaded = [instance_of(each) for each in given]
    how: dict[str, Any] = {
        "transfers": transfers,
        "monotone": monotone,
        "pass_name": pass_name,
        "contiguous": contiguous,
        "partial": partial,
    }
    problems, excluded = _problems(loaded, wanted, how)
    hidden = {} if baseline in chosen else {baseline: baseline}
    work = [
        Job(
            problem=number,
            instance=instance,
            objective=objective,
            solver=solver,
            seed=seed,
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            shown=name not in hidden,
        )
        for number, (instance, objective) in enumerate(problems)
        for name, solver in [*hidden.items(), *chosen.items()]
        for seed in dict.fromkeys(chosen_seeds)
    ]
    if not isolated:
        return carry_out(work, None, progress, baseline, excluded)
    with place_for(work, jobs, scheduler) as place:
        if home is not None:
            return carry_on(home, work, place, progress, baseline, excluded)
        return carry_out(work, place, progress, baseline, excluded)


def solver_names(solvers: str | Sequence[str] | None = None) -> list[str]:
    """The names asked for, checked; None or "all": every solver and baseline but `auto`."""
    if solvers is None or solvers == "all" or list(solvers) == ["all"]:
        return [info.name for info in solver_infos() if info.name != "auto"]
    names = [solvers] if isinstance(solvers, str) else solvers
    return [solver_info(name).name for name in dict.fromkeys(names)]


def _chosen(
    solvers: str | Function | Sequence[str | Function] | None,
) -> dict[str, str | Function]:
    """By name what is asked for: a solver's name or a function."""
    if solvers is None or isinstance(solvers, str):
        return {name: name for name in solver_names(solvers)}
    given = (solvers,) if callable(solvers) else entries("solvers", solvers, "names or functions")
    names = [solver for solver in given if isinstance(solver, str)]
    if len(names) == len(given):
        return {name: name for name in solver_names(names)}
    chosen: dict[str, str | Function] = {}
    for solver in given:
        name = info_of(solver).name
        if chosen.setdefault(name, solver) != solver:
            raise ValueError(f"two solvers are named {name}: give the function another name")
    return chosen


def _problems(
    instances: Sequence[Instance],
    objectives: Sequence[str] | None,
    how: dict[str, Any],
) -> tuple[list[tuple[Instance, Objective]], list[Declined]]:
    """Pairs of instance and objective, and those that exclude each other."""
    problems, excluded, errors = [], [], []
    for instance in instances:
        names: list[str | None] = list(dict.fromkeys(objectives)) if objectives else [None]
        for name in names:
            try:
                objective = objective_for(instance, name, **how)
            except ValueError as error:
                errors.append(error)
                excluded.append(
                    Declined(
                        instance=instance.name,
                        objective=name or "default",
                        solver=EVERY,
                        reason=str(error),
                    )
                )
            else:
                problems.append((instance, objective))
    if errors and not problems:
        raise errors[0]
    return problems, excluded
