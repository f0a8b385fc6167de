"""`splitfog generate`: instances of a family, and traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import core

from splitfog.commands.completion import completed
from splitfog.commands.shell import DONE, Command, put, put_json

if TYPE_CHECKING:
    from splitfog.instances.generators import Family

MOST_NAMED = 10
"""Files that stand in the way, in one message."""

EXAMPLES = (
    "splitfog generate three-tier --edge-cloud 4g --count 3 -o instances",
    "splitfog generate fog --help",
    "splitfog generate trace fading --preset lte --link device,edge0 -o traces",
)


class FamilyCommand(Command):
    """A command that takes a family's own options, and names them in its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Keep what is given, for the help, which ends the parsing.

        Parameters
        ----------
        ctx, args
            As the group gives them.
        """
        ctx.meta[GIVEN] = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections of arguments, of options and of those of the family that is named.

        Parameters
        ----------
        ctx, formatter
            As the group gives them.
        """
        super().format_options(ctx, formatter)
        family = _family_of(ctx.meta.get(GIVEN, ()))
        if family is not None:
            with formatter.section(f"Options of {family.name}, {family.summary}"):
                formatter.write_dl(
                    [(f"--{name} {word}", text) for name, word, text in _shown(family)]
                )

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What may stand next: of a family its options, or the values of the last one.

        Parameters
        ----------
        ctx, incomplete
            As the group gives them.
        """
        found = [*super().shell_complete(ctx, incomplete)]
        for name, text in _next_of(ctx.meta.get(GIVEN, [])):
            if name.startswith(incomplete):
                found.append(core.CompletionItem(name, help=text))  # type: ignore[attr-defined]
        return found


GIVEN = "splitfog.given"
_METAVARS = {
    "whole": "N",
    "number": "X",
    "choice": "NAME",
    "choices": "A,B,...",
    "flag": "",
    "pair": "FROM,TO",
    "numbers": "X,Y,...",
}


@dataclass(frozen=True)
class Kind:
    """What is generated: instances or traces, their families and how they are saved."""

    what: str
    families: Mapping[str, Family[Any]]
    save: Callable[[Any, Path], None]


def _kind(words: list[str]) -> Kind:
    """What a command line asks for, whose first word is `trace` or a family of instances."""
    if words[:1] == ["trace"]:
        from splitfog.instances.traces.files import save_trace
        from splitfog.instances.traces.generators import TRACE_FAMILIES

        return Kind("trace", TRACE_FAMILIES, save_trace)
    from splitfog.instances.files import save_instance
    from splitfog.instances.generators import FAMILIES

    return Kind("instance", FAMILIES, save_instance)


def _family_of(given: Sequence[str]) -> Family[Any] | None:
    """The family that a command line names so far."""
    named = [word for word in given if not word.startswith("-")]
    kind = _kind(named[:1])
    return kind.families.get(next(iter(named[1:] if kind.what == "trace" else named), ""))


def _next_of(given: Sequence[str]) -> list[tuple[str, str]]:
    """What a family allows next: values of the option that is named last, or else its options."""
    family = _family_of(given)
    if family is None:
        families = _kind(["trace"]).families if given == ["trace"] else {}
        return [(name, one.summary) for name, one in families.items()]
    option = family.options.get(given[-1].removeprefix("--").replace("-", "_"))
    if given[-1].startswith("--") and option is not None and option.choices:
        return [(choice, "") for choice in option.choices]
    return [(f"--{name}", text) for name, _, text in _shown(family)]


def _shown(family: Family[Any]) -> Iterator[tuple[str, str, str]]:
    """Name, metavar and help of every option of a family."""
    for name, option in family.options.items():
        default = _text(option.default)
        text = f"{option.help}: {option.allowed}  [default: {default}]"
        yield name.replace("_", "-"), _METAVARS.get(option.kind, "NAME"), text


SETTINGS: dict[str, Any] = {
    "cls": FamilyCommand,
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
}


def run(
    context: typer.Context,
    family: Annotated[
        str | None,
        typer.Argument(
            metavar="[trace] FAMILY", help="see --list", autocompletion=completed.family_names
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of the first")] = 0,
    count: Annotated[
        int, typer.Option(min=1, metavar="N", help="how many, with consecutive seeds")
    ] = 1,
    list_families: Annotated[
        bool, typer.Option("--list", help="name the families (or this one) and their options")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="folder to write to; of a trace also a file, .json or .csv  [required]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite files that exist")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="what is written or listed, as JSON on standard output")
    ] = False,
) -> int:
    """Write instances of a family, or with `trace` before it traces (generate trace --list).

    The family's own options, such as `--edge-cloud 4g`, are named by `splitfog generate FAMILY
    --help` and, for all families, by --list. A file's name holds every option that is not the
    default; where one exists already, nothing is written.
    """
    from splitfog.instances.lookup import look_up

    kind, arguments = _kind([family] if family else []), list(context.args)
    if kind.what == "trace":
        family = arguments.pop(0) if arguments else None
    if family is not None and family.startswith("-"):
        raise ValueError(f"{family} stands before the family, must stand after it")
    families = kind.families
    chosen = None if family is None else look_up(families, family, "family")
    if list_families:
        _list(list(families.values()) if chosen is None else [chosen], as_json)
        return DONE
    if chosen is None:
        raise ValueError(f"FAMILY is missing, must be one of {', '.join(families)}")
    if output is None:
        raise ValueError("-o DIR is missing, must name the folder to write to")
    options = chosen.parse(family_options(chosen, arguments))
    names = {n: chosen.name_of(n, options) for n in range(seed, seed + count)}
    files = _files(kind, output, names)
    if not force:
        _require_new(list(files.values()))
    _write(kind, chosen, files, options, as_json)
    return DONE


def _files(kind: Kind, output: Path, names: Mapping[int, str]) -> dict[int, Path]:
    """The file of every seed: in a folder, or for a single trace the file that is named."""
    if kind.what == "trace" and output.name.removesuffix(".gz").endswith((".json", ".csv")):
        if len(names) > 1:
            raise ValueError(f"-o = {str(output)!r} is one file, must be a folder for {len(names)}")
        return dict.fromkeys(names, output)
    if output.exists() and not output.is_dir():
        raise ValueError(f"-o = {str(output)!r} is a file, must be a folder")
    return {n: output / f"{name}.json" for n, name in names.items()}


def _require_new(files: list[Path]) -> None:
    """Refuse to overwrite; all that would be is named, or the first of very many."""
    existing = [str(file) for file in files if file.exists()]
    if existing:
        more = len(existing) - MOST_NAMED
        named = ", ".join(existing[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        exist = "exists already" if len(existing) == 1 else "exist already"
        raise ValueError(f"{named} {exist}; nothing is written, --force overwrites")


def _write(
    kind: Kind,
    family: Family[Any],
    files: dict[int, Path],
    options: dict[str, Any],
    as_json: bool,
) -> None:
    """Write what every seed gives."""
    written: list[dict[str, Any]] = []
    for seed, path in files.items():
        made = family.generate(seed, options)
        kind.save(made, path)
        written.append({"file": str(path), "name": made.name, "seed": seed})
        if not as_json:
            put(f"{path}\n")
    if as_json:
        put_json(written)


def family_options(family: Family[Any], arguments: list[str]) -> dict[str, str]:
    """Texts by command-line name, of `--name value` and `--name=value`; a bare flag is true.

    Raises
    ------
    ValueError
        For an argument that belongs to no option, an option without its value or one given twice.
    """
    texts: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        name, equals, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not name:
            raise ValueError(f"argument {argument!r} belongs to no option")
        option = family.options.get(name.replace("-", "_"))
        value_follows = bool(waiting) and not waiting[0].startswith("--")
        if not equals:
            if option is not None and option.kind == "flag" and not value_follows:
                text = "true"
            elif value_follows:
                text = waiting.pop(0)
            elif option is not None:
                raise ValueError(f"option --{name} has no value, must be {option.allowed}")
        if name in texts:
            raise ValueError(f"option --{name} stands twice, must stand once")
        texts[name] = text
    return texts


def _list(families: list[Family[Any]], as_json: bool) -> None:
    if as_json:
        put_json([_record(family) for family in families])
        return
    for family in families:
        put(f"{family.name}: {family.summary}\n")
        for name, option in family.options.items():
            default = _text(option.default)
            put(f"  --{name.replace('_', '-')} {default}: {option.help} ({option.allowed})\n")


def _record(family: Family[Any]) -> dict[str, Any]:
    options = [
        {
            "name": f"--{name.replace('_', '-')}",
            "default": option.default,
            "help": option.help,
            "allowed": option.allowed,
        }
        for name, option in family.options.items()
    ]
    return {"name": family.name, "summary": family.summary, "options": options}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
