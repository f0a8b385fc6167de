"""What to cite: every solver and baseline has BibTeX that parses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.records import changed
from splitfog.solvers import references
from splitfog.solvers.plugins import declaration_faults
from splitfog.solvers.registry import own_infos, solver_info

ROOT = Path(__file__).parents[2]
FILE = ROOT / "solvers" / "references.bib"
OURS = "splitfog"

NEEDED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title"},
}
"""By kind of entry, after BibTeX's own list."""


def entries(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """(kind, key, fields) of every entry; fails where braces do not match or text is left over."""
    found = []
    while text.strip():
        head = re.match(r"\s*@(\w+)\{([\w-]+),", text)
        assert head, text[:40]
        text = text[head.end() :]
        fields = {}
        while field := re.match(r"\s*(\w+) = \{", text):
            value, text = _braced(text[field.end() :])
            assert field[1] not in fields, f"{head[2]}: {field[1]} stands twice"
            fields[field[1]] = value
            text = text.removeprefix(",")
        end = re.match(r"\s*\}", text)
        assert end, f"{head[2]}: {text[:40]}"
        text = text[end.end() :]
        found.append((head[1], head[2], fields))
    return found


def _braced(text: str) -> tuple[str, str]:
    """What stands before the brace that closes one opened before, and what after it."""
    depth = 1
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[:position], text[position + 1 :]
    raise AssertionError(f"a brace is not closed: {text[:40]}")


def splitfog(*words: str) -> Result:
    return CliRunner().invoke(app, ["solvers", *words])


def test_the_file_parses_and_keys_are_unique() -> None:
    """Every entry has the fields of its kind, no empty one, and a key of its own."""
    found = entries(FILE.read_text())
    keys = [key for _, key, _ in found]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(references.references())
    for kind, key, fields in found:
        assert set(fields) >= NEEDED[kind], key
        assert all(fields.values()), key
        assert re.fullmatch(r"\d{4}", fields.get("year", "2026")), key
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "10.1000/1")), key


def test_every_solver_cites_what_is_there() -> None:
    """And every entry but our own is cited by one of them."""
    cited = {name for info in own_infos() for name in info.cites}
    assert cited | {OURS} == set(references.references())


@pytest.mark.parametrize("name", [info.name for info in own_infos()])
def test_a_solver_prints_its_papers(name: str) -> None:
    """In the order it cites them, and last splitfog; whoever is after a paper cites one."""
    result = splitfog(name, "--bibtex")
    assert result.exit_code == 0
    cites = solver_info(name).cites
    assert [key for _, key, _ in entries(result.stdout)] == [*cites, OURS]
    reference = solver_info(name).reference
    assert cites or not re.search(r"\d{4}", reference)


def test_without_a_name_all_are_printed_once() -> None:
    """The whole file, splitfog last."""
    keys = [key for _, key, _ in entries(splitfog("--bibtex").stdout)]
    assert sorted(keys) == sorted(references.references())
    assert keys[-1] == OURS


def test_two_formats_at_once_are_refused() -> None:
    """Exit code 2 and one line."""
    result = splitfog("--bibtex", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must be one of them" in result.stderr


def test_a_plug_in_brings_its_own_entry() -> None:
    """A whole entry is printed as it is; a key that nobody knows is a fault of the declaration."""
    theirs = "@misc{they2026,\n  author = {They},\n  title = {Theirs}\n}"
    info = changed(solver_info("greedy"), cites=(theirs, "zhang2021d3"))
    assert declaration_faults(info) == []
    keys = [key for _, key, _ in entries(references.bibtex(info.cites))]
    assert keys == ["they2026", "zhang2021d3", OURS]
    (fault,) = declaration_faults(changed(info, cites=("nobody1999",)))
    assert "cites 'nobody1999', must be a key" in fault


def test_versions_and_names_agree() -> None:
    """`CITATION.cff`, our own entry and the package say the same."""
    citation = dict(
        line.split(": ", 1)
        for line in (ROOT / "CITATION.cff").read_text().splitlines()
        if ": " in line
    )
    ((_, _, fields),) = entries(references.references()[OURS])
    assert citation["version"] == sf.__version__
    assert f"version {sf.__version__}" in fields["note"]
    assert citation["title"].strip('"') == fields["title"]
    assert citation["license"] in fields["note"]
