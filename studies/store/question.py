"""What a comparison asks: its jobs, what their speed-ups refer to, and the study it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from splitfog.studies.engine.jobs import Job


@dataclass(frozen=True, kw_only=True)
class StudyText:
    """The study file that a comparison is made by: the study's name, and the file's content."""

    name: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """Jobs of a comparison; `study` is None of one that was asked for by hand."""

    work: Sequence[Job]
    baseline: str
    study: StudyText | None = None
