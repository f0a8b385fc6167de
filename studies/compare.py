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
from splitfog.instances.read_only import EMPTY
from splitfog.solvers.functions import require_portable
from splitfog.solvers.registry import solver_info
from splitfog.studies.comparison.carry_out import carry_on, carry_out
from splitfog.studies.comparison.contenders import (
    Contender,
    GivenOptions,
    GivenSolvers,
    contenders,
)
from splitfog.studies.engine.jobs import Job, Progress
from splitfog.studies.row import EVERY, Declined
from splitfog.studies.rows import Table

SEEDS = "a list of whole numbers >= 0"
INSTANCES = "an Instance, the path of its file, or a list of these"


def compare(
    instances: GivenInstance | Iterable[GivenInstance],
    solvers: GivenSolvers = None,
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
    options: GivenOptions = EMPTY,
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
    options
        By name of a solver its own options, as `solve` takes them. One that is a list stands for
        all of its values, each a run of its own, whose rows are of `dina plans=narrow` and of `dina
        plans=wide`.

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
        Where the store cannot be read or written; what it holds stays.
    SolverDeclined
        Where no solver applies anywhere.
    """
    chosen = contenders(solvers, options)
    jobs = whole("jobs", jobs, low=1)
    if time_limit_s is not None:
        time_limit_s = number("time_limit_s", time_limit_s, above=0, endless=True)
    chosen_seeds = [whole("seeds", seed, low=0) for seed in entries("seeds", seeds, SEEDS)]
    if progress is not None and not callable(progress):
        raise wrong("progress", progress, "a function of (done, total, what)")
    if memory_limit_bytes is not None:
        memory_limit_bytes = whole("memory_limit_bytes", memory_limit_bytes, low=1)
    home = None if store is None else path_of("store", store)
    isolated = jobs > 1 or home is not None or memory_limit_bytes is not None
    for each in chosen.values():
        if isolated and not isinstance(each.solver, str):
            require_portable(each.solver)
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
    hidden = () if baseline in chosen else (Contender(name=baseline, solver=baseline),)
    work = [
        Job(
            problem=number,
            instance=instance,
            objective=objective,
            solver=each.solver,
            options=each.options,
            name=each.name,
            seed=seed,
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            shown=each not in hidden,
        )
        for number, (instance, objective) in enumerate(problems)
        for each in (*hidden, *chosen.values())
        for seed in dict.fromkeys(chosen_seeds)
    ]
    if home is not None:
        return carry_on(home, work, jobs, progress, baseline, excluded)
    return carry_out(work, jobs if isolated else None, progress, baseline, excluded)


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
