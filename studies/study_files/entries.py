"""Where a study's instances and traces come from: files, and families whose options are swept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import escape, glob
from itertools import product
from pathlib import Path
from typing import Any, Generic, TypeVar

from splitfog.instances.arguments import flag, whole
from splitfog.instances.defects import shown
from splitfog.instances.files import load_instance
from splitfog.instances.generators import FAMILIES
from splitfog.instances.generators.family import Family
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import changed
from splitfog.instances.traces.bundled import bundled_traces
from splitfog.instances.traces.files import load_trace
from splitfog.instances.traces.generators import TRACE_FAMILIES
from splitfog.instances.traces.trace import Trace

Kind = TypeVar("Kind")

FAMILY, FILES, SEED, COUNT, OWN_SEEDS = "family", "files", "seed", "count", "own_seeds"
OF_FAMILIES = (FAMILY, SEED, COUNT, OWN_SEEDS)
"""Keys of an entry that are no options of its family."""

Source = Callable[[], Kind]
"""Makes or loads what an entry stands for."""


@dataclass(frozen=True, kw_only=True)
class Shelf(Generic[Kind]):
    """What entries are of: families, files, and names that come with splitfog."""

    families: Mapping[str, Family[Kind]]
    load: Callable[[str], Kind]
    bundled: Callable[[str], list[str]] = lambda _: []


@dataclass(frozen=True, kw_only=True)
class Made(Generic[Kind]):
    """What a family makes."""

    family: Family[Kind]
    seed: int
    options: Mapping[str, Any]

    def __call__(self) -> Kind:
        """Make it."""
        return self.family.generate(self.seed, self.options)


@dataclass(frozen=True, kw_only=True)
class Stored(Generic[Kind]):
    """What stands in a file, or comes with splitfog under a name."""

    path: str
    load: Callable[[str], Kind]

    def __call__(self) -> Kind:
        """Load it."""
        return self.load(self.path)


def _bundled_traces(pattern: str) -> list[str]:
    """`norway-*@edge0,cloud`: all logs whose names fit, of that link."""
    name, at, link = pattern.partition("@")
    return [f"{own}{at}{link}" for own in bundled_traces() if fnmatch(own, name)]


def _load_trace(path: str) -> Trace:
    """The trace in a file; a bundled one bears the name that it was asked for by, link included."""
    trace = load_trace(path)
    return trace if Path(path).exists() else changed(trace, name=path)


INSTANCES: Shelf[Instance] = Shelf(families=FAMILIES, load=load_instance)
TRACES: Shelf[Trace] = Shelf(families=TRACE_FAMILIES, load=_load_trace, bundled=_bundled_traces)


def sources(
    shelf: Shelf[Kind], entries: Sequence[Mapping[str, Any]], folder: Path, place: str
) -> tuple[list[Source[Kind]], list[str]]:
    """What entries of a study stand for, in their order, and the first defect of every entry.

    Parameters
    ----------
    shelf
        What they are of.
    entries
        Tables of a study file.
    folder
        Where the paths of files begin.
    place
        The key of the entries in the file, for defects.

    Returns
    -------
    list of Made or Stored
        Of an entry with lists, every combination; its seeds vary fastest.
    list of str
        Sentences.
    """
    found: list[Source[Kind]] = []
    wrong: list[str] = []
    for position, entry in enumerate(entries):
        try:
            found += of_entry(shelf, entry, folder)
        except (ValueError, LookupError) as error:
            wrong.append(told(f"{place}[{position}]", error))
    return found, wrong


def told(place: str, error: Exception) -> str:
    """What is wrong with an entry, at its place: `instances[0].count = 0, must be ...`."""
    sentence = str(error.args[0])
    about_a_key = re.match(r"[\w.]+(?: \w+)? = ", sentence)
    return f"{place}.{sentence}" if about_a_key else f"{place}: {sentence}"


def of_entry(shelf: Shelf[Kind], entry: Mapping[str, Any], folder: Path) -> list[Source[Kind]]:
    """What one entry stands for; `ValueError` or `LookupError` with what is wrong with it."""
    if (FILES in entry) == (FAMILY in entry):
        raise ValueError(f"{shown(entry)}, must have one of {FILES} and {FAMILY}")
    return list(_stored(shelf, entry, folder) if FILES in entry else _made(shelf, entry))


def _stored(shelf: Shelf[Kind], entry: Mapping[str, Any], folder: Path) -> Iterator[Source[Kind]]:
    for key in entry:
        if key != FILES:
            raise ValueError(f"{key} = {shown(entry[key])}, unknown key, must be {FILES}")
    patterns = entry[FILES]
    is_list = isinstance(patterns, list) and all(isinstance(own, str) for own in patterns)
    if not is_list or not patterns:
        raise ValueError(f"{FILES} = {shown(patterns)}, must be a list of at least one path")
    for pattern in patterns:
        paths = _paths(folder, pattern) or shelf.bundled(pattern)
        if not paths:
            raise ValueError(f"{FILES} has {shown(pattern)}, must name a file below {folder}")
        yield from (Stored(path=path, load=shelf.load) for path in paths)


def _paths(folder: Path, pattern: str) -> list[str]:
    """The files that a pattern stands for, in order; a path that is one stands for itself."""
    if (path := folder / pattern).is_file():
        return [str(path)]
    return sorted(glob(str(Path(escape(str(folder))) / pattern)))


def _made(shelf: Shelf[Kind], entry: Mapping[str, Any]) -> Iterator[Source[Kind]]:
    family = look_up(shelf.families, entry[FAMILY], "family")
    given = {key: value for key, value in entry.items() if key not in OF_FAMILIES}
    for key in given:
        if key not in family.options:
            known = ", ".join([*OF_FAMILIES, *family.options])
            raise ValueError(f"{key} = {shown(given[key])}, unknown key, must be one of {known}")
    seeds, apart = _seeds(entry), flag(OWN_SEEDS, entry.get(OWN_SEEDS, False))
    ahead = max(seeds) - min(seeds) + 1 if apart else 0
    swept = [_listed(key, value) for key, value in given.items()]
    for place, values in enumerate(product(*swept)):
        options = {
            key: _value(family.options[key], key, value) for key, value in zip(given, values)
        }
        for seed in seeds:
            family.name_of(seed, options)
            yield Made(family=family, seed=seed + place * ahead, options=options)


def _seeds(entry: Mapping[str, Any]) -> list[int]:
    """Consecutive ones from each that is given."""
    count = whole(COUNT, entry.get(COUNT, 1), low=1)
    given = [whole(SEED, seed, low=0) for seed in _listed(SEED, entry.get(SEED, 0))]
    return list(dict.fromkeys(first + further for first in given for further in range(count)))


def _listed(key: str, value: Any) -> list[Any]:
    """The values of a key that may be swept."""
    if value == []:
        raise ValueError(f"{key} = [], must be a value or a list of at least one")
    return value if isinstance(value, list) else [value]


def _value(option: Option, name: str, value: Any) -> Any:
    return option.parse(name, value) if isinstance(value, str) else option.check(name, value)
