"""The comparison: instances x objectives x solvers x seeds -> rows."""

from __future__ import annotations

import os
from collections.abc import Sequence

from splitfog.instances.read_only import EMPTY
from splitfog.studies.comparison.asking import GivenInstances, asked_for_all
from splitfog.studies.comparison.carry_out import carried
from splitfog.studies.comparison.contenders import GivenOptions, GivenSolvers
from splitfog.studies.progress import Progress
from splitfog.studies.rows import Table


def compare(
    instances: GivenInstances,
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
    options
        By name of a solver its own options, as `solve` takes them. One that is a list stands for
        all of its values, each a run of its own, whose rows are of `dina plans=narrow` and of `dina
        plans=wide`.
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
        For unknown names, empty lists and arguments that make no sense; for a store that another
        process uses, or that is of another form.
    OSError
        Where the store cannot be read or written, and where the cluster is lost; what the store
        holds stays.
    ModuleNotFoundError
        For a scheduler without the extra `splitfog[dask]`.
    SolverDeclined
        Where no solver applies anywhere.
    """
    how = {
        "transfers": transfers,
        "monotone": monotone,
        "pass_name": pass_name,
        "contiguous": contiguous,
        "partial": partial,
    }
    asked = asked_for_all(
        instances,
        how=how,
        solvers=solvers,
        options=options,
        objectives=objectives,
        seeds=seeds,
        baseline=baseline,
        time_limit_s=time_limit_s,
        memory_limit_bytes=memory_limit_bytes,
    )
    return carried(asked, jobs, store, progress, scheduler)
