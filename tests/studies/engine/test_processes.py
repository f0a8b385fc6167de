"""Runs in processes: whatever a solver does is a row, and nothing is left running."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import splitfog as sf
from splitfog.instances.records import changed
from splitfog.studies.engine import child
from splitfog.studies.rows import Table
from tests.studies.engine import wild_solvers as wild

ROOT = Path(__file__).parents[3]
TINY = sf.load_instance(ROOT / "tests" / "data" / "tiny.json")


def running(seconds: str) -> list[psutil.Process]:
    """The programs that a solver started with this time."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["sleep", seconds]:
            found.append(process)
    return found


def becomes(true: Callable[[], bool]) -> bool:
    """Whether something holds soon."""
    for _ in range(400):
        if true():
            return True
        time.sleep(0.05)
    return False


def with_meta(**meta: Any) -> sf.Instance:
    """tiny.json with a note for the solver."""
    return changed(TINY, meta=meta)


@pytest.fixture(scope="module")
def wild_rows() -> Table:
    """One of each kind, each in a process that has run others, with limits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "GRACE_S", 0.5)
        solvers = [wild.crash, wild.leave, wild.hang, wild.eat, wild.stray, wild.tame]
        instance = with_meta(seconds="86101")
        return sf.compare(
            instance, solvers, baseline="tame", time_limit_s=1, memory_limit_bytes=700_000_000
        )


REASONS = {
    "crash": "its process was ended by the signal SIGSEGV",
    "leave": "its process ended with the exit code 3",
    "hang": "it was killed, as it had not ended after 2 s",
    "stray": "its process was ended by the signal SIGSEGV",
}


@pytest.mark.parametrize("solver", REASONS)
def test_a_wild_solver_is_a_row_with_its_reason(solver: str, wild_rows: Table) -> None:
    """A crash, an exit, and a loop that ignores signals: 1.5 times its limit of 1 s and 0.5 s."""
    (row,) = (row for row in wild_rows if row.solver == solver)
    assert (row.status, row.value, row.reason) == ("error", None, REASONS[solver])


def test_memory_is_that_of_all_a_solver_started(wild_rows: Table) -> None:
    """The run itself stays small, its child does not."""
    (row,) = (row for row in wild_rows if row.solver == "eat")
    held = int(str(row.reason).split(" bytes")[0].split()[-1])
    assert row.status == "error" and held > 700_000_000
    assert str(row.reason).endswith("above the memory limit of 700000000")


def test_the_others_go_on(wild_rows: Table) -> None:
    """After five processes were lost, everything on the device costs 0.11 s."""
    assert wild_rows[-1].solver == "tame" and wild_rows[-1].value == pytest.approx(0.11)


def test_a_crash_leaves_no_program_behind(wild_rows: Table) -> None:
    """Though it is in a session of its own, and nobody's child any more."""
    assert any(row.solver == "stray" for row in wild_rows)
    assert running("86101") == []


KILLED = """
import splitfog as sf
from tests.studies.engine.test_processes import with_meta
from tests.studies.engine import wild_solvers as wild
print("started", flush=True)
sf.compare(with_meta(seconds={seconds!r}), [wild.busy], baseline="busy", jobs=2)
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_nothing_outlives_a_comparison_that_is_killed(name: str) -> None:
    """Neither workers nor guards nor what a solver started; Ctrl-C is no error."""
    seconds = f"86{signal.Signals[name].value:03d}"
    script = [sys.executable, "-c", KILLED.format(seconds=seconds)]
    with subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE) as comparing:
        assert becomes(lambda: running(seconds) != [])
        family = psutil.Process(comparing.pid).children(recursive=True)
        comparing.send_signal(signal.Signals[name])
        assert comparing.wait(60) == (0 if name == "SIGINT" else -signal.SIGKILL)
    assert len(family) == 3, "a guard, a worker, a program"
    assert becomes(lambda: not any(process.is_running() for process in family))
