"""A worker as seen by whoever gives it jobs, and kills it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from typing import Any, TypeVar

from splitfog.studies.engine.guard import SIGNALLED
from splitfog.studies.engine.jobs import Job
from splitfog.studies.engine.messages import Sender
from splitfog.studies.engine.tree import kill_descendants, resident_bytes

START_S = 120.0
"""What a worker may take to start, and a solver to import what it needs."""

GRACE_S = 10.0
"""How much longer than its time limit a solver may take before it is killed, beside half of it."""

LOOK_S = 0.05
"""How often a worker's memory is looked at, at most."""

LOOKING = 0.02
"""The share of a CPU that looking may take: it reads of every process of the machine."""

_CODE = """
import sys
sys.path[:] = {path!r}
from splitfog.studies.engine.guard import main
main({descriptor})
"""


Answer = TypeVar("Answer")


class Ended(Exception):
    """A worker was killed, or ended by itself, in the midst of a job; the words say why."""

    runtime_s: float | None = None
    """Since the job's time began; None: it had not."""


class OutOfMemory(Ended):
    """It was killed as it held too much."""


class Child:
    """A process that runs jobs one after another, with a guard of its own.

    Parameters
    ----------
    script
        What it needs to know the functions of the caller's script; empty if it needs none.

    Raises
    ------
    ChildProcessError
        If it does not start.
    """

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._sender = Sender()
        self._connection, theirs = multiprocessing.Pipe()
        code = _CODE.format(path=sys.path, descriptor=theirs.fileno())
        self._guard = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=2,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._pause_s = LOOK_S
        self.has_run = False
        """Whether it has run a job, which may have left something in its memory."""
        try:
            self._connection.send(script)
            self._worker: int = self._received(START_S)
        except (Ended, OSError) as ended:
            self.close()
            guard = "; a script must compare below if __name__ == '__main__'" if script else ""
            raise ChildProcessError(
                f"no process for jobs could be started: {ended}{guard}"
            ) from None

    def call(self, function: Callable[..., Answer], job: Job, *others: Any) -> Answer:
        """What a function of a job answers, within the job's limits.

        Parameters
        ----------
        function
            (the job, the others, a function to be called when its time begins) -> the answer.
        job, others
            Its arguments.

        Raises
        ------
        Ended
            If the worker was killed for the job's limits, or crashed; it is of no use any more.
        """
        limit_s = inf if job.time_limit_s is None else job.time_limit_s
        memory, began = job.memory_limit_bytes, None
        try:
            self._connection.send_bytes(self._sender.packed((function, (job, *others))))
            self._received(inf if limit_s == inf else START_S, memory)
            began = time.perf_counter()
            answer: Answer = self._received(1.5 * limit_s + GRACE_S, memory)
        except ConnectionError:
            raise Ended(self._how_it_ended()) from None
        except Ended as ended:
            ended.runtime_s = None if began is None else time.perf_counter() - began
            raise
        self.has_run = True
        return answer

    def interrupt(self) -> None:
        """Have the job end with the best it has so far."""
        with suppress(ProcessLookupError):
            os.kill(self._worker, signal.SIGINT)

    def kill(self) -> None:
        """End it with all that it started; whoever waits for it is told."""
        if self._guard.poll() is None:  # the guard last: it knows what is left
            kill_descendants(self._guard.pid)
            self._guard.kill()

    def close(self) -> None:
        """End it, and keep nothing of it."""
        self.kill()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()
        self._connection.close()

    def _received(self, limit_s: float, memory_limit_bytes: int | None = None) -> Any:
        """The next message, if it comes within a time and while memory is within its limit."""
        ends = time.monotonic() + limit_s
        while True:
            left_s = max(ends - time.monotonic(), 0.0)
            if memory_limit_bytes is not None:
                left_s = min(left_s, self._pause_s)
            if self._connection.poll(None if left_s == inf else left_s):
                break
            if memory_limit_bytes is not None:
                self._require_at_most(memory_limit_bytes)
            if time.monotonic() >= ends:
                raise Ended(f"it was killed, as it had not ended after {limit_s:g} s")
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise Ended(self._how_it_ended()) from None

    def _require_at_most(self, limit_bytes: int) -> None:
        """A worker that holds more has ended."""
        began = time.thread_time()
        held = resident_bytes(self._worker)
        self._pause_s = max(LOOK_S, (time.thread_time() - began) / LOOKING)
        if held > limit_bytes:
            raise OutOfMemory(
                f"it was killed, as it held {held} bytes, above the memory limit of {limit_bytes}"
            )

    def _how_it_ended(self) -> str:
        """Of a worker that ended by itself."""
        code = self._guard.wait()
        if code <= SIGNALLED:
            return f"its process ended with the exit code {code}"
        try:
            name = signal.Signals(code - SIGNALLED).name
        except ValueError:
            name = str(code - SIGNALLED)
        return f"its process was ended by the signal {name}"
