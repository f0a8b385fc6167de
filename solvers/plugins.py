"""Solvers of other distributions, found by their entry points and told apart from ours.

A package offers solvers by an entry point of the group `splitfog.solvers` whose value is a module
with `SOLVERS`; only that module is imported here, a solver's code when it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from splitfog.solvers.declare import Option, SolverInfo
from splitfog.solvers.references import is_citation

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "splitfog.solvers"


class BrokenPlugin(UserWarning):
    """The solvers of a distribution are left out."""


def plugin_infos(known: Mapping[str, str]) -> tuple[SolverInfo, ...]:
    """What the solvers of other distributions declare, by distribution and as they declare it.

    A distribution whose declarations cannot be read, or that names a solver as another does
    (`known`: whose solver has a name already), is left out with one warning that names it.
    """
    owners = dict(known)
    found: list[SolverInfo] = []
    for origin, points in _points():
        try:
            infos = [info for point in points for info in _declared(point, origin)]
            _require_new(infos, owners)
        except (Exception, SystemExit) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            text = f"the solvers of the distribution {origin} are left out: {why}"
            warnings.warn(text, BrokenPlugin, stacklevel=2)
            continue
        owners |= {info.name: origin for info in infos}
        found += infos
    return tuple(found)


def _points() -> Iterator[tuple[str, list[EntryPoint]]]:
    """Every distribution with entry points of the group, by name."""
    from importlib.metadata import entry_points

    points: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        origin = "unknown" if point.dist is None else point.dist.name
        points.setdefault(origin, []).append(point)
    for origin in sorted(points):
        yield origin, sorted(points[origin])


def _declared(point: EntryPoint, origin: str) -> Iterator[SolverInfo]:
    module = point.load()
    if not isinstance(getattr(module, "SOLVERS", None), tuple | list):
        raise TypeError(f"{point.value} has no SOLVERS, must be a module with a tuple of them")
    for info in module.SOLVERS:
        if faults := declaration_faults(info):
            raise ValueError(f"{point.value}: {faults[0]}")
        yield info.settled(module.__package__ or module.__name__, origin)


def declaration_faults(info: Any) -> list[str]:
    """What is wrong with a declaration, as sentences; empty: nothing."""
    from splitfog.formulations.objective import OBJECTIVES

    if not isinstance(info, SolverInfo):
        return [f"{info!r} is declared, must be a SolverInfo"]
    at, hints = f"solver {info.name}", get_type_hints(SolverInfo)
    faults = [] if isinstance(info.name, str) and info.name else [f"name = {info.name!r}"]
    for field in ("kind", "answers"):
        value, allowed = getattr(info, field), get_args(hints[field])
        if value not in allowed:
            faults.append(f"{at}: {field} = {value!r}, must be one of {', '.join(allowed)}")
    known = isinstance(info.objectives, tuple) and set(info.objectives) <= set(OBJECTIVES)
    if not known or not info.objectives:
        faults.append(
            f"{at}: objectives = {info.objectives!r}, must be a tuple of {', '.join(OBJECTIVES)}"
        )
    if not callable(info.entry) and str(info.entry).count(":") != 1:
        faults.append(f"{at}: entry = {info.entry!r}, must be module:function")
    for name, option in dict(info.options).items():
        if not isinstance(option, Option):
            faults.append(f"{at}: option {name} = {option!r}, must be an Option")
    faults += [
        f"{at}: cites {name!r}, must be a key of references.bib or a whole BibTeX entry"
        for name in info.cites
        if not is_citation(name)
    ]
    return faults


def _require_new(infos: list[SolverInfo], owners: dict[str, str]) -> None:
    """No solver is named as one that is known, or as another of the same distribution."""
    names = [info.name for info in infos]
    for name in names:
        if name in owners:
            raise ValueError(f"solver {name} is the name of one of {owners[name]}")
        if names.count(name) > 1:
            raise ValueError(f"solver {name} is declared {names.count(name)} times")
