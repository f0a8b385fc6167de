"""A comparison from its jobs to its table, with a store or without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from splitfog.instances.records import changed
from splitfog.studies.comparison.run_all import run_all
from splitfog.studies.comparison.table_of import judged_runs, table_of
from splitfog.studies.engine.jobs import Job, Progress
from splitfog.studies.engine.place import Place
from splitfog.studies.row import Declined
from splitfog.studies.rows import Table
from splitfog.studies.store.asked import ask
from splitfog.studies.store.database import Store
from splitfog.studies.store.key import job_key


def carry_out(
    work: Sequence[Job],
    place: Place | None,
    progress: Progress | None,
    baseline: str,
    excluded: Sequence[Declined] = (),
) -> Table:
    """Run jobs and keep nothing but their table.

    Parameters
    ----------
    work, place, progress
        As for `run_all`.
    baseline, excluded
        As for `table_of`.
    """
    return table_of(work, run_all(work, place, None, progress), baseline, excluded)


def carry_on(
    folder: Path,
    work: Sequence[Job],
    place: Place,
    progress: Progress | None,
    baseline: str,
    excluded: Sequence[Declined] = (),
) -> Table:
    """Run those jobs that a folder's store does not hold, and keep them there.

    Parameters
    ----------
    folder
        Of the store.
    work, place, progress, baseline, excluded
        As for `carry_out`.
    """
    keyed = [changed(job, key=job_key(job)) for job in work]
    with Store(folder) as store:
        ask(store, keyed, baseline)
        outcomes = run_all(keyed, place, store, progress)
        judged = judged_runs(keyed, outcomes, baseline)
        store.judge([(job.key, row) for job, _, row in judged])
    return changed(table_of(keyed, outcomes, baseline, excluded), store=folder)
