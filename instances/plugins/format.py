"""Foreign formats: what a room or another distribution declares of one, and how it is found.

A format is one function in a module of its own. Its declaration says what it is called and where
the function is, so that all are listed without loading any. Those of other distributions stand in
an entry point's module (`splitfog.importers`: a tuple `IMPORTERS`; `splitfog.exporters`: a tuple
`EXPORTERS`), and are only looked for where a name is none of ours, and for lists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from splitfog.instances.defects import InstanceError
from splitfog.instances.lookup import look_up, unknown_name
from splitfog.instances.plugins.declared import Declared
from splitfog.instances.plugins.found import (
    OURS,
    code_of,
    declarations,
    declared_elsewhere,
    home_of,
)
from splitfog.instances.plugins.option import Option

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True, kw_only=True)
class Format(Declared):
    """What a foreign format declares.

    Attributes
    ----------
    name
        By which it is asked for.
    summary
        What it is, in a line.
    entry
        `module:function`, imported only when the format is asked for, `.module:function` below the
        package that declares it; or the function itself. An importer's is called with the paths of
        the files and a value for every option, and returns an `Instance`; an exporter's with an
        `Asked`, and returns an `Export` (splitfog.deployment.exporters.asked).
    files
        Of an importer, what it reads, in this order; the last may end in `...`: one or more.
    options
        Its own, by name as on the command line.
    per_node
        What `--option NODE=VALUE` says of a node, as "host:port"; "": there is no such option.
    origin
        The distribution that it came with, said by whoever finds it.
    """

    name: str
    summary: str
    entry: str | Callable[..., Any]
    files: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    per_node: str = ""
    origin: str = ""

    def parse(
        self, texts: Mapping[str, str], nodes: Collection[str] = ()
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """What `--option KEY=VALUE` says.

        Parameters
        ----------
        texts
            By key.
        nodes
            Names that may be keys, too, where the format has an option for every node.

        Returns
        -------
        options : dict
            A value for every option of the format.
        of_nodes : dict
            Text by node, of those that are told.

        Raises
        ------
        LookupError
            For a key that is neither.
        ValueError
            For a text that stands for no allowed value.
        """
        values = {name: option.default for name, option in self.options.items()}
        of_nodes: dict[str, str] = {}
        for key, text in texts.items():
            if key in self.options:
                values[key] = self.options[key].parse(f"option {key}", text)
            elif self.per_node and key in nodes:
                of_nodes[key] = text
            else:
                known = [*self.options, *(nodes if self.per_node else ())]
                what = f"option of {self.name}"
                raise LookupError(
                    unknown_name(key, known, what) if known else f"{self.name} has no options"
                )
        return values, of_nodes

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A value for every option, of values by name.

        Parameters
        ----------
        given
            Values, as Python has them.

        Raises
        ------
        LookupError
            For a name that no option has.
        ValueError
            For a value that is not allowed.
        """
        for name in given:
            look_up(self.options, name, f"option of {self.name}")
        return {
            name: option.check(f"option {name}", given.get(name, option.default))
            for name, option in self.options.items()
        }

    def require_files(self, given: Sequence[object]) -> None:
        """`ValueError` unless so many files are given as the format has, each once."""
        more = "".join(self.files[-1:]).endswith("...")
        if len(given) < len(self.files) or (len(given) > len(self.files) and not more):
            raise ValueError(
                f"{self.name} is read from {' '.join(self.files)}, but {len(given)} "
                f"file{'s are' if len(given) != 1 else ' is'} given"
            )
        for file in given:
            if given.count(file) > 1:
                raise ValueError(f"{file} is given {given.count(file)} times, must be given once")

    def load(self) -> Callable[..., Any]:
        """The function of the format, imported now.

        Returns
        -------
        callable
            Another distribution's raises `LookupError`, which names it, where it fails by mistake.

        Raises
        ------
        LookupError
            Where the code of another distribution cannot be had.
        """
        function = code_of(self.name, self.entry, self.origin)
        return function if self.origin == OURS else partial(_blamed, self, function)


def _blamed(form: Format, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of another distribution returns."""
    try:
        return function(*arguments)
    except Exception as error:
        if type(error) in (ValueError, LookupError, InstanceError) or isinstance(error, OSError):
            raise
        why = f"{type(error).__name__}: {error}"
        raise LookupError(f"{form.name} of {form.origin} failed: {why}") from error


@dataclass(frozen=True)
class Formats:
    """The formats of one kind.

    Attributes
    ----------
    what : "importer" or "exporter"
    home
        The package that declares ours.
    declared
        By it.
    """

    what: str
    home: str
    declared: tuple[Format, ...]

    @property
    def own(self) -> tuple[Format, ...]:
        """Those that splitfog has."""
        return tuple([each.settled(self.home, OURS) for each in self.declared])

    def all(self) -> tuple[Format, ...]:
        """Our own, then those of other distributions."""
        return (*self.own, *_foreign(self.what, tuple([each.name for each in self.declared])))

    def named(self, name: str, others: Collection[str] = ()) -> Format:
        """One format; other distributions are only asked for what is none of ours.

        Parameters
        ----------
        name
            Of a format.
        others
            Names that are known beside, for the error.

        Raises
        ------
        LookupError
            Naming the nearest and all known names.
        """
        own = {each.name: each for each in self.own}
        if name in own:
            return own[name]
        found = {each.name: each for each in self.all()}
        if name in found:
            return found[name]
        raise LookupError(unknown_name(name, [*found, *others], "format"))


@cache
def _foreign(what: str, ours: tuple[str, ...]) -> tuple[Format, ...]:
    """What other distributions declare, read once, so that a broken one is one warning."""
    name = f"{what.upper()}S"

    def declared(module: ModuleType, origin: str) -> Iterator[Format]:
        for info in declarations(module, name):
            if fault := _fault(info):
                raise ValueError(f"{module.__name__}: {fault}")
            yield info.settled(home_of(module), origin)

    return declared_elsewhere(f"splitfog.{what}s", what, dict.fromkeys(ours, OURS), declared)


def _fault(info: Any) -> str:
    """What is wrong with a declaration, as a sentence; "": nothing."""
    if not isinstance(info, Format):
        return f"{info!r} is declared, must be a Format"
    if not isinstance(info.name, str) or not info.name:
        return f"name = {info.name!r}, must be a text that is not empty"
    if not callable(info.entry) and str(info.entry).count(":") != 1:
        return f"{info.name}: entry = {info.entry!r}, must be module:function"
    if not isinstance(info.files, tuple) or not all(isinstance(own, str) for own in info.files):
        return f"{info.name}: files = {info.files!r}, must be a tuple of texts"
    for name, option in dict(info.options).items():
        if not isinstance(option, Option):
            return f"{info.name}: option {name} = {option!r}, must be an Option"
    return ""
