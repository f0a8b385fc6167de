"""All jobs of a comparison: those that a store holds are read, the others run and kept there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from splitfog.studies.comparison.table_of import is_cut_short
from splitfog.studies.engine.jobs import Job, Outcome
from splitfog.studies.engine.place import Place
from splitfog.studies.engine.pool import run_elsewhere, run_here
from splitfog.studies.progress import Progress
from splitfog.studies.store.database import Store


def run_all(
    work: Sequence[Job], place: Place | None, store: Store | None, progress: Progress | None
) -> list[Outcome | None]:
    """What every job came to; Ctrl-C leaves the rest out.

    Parameters
    ----------
    work
        The jobs.
    place
        Where they run, each in a process that can be killed; None: one after another here.
    store
        Where outcomes are kept as soon as they are known; None: nowhere.
    progress
        Told of every outcome.

    Returns
    -------
    list of Outcome or None
        In the order of the jobs, whenever they end; None of one that has not run.
    """
    outcomes = [None if store is None else store.outcome(job) for job in work]
    missing = [position for position, outcome in enumerate(outcomes) if outcome is None]
    done = len(work) - len(missing)

    def keep(place: int, outcome: Outcome) -> None:
        nonlocal done
        position = missing[place]
        if store is not None and not is_cut_short(outcome):
            store.add(work[position], outcome)
        outcomes[position], done = outcome, done + 1
        if progress is not None:
            progress(done, len(work), f"{outcome.instance} {outcome.solver}")

    rest = [work[position] for position in missing]
    with suppress(KeyboardInterrupt):
        if place is None:
            run_here(rest, keep)
        else:
            run_elsewhere(rest, place, keep)
    return outcomes
