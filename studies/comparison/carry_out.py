"""A comparison from its jobs to its table, with a store or without."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import whole, wrong
from splitfog.instances.records import changed
from splitfog.solvers.functions import require_portable
from splitfog.studies.comparison.asking import Asked
from splitfog.studies.comparison.run_all import run_all
from splitfog.studies.comparison.table_of import judged_runs, table_of
from splitfog.studies.engine.place import Place
from splitfog.studies.engine.places import place_for
from splitfog.studies.progress import Progress
from splitfog.studies.row import Declined
from splitfog.studies.rows import Table
from splitfog.studies.store.asked import ask
from splitfog.studies.store.database import Store
from splitfog.studies.store.key import with_keys
from splitfog.studies.store.question import Question


def carried(
    asked: Asked,
    jobs: int,
    store: str | os.PathLike[str] | None,
    progress: Progress | None,
    scheduler: str | None = None,
) -> Table:
    """The table of a comparison, whose runs have processes of their own where they must.

    Parameters
    ----------
    asked
        The comparison.
    jobs, store, progress, scheduler
        As for `compare`.
    """
    jobs = whole("jobs", jobs, low=1)
    if progress is not None and not callable(progress):
        raise wrong("progress", progress, "a function of (done, total, what)")
    home = None if store is None else path_of("store", store)
    question, excluded = asked.question, asked.excluded
    limited = any(job.memory_limit_bytes is not None for job in question.work)
    isolated = jobs > 1 or home is not None or limited or scheduler is not None
    for job in question.work if isolated else ():
        if not isinstance(job.solver, str):
            require_portable(job.solver)
    if not isolated:
        return carry_out(question, None, progress, excluded)
    with place_for(question.work, jobs, scheduler) as place:
        if home is not None:
            return carry_on(home, question, place, progress, excluded)
        return carry_out(question, place, progress, excluded)


def carry_out(
    question: Question,
    place: Place | None,
    progress: Progress | None,
    excluded: Sequence[Declined] = (),
) -> Table:
    """Run jobs and keep nothing but their table.

    Parameters
    ----------
    question
        With the jobs.
    place, progress
        As for `run_all`.
    excluded
        As for `table_of`.
    """
    work = question.work
    return table_of(work, run_all(work, place, None, progress), question.baseline, excluded)


def carry_on(
    folder: Path,
    question: Question,
    place: Place,
    progress: Progress | None,
    excluded: Sequence[Declined] = (),
) -> Table:
    """Run those jobs that a folder's store does not hold, and keep them there.

    Parameters
    ----------
    folder
        Of the store.
    question, place, progress, excluded
        As for `carry_out`.
    """
    baseline = question.baseline
    keyed = with_keys(question.work)
    with Store(folder) as store:
        ask(store, changed(question, work=keyed))
        outcomes = run_all(keyed, place, store, progress)
        judged = judged_runs(keyed, outcomes, baseline)
        store.judge([(job.key, row) for job, _, row in judged])
    return changed(table_of(keyed, outcomes, baseline, excluded), store=folder)
