"""Processes for jobs, shared by the threads that hand them these."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from splitfog.studies.engine.child import Answer, Child, Ended, OutOfMemory
from splitfog.studies.engine.jobs import Bounds, Job, Outcome, bounds_of, failed, now, run_job


class Dropped(Ended):
    """Its process was closed with it, or none is to be started any more."""


class Workers:
    """Processes that run a job each at a time, until they are closed.

    Parameters
    ----------
    script
        As for `Child`.
    """

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        self._lock = Lock()
        self._idle: dict[Child, float] = {}
        self._busy: dict[Child, Job] = {}
        self._dropped: set[int] = set()
        self._stopped = False

    def run(self, job: Job, bounds: Bounds) -> Outcome | None:
        """What a job comes to; None if its process was closed meanwhile.

        Parameters
        ----------
        job, bounds
            As for `run_job`.

        Raises
        ------
        ChildProcessError
            Where no process can be started.
        """
        started_at = now()
        try:
            return self._call(run_job, job, bounds)
        except Dropped:
            return None
        except Ended as ended:
            return failed(job, str(ended), ended.runtime_s, started_at)
        finally:
            self._dropped.discard(id(job))

    def bounds(self, job: Job) -> Bounds:
        """As `bounds_of`; none where that takes its process along."""
        try:
            return self._call(bounds_of, job)
        except Ended:
            return ()
        finally:
            self._dropped.discard(id(job))

    def interrupt(self) -> None:
        """Start no more jobs; those under way shall end with the best they have."""
        with self._lock:
            self._stopped = True
            for child in self._busy:
                child.interrupt()

    def drop(self, job: Job) -> None:
        """Kill the process that runs a job, or is to, as nobody waits for it any more.

        Parameters
        ----------
        job
            That is being run, the same object.
        """
        with self._lock:
            self._dropped.add(id(job))
            child = next((child for child, its in self._busy.items() if its is job), None)
            if child is not None:
                del self._busy[child]
                child.kill()

    def close(self) -> None:
        """End all processes, and all that they started."""
        with self._lock:
            self._stopped = True
            busy, idle = list(self._busy), list(self._idle)
            self._busy.clear()
            self._idle.clear()
        for child in busy:  # the thread that waits for it closes it
            child.kill()
        for child in idle:
            child.close()

    def close_idle(self, idle_s: float) -> None:
        """End those processes that have had no job for so long."""
        before = time.monotonic() - idle_s
        with self._lock:
            old = [child for child, since in self._idle.items() if since < before]
            for child in old:
                del self._idle[child]
        for child in old:
            child.close()

    def _call(
        self, function: Callable[..., Answer], job: Job, *others: Any, fresh: bool = False
    ) -> Answer:
        """What a process answers.

        A call that needs too much memory where others were before has another try in a fresh one.

        Raises
        ------
        Dropped
            If the process was closed, or none is to be started any more.
        Ended
            If it was killed for the job's limits, or crashed.
        """
        child = self._taken(job, fresh)
        try:
            answer = child.call(function, job, *others)
        except Ended as ended:
            with self._lock:
                is_ours = self._busy.pop(child, None) is not None and not self._stopped
            child.close()
            if not is_ours:
                raise Dropped from None
            if isinstance(ended, OutOfMemory) and child.has_run:
                return self._call(function, job, *others, fresh=True)
            raise
        with self._lock:
            is_ours = self._busy.pop(child, None) is not None and not self._stopped
            if is_ours:
                self._idle[child] = time.monotonic()
        if not is_ours:
            child.close()
        return answer

    def _taken(self, job: Job, fresh: bool) -> Child:
        """An idle process, or else or if it must be fresh another."""
        with self._lock:
            self._require_wanted(job)
            child = self._idle.popitem()[0] if self._idle and not fresh else None
        if child is None:
            child = Child(self._script)
        try:
            with self._lock:
                self._require_wanted(job)
                self._busy[child] = job
        except Dropped:
            child.close()
            raise
        return child

    def _require_wanted(self, job: Job) -> None:
        if self._stopped or id(job) in self._dropped:
            raise Dropped
