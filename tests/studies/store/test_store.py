"""The store: what is committed stays, nothing finished runs twice, and one process has it."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest

import splitfog as sf
from splitfog.instances.records import changed
from splitfog.studies import lock
from splitfog.studies.engine.jobs import Job
from splitfog.studies.rows import Table
from splitfog.studies.store import asked
from splitfog.studies.store import key as keys
from splitfog.studies.store.database import RESULTS, Store
from splitfog.studies.store.key import with_keys
from splitfog.studies.study import study_status
from splitfog.views.report import save_report
from tests.studies.engine import wild_solvers as wild
from tests.studies.small_rows import ROWS

ROOT = Path(__file__).parents[3]
TINY = sf.load_instance(ROOT / "tests" / "data" / "tiny.json")


def compared(folder: Path, seeds: int = 12, **how: Any) -> Table:
    """A solver that writes down that it ran, at some seeds, in a folder's store."""
    instance = changed(TINY, meta={"log": str(folder / "log")})
    folder.mkdir(exist_ok=True)
    return sf.compare(
        instance, [wild.counted], seeds=range(seeds), baseline="counted", store=folder, **how
    )


def runs_in(folder: Path) -> int:
    """How many runs were begun."""
    return len((folder / "log").read_text().splitlines())


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The table `results` of a store."""
    with closing(sqlite3.connect(folder / RESULTS)) as database:
        database.row_factory = sqlite3.Row
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return [dict(line) for line in database.execute("SELECT * FROM results ORDER BY seed")]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a comparison of three seeds."""
    folder = tmp_path_factory.mktemp("kept")
    compared(folder, seeds=3)
    return folder


KILLED = """
import os, signal
from pathlib import Path
from tests.studies.store.test_store import compared

def stop(done, total, what):
    if done == 5:
        os.kill(os.getpid(), signal.{signal})

compared(Path({folder!r}), jobs=2, progress=stop)
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_killed_comparison_goes_on(name: str, tmp_path: Path) -> None:
    """Of 12 runs at least the 5 that had ended are there, letter by letter; those that are not
    there begin again, none else."""
    script = KILLED.format(signal=name, folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=120)
    assert ended.returncode == (0 if name == "SIGINT" else -signal.SIGKILL)
    before = lines_of(tmp_path)
    assert 5 <= len(before) < 12
    begun = runs_in(tmp_path)
    table = compared(tmp_path)
    assert [row.seed for row in table] == list(range(12))
    assert runs_in(tmp_path) == begun + 12 - len(before)
    after = {line["seed"]: line for line in lines_of(tmp_path)}
    assert len(after) == 12
    for line in before:
        judged = {name: line.pop(name) or after[line["seed"]][name] for name in ("gap", "speedup")}
        assert after[line["seed"]] == {**line, **judged}


def test_what_is_finished_is_read(kept: Path) -> None:
    """No run begins, the table is the same, and a fourth seed is one more run."""
    first = compared(kept, seeds=3)
    assert compared(kept, seeds=3) == first and runs_in(kept) == 3
    assert [row.speedup for row in first] == [1, 1, 1]
    assert [line["speedup"] for line in lines_of(kept)][:3] == [1, 1, 1]
    assert len(compared(kept, seeds=4)) == 4 and runs_in(kept) == 4


def test_a_table_of_a_store_is_saved_beside_it(kept: Path) -> None:
    """The rows stay where they are kept; those of another table would drive them out."""
    before = lines_of(kept)
    save_report(compared(kept, seeds=1), kept)
    assert lines_of(kept) == before
    with pytest.raises(ValueError, match="keeps other comparisons: another folder must be named"):
        save_report(ROWS, kept)


def test_declined_pairs_are_kept(tmp_path: Path) -> None:
    """They are read too, as `run_job` would say it again."""
    asked: dict[str, Any] = {"solvers": ["dina", "device-only"], "store": tmp_path}
    first = sf.compare(TINY, **asked)
    assert [entry.solver for entry in first.declined] == ["dina"]
    assert sf.compare(TINY, **asked) == first


JOB = Job(
    problem=0,
    instance=TINY,
    objective=sf.Objective(name="latency"),
    solver="hpa",
    seed=0,
    time_limit_s=None,
)
OTHERS: dict[str, dict[str, Any]] = {
    "instance": {"instance": TINY.with_node("pi", speed_flops=2e9)},
    "transfers": {"objective": sf.Objective(name="latency", transfers="per-edge")},
    "monotone": {"objective": sf.Objective(name="latency", monotone=False)},
    "solver": {"solver": "min-cut"},
    "function": {"solver": wild.tame},
    "seed": {"seed": 1},
    "time limit": {"time_limit_s": 1.0},
    "memory limit": {"memory_limit_bytes": 10**9},
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_job_is_another_if_anything_differs(name: str) -> None:
    """All that decides what comes out is in the key; what is only noted is not."""
    others = [changed(JOB, **OTHERS[name]), changed(JOB, problem=3, shown=False)]
    own, other, same = (job.key for job in with_keys([JOB, *others]))
    assert other != own and same == own


def test_rows_of_another_version_are_kept_apart(kept: Path, monkeypatch: Any) -> None:
    """They stay, and none of them is taken for one of this version."""
    before = lines_of(kept)
    monkeypatch.setattr(keys, "__version__", "0.0.1")
    compared(kept, seeds=1)
    assert len(lines_of(kept)) == len(before) + 1


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """In a sentence that names the first; afterwards it is free, and no lock is left."""
    refusal = f"results.sqlite is in use by the process {os.getpid()}$"
    with Store(tmp_path), pytest.raises(ValueError, match=refusal):
        sf.compare(TINY, "device-only", store=tmp_path)
    with Store(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [RESULTS]


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """Another program's file, a table written by itself, another form: none is changed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / RESULTS).write_bytes(b"of another program " * 100)
    ROWS.to_sqlite(tmp_path / "b" / RESULTS)
    with Store(tmp_path / "c"):
        pass
    with closing(sqlite3.connect(tmp_path / "c" / RESULTS)) as database:
        database.execute("PRAGMA user_version = 7")
    for name, words in (
        ("a", "is not what compare"),
        ("b", "is not what compare"),
        ("c", "form 7"),
    ):
        path = tmp_path / name / RESULTS
        before = path.read_bytes()
        with pytest.raises(ValueError, match=rf"{path} .*{words}.*: another folder must be named"):
            sf.compare(TINY, "device-only", store=tmp_path / name)
        assert path.read_bytes() == before


def test_a_store_that_was_never_made_whole_holds_nothing(tmp_path: Path) -> None:
    """A process that ends before the first commit leaves an empty file; a comparison fills it."""
    (tmp_path / RESULTS).touch()
    with pytest.raises(ValueError, match="holds no runs: compare -o DIR makes them"):
        study_status(tmp_path)
    sf.compare(TINY, "device-only", store=tmp_path)
    assert study_status(tmp_path).finished == 1


def test_a_damaged_store_is_refused(kept: Path, tmp_path: Path) -> None:
    """Its head is ours, what follows is not: a sentence that says what can be done."""
    content = (kept / RESULTS).read_bytes()
    (tmp_path / RESULTS).write_bytes(content[:4096] + b"Z" * (len(content) - 4096))
    with pytest.raises(ValueError, match=rf"{RESULTS} is damaged: another folder must be named"):
        study_status(tmp_path)


def test_runs_of_other_versions_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this version was asked for nothing, whose runs are there is said."""
    sf.compare(TINY, "device-only", store=tmp_path)
    monkeypatch.setattr(asked, "__version__", "9.9")
    with pytest.raises(ValueError, match=rf"no runs of splitfog 9.9, only of {sf.__version__}$"):
        study_status(tmp_path)


def test_a_store_where_nobody_can_write_is_read(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database with a log is opened by writing beside it, which a disk that is mounted read-only
    refuses: then it is opened as one that does not change, unless rows are in a log that is left.
    """
    before = study_status(kept)
    store = Store(kept, only_read=True)
    assert "immutable" not in store._uri()
    monkeypatch.setattr(os, "access", lambda path, how: False)
    assert "immutable" in store._uri()
    assert study_status(kept) == before
    (kept / f"{RESULTS}-wal").touch()
    assert "immutable" not in store._uri()
    (kept / f"{RESULTS}-wal").unlink()


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: Any) -> None:
    """Room for 20 pages of 4 kB: some of 60 rows are in it, and whole; with room it goes on."""
    opened = Store.__enter__

    def small(self: Store) -> Store:
        opened(self)
        self._database.execute("PRAGMA max_page_count = 20")
        return self

    monkeypatch.setattr(Store, "__enter__", small)
    with pytest.raises(OSError, match="disk is full; what had finished is kept") as caught:
        compared(tmp_path, seeds=60)
    assert caught.value.filename == str(tmp_path / RESULTS)
    kept, begun = len(lines_of(tmp_path)), runs_in(tmp_path)
    assert 0 < kept < 60
    monkeypatch.undo()
    assert len(compared(tmp_path, seeds=60)) == 60
    assert runs_in(tmp_path) == begun + 60 - kept, "only what was missing"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Below a file: the error names it, and nothing is there afterwards."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory") as caught:
        sf.compare(TINY, "device-only", store=tmp_path / "file" / "results")
    assert str(caught.value.filename).startswith(str(tmp_path / "file"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_empty_path_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a variable that was not set; the folder where one is stays as it was."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="store = '', must be a path"):
        sf.compare(TINY, "device-only", store="")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing that is written there is the lock: without it there is no database either."""

    def refused(path: Path, mode: str) -> IO[str]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(lock, "open", refused, raising=False)
    with pytest.raises(OSError, match="Read-only file system") as caught:
        sf.compare(TINY, "device-only", store=tmp_path)
    assert str(caught.value.filename).startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_read_only(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database says it: what is there stays as it is, and can still be read."""
    opened = Store.__enter__

    def read_only(self: Store) -> Store:
        opened(self)
        self._database.execute("PRAGMA query_only = 1")
        return self

    before = lines_of(kept)
    monkeypatch.setattr(Store, "__enter__", read_only)
    with pytest.raises(OSError, match="attempt to write a readonly database") as caught:
        compared(kept, seeds=6)
    assert caught.value.filename == str(kept / RESULTS)
    assert lines_of(kept) == before
    assert study_status(kept).finished > 0
