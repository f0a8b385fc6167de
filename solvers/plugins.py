"""Solvers of other distributions, found by their entry points.

A package offers solvers by an entry point of the group `splitfog.solvers` whose value is a module
with `SOLVERS`; only that module is imported here, a solver's code when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from splitfog.instances.plugins.found import declarations, declared_elsewhere, home_of
from splitfog.solvers.declare import Option, SolverInfo
from splitfog.solvers.references import is_citation

if TYPE_CHECKING:
    from types import ModuleType

GROUP = "splitfog.solvers"


def plugin_infos(known: Mapping[str, str]) -> tuple[SolverInfo, ...]:
    """What the solvers of other distributions declare, by distribution and as they declare it.

    A distribution whose declarations cannot be read, or that names a solver as another does
    (`known`: whose solver has a name already), is left out with one warning that names it.
    """
    return declared_elsewhere(GROUP, "solver", known, _declared)


def _declared(module: ModuleType, origin: str) -> Iterator[SolverInfo]:
    for info in declarations(module, "SOLVERS"):
        if faults := declaration_faults(info):
            raise ValueError(f"{module.__name__}: {faults[0]}")
        yield info.settled(home_of(module), origin)


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
