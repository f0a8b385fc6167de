"""Many jobs, here or in other processes: every outcome in its place, whatever happens to one."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed, wait

from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.studies.engine.jobs import Bounds, Job, Outcome, Ran, bounds_of, run_job
from splitfog.studies.engine.place import Place

HASTE_S = 5.0
"""What jobs may take after Ctrl-C to say the best that they have."""

Keep = Callable[[int, Outcome], None]
"""Called with the place of a job and its outcome, once that is known."""


def run_here(work: Sequence[Job], keep: Keep) -> None:
    """Run jobs one after another in this process.

    Parameters
    ----------
    work
        The jobs.
    keep
        Told of every outcome.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; the best so far has been kept.
    """
    problem: int | None = None
    bounds: Bounds = ()
    for position, job in enumerate(work):
        if job.problem != problem:
            problem, bounds = job.problem, bounds_of(job)
        _keep(keep, position, run_job(changed(job, instance=_as_loaded(job.instance)), bounds))


def run_elsewhere(work: Sequence[Job], place: Place, keep: Keep) -> None:
    """Run jobs in processes that can be killed.

    Parameters
    ----------
    work
        The jobs, begun in this order, those first that are declined by what solvers declare. One
        whose process crashes or is killed for its limits has a row of status `error`; the others
        go on.
    place
        Of the processes.
    keep
        Told of every outcome as it comes, in the thread of the caller.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; the best so far has been kept.
    OSError
        Where no process can be started, or the place is gone.
    """

    def keep_known(position: int, future: Future[Outcome | None]) -> None:
        outcome = place.outcome(work[position], future)
        if outcome is not None:
            _keep(keep, position, outcome)

    for position, job in enumerate(work):
        if job.is_declined:  # which is said without any code of the solver
            keep(position, run_job(job))
    futures = {
        place.submit(job): position for position, job in enumerate(work) if not job.is_declined
    }
    try:
        for future in as_completed(list(futures)):
            keep_known(futures.pop(future), future)
    except KeyboardInterrupt:
        place.interrupt()
        under_way = [future for future in futures if not future.cancelled()]
        for future in wait(under_way, HASTE_S).done:
            if not future.cancelled():
                keep_known(futures[future], future)
        raise


def _keep(keep: Keep, position: int, outcome: Outcome) -> None:
    keep(position, outcome)
    if isinstance(outcome, Ran) and outcome.row.stopped_by == "interrupted":
        raise KeyboardInterrupt  # `solve` kept the best so far; the rest shall not start


def _as_loaded(instance: Instance) -> Instance:
    """The same instance without what earlier runs have kept: as another process gets it."""
    fresh: Instance = pickle.loads(pickle.dumps(instance))
    return fresh
