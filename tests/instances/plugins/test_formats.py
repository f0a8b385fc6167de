"""Formats of other distributions: found when needed, told apart, and never in the way."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.deployment.exporters import FORMATS as EXPORTED
from splitfog.instances.importers import FORMATS as IMPORTED
from splitfog.instances.plugins import format as formats
from splitfog.instances.plugins.format import Format
from splitfog.instances.plugins.option import Option
from tests.instances.plugins.distributions import install

TINY = Path(__file__).parents[2] / "data" / "tiny.json"
OURS = [each.name for each in IMPORTED.declared]
THEIRS = """
from splitfog.instances.plugins.format import Format
from splitfog.instances.plugins.option import Option
IMPORTERS = (
    Format(
        name="copy", summary="an instance, renamed", entry=".copying:read",
        files=("INSTANCE", "OTHER..."), options={"name": Option("copy", "its name", "name")},
    ),
)
"""
COPYING = """
import splitfog as sf
from dataclasses import replace
def read(files, options):
    return replace(sf.load_instance(files[0]), name=options["name"])
"""


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Put a folder on the path as if the session had begun with it."""

    def put(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        formats._foreign.cache_clear()

    yield put
    formats._foreign.cache_clear()


def importing(site: Path, text: str, package: str) -> None:
    """A distribution `other-thing` whose package declares importers."""
    (site / package).mkdir()
    (site / package / "__init__.py").write_text(text)
    (site / package / "copying.py").write_text(COPYING)
    install(site, "other-thing", "splitfog.importers", {"x": package})


def run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), prog_name="splitfog")


def test_a_format_of_another_distribution_is_one_of_import(tmp_path: Path, on_path: Any) -> None:
    """It is listed with its origin, reads files, and has options that are checked."""
    importing(tmp_path, THEIRS, "other_formats")
    on_path(tmp_path)
    assert [each.name for each in IMPORTED.all()] == [*OURS, "copy"]
    listed = run("import", "--list")
    assert "copy (from other-thing): an instance, renamed" in listed.output
    output = tmp_path / "made.json"
    words = ["import", "copy", str(TINY), "other.json", "-o", str(output), "--option"]
    done = run(*words, "name=mine")
    assert done.exit_code == 0, done.output
    assert sf.load_instance(output).name == "mine"
    wrong = run(*words, "nam=mine")
    assert wrong.exit_code == 2
    assert "unknown option of copy 'nam', did you mean 'name'?" in wrong.output
    assert run(*words[:3], *words[4:], "name=mine").exit_code == 2  # one file, where two are needed


BROKEN = {
    "raises": ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
    "declares nothing": ("", "has no IMPORTERS"),
    "declares a text": ("IMPORTERS = ('msr',)", "'msr' is declared, must be a Format"),
    "takes our name": (THEIRS.replace('"copy"', '"msr"', 1), "importer msr is the name of one"),
    "without entry": (THEIRS.replace(".copying:read", "here"), "must be module:function"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_one_is_one_warning(fault: str, tmp_path: Path, on_path: Any) -> None:
    """It names the distribution; our formats are there, and it is not said again."""
    importing(tmp_path, BROKEN[fault][0], "formats_" + fault.replace(" ", "_"))
    on_path(tmp_path)
    with pytest.warns(UserWarning, match="importers of the distribution other-thing are") as caught:
        assert [each.name for each in IMPORTED.all()] == OURS
    assert len(caught) == 1
    assert BROKEN[fault][1] in str(caught[0].message)
    assert [each.name for each in IMPORTED.all()] == OURS


def test_code_that_cannot_be_had_is_one_sentence(tmp_path: Path, on_path: Any) -> None:
    """With the distribution that it is of."""
    importing(tmp_path, THEIRS.replace(".copying", ".nowhere"), "lost_formats")
    on_path(tmp_path)
    lost = run("import", "copy", str(TINY), "other.json", "-o", str(tmp_path / "made.json"))
    assert lost.exit_code == 2
    assert "copy of other-thing cannot be loaded from 'lost_formats.nowhere:read'" in lost.output


def test_a_mistake_of_its_code_is_told_as_its_own(tmp_path: Path, on_path: Any) -> None:
    """So is what it returns; what it refuses is said as it says it."""
    importing(tmp_path, THEIRS, "failing_formats")
    on_path(tmp_path)
    for body, sentence in (
        ("return {}['key']", "copy of other-thing failed: KeyError: 'key'"),
        ("return 5", "what copy returns = 5, must be an Instance"),
        ("raise ValueError('the file is odd')", "splitfog: the file is odd"),
    ):
        (tmp_path / "failing_formats" / "copying.py").write_text(f"def read(f, o):\n    {body}\n")
        sys.modules.pop("failing_formats.copying", None)
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "failing_formats" / "__pycache__", ignore_errors=True)
        made = run("import", "copy", str(TINY), "other.json", "-o", str(tmp_path / "made.json"))
        assert made.exit_code == 2, made.output
        assert sentence in made.output


def test_exporters_are_found_by_their_own_group(tmp_path: Path, on_path: Any) -> None:
    """The same shape under another name."""
    (tmp_path / "exporting_formats.py").write_text(THEIRS.replace("IMPORTERS", "EXPORTERS"))
    install(tmp_path, "other-thing", "splitfog.exporters", {"x": "exporting_formats"})
    on_path(tmp_path)
    assert EXPORTED.named("copy").origin == "other-thing"
    assert EXPORTED.named("copy").entry == "exporting_formats.copying:read"
    assert [each.name for each in IMPORTED.all()] == OURS


def test_nobody_is_asked_for_what_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is any code loaded by that."""
    monkeypatch.setattr(formats, "_foreign", lambda *_: pytest.fail("were read"))
    assert IMPORTED.named("msr").origin == EXPORTED.named("device-map").origin == "splitfog"


def test_an_option_is_of_the_format_or_of_a_node() -> None:
    """Its own are checked, those of nodes stay texts, and others are refused."""
    made = Format(
        name="x",
        summary="",
        entry="m:f",
        options={"k": Option(1, "how many", "whole", low=1)},
        per_node="its host",
    )
    assert made.parse({"pi": "10.0.0.1:80"}, {"pi"}) == ({"k": 1}, {"pi": "10.0.0.1:80"})
    with pytest.raises(ValueError, match=r"option k = 0, must be a whole number >= 1"):
        made.parse({"k": "0"})
    with pytest.raises(LookupError, match="unknown option of x 'po', did you mean 'pi'"):
        made.parse({"po": "1"}, {"pi"})
