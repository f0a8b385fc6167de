"""What a study file says of replays: ways of adapting, and the traces that they go through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from splitfog.deployment.contest.settings import Settings, checked
from splitfog.instances.arguments import entries, mapping, number, text, texts
from splitfog.instances.defects import shown
from splitfog.instances.traces.trace import Trace
from splitfog.studies.study_files.entries import TRACES, Source, of_entry, told

NAME, ADAPT, BESIDE, VARY = "name", "adapt", "beside", "vary"

_SETTINGS = tuple(field.name for field in fields(Settings))

RANGE = "two numbers > 0, the smaller first"


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Ways of adapting, and how their replays go.

    Attributes
    ----------
    place
        Of the entry in its file, for defects: `replays[0]`.
    name
        Stands behind a way's name in rows; empty: nothing does.
    adapt, settings
        As `replay` takes them.
    """

    place: str
    name: str
    adapt: tuple[str, ...]
    settings: Mapping[str, Any]

    def called(self, way: str) -> str:
        """The name that rows of a way bear: `argmin, late`."""
        return f"{way}, {self.name}" if self.name else way


@dataclass(frozen=True, kw_only=True)
class CourseEntry:
    """Traces that change together, their number in their entry, and a plan table's ranges."""

    sources: tuple[Source[Trace], ...]
    number: int
    vary: Mapping[str, tuple[float, float]]


def ways_of(tables: Sequence[Mapping[str, Any]], place: str) -> tuple[list[Ways], list[str]]:
    """The ways that the entries of `replays` in a study file name, and what is wrong with them.

    Parameters
    ----------
    tables
        The entries.
    place
        The key of the entries in the file, for defects.
    """
    known = (NAME, ADAPT, *_SETTINGS)
    found, wrong = [], []
    for position, entry in enumerate(tables):
        own = f"{place}[{position}]"
        wrong += [
            f"{own}.{key} = {shown(entry[key])}, unknown key, must be one of {', '.join(known)}"
            for key in entry
            if key not in known
        ]
        try:
            found.append(_ways(entry, own))
        except ValueError as error:
            wrong.append(told(own, error))
    return found, wrong


def _ways(entry: Mapping[str, Any], place: str) -> Ways:
    settings = {key: value for key, value in entry.items() if key not in (NAME, ADAPT)}
    checked(None, **{key: value for key, value in settings.items() if key in _SETTINGS})
    return Ways(
        place=place,
        name=text(NAME, entry.get(NAME, "")),
        adapt=texts(ADAPT, entry.get(ADAPT)),
        settings=settings,
    )


def courses_of(
    tables: Sequence[Mapping[str, Any]], folder: Path, place: str
) -> tuple[list[CourseEntry], list[str]]:
    """What the entries of `traces` in a study file stand for, and what is wrong with them.

    Parameters
    ----------
    tables, place
        As for `ways_of`.
    folder
        Where the paths of files begin.
    """
    found: list[CourseEntry] = []
    wrong = []
    for position, entry in enumerate(tables):
        try:
            found += _courses(entry, folder)
        except (ValueError, LookupError) as error:
            wrong.append(told(f"{place}[{position}]", error))
    return found, wrong


def _courses(entry: Mapping[str, Any], folder: Path) -> Iterator[CourseEntry]:
    rest = {key: value for key, value in entry.items() if key not in (BESIDE, VARY)}
    own = of_entry(TRACES, rest, folder)
    given = entries(BESIDE, entry.get(BESIDE, []), "a list of tables of traces")
    beside = [_beside(table, rest, folder, len(own)) for table in given]
    vary = _ranges(entry.get(VARY, {}))
    for at, sources in enumerate(zip(own, *beside, strict=True)):
        yield CourseEntry(sources=sources, number=at, vary=vary)


def _beside(table: Any, entry: Mapping[str, Any], folder: Path, count: int) -> list[Source[Trace]]:
    """Traces beside those of an entry, of the same seeds."""
    seeds = {key: entry[key] for key in ("seed", "count") if key in entry}
    given = {**mapping(BESIDE, table, "tables of traces"), **seeds}
    found = of_entry(TRACES, given, folder)
    if len(found) != count:
        raise ValueError(f"{BESIDE} has {len(found)} traces beside {count}, must have as many")
    return found


def _ranges(given: Any) -> dict[str, tuple[float, float]]:
    ranges = {}
    for name, ends in mapping(VARY, given, "a table of ranges by FROM,TO or node").items():
        if not isinstance(ends, list) or len(ends) != 2:
            raise ValueError(f"{VARY}.{name} = {shown(ends)}, must be {RANGE}")
        low, high = (number(f"{VARY}.{name}", end, above=0) for end in ends)
        ranges[name] = (low, high)
    return ranges
