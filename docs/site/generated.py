"""Pages that follow from the program: its commands, its solvers, the schemas of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import splitfog as sf
from splitfog.cli import app as command_line
from splitfog.commands.shell import EXAMPLES_BELOW
from splitfog.schemas import KINDS as FILE_KINDS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = Path(__file__).parents[1] / "generated"
KINDS = {
    "exact": "Exact solvers",
    "heuristic": "Heuristics",
    "baseline": "Baselines",
}


def commands_page() -> str:
    """Every command with its arguments, options and examples, as its `--help` says them."""
    group: Any = typer.main.get_command(command_line)
    parts = [
        "# Every command and option",
        "What `splitfog COMMAND --help` says. What the commands are for, and their exit codes: "
        "[the command line](../command-line.md).",
    ]
    for path, command in _commands(group, ("splitfog",)):
        parts += _command(path, command, command.make_context(path, [], resilient_parsing=True))
    return "\n\n".join(parts)


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """All that can be called below a group, by what one types."""
    for name, command in group.commands.items():
        here = (*path, name)
        if hasattr(command, "commands"):
            yield from _commands(command, here)
        else:
            yield " ".join(here), command


def _command(path: str, command: Any, context: Any) -> Iterator[str]:
    yield f"## {path.removeprefix('splitfog ')}"
    yield f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield literal(command.help or "")
    records = [each.get_help_record(context) for each in command.get_params(context)]
    yield table(
        ("argument or option", "meaning"),
        ((code(name.partition(" <")[0]), literal(help)) for name, help in filter(None, records)),
    )
    examples = (command.epilog or "").partition(EXAMPLES_BELOW)[2]
    lines = "\n".join(line.strip() for line in examples.splitlines() if line.strip())
    yield f"```text\n{lines}\n```"


def solvers_page() -> str:
    """Every solver and baseline, as it declares itself."""
    parts = [
        "# Every solver and baseline",
        "What `splitfog solvers NAME` says. Which to take: [choosing a solver](../choosing.md).",
    ]
    for kind, heading in KINDS.items():
        parts.append(f"## {heading}")
        for info in sf.solvers():
            if info.kind == kind:
                parts += _solver(info)
    return "\n\n".join(parts)


def _solver(info: sf.SolverInfo) -> Iterator[str]:
    yield f"### {info.name}"
    yield literal(f"{info.summary[:1].upper()}{info.summary[1:]}.")
    told = {
        "objectives": ", ".join(f"`{name}`" for name in info.objectives),
        "exact": literal(info.exact_when),
        "complexity": literal(info.complexity),
        "after": literal(info.reference),
    }
    yield "\n".join(f"- {name}: {text}" for name, text in told.items() if text)
    if info.options:
        yield table(
            ("option", "default", "meaning"),
            (
                (code(name), code(str(one.default)), literal(choices(one.help, one.choices)))
                for name, one in info.options.items()
            ),
        )


def schemas() -> dict[str, str]:
    """A JSON Schema for every kind of file, by its name, and a page that leads to them."""
    files = {
        f"{kind}.schema.json": json.dumps(sf.json_schema(kind), indent=1) + "\n"
        for kind in FILE_KINDS
    }
    links = "\n".join(f"- [{name}]({name})" for name in files)
    text = (
        "What `splitfog schema KIND` prints: names, types, ranges and meanings of all fields, for "
        "editors and other programs. Editors find that of an instance file by the key `$schema` at "
        "the top, which splitfog ignores. A file that a schema allows may still be refused: for a "
        "name that is not there, or a cycle."
    )
    return {**files, "schemas.md": f"# JSON Schema of every file\n\n{text}\n\n{links}\n"}


def choices(help: str, allowed: Iterable[str]) -> str:
    """What an option means, and what it may be where these are few."""
    listed = ", ".join(allowed)
    return f"{help} ({listed})" if listed else help


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def code(text: str) -> str:
    """Text as code in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def literal(text: str) -> str:
    """Plain text in one line of Markdown, nothing of it read as markup but code in backticks."""
    return re.sub(r"([\\*_<>\[\]|$])", r"\\\1", " ".join(text.split()))


def write(app: Sphinx) -> None:
    """Write what has changed, so that nothing else is read anew."""
    FOLDER.mkdir(exist_ok=True)
    pages = {"commands.md": commands_page(), "solvers.md": solvers_page(), **schemas()}
    for name, text in pages.items():
        file = FOLDER / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Before the pages are looked for."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
