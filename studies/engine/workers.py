"""The processes of a comparison, shared by the threads that hand them jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock
from types import TracebackType
from typing import Any, Self

from splitfog.studies.engine.child import Child, Ended, OutOfMemory
from splitfog.studies.engine.jobs import Job, Outcome, failed, now


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

    def run(self, job: Job, fresh: bool = False) -> Outcome | None:
        """What a job comes to; None if the processes were closed meanwhile.

        A job that holds too much in a process that has run others has another try in a fresh one.

        Raises
        ------
        ChildProcessError
            Where no process can be started.
        """
        started_at = now()
        child = self._taken(fresh)
        if child is None:
            return None
        try:
            outcome = child.run(job)
        except Ended as ended:
            with self._lock:
                self._busy.discard(child)
            child.close()
            if isinstance(ended, OutOfMemory) and child.has_run:
                return self.run(job, fresh=True)
            took_s = None if child.began is None else time.perf_counter() - child.began
            return None if self._stopped else failed(job, str(ended), took_s, started_at)
        with self._lock:
            self._busy.discard(child)
            self._idle.append(child)
        return outcome

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
