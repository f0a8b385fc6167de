"""An empty text on a command line, as of a shell's unset variable, is refused by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from splitfog.cli import app

GROUP: Any = typer.main.get_command(app)


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words and the command of every command, those of groups included."""
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, name))
    if not hasattr(command, "commands"):
        yield words, command


def _required(command: Any) -> Iterator[str]:
    """Some text for whatever must be given but `-o`."""
    for parameter in command.params:
        if parameter.required and "-o" not in parameter.opts:
            is_option = parameter.param_type_name == "option"
            yield from ([parameter.opts[0], "some"] if is_option else ["some"])


WRITING = [
    [*words, *_required(command)]
    for words, command in _commands(GROUP)
    if any("-o" in parameter.opts for parameter in command.params)
]


def code(*words: str) -> int:
    """What a command line exits with."""
    found: int = GROUP.main(words, "splitfog", standalone_mode=False)
    return found


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_an_empty_output_is_not_this_folder(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, one sentence that names the option, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert code(*words, "-o", "") == 2
    assert tuple(capsys.readouterr()) == ("", "splitfog: -o = '', must not be empty\n")
    assert not any(tmp_path.iterdir())


def test_an_empty_argument_is_named_as_the_usage_line_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Among several files too, of which the others need not exist."""
    assert code("compare", "some.json", "") == 2
    assert tuple(capsys.readouterr()) == ("", "splitfog: INSTANCE = '', must not be empty\n")


def test_help_is_shown_all_the_same() -> None:
    """Who asks for help does not yet give anything."""
    assert code("solve", "", "--help") == 0
