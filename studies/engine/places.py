"""Which place jobs are given to."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.studies.engine.jobs import Job
from splitfog.studies.engine.place import Place
from splitfog.studies.engine.processes import Processes


def place_for(work: Sequence[Job], jobs: int, scheduler: str | None) -> Place:
    """Processes of this machine, or a Dask cluster where one is named.

    Parameters
    ----------
    work
        The jobs that are to come.
    jobs
        Runs at a time on this machine.
    scheduler
        The address of the cluster's.

    Raises
    ------
    ModuleNotFoundError, ValueError
        As `Cluster` says.
    """
    if scheduler is None:
        return Processes(work, jobs)
    from splitfog.studies.engine.cluster import Cluster

    return Cluster(work, scheduler)
