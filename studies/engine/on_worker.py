"""What a Dask worker does for a comparison: it hands jobs to processes that can be killed.

A worker is a process that none of these may take along, and whose own children must not be those
of `multiprocessing`, as it is a daemon. All but names is imported where it is used: the cluster's
scheduler reads this file too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, get_worker
from tornado.ioloop import PeriodicCallback

from splitfog._version import __version__ as VERSION

if TYPE_CHECKING:
    from splitfog.studies.engine.jobs import Bounds, Job, Outcome
    from splitfog.studies.engine.messages import Key
    from splitfog.studies.engine.workers import Workers

NAME = f"splitfog-{VERSION}"
"""Under which a worker has its `Isolation`, whichever comparisons it works for."""

IDLE_S = 60.0
"""How long a process waits for another job."""


class Isolation(WorkerPlugin):  # type: ignore[misc]
    """The processes for jobs beside one worker."""

    name = NAME
    idempotent = True

    def setup(self, worker: Any) -> None:
        """Be ready for jobs; of processes none is started before there is one."""
        from splitfog.studies.engine.workers import Workers

        self.workers = Workers({})
        self._under_way: dict[str, Job] = {}
        self._tidy = PeriodicCallback(lambda: self.workers.close_idle(IDLE_S), 1e3 * IDLE_S / 4)
        self._tidy.start()

    def teardown(self, worker: Any) -> None:
        """Leave nothing running."""
        self._tidy.stop()
        self.workers.close()

    def transition(self, key: str, start: str, finish: str, **others: Any) -> None:
        """Kill the process of a job that nobody waits for any more."""
        if start == "executing" and finish == "released" and key in self._under_way:
            self.workers.drop(self._under_way[key])

    @contextmanager
    def noted(self, job: Job) -> Iterator[Workers]:
        """The processes, for a job that is known by its task meanwhile."""
        key = get_worker().get_current_task()
        self._under_way[key] = job
        try:
            yield self.workers
        finally:
            del self._under_way[key]


def run_there(
    version: str, body: bytes, key: Key, instance: bytes, bounds: Bounds
) -> Outcome | None:
    """What a job comes to; None if nobody waits for it.

    Parameters
    ----------
    version
        Of the splitfog that asks.
    body, key, instance
        The job and its instance, as `packed_apart` gives them.
    bounds
        As for `run_job`.

    Raises
    ------
    ValueError
        Where this is another splitfog.
    """
    job = _job(version, body, key, instance)
    with _isolation().noted(job) as workers:
        return workers.run(job, bounds)


def bounds_there(version: str, body: bytes, key: Key, instance: bytes) -> Bounds:
    """The bounds for a job, as `bounds_of` gives them.

    Parameters
    ----------
    version, body, key, instance
        As for `run_there`.

    Raises
    ------
    ValueError
        Where this is another splitfog.
    """
    job = _job(version, body, key, instance)
    with _isolation().noted(job) as workers:
        return workers.bounds(job)


def kept_there(content: bytes) -> bytes:
    """What is to be on the cluster once."""
    return content


def versions_there(distributions: list[str]) -> dict[str, str]:
    """What must be the same wherever runs of one comparison are: names, and their versions.

    Parameters
    ----------
    distributions
        That bring solvers beside splitfog's own.
    """
    import platform

    from splitfog.instances.plugins.found import version_of

    python = ".".join(platform.python_version_tuple()[:2])
    others = {name: version_of(name) for name in distributions}
    return {"splitfog": VERSION, "Python": python, **others}


def _isolation() -> Isolation:
    isolation: Isolation = get_worker().plugins[NAME]
    return isolation


def _job(version: str, body: bytes, key: Key, instance: bytes) -> Job:
    if version != VERSION:
        raise ValueError(
            f"the worker {get_worker().address} has splitfog {VERSION}, must have {version}"
        )
    from splitfog.studies.engine.messages import unpacked_with

    job: Job = unpacked_with(body, {key: instance})
    return job
