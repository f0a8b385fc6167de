"""An existing Dask cluster as a place for jobs.

Jobs and instances travel by pickle, as all does that Dask is given: whoever may talk to a scheduler
may run any code on its workers, and the workers may on the client.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import pickle
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self

from splitfog.studies.engine.jobs import Job, Outcome, distribution_of, failed, now
from splitfog.studies.engine.messages import Key, packed_apart

ANSWER_S = 5.0
"""How long a scheduler may take to answer."""

WORKERS_S = 10.0
"""How long a cluster may take to have a worker."""


class Cluster:
    """The workers of a Dask cluster; as many jobs at a time as they have threads.

    Parameters
    ----------
    work
        The jobs that are to come.
    address
        Of the scheduler.

    Raises
    ------
    ModuleNotFoundError
        Without the extra `splitfog[dask]`.
    ValueError
        Where no scheduler answers, where it has no workers, where these have another splitfog,
        Python or plug-in, and for a solver that is a function of the script that is running.
    """

    def __init__(self, work: Sequence[Job], address: str) -> None:
        _require_importable(work)
        self._address = address
        with ExitStack() as opened:
            opened.enter_context(_calm())
            self._client = _client(address)
            opened.callback(self._client.close)
            _require_same(self._client, address, work)
            self._client.register_plugin(_there().Isolation())
            self._open = opened.pop_all()
        self._executor = self._client.get_executor(pure=False)
        self._instances: dict[Key, Any] = {}
        self._bounds: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError, TimeoutError), self._open:
            self.interrupt()

    def submit(self, job: Job) -> Future[Outcome | None]:
        """As `Place` says."""
        there = _there()
        body, instances = packed_apart(job)
        ((key, instance),) = instances.items()
        if key not in self._instances:  # a task, so that it is there again if its worker dies
            content = pickle.dumps(instance)
            self._instances[key] = self._client.submit(there.kept_there, content)
        message = there.VERSION, body, key, self._instances[key]
        bounds: Any = ()
        if job.needs_bounds:
            if job.problem not in self._bounds:
                made = self._client.submit(there.bounds_there, *message, pure=False)
                self._bounds[job.problem] = made
            bounds = self._bounds[job.problem]
        future: Future[Outcome | None] = self._executor.submit(there.run_there, *message, bounds)
        return future

    def outcome(self, job: Job, future: Future[Outcome | None]) -> Outcome | None:
        """As `Place` says; a job that has taken several workers along has failed."""
        from distributed.scheduler import KilledWorker

        try:
            return future.result()
        except CancelledError:
            lost = "the scheduler is gone; what had finished is kept"
            raise OSError(errno.ECONNRESET, lost, self._address) from None
        except KilledWorker as killed:
            reason = f"{killed.allowed_failures + 1} workers of the cluster ended while it ran"
            return failed(job, reason, None, now())

    def interrupt(self) -> None:
        """As `Place` says; what is under way is given up."""
        self._executor.shutdown(wait=False)


def _there() -> Any:
    """What the workers run, which needs Dask."""
    from splitfog.studies.engine import on_worker

    return on_worker


def _require_importable(work: Sequence[Job]) -> None:
    for job in work:
        if not isinstance(job.solver, str) and job.solver.__module__ == "__main__":
            raise ValueError(
                f"solver {job.solver_name} is a function of the script that is running, must be "
                "one of a module that the workers of the cluster can import"
            )


def _client(address: str) -> Any:
    """Connected to a cluster that has a worker."""
    if not isinstance(address, str) or not re.fullmatch(r"(tcp|tls)://\S+:\d+", address):
        raise ValueError(f"scheduler = {address!r}, must be tcp://HOST:PORT or tls://HOST:PORT")
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ModuleNotFoundError("a cluster needs Dask: pip install 'splitfog[dask]'") from None
    try:
        _require_answer(address)
        client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except Exception:  # whatever something that is no scheduler answers
        raise ValueError(
            f"scheduler = {address!r}: no Dask scheduler has answered there within {ANSWER_S:g} s"
        ) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        client.close()
        raise ValueError(
            f"scheduler = {address!r}: the cluster has had no worker for {WORKERS_S:g} s"
        ) from None
    return client


def _require_answer(address: str) -> None:
    """That Dask greets there in time; a client would wait for ever where something else listens."""
    from distributed.comm import connect
    from distributed.security import Security

    async def greeting() -> None:
        greeted = connect(address, ANSWER_S, **Security().get_connection_args("client"))
        (await asyncio.wait_for(greeted, ANSWER_S)).abort()

    with ThreadPoolExecutor(1) as apart:  # a notebook has a loop that runs
        apart.submit(asyncio.run, greeting()).result()


def _require_same(client: Any, address: str, work: Sequence[Job]) -> None:
    """The scheduler and all workers have what this process has."""
    named = sorted({name for job in work if (name := distribution_of(job))})
    ours = _there().versions_there(named)
    found = client.run(_there().versions_there, named, on_error="return")
    everywhere = {f"the worker {worker}": theirs for worker, theirs in found.items()}
    try:
        everywhere["the scheduler"] = client.run_on_scheduler(_there().versions_there, named)
    except Exception as error:  # whatever comes of code that it does not have
        everywhere["the scheduler"] = error
    for who, theirs in everywhere.items():
        if isinstance(theirs, BaseException):
            raise ValueError(
                f"scheduler = {address!r}: {who} must have splitfog {ours['splitfog']}: {theirs}"
            )
        for name, version in ours.items():
            if theirs[name] != version:
                raise ValueError(
                    f"scheduler = {address!r}: {who} has {name} {theirs[name]}, "
                    f"must have {version} as is here"
                )


@contextmanager
def _calm() -> Iterator[None]:
    """Keep what Dask logs to itself: what is wrong is said in a sentence or a row."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
