"""What other distributions declare by entry points, told apart from ours.

A package offers what it has by an entry point of a group whose value is a module with a tuple of
declarations; only that module is imported here, the code behind one when it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType


OURS = "splitfog"
"""The origin of what is our own."""


class Declaration(Protocol):
    """What has a name, by which it is asked for."""

    @property
    def name(self) -> str:
        """Unique among its kind."""


Declared = TypeVar("Declared", bound=Declaration)


class BrokenPlugin(UserWarning):
    """What a distribution declares is left out."""


@cache
def version_of(distribution: str) -> str:
    """Of a distribution that may be installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "of no known version"


def declared_elsewhere(
    group: str,
    what: str,
    known: Mapping[str, str],
    declared: Callable[[ModuleType, str], Iterable[Declared]],
) -> tuple[Declared, ...]:
    """What other distributions declare, by distribution and in the order of each.

    A distribution whose declarations cannot be read, or that takes a name that is known, is left
    out with one warning that names it.

    Parameters
    ----------
    group
        Of entry points.
    what
        Is declared there: "solver".
    known
        Whose a name is already.
    declared
        (a module, its distribution) -> the declarations in it; raises for what is none.

    Returns
    -------
    tuple of declarations
    """
    owners = dict(known)
    found: list[Declared] = []
    for origin, points in distributions(group):
        try:
            own = [each for point in points for each in declared(point.load(), origin)]
            _require_new([each.name for each in own], owners, what)
        except (Exception, SystemExit) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            text = f"the {what}s of the distribution {origin} are left out: {why}"
            warnings.warn(text, BrokenPlugin, stacklevel=2)
            continue
        owners |= {each.name: origin for each in own}
        found += own
    return tuple(found)


def distributions(group: str) -> Iterator[tuple[str, list[EntryPoint]]]:
    """Every distribution with entry points of a group, by name, and these."""
    from importlib.metadata import entry_points

    points: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        origin = "unknown" if point.dist is None else point.dist.name
        points.setdefault(origin, []).append(point)
    for origin in sorted(points):
        yield origin, sorted(points[origin])


def declarations(module: ModuleType, name: str) -> tuple[Any, ...]:
    """What a module declares.

    Parameters
    ----------
    module
        That an entry point names.
    name
        Of the tuple in it, as `SOLVERS`.

    Raises
    ------
    TypeError
        If it has none.
    """
    found = getattr(module, name, None)
    if not isinstance(found, tuple | list):
        raise TypeError(f"{module.__name__} has no {name}, must be a module with a tuple of them")
    return tuple(found)


def home_of(module: ModuleType) -> str:
    """The package below which a declaration of the module finds its code."""
    return module.__package__ or module.__name__


def code_of(name: str, entry: str | Callable[..., Any], origin: str) -> Callable[..., Any]:
    """The function that a declaration names, imported now.

    Parameters
    ----------
    name, origin
        Whose it is, and of which distribution.
    entry
        `module:function`, or the function itself.

    Raises
    ------
    LookupError
        Where the code of another distribution cannot be had.
    """
    if not isinstance(entry, str):
        return entry
    module, function = entry.split(":")
    try:
        found: Callable[..., Any] = getattr(import_module(module), function)
        return found
    except (Exception, SystemExit) as error:
        if origin == OURS:
            raise
        raise LookupError(
            f"{name} of {origin or 'no distribution'} cannot be loaded from {entry!r}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _require_new(names: list[str], owners: Mapping[str, str], what: str) -> None:
    """No name is known, or another's of the same distribution."""
    for name in names:
        if name in owners:
            raise ValueError(f"{what} {name} is the name of one of {owners[name]}")
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} is declared {names.count(name)} times")
