"""Who takes part in a comparison: solvers with their options, and the names that rows bear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from splitfog.instances.arguments import brief, mapping, some
from splitfog.instances.read_only import EMPTY, ReadOnly
from splitfog.solvers.functions import Function
from splitfog.solvers.registry import parse_options, solver_info, solver_infos
from splitfog.solvers.solve import info_of

GivenSolvers = str | Function | Sequence[str | Function] | None
GivenOptions = Mapping[str, Mapping[str, Any]]
"""By solver its own options; one that is a list stands for all of its values, run apart."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A solver with options; `name` tells it from others of the comparison."""

    name: str
    solver: str | Function
    options: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


def contenders(solvers: GivenSolvers, options: GivenOptions = EMPTY) -> dict[str, Contender]:
    """By name who is asked for.

    Parameters
    ----------
    solvers
        As `compare` takes them.
    options
        Of solvers among them. One that is swept takes part several times, under names such as
        `dina plans=narrow`.

    Raises
    ------
    LookupError, ValueError
        For unknown names, options of others, and values that are not allowed.
    """
    found: dict[str, Contender] = {}
    asked = _asked(solvers)
    for name in mapping("options", options, "a mapping of options by solver"):
        if name not in asked:
            raise ValueError(f"options.{name} = {brief(options[name])}, must be of a solver asked")
    for name, solver in asked.items():
        for each in _variants(name, solver, options.get(name, EMPTY)):
            found[each.name] = each
    return found


def solver_names(solvers: str | Sequence[str] | None = None) -> list[str]:
    """The names asked for, checked; None or "all": every solver and baseline but `auto`."""
    if solvers is None or solvers == "all" or list(solvers) == ["all"]:
        return [info.name for info in solver_infos() if info.name != "auto"]
    names = [solvers] if isinstance(solvers, str) else solvers
    return [solver_info(name).name for name in dict.fromkeys(names)]


def _asked(solvers: GivenSolvers) -> dict[str, str | Function]:
    """By name what is asked for: a solver's name or a function."""
    if solvers is None or isinstance(solvers, str):
        return {name: name for name in solver_names(solvers)}
    given = (solvers,) if callable(solvers) else some("solvers", solvers, "names or functions")
    names = [solver for solver in given if isinstance(solver, str)]
    if len(names) == len(given):
        return {name: name for name in solver_names(names)}
    asked: dict[str, str | Function] = {}
    for solver in given:
        name = info_of(solver).name
        if asked.setdefault(name, solver) != solver:
            raise ValueError(f"two solvers are named {name}: give the function another name")
    return asked


def _variants(name: str, solver: str | Function, options: Any) -> Iterator[Contender]:
    """One for each combination of the values of options that are lists."""
    given = mapping(f"options.{name}", options, "a mapping of options by name")
    swept = {key: tuple(value) for key, value in given.items() if isinstance(value, list | tuple)}
    for key, values in swept.items():
        if not values:
            raise ValueError(
                f"options.{name}.{key} = [], must be a value or a list of at least one"
            )
    for values in product(*swept.values()):
        chosen = {**given, **dict(zip(swept, values, strict=True))}
        parse_options(info_of(solver), chosen)
        told = [f"{key}={chosen[key]}" for key in swept]
        yield Contender(name=" ".join([name, *told]), solver=solver, options=ReadOnly(chosen))
