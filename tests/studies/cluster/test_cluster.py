"""Runs on a Dask cluster: a scheduler and two workers, each a process of this machine."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import splitfog as sf
from splitfog.studies.engine import cluster as clusters
from splitfog.studies.engine.jobs import Ran
from splitfog.studies.rows import Table
from tests.studies.engine import wild_solvers as wild
from tests.studies.engine.test_processes import becomes, running, with_meta
from tests.studies.store.test_store import JOB, lines_of, runs_in

distributed = pytest.importorskip("distributed")

from splitfog.studies.engine import on_worker  # noqa: E402

ROOT = Path(__file__).parents[3]
SEEDS = 8


@dataclass(frozen=True)
class Cluster:
    """An address, and who serves there."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers of one thread each."""
    home = tmp_path_factory.mktemp("cluster")
    file = home / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    alone = [*common, "--nthreads", "1", "--no-nanny", "--local-directory", str(home)]
    local = ["--host", "127.0.0.1"]
    started = [_started("scheduler", *common, *local, "--port", "0")]
    try:
        started += [_started("worker", *alone, *local) for _ in range(2)]
        assert becomes(file.exists)
        yield Cluster(json.loads(file.read_text())["address"], started[0], started[1:])
    finally:
        for process in started:
            process.kill()
            process.wait()


def _started(what: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def compared(folder: Path, address: str | None = None, **how: Any) -> Table:
    """A solver that writes down that it ran, at some seeds, in a folder's store."""
    folder.mkdir(exist_ok=True)
    instance = with_meta(log=str(folder / "log"), pause=0.1)
    return sf.compare(
        instance,
        [wild.counted],
        seeds=range(SEEDS),
        baseline="counted",
        store=folder,
        scheduler=address,
        **how,
    )


KILLED = """
import os, signal
from pathlib import Path
from tests.studies.cluster.test_cluster import compared

def stop(done, total, what):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

compared(Path({folder!r}), {address!r}, progress=stop)
"""


def test_a_killed_client_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    """The 3 runs or more that had ended are not run again; the cluster serves the next client."""
    script = KILLED.format(folder=str(tmp_path), address=cluster.address)
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    kept = lines_of(tmp_path)
    assert 3 <= len(kept) < SEEDS
    begun = runs_in(tmp_path)
    table = compared(tmp_path, cluster.address)
    assert [row.seed for row in table] == list(range(SEEDS))
    assert runs_in(tmp_path) <= begun + SEEDS - len(kept) + 2, "but those under way"
    before = {line["key"]: line["started_at"] for line in kept}
    after = {line["key"]: line["started_at"] for line in lines_of(tmp_path)}
    assert before.items() <= after.items()


def test_a_run_that_nobody_waits_for_ends(cluster: Cluster) -> None:
    """After Ctrl-C, with the program that its solver has started; what has ended is in the table.

    Of two runs on two threads one ends at once, the other never.
    """

    def stop(done: int, total: int, what: str) -> None:
        assert becomes(lambda: running("86301") != [])
        signal.raise_signal(signal.SIGINT)

    table = sf.compare(
        with_meta(seconds="86301"),
        [wild.busy, wild.tame],
        baseline="tame",
        progress=stop,
        scheduler=cluster.address,
    )
    assert table.interrupted and [row.solver for row in table] == ["tame"]
    assert becomes(lambda: running("86301") == [])


def test_a_killed_worker_loses_no_run(cluster: Cluster, tmp_path: Path) -> None:
    """Its run goes to the other; the rows are those of one machine, but for names and times."""

    def stop(done: int, total: int, what: str) -> None:
        if done == 3:
            cluster.workers[0].kill()

    here, there = (
        compared(tmp_path / "here"),
        compared(tmp_path / "there", cluster.address, progress=stop),
    )
    assert cluster.workers[0].wait(60) == -signal.SIGKILL
    assert [(row.seed, row.status, row.value) for row in there] == [
        (row.seed, row.status, row.value) for row in here
    ]
    assert len(lines_of(tmp_path / "there")) == SEEDS


@pytest.mark.parametrize(("what", "have"), [("splitfog", "0.0.9"), ("Python", "2.7")])
def test_another_version_is_refused(
    what: str, have: str, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything runs or is written; as if the client were the other one."""
    monkeypatch.setattr(on_worker, "VERSION", have if what == "splitfog" else sf.__version__)
    if what == "Python":
        monkeypatch.setattr(platform, "python_version_tuple", lambda: have.split("."))
    with pytest.raises(ValueError, match=rf"the worker tcp://\S+ has {what} \S+, must have {have}"):
        compared(tmp_path, cluster.address)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time in which one could have come."""
    monkeypatch.setattr(clusters, "WORKERS_S", 0.1)
    how = {"processes": False, "protocol": "tcp", "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(n_workers=0, **how) as empty,
        pytest.raises(ValueError, match=r"the cluster has had no worker for 0\.1 s$"),
    ):
        sf.compare(with_meta(), "device-only", scheduler=empty.scheduler_address)


def test_a_run_that_took_several_workers_along_has_failed() -> None:
    """What Dask then says names its own things; a row says what it means."""
    future: Future[Any] = Future()
    future.set_exception(distributed.scheduler.KilledWorker("run", None, 3))
    ran = clusters.Cluster.outcome(clusters.Cluster.__new__(clusters.Cluster), JOB, future)
    assert isinstance(ran, Ran) and ran.row.status == "error"
    assert ran.row.reason == "4 workers of the cluster ended while it ran"


def test_a_worker_that_joins_later_must_be_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so itself, as nobody asked it before."""
    monkeypatch.setattr(on_worker, "get_worker", lambda: SimpleNamespace(address="tcp://late:1"))
    with pytest.raises(ValueError, match=r"tcp://late:1 has splitfog \S+, must have 0\.0\.9$"):
        on_worker.run_there("0.0.9", b"", ("", None), b"", ())


def test_a_lost_scheduler_is_a_sentence(cluster: Cluster, tmp_path: Path) -> None:
    """What had ended is kept. It is the last test, as the cluster ends with it."""

    def stop(done: int, total: int, what: str) -> None:
        if done == 3:
            cluster.scheduler.kill()

    with pytest.raises(OSError, match="the scheduler is gone; what had finished is kept") as caught:
        compared(tmp_path, cluster.address, progress=stop)
    assert caught.value.filename == cluster.address
    assert len(lines_of(tmp_path)) >= 3
