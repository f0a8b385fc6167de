"""What all commands share: exit codes, one-line errors, clean streams, and figures in words."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from splitfog.instances.readable import printable

if TYPE_CHECKING:
    from splitfog.formulations.plan import Plan
    from splitfog.instances.instance import Instance
    from splitfog.studies.progress import Progress

DONE, CHECK_FAILED, BAD_INPUT, INFEASIBLE, UNKNOWN, ERROR, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

COMPLETE = "_SPLITFOG_COMPLETE"
"""The variable by which a shell asks for what completes a command line."""

EXAMPLES_BELOW = "Examples:"

NO_PLAN = {"infeasible": INFEASIBLE, "unknown": UNKNOWN, "error": ERROR}
"""Outcomes without a plan, and what they mean to the shell."""


class Commands(TyperGroup):
    """The group of commands, which ends every run with an exit code and says why in a line.

    A command raises `ValueError`, `LookupError` (neither a subclass that Python itself raises, for
    that is a bug), `ModuleNotFoundError` or `OSError` for bad input.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; exit with its code, or return it if not `standalone_mode`."""
        code = self._code(args, prog_name, complete_var, False, windows_expand_args, **extra)
        if not standalone_mode:
            return code
        with suppress(OSError):  # nobody reads any more
            sys.stdout.flush()
        sys.exit(code)

    def _code(self, *args: Any, **extra: Any) -> int:
        if COMPLETE in os.environ:
            from typer import completion

            completion.completion_init()  # type: ignore[attr-defined]
        try:
            code: int | None = super().main(*args, **extra)
        except typer.TyperException as error:
            say(_usage(error))
            return BAD_INPUT
        except Exception as error:
            return _failure(error)
        if code == INTERRUPTED:
            say("splitfog: interrupted")
        return code or DONE


class Command(TyperCommand):
    """A command that takes no empty text, and whose help names arguments as its usage line does."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Refuse an empty text (of a shell's unset variable), which as a path is this folder.

        Parameters
        ----------
        ctx, args
            As the group gives them.

        Raises
        ------
        ValueError
            Naming the option or the argument.
        """
        left = super().parse_args(ctx, [*args])
        given = {} if ctx.resilient_parsing else self.make_parser(ctx).parse_args([*args])[0]
        for parameter in self.get_params(ctx):
            value = given.get(parameter.name)
            if value == "" or (isinstance(value, list | tuple) and "" in value):
                is_option = parameter.param_type_name == "option"
                name = parameter.opts[0] if is_option else parameter.metavar
                raise ValueError(f"{name} = '', must not be empty")
        return left

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections of arguments and of options.

        Parameters
        ----------
        ctx, formatter
            As the group gives them.
        """
        sections: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                named = (record[0].partition(" <")[0], record[1])
                sections[parameter.param_type_name].append(named)
        for kind, records in sections.items():
            if records:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(records)


def epilog(examples: Sequence[str]) -> str:
    """What ends the help of a command: command lines to try, each on its own."""
    lines = "\n".join(f"  {line}" for line in examples)
    return f"\b\n{EXAMPLES_BELOW}\n{lines}"


def _usage(error: Exception) -> str:
    """What is wrong with a command line, in one line."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "splitfog"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return f"{path}: {' '.join(text.split())} (see {path} --help)"


def _failure(error: Exception) -> int:
    """Say what is wrong with the input; a bug shows its traceback instead."""
    from splitfog.formulations.plan import PlanError
    from splitfog.instances.defects import InstanceError
    from splitfog.solvers.base import SolverDeclined, WrongAnswer

    if isinstance(error, InstanceError):
        say(str(error))
    elif type(error) in (ValueError, LookupError, SolverDeclined, PlanError, ModuleNotFoundError):
        say(*(f"splitfog: {line}" for line in str(error).splitlines()))
    elif isinstance(error, OSError):
        say(f"splitfog: {error.filename or 'a file'}: {error.strerror or error}")
    elif isinstance(error, WrongAnswer):
        say(f"splitfog: {error}")
        return ERROR
    else:
        traceback.print_exception(error)
        say("splitfog: this is a bug in splitfog, not in the input")
        return ERROR
    return BAD_INPUT


def say(*lines: str) -> None:
    """Write lines to standard error, without what a terminal would obey in names of files."""
    for line in lines:
        print(*map(printable, line.split("\n")), sep="\n", file=sys.stderr)


def put(text: str | bytes) -> None:
    """Write to standard output."""
    sys.stdout.write(text.decode() if isinstance(text, bytes) else text)


def put_json(record: Any) -> None:
    """Write a record as the one JSON document on standard output."""
    import msgspec

    put(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


@contextmanager
def solvers_are_quiet() -> Iterator[None]:
    """Send to standard error whatever a solver, in Python or C, prints meanwhile."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        yield
        return
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def exit_code(plan: Plan, instance: str) -> int:
    """What the outcome of a plan means to the shell; why there is none goes to standard error."""
    if plan.status in NO_PLAN:
        say(f"splitfog: {instance}: {plan.status}: {plan.reason or 'no reason given'}")
    if plan.stopped_by == "interrupted":
        return INTERRUPTED
    return NO_PLAN.get(plan.status or "", DONE)


def require_writable(path: Path) -> None:
    """Raise, before any work is done, if a file cannot be written there."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, must be a file")
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ValueError(f"{path} cannot be written: {parent} is not a writable folder")


def split_list(texts: list[str] | None) -> list[str]:
    """The entries of an option that may be repeated and may hold commas."""
    entries = [entry.strip() for text in texts or () for entry in text.split(",")]
    return [entry for entry in entries if entry]


def seed_numbers(texts: list[str]) -> list[int]:
    """The numbers of `--seed`; 0 where it is not given.

    Raises
    ------
    ValueError
        For what is no whole number >= 0.
    """
    for text in texts:
        if not text.isdecimal():
            raise ValueError(f"--seed = {text!r}, must be a whole number >= 0")
    return [int(text) for text in texts] or [0]


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A bar on standard error, if that is a terminal: told what has ended, of how many."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True, markup=False), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield advance


def instance_name(path: Path, name: str | None) -> str:
    """What an instance that is written there is called: as the file, unless it has a name."""
    return path.name.removesuffix(".gz").removesuffix(".json") if name is None else name


def node_pair(instance: Instance, text: str, option: str) -> tuple[str, str]:
    """The two nodes of FROM,TO, whose names may hold commas themselves.

    Where there is one comma both ends may be unknown: whoever looks them up says which.
    """
    parts = text.split(",")
    splits = [(",".join(parts[:i]), ",".join(parts[i:])) for i in range(1, len(parts))]
    for tail, head in splits:
        if tail in instance.node_index and head in instance.node_index:
            return tail, head
    if len(splits) == 1:
        return splits[0]
    raise ValueError(f"{option} = {text!r}, must be FROM,TO: the names of two nodes")


def number(text: str, option: str, form: str) -> float:
    """The number that a text stands for, whole where it is written so.

    Raises
    ------
    ValueError
        Saying which option must have which form.
    """
    for kind in (int, float):
        with suppress(ValueError):
            if "_" not in text:
                return kind(text)
    raise ValueError(f"{option} = {text!r}, must be {form}")


def key_values(texts: list[str] | None) -> dict[str, str]:
    """What a repeated `--option KEY=VALUE` says."""
    options = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ValueError(f"--option = {text!r}, must be KEY=VALUE")
        options[key] = value
    return options


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it."""
    if value is None or value == inf:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1 or unit == "us":
            return f"{value * factor:.4g} {unit}" if value else "0 s"
    return "-"


def amount(value: float | None) -> str:
    """A number of bytes in the unit that suits it."""
    if value is None:
        return "-"
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.4g} {unit}"
    return f"{value:.4g} B"
