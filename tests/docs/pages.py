"""What the pages in `docs/` hold: fenced blocks, worked examples and tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs"
PAGES = sorted(FOLDER.glob("*.md"))


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands behind its first fence, and its text."""

    kind: str
    text: str

    @property
    def format(self) -> str | None:
        """`splitfog/...` of a file of ours, None of other text."""
        return str(json.loads(self.text)["format"]) if self.kind == "json" else None


@dataclass(frozen=True)
class Example:
    """A file of ours on a page, for the instance above it; behind it sums, or what it breaks."""

    page: str
    instance: str
    file: str
    format: str
    after: Block | None


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [Block(kind, text) for kind, _, text in _fenced(page)]


def named_files(page: Path) -> dict[str, str]:
    """The text of every block of a page whose first fence names a file."""
    return {name: text for _, name, text in _fenced(page) if name}


def _fenced(page: Path) -> list[tuple[str, str, str]]:
    """Kind, name of a file (or "") and text of every fenced block."""
    form = r"^```(\w*) ?([\w./-]*)\n(.*?)^```$"
    return re.findall(form, page.read_text(), re.MULTILINE | re.DOTALL)


def examples() -> list[Example]:
    """The worked examples of all pages."""
    found = []
    for page in PAGES:
        instance, own = "", blocks(page)
        for block, after in zip(own, [*own, None][1:], strict=True):
            if block.format == "splitfog/instance":
                instance = block.text
            elif block.format is not None:
                worked = after if after and after.kind in ("sums", "violations") else None
                found.append(Example(page.name, instance, block.text, block.format, worked))
    return found


def table(page: str, heading: str) -> dict[str, list[str]]:
    """The first table below a heading of a page: first cell (unquoted) -> the other cells."""
    text = (FOLDER / page).read_text()
    section = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    lines = section[section.index("\n| ") + 1 :].splitlines()
    rows: dict[str, list[str]] = {}
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split(" | "))
        assert first not in rows, f"{page}: {first} stands twice below {heading}"
        rows[first.strip("` ")] = [cell.strip("| ") for cell in others]
    return rows
