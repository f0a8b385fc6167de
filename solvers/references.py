"""BibTeX of the papers behind the solvers: `references.bib`, by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

OURS = "splitfog"
"""The key of splitfog itself, which every list ends with."""


@cache
def references() -> Mapping[str, str]:
    """Every entry of `references.bib` by its key, as it stands there."""
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    entries = (f"@{entry.strip()}" for entry in f"\n{text}".split("\n@")[1:])
    return MappingProxyType({_key(entry): entry for entry in entries})


def is_citation(name: object) -> bool:
    """Whether it is a key of `references.bib`, or an entry of its own (those of plug-ins)."""
    return isinstance(name, str) and (name in references() or name.startswith("@"))


def bibtex(cited: Iterable[str]) -> str:
    """The entries of keys, each once, in their order, and last splitfog's own."""
    entries = {_key(entry): entry for entry in (references().get(name, name) for name in cited)}
    return "\n\n".join((entries | {OURS: references()[OURS]}).values()) + "\n"


def _key(entry: str) -> str:
    return entry.partition("{")[2].partition(",")[0].strip()
