"""Processes that are shared by those who have jobs."""

from __future__ import annotations

from splitfog.studies.engine.workers import Workers
from tests.studies.store.test_store import JOB


def test_a_job_that_is_dropped_before_it_starts_does_not_run() -> None:
    """Nobody waits for it; once it was given up it may be asked for again."""
    workers = Workers({})
    try:
        workers.drop(JOB)
        assert workers.run(JOB, ()) is None
        assert workers.run(JOB, ()) is not None
    finally:
        workers.close()


def test_a_process_that_idles_ends() -> None:
    """Not before its time; the next job has a new one."""
    workers = Workers({})
    try:
        workers.run(JOB, ())
        (child,) = workers._idle
        workers.close_idle(600.0)
        assert list(workers._idle) == [child]
        workers.close_idle(0.0)
        assert not workers._idle and child._guard.returncode is not None
    finally:
        workers.close()
