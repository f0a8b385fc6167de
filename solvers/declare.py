"""What a solver declares of itself, readable without loading anything that solves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, get_args

from splitfog.instances.plugins.declared import Declared


@dataclass(frozen=True)
class Option:
    """One option of a solver; its kind is that of the default unless `kind` says otherwise."""

    default: Any
    help: str
    choices: tuple[str, ...] = ()
    kind: type | None = None
    least: float = -inf

    def parse(self, name: str, value: Any) -> Any:
        """The value of an option, from text or as it is.

        Raises
        ------
        ValueError
            Naming the option, the value and what is allowed.
        """
        from splitfog.instances.arguments import choice, flag, number, text, whole

        kind = self.kind or (str if self.default is None else type(self.default))
        argument = f"option {name}"
        if value is None and self.default is None:
            return None
        given = _read(kind, value) if isinstance(value, str) else value
        if self.choices:
            return choice(argument, given, self.choices)
        if kind is bool:
            return flag(argument, given)
        if kind is int:
            return whole(argument, given, low=None if self.least == -inf else int(self.least))
        if kind is float:
            return number(argument, given, low=None if self.least == -inf else self.least)
        return text(argument, os.fspath(given) if isinstance(given, os.PathLike) else given)


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _read(kind: type, text: str) -> Any:
    """What a text says of a number or a flag; the text itself where it says none."""
    if kind is bool:
        return _FLAGS.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


Feature = Literal["passes", "state", "contiguous"]
"""What not every solver takes: models of which a request makes several executions or leaves layers
out, state in a memory that is limited, and placements that must be contiguous."""

EVERYTHING: tuple[Feature, ...] = get_args(Feature)


@dataclass(frozen=True, kw_only=True)
class SolverInfo(Declared):
    """What a solver declares: what it solves, how well, how fast, and after whom.

    Attributes
    ----------
    name
        By which it is asked for.
    summary
        What it does, in a line.
    kind : "exact", "heuristic" or "baseline"
    objectives
        Names of those that it minimises.
    entry
        `module:function`, imported only when the solver is asked for, `.module:function` below the
        package that declares it; or the function itself. It is called with a `Request`.
    answers : "placements" or "slices"
        Among which plans it looks, and so for which its bounds and proofs hold: unsliced ones, or
        also those with stages. (A sliced plan may cost less than the best placement.)
    exact_when
        When its plan is optimal.
    complexity
        Of its time.
    reference
        Whom it is after.
    cites
        Keys of `references.bib`, or whole BibTeX entries, of what it is after; (): splitfog alone.
    options
        Its own, by name.
    cheap
        Polynomial and fast: searches start from its plan.
    start
        Whether it goes on from a start plan; others only never answer with a worse one.
    takes
        What it takes of "passes", "state" and "contiguous" (`Feature`); else it declines, but for
        `contiguous` only where its plan is not.
    origin
        The distribution that it came with, said by the registry.
    """

    name: str
    summary: str
    kind: Literal["exact", "heuristic", "baseline"]
    objectives: tuple[str, ...]
    entry: str | Callable[..., Any]
    answers: Literal["placements", "slices"] = "placements"
    exact_when: str = "never"
    complexity: str = ""
    reference: str = ""
    cites: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    cheap: bool = False
    start: bool = False
    takes: tuple[Feature, ...] = ()
    origin: str = ""
