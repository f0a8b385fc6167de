"""The table of jobs and what they came to."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.solvers.base import SolverDeclined
from splitfog.studies.comparison.judging import judged
from splitfog.studies.engine.jobs import Job, Outcome, Ran
from splitfog.studies.row import Declined, Row
from splitfog.studies.rows import Table


def table_of(
    work: Sequence[Job],
    outcomes: Sequence[Outcome | None],
    baseline: str,
    excluded: Sequence[Declined] = (),
) -> Table:
    """The rows of all jobs that are to be shown, judged by all that have run.

    Parameters
    ----------
    work, outcomes
        Jobs, and what each came to; None of one that has not run: the table is then interrupted.
    baseline
        Whose value the speed-ups refer to.
    excluded
        What has no job, and why.

    Returns
    -------
    Table

    Raises
    ------
    SolverDeclined
        Where no solver applies anywhere.
    """
    rows = [(job, ran, row) for job, ran, row in judged_runs(work, outcomes, baseline) if job.shown]
    declined = [o for j, o in zip(work, outcomes) if isinstance(o, Declined) and j.shown]
    interrupted = any(outcome is None or is_cut_short(outcome) for outcome in outcomes)
    if declined and not rows and not interrupted:
        raise SolverDeclined(declined[0].solver, _why(declined))
    return Table(
        rows=tuple(row for _, _, row in rows),
        declined=tuple(dict.fromkeys([*excluded, *declined])),
        baseline=baseline,
        counting=_counting(work),
        interrupted=interrupted,
        runs=tuple(ran.run for _, ran, _ in rows),
        instances=tuple({id(job.instance): job.instance for job, _, _ in rows}.values()),
    )


def judged_runs(
    work: Sequence[Job], outcomes: Sequence[Outcome | None], baseline: str
) -> list[tuple[Job, Ran, Row]]:
    """Every job that has run, how, and its row as the others show it."""
    ran = [(job, found) for job, found in zip(work, outcomes) if isinstance(found, Ran)]
    rows = judged(ran, baseline)
    return [(job, found, row) for (job, found), row in zip(ran, rows, strict=True)]


def is_cut_short(outcome: Outcome) -> bool:
    """Whether the job is not finished: Ctrl-C ended it."""
    return isinstance(outcome, Ran) and outcome.row.stopped_by == "interrupted"


def _why(declined: Sequence[Declined]) -> str:
    """Why nobody applies: the first's reason, and who else was asked."""
    others = dict.fromkeys(entry.solver for entry in declined if entry.solver != declined[0].solver)
    return declined[0].reason + (f"; nor does {', '.join(others)} apply" if others else "")


def _counting(work: Sequence[Job]) -> str:
    """How all jobs count, beside what they minimise; empty where they do not agree."""
    ways = {", ".join(str(job.objective).split(", ")[1:]) for job in work}
    return ways.pop() if len(ways) == 1 else ""
