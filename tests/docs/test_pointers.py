"""Whatever a text points to is there: pages, sections of pages, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import FOLDER, PAGES

ROOT = FOLDER.parent
HOUSES = (
    "baselines", "benchmarks", "deployment", "formulations", "instances", "notebooks", "solvers",
    "splitfog", "studies", "tests", "views",
)  # fmt: skip
CODE = [file for house in HOUSES for file in (ROOT / house).rglob("*.py")]
MARKDOWN = [*PAGES, *ROOT.glob("*.md"), *(ROOT / "notebooks").glob("*.md")]
TEXTS = {file: file.read_text() for file in [*CODE, *MARKDOWN] if file != Path(__file__)}

FORMER = re.compile(
    r"\b(SPEC|METHODS|LAYOUT|LANGUAGE_MODELS|DEPENDENCIES)\b|\bEXAMPLES\.md|\bshared/"
)
"""The makers' own documents, and where these are."""


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_nothing_points_to_what_users_lack() -> None:
    """No code, test or page names a document that is not in the repository."""
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file, text in TEXTS.items()
        for match in FORMER.finditer(text)
    ]
    assert found == []


def test_the_pages_that_code_names_are_there() -> None:
    """`docs/costs.md` in a docstring or a message is a page, and some name one."""
    named = {name for text in TEXTS.values() for name in re.findall(r"\bdocs/[\w-]+\.md", text)}
    assert "docs/costs.md" in named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Each to a file or folder that is there, and to a heading of it where it names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page if not name else page.parent / name
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target
