"""Study files as they are read, whole and as their quick slices."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from splitfog.instances.arguments import flag
from splitfog.instances.arguments import path as path_of
from splitfog.instances.defects import InstanceError, value_defects
from splitfog.instances.importers.reading import read_toml, text_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import require_format
from splitfog.instances.lookup import unknown_name
from splitfog.studies.study_files.entries import INSTANCES, Source, sources
from splitfog.studies.study_files.records import StudyContent
from splitfog.studies.study_files.replays import CourseEntry, Ways, courses_of, ways_of

SHIPPED = Path(__file__).parents[1] / "shipped"

FIXED = ("format", "version", "name", "title", "quick")
"""Keys that a quick slice has as the whole has them."""

OF_SOLVERS = ("solvers", "objectives", "options", "pass", "contiguous", "partial")
"""Keys that say nothing of replays."""


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """A study as it was read.

    Attributes
    ----------
    path, text
        Of the file.
    content
        What it says; of a quick slice, what that says.
    sources
        Where its instances come from.
    ways, courses
        Of a study of replays, how is adapted, and through which traces.
    """

    path: Path
    text: str
    content: StudyContent
    sources: tuple[Source[Instance], ...]
    ways: tuple[Ways, ...] = ()
    courses: tuple[CourseEntry, ...] = ()


def load_study(study: str | os.PathLike[str], quick: bool = False) -> StudyFile:
    """A study, read from its file.

    Parameters
    ----------
    study
        The path of a file, or the name of a study that comes with splitfog.
    quick
        Whether its quick slice is wanted in the place of the whole.

    Returns
    -------
    StudyFile
        Nothing is generated or loaded yet, but all of it can be.

    Raises
    ------
    InstanceError
        With all that is wrong with the file: unknown keys, values that are not allowed, files that
        are not there.
    LookupError
        Where there is neither such a file nor such a study.
    """
    quick = flag("quick", quick)
    path = _found(study)
    data = read_toml(path)
    content = _checked(data, path)
    whole, sliced = _study(path, content), _sliced(data, content, path)
    if not quick:
        return whole
    if not content.quick:
        raise InstanceError(str(path), ["quick is missing, must be a table"])
    return _study(path, sliced, "quick.")


def _sliced(data: Mapping[str, Any], content: StudyContent, path: Path) -> StudyContent:
    """What the quick slice of a file says, which is held to the same rules though it is not run."""
    for key in content.quick:
        if key in FIXED:
            raise InstanceError(str(path), [f"quick.{key} stands there, must not"])
    sliced = {**data, **content.quick}
    solvers = content.quick.get("solvers")
    if isinstance(solvers, list):
        sliced["options"] = {k: v for k, v in content.options.items() if k in solvers}
    return _checked(sliced, path, "quick.")


def shipped_studies() -> tuple[StudyFile, ...]:
    """The studies that come with splitfog.

    Returns
    -------
    tuple of StudyFile
        In the order of their names.
    """
    return tuple(load_study(path) for path in sorted(SHIPPED.glob("*.toml")))


def _found(study: str | os.PathLike[str]) -> Path:
    path = path_of("study", study)
    if path.suffix == ".toml" or path.is_file():
        return path
    known = sorted(own.stem for own in SHIPPED.glob("*.toml"))
    if str(study) not in known:
        raise LookupError(unknown_name(str(study), known, "study"))
    return SHIPPED / f"{study}.toml"


def _study(path: Path, content: StudyContent, within: str = "") -> StudyFile:
    folder = path.parent
    wrong = [f"{within}{each}" for each in _contradictions(content)]
    instances, more = sources(INSTANCES, content.instances, folder, f"{within}instances")
    ways, ways_wrong = ways_of(content.replays, f"{within}replays")
    courses, courses_wrong = courses_of(content.traces, folder, f"{within}traces")
    if wrong := [*wrong, *more, *ways_wrong, *courses_wrong]:
        raise InstanceError(str(path), wrong)
    return StudyFile(
        path=path,
        text=text_of(path),
        content=content,
        sources=tuple(instances),
        ways=tuple(ways),
        courses=tuple(courses),
    )


def _contradictions(content: StudyContent) -> Iterator[str]:
    """What is there of replays without the rest, or beside them."""
    if bool(content.replays) != bool(content.traces):
        yield f"{'traces' if content.replays else 'replays'} is missing, must be a list"
    for field in msgspec.structs.fields(content) if content.replays else ():
        key = field.encode_name
        if key in OF_SOLVERS and getattr(content, field.name):
            yield f"{key} stands beside replays, which solve nothing: must not"


def _checked(data: Mapping[str, Any], path: Path, within: str = "") -> StudyContent:
    """What a file says; every wrong value in one error."""
    require_format(dict(data), StudyContent, str(path))
    try:
        return msgspec.convert(data, StudyContent)
    except msgspec.ValidationError as error:
        wrong = value_defects(data, StudyContent) or [str(error)]
        raise InstanceError(str(path), [f"{within}{own}" for own in wrong]) from None
