"""Where a study's instances come from: files, and families whose options are swept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from itertools import product
from pathlib import Path
from typing import Any

from splitfog.instances.arguments import flag, whole
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.files import load_instance
from splitfog.instances.generators import FAMILIES
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up

FAMILY, FILES, SEED, COUNT, OWN_SEEDS = "family", "files", "seed", "count", "own_seeds"
OF_FAMILIES = (FAMILY, SEED, COUNT, OWN_SEEDS)
"""Keys of an entry that are no options of its family."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """An instance that a family makes."""

    family: str
    seed: int
    options: Mapping[str, Any]

    def instance(self) -> Instance:
        """The instance."""
        return FAMILIES[self.family].generate(self.seed, self.options)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An instance in a file."""

    path: Path

    def instance(self) -> Instance:
        """The instance."""
        return load_instance(self.path)


Source = Made | Stored


def sources(
    entries: Sequence[Mapping[str, Any]], folder: Path, origin: str, within: str = ""
) -> list[Source]:
    """What the entries of a study stand for, in their order.

    Parameters
    ----------
    entries
        Of `instances` in a study file.
    folder
        Where the paths of files begin.
    origin, within
        The file and what stands before `instances` there, for defects.

    Returns
    -------
    list of Made or Stored
        Of an entry with lists, every combination; its seeds vary fastest.

    Raises
    ------
    InstanceError
        With all defects of all entries.
    """
    found: list[Source] = []
    wrong: list[str] = []
    for position, entry in enumerate(entries):
        place = f"{within}instances[{position}]"
        try:
            found += _of_entry(entry, folder)
        except (ValueError, LookupError) as error:
            wrong.append(f"{place}: {error.args[0]}")
    if wrong:
        raise InstanceError(origin, wrong)
    return found


def _of_entry(entry: Mapping[str, Any], folder: Path) -> Iterator[Source]:
    if (FILES in entry) == (FAMILY in entry):
        raise ValueError(f"{shown(entry)}, must have one of {FILES} and {FAMILY}")
    yield from _stored(entry, folder) if FILES in entry else _made(entry)


def _stored(entry: Mapping[str, Any], folder: Path) -> Iterator[Stored]:
    for key in entry:
        if key != FILES:
            raise ValueError(f"{key} = {shown(entry[key])}, unknown key, must be {FILES}")
    patterns = entry[FILES]
    if not isinstance(patterns, list) or not all(isinstance(own, str) for own in patterns):
        raise ValueError(f"{FILES} = {shown(patterns)}, must be a list of paths")
    for pattern in patterns:
        paths = sorted(glob(str(folder / pattern)))
        if not paths:
            raise ValueError(f"{FILES} has {shown(pattern)}, must name a file below {folder}")
        yield from (Stored(path=Path(path)) for path in paths)


def _made(entry: Mapping[str, Any]) -> Iterator[Made]:
    family = look_up(FAMILIES, entry[FAMILY], "family")
    given = {key: value for key, value in entry.items() if key not in OF_FAMILIES}
    for key in given:
        if key not in family.options:
            known = ", ".join([*OF_FAMILIES, *family.options])
            raise ValueError(f"{key} = {shown(given[key])}, unknown key, must be one of {known}")
    seeds, apart = _seeds(entry), flag(OWN_SEEDS, entry.get(OWN_SEEDS, False))
    ahead = max(seeds) - min(seeds) + 1 if apart else 0
    for place, values in enumerate(product(*map(_listed, given.values()))):
        options = {
            key: _value(family.options[key], key, value) for key, value in zip(given, values)
        }
        for seed in seeds:
            family.name_of(seed, options)
            yield Made(family=family.name, seed=seed + place * ahead, options=options)


def _seeds(entry: Mapping[str, Any]) -> list[int]:
    """Consecutive ones from each that is given."""
    count = whole(COUNT, entry.get(COUNT, 1), low=1)
    given = [whole(SEED, seed, low=0) for seed in _listed(entry.get(SEED, 0))]
    return list(dict.fromkeys(first + further for first in given for further in range(count)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _value(option: Any, name: str, value: Any) -> Any:
    return option.parse(name, value) if isinstance(value, str) else option.check(name, value)
