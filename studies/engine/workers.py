"""The processes of a comparison, shared by the threads that hand them jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock
from types import TracebackType
from typing import Any, Self

from splitfog.studies.engine.child import Answer, Child, Ended, OutOfMemory
from splitfog.studies.engine.jobs import Bounds, Job, Outcome, bounds_of, failed, now, run_job


class Workers:
    """Processes that run a job each at a time, to be used as a context; none outlives it.

    Parameters
    ----------
    script
        As for `Child`.
    """

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        self._lock = Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._made: dict[int, Future[Bounds]] = {}
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, job: Job) -> Outcome | None:
        """What a job comes to; None if the processes were closed meanwhile.

        Raises
        ------
        ChildProcessError
            Where no process can be started.
        """
        bounds, started_at = self._bounds(job), now()
        try:
            return self._call(run_job, job, bounds)
        except Ended as ended:
            if self._stopped:
                return None
            return failed(job, str(ended), ended.runtime_s, started_at)

    def _bounds(self, job: Job) -> Bounds:
        """The bounds for a job, made in one of the processes for the first of its problem."""
        if job.objective.name != "mean-latency":
            return ()
        with self._lock:
            first = job.problem not in self._made
            made = self._made.setdefault(job.problem, Future())
        if first:
            found: Bounds | None = None
            try:
                found = self._call(bounds_of, job)
            except Ended:
                pass
            finally:
                made.set_result(found or ())
        return made.result()

    def _call(
        self, function: Callable[..., Answer], job: Job, *others: Any, fresh: bool = False
    ) -> Answer | None:
        """What a process answers; None once they are closed.

        A call that needs too much memory where others were before has another try in a fresh one.
        """
        child = self._taken(fresh)
        if child is None:
            return None
        try:
            answer = child.call(function, job, *others)
        except Ended as ended:
            with self._lock:
                self._busy.discard(child)
            child.close()
            if isinstance(ended, OutOfMemory) and child.has_run:
                return self._call(function, job, *others, fresh=True)
            raise
        with self._lock:
            self._busy.discard(child)
            self._idle.append(child)
        return answer

    def interrupt(self) -> None:
        """Start no more jobs; those under way shall end with the best they have."""
        with self._lock:
            self._stopped = True
            for child in self._busy:
                child.interrupt()

    def close(self) -> None:
        """End all processes, and all that they started."""
        with self._lock:
            self._stopped = True
            busy, idle = list(self._busy), list(self._idle)
            self._idle.clear()
        for child in busy:  # the thread that waits for it closes it
            child.kill()
        for child in idle:
            child.close()

    def _taken(self, fresh: bool) -> Child | None:
        """An idle process, or else or if it must be fresh another; None once they are stopped."""
        with self._lock:
            child = self._idle.pop() if self._idle and not fresh else None
        if child is None and not self._stopped:
            child = Child(self._script)
        if child is None:
            return None
        with self._lock:
            if not self._stopped:
                self._busy.add(child)
                return child
        child.close()
        return None
