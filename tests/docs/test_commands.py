"""Every command line of the pages in `docs/` runs as it is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import named_files

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))


ONE_AFTER_ANOTHER = """
import shlex, sys
from splitfog.cli import app
for line in sys.stdin:
    if code := app(shlex.split(line)[1:], standalone_mode=False):
        sys.exit(f"{line} ended with {code}")
"""
"""Runs command lines in one process, for what they import takes longer than most of them."""


def commands(page: Path) -> list[str]:
    """The lines of a page's code blocks that call splitfog."""
    blocks = page.read_text().split("```")[1::2]
    return [line for block in blocks for line in block.splitlines() if line.startswith("splitfog ")]


def test_there_are_pages() -> None:
    """The parametrised test below is not empty."""
    assert any(commands(page) for page in PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """In their order, in a folder that has the repository's instances; each ends with 0.

    The folder also has the files that the page shows under a name.
    """
    for name, text in named_files(page).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "instances").symlink_to(ROOT / "instances")
    (tmp_path / "splitfog").symlink_to(ROOT / "splitfog")
    lines = "\n".join(commands(page))
    words = [sys.executable, "-c", ONE_AFTER_ANOTHER]
    done = subprocess.run(
        words, input=lines, cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
