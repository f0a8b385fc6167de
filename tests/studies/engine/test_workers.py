"""Processes that are shared by those who have jobs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from splitfog.studies.engine import child
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


def test_a_script_without_its_guard_is_told_of_it(tmp_path: Path) -> None:
    """A process reads the script that defines solvers; what that does first happens there too."""
    script = tmp_path / "own.py"
    script.write_text("raise SystemExit(1)\n")
    with pytest.raises(ChildProcessError, match=r"must compare below if __name__ == '__main__'$"):
        child.Child({"init_main_from_path": str(script)})


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.0001, 0.05), (0.01, 0.5)])
def test_looking_at_memory_takes_a_fiftieth_of_a_cpu(
    took_s: float, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look of 10 ms, as on a machine with many processes, is followed by half a second."""
    clock = iter((1.0, 1.0 + took_s))
    monkeypatch.setattr(child, "resident_bytes", lambda pid: 0)
    monkeypatch.setattr(time, "thread_time", lambda: next(clock))
    looking = child.Child.__new__(child.Child)
    looking._worker = 0
    looking._require_at_most(1)
    assert looking._pause_s == pytest.approx(pause_s)
