"""A folder with a comparison: how far it is, its table, and the rest of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from splitfog._version import __version__
from splitfog.instances.arguments import path as path_of
from splitfog.instances.records import changed
from splitfog.studies.comparison.carry_out import carry_on
from splitfog.studies.comparison.table_of import table_of
from splitfog.studies.engine.jobs import Job, Outcome, Ran
from splitfog.studies.engine.places import place_for
from splitfog.studies.progress import Progress
from splitfog.studies.rows import Table
from splitfog.studies.store.asked import asked_for
from splitfog.studies.store.database import Store


class Standing(Struct, frozen=True, kw_only=True):
    """How far a solver's runs are.

    Attributes
    ----------
    solver
        Its name.
    asked, finished
        Runs.
    declined, failed
        Of the finished ones, those it does not apply to, and those of status `error`.
    """

    solver: str
    asked: int
    finished: int
    declined: int
    failed: int


class Study(Struct, frozen=True, kw_only=True):
    """How far the comparison in a folder is.

    Attributes
    ----------
    asked, finished
        Runs of the comparison that was asked for last.
    solvers
        The same a solver, in the comparison's order.
    name
        Of the study that the folder is of; None: of a comparison that is of none.
    others
        Rows in the folder that are none of its, by the version of splitfog.
    """

    asked: int
    finished: int
    solvers: tuple[Standing, ...]
    others: dict[str, int]
    name: str | None = None


def study_status(folder: str | os.PathLike[str]) -> Study:
    """How far the comparison in a folder is; it may be under way.

    Parameters
    ----------
    folder
        That `compare` was given to keep its runs in.

    Raises
    ------
    ValueError
        Where no runs of this version of splitfog are.
    """
    with Store(path_of("folder", folder), only_read=True) as store:
        question = asked_for(store)
        work = question.work
        outcomes = [store.outcome(job) for job in work]
        lines = store.read("SELECT key, splitfog_version FROM results")
    keys, names = {job.key for job in work}, [job.solver_name for job in work]
    others = Counter(line["splitfog_version"] for line in lines if line["key"] not in keys)
    return Study(
        asked=len(work),
        finished=sum(outcome is not None for outcome in outcomes),
        solvers=tuple(_standing(name, work, outcomes) for name in dict.fromkeys(names)),
        others=dict(others),
        name=None if question.study is None else question.study.name,
    )


def _standing(solver: str, work: Sequence[Job], outcomes: Sequence[Outcome | None]) -> Standing:
    own = [
        outcome for job, outcome in zip(work, outcomes, strict=True) if job.solver_name == solver
    ]
    ran = [outcome for outcome in own if isinstance(outcome, Ran)]
    finished = sum(outcome is not None for outcome in own)
    return Standing(
        solver=solver,
        asked=len(own),
        finished=finished,
        declined=finished - len(ran),
        failed=sum(each.row.status == "error" for each in ran),
    )


def study_table(folder: str | os.PathLike[str]) -> Table:
    """The table of what has finished of the comparison in a folder; it may be under way.

    Parameters
    ----------
    folder
        As for `study_status`.

    Raises
    ------
    ValueError
        Where no runs of this version of splitfog are.
    SolverDeclined
        Where no solver applied anywhere.
    """
    home = path_of("folder", folder)
    with Store(home, only_read=True) as store:
        question = asked_for(store)
        outcomes = [store.outcome(job) for job in question.work]
    return changed(table_of(question.work, outcomes, question.baseline), store=home)


def resume_study(
    folder: str | os.PathLike[str],
    jobs: int = 1,
    progress: Progress | None = None,
    *,
    scheduler: str | None = None,
) -> Table:
    """Run what is missing of the comparison in a folder.

    Parameters
    ----------
    folder
        As for `study_status`.
    jobs, progress, scheduler
        As for `compare`.

    Returns
    -------
    Table
        As `compare` gives it.

    Raises
    ------
    ValueError
        Where no runs of this version of splitfog are, or some of a function, which only the script
        that has it can go on with; where another process is at it.
    """
    home = path_of("folder", folder)
    with Store(home, only_read=True) as store:
        question = asked_for(store)
        functions = store.read(
            "SELECT solver FROM asked WHERE is_function AND splitfog_version = ?", (__version__,)
        )
    if functions:
        raise ValueError(
            f"solver {functions[0]['solver']} in {store.path} is a function: "
            "the script that has it goes on"
        )
    with place_for(question.work, jobs, scheduler) as place:
        return carry_on(home, question, place, progress)
