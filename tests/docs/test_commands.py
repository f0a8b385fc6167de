"""Every command line of the pages in `docs/` runs as it is printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from splitfog.cli import app
from tests.docs.pages import named_files

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def commands(page: Path) -> list[str]:
    """The lines of a page's code blocks that call splitfog."""
    blocks = page.read_text().split("```")[1::2]
    return [line for block in blocks for line in block.splitlines() if line.startswith("splitfog ")]


def test_there_are_pages() -> None:
    """The parametrised test below is not empty."""
    assert any(commands(page) for page in PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, in a folder that has the repository's instances; each ends with 0.

    The folder also has the files that the page shows under a name.
    """
    for name, text in named_files(page).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "instances").symlink_to(ROOT / "instances")
    monkeypatch.chdir(tmp_path)
    for line in commands(page):
        done = CliRunner().invoke(app, shlex.split(line)[1:], prog_name="splitfog")
        assert done.exit_code == 0, f"{line}: {done.output}"
