"""Processes of this machine as a place for jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import spawn
from threading import Lock
from typing import Any, Self

from splitfog.studies.engine.jobs import Bounds, Job, Outcome
from splitfog.studies.engine.workers import Workers


class Processes:
    """So many processes, each with a job at a time, which have a thread each that waits for them.

    Parameters
    ----------
    work
        The jobs that are to come.
    count
        How many run at a time.
    """

    def __init__(self, work: Sequence[Job], count: int) -> None:
        self._workers = Workers(_script(work))
        self._threads = ThreadPoolExecutor(count)
        self._lock = Lock()
        self._bounds: dict[int, Future[Bounds]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._workers.close()
        self._threads.shutdown()

    def submit(self, job: Job) -> Future[Outcome | None]:
        """As `Place` says."""
        return self._threads.submit(self._run, job)

    def outcome(self, job: Job, future: Future[Outcome | None]) -> Outcome | None:
        """As `Place` says."""
        return future.result()

    def interrupt(self) -> None:
        """As `Place` says."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._workers.interrupt()

    def _run(self, job: Job) -> Outcome | None:
        return self._workers.run(job, self._bounds_of(job))

    def _bounds_of(self, job: Job) -> Bounds:
        """The bounds for a job, made in one of the processes for the first of its problem."""
        if not job.needs_bounds:
            return ()
        with self._lock:
            first = job.problem not in self._bounds
            made = self._bounds.setdefault(job.problem, Future())
        if first:
            found: Bounds = ()
            try:
                found = self._workers.bounds(job)
            finally:
                made.set_result(found)
        return made.result()


def _script(work: Sequence[Job]) -> Mapping[str, Any]:
    """What a process must know of the script that it is started by, if that may define solvers."""
    known = spawn.get_preparation_data("splitfog")
    if all(isinstance(job.solver, str) for job in work):
        return {}
    names = ("sys_argv", "orig_dir", "dir", "init_main_from_name", "init_main_from_path")
    return {name: known[name] for name in names if name in known}
