"""`splitfog.run_study`: the comparison that a study file describes."""

from __future__ import annotations

import os

from splitfog.instances.defects import InstanceError
from splitfog.instances.records import changed
from splitfog.studies.comparison.asking import Asked, asked_for_all
from splitfog.studies.comparison.carry_out import carried
from splitfog.studies.comparison.replaying import Course, replays_asked
from splitfog.studies.progress import Progress
from splitfog.studies.rows import Table
from splitfog.studies.store.question import StudyText
from splitfog.studies.study_files.reading import StudyFile, load_study


def run_study(
    study: StudyFile | str | os.PathLike[str],
    store: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    *,
    quick: bool = False,
    scheduler: str | None = None,
) -> Table:
    """The table of a study.

    Parameters
    ----------
    study
        The path of its file, the name of one that comes with splitfog, or what `load_study` read.
    store, jobs, progress, scheduler
        As for `compare`. A store is that of one study, and keeps its file.
    quick
        Whether the file's quick slice is run in the place of the whole.

    Returns
    -------
    Table
        As `compare` gives it.

    Raises
    ------
    InstanceError, LookupError
        As `load_study`; for solvers, objectives, ways and options that there are not.
    ValueError
        For a store of another study, and as `compare`.

    Examples
    --------
    >>> import splitfog as sf
    >>> table = sf.run_study("hpa-gap", quick=True)
    >>> sorted({row.solver for row in table})
    ['hpa', 'hpa-plain', 'min-cut']
    """
    if isinstance(study, StudyFile) and quick:
        raise ValueError("quick = True, must be given to load_study, which has read this study")
    read = study if isinstance(study, StudyFile) else load_study(study, quick)
    try:
        asked = _replays(read) if read.ways else _solvers(read)
    except InstanceError:
        raise
    except (ValueError, LookupError) as error:
        raise InstanceError(str(read.path), [str(error.args[0])]) from None
    kept = StudyText(name=read.content.name, content=read.text)
    question = changed(asked.question, study=kept)
    return carried(changed(asked, question=question), jobs, store, progress, scheduler)


def _solvers(study: StudyFile) -> Asked:
    """The runs of a study of solvers."""
    content = study.content
    return asked_for_all(
        [source() for source in study.sources],
        how=dict(content.how),
        solvers=content.solvers,
        options=content.options,
        objectives=content.objectives,
        seeds=content.seeds,
        baseline=content.baseline or "device-only",
        time_limit_s=content.time_limit_s,
        memory_limit_bytes=content.memory_limit_bytes,
    )


def _replays(study: StudyFile) -> Asked:
    """The runs of a study of ways of adapting; the first is the baseline if none is named."""
    content = study.content
    ways = study.ways
    courses = [
        Course(traces=tuple(source() for source in own.sources), number=own.number, vary=own.vary)
        for own in study.courses
    ]
    return replays_asked(
        [source() for source in study.sources],
        courses,
        ways,
        seeds=content.seeds,
        baseline=content.baseline or ways[0].called(ways[0].adapt[0]),
        time_limit_s=content.time_limit_s,
        memory_limit_bytes=content.memory_limit_bytes,
    )
