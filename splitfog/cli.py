"""The command line: `app` holds every command of `splitfog.commands`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated

import typer

from splitfog import __version__
from splitfog.commands import COMMANDS
from splitfog.commands.shell import Command, Commands, epilog


def build_app() -> typer.Typer:
    """The application with all its commands; none imports what it needs before it runs."""
    app = typer.Typer(
        name="splitfog",
        cls=Commands,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Split a neural network over devices, fog and cloud.",
        add_completion=False,
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    _add_commands(app, COMMANDS, "splitfog.commands")
    app.callback()(_start)
    return app


def _add_commands(app: typer.Typer, commands: Mapping[str, str], package: str) -> None:
    """Add the commands of a package; one that is a package with `COMMANDS` is a group of them."""
    for name, home in commands.items():
        module = import_module(f"{package}.{home}")
        if hasattr(module, "COMMANDS"):
            about = (module.__doc__ or "").partition(": ")[2].strip()
            group = typer.Typer(help=about[:1].upper() + about[1:])
            _add_commands(group, module.COMMANDS, module.__name__)
            app.add_typer(group, name=name)
        else:
            settings = {"cls": Command, **getattr(module, "SETTINGS", {})}
            app.command(name, epilog=epilog(module.EXAMPLES), **settings)(module.run)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"splitfog {__version__}")
        raise typer.Exit


def _start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """Split a neural network over devices, fog and cloud."""


app = build_app()
