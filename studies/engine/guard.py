"""The process between a comparison and a worker, which leaves nothing running behind either.

It starts the worker, and ends when the worker does or when its standard input is closed, which the
system does even for a comparison that was killed; before it ends it kills all that the worker
started. Solvers start processes in sessions of their own, so neither a group nor a session holds
them all. Where the system allows it (Linux), the guard adopts what a worker that crashed leaves,
and the worker ends with the guard.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from splitfog.studies.engine.tree import kill_descendants

SIGNALLED = 128
"""What is added to a signal's number to make an exit code, as shells do."""

_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36


def main(connection: int) -> None:
    """Start a worker, wait for its end, and end with all that it started.

    Parameters
    ----------
    connection
        The file descriptor by which the worker is given jobs.
    """
    _control_process(_SET_CHILD_SUBREAPER, 1)
    worker = os.fork()
    if worker == 0:
        _control_process(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        from splitfog.studies.engine.worker import serve

        serve(connection)
        return
    os.close(connection)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    code = _end_of(worker)
    kill_descendants(os.getpid())
    os._exit(code)


def _end_of(worker: int) -> int:
    """The exit code of the worker; 0 where standard input is closed before."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    while True:
        while (ended := _reap()) is not None:
            if ended[0] == worker:
                code = os.waitstatus_to_exitcode(ended[1])
                return code if code >= 0 else SIGNALLED - code
        if 0 in select.select([0, woken], [], [])[0]:
            return 0
        os.read(woken, 1)


def _reap() -> tuple[int, int] | None:
    """A child or an adopted one that has ended, and how."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _control_process(option: int, value: int) -> None:
    """`prctl` where there is one."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
