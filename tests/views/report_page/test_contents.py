"""What the report page holds: everything, once, and nothing that a browser would run or load."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from splitfog.instances.records import changed
from splitfog.studies.rows import Table
from splitfog.views.report import html_page
from splitfog.views.report_page.embedded import LICENCE, SCRIPTS, asset
from splitfog.views.report_page.payload import column, packed
from splitfog.views.report_page.shapes import Shapes
from tests.views.report_page.conftest import HOSTILE


class Tags(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, dict(attrs)))


def test_names_are_text_and_nothing_is_loaded(report: Path) -> None:
    """A name that ends a script and begins a picture makes neither; scripts are ours alone."""
    text = report.read_text(encoding="utf-8")
    tags = Tags(text).found
    scripts = [attributes for tag, attributes in tags if tag == "script"]
    assert [own.get("type") for own in scripts] == ["application/gzip"] * 2 + [None] * len(SCRIPTS)
    assert not {"img", "link", "iframe", "object"} & {tag for tag, _ in tags}
    assert not any({"src", "onerror", "onclick"} & set(attributes) for _, attributes in tags)
    assert HOSTILE not in text
    assert asset(LICENCE) in text  # who passes the page on passes Tabulator on


def test_only_its_own_scripts_may_run(report: Path) -> None:
    """The policy names the hash of each and nothing else, not even the page's own folder."""
    (policy,) = (
        own["content"] or ""
        for tag, own in Tags(report.read_text(encoding="utf-8")).found
        if own.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert len(re.findall(r"'sha256-[\w+/]{43}='", policy)) == len(SCRIPTS) == policy.count("sha")
    assert "</script" not in "".join(map(asset, SCRIPTS))


def test_the_same_table_makes_the_same_page(compared: Table) -> None:
    """Letter by letter: nothing in it is of the hour. (Without values no time goes into charts.)"""
    table = changed(compared, rows=tuple(changed(row, value=None) for row in compared))
    assert html_page(table) == html_page(table)


def test_what_is_packed_comes_back() -> None:
    """From base64, gzip and JSON."""
    data = {"a": [1, 2.5, None, "é"], "b": {"c": []}}
    assert json.loads(gzip.decompress(base64.b64decode(packed(data)))) == data


def test_columns_of_texts_hold_each_once() -> None:
    """Places of texts; figures as they are, the missing too."""
    assert column(["a", None, "a"]) == {"of": ["a", None], "at": [0, 1, 0]}
    assert column([1.5, None]) == [1.5, None]


def test_names_apart_from_values_lose_nothing() -> None:
    """Two objects of one shape share its names; order, empty ones and lists stay."""
    shapes = Shapes()
    values: list[Any] = [{"x": 1, "y": [2, []]}, {"x": None, "y": {}}, {"y": 1, "x": 2}]
    shaped = [shapes.shaped(value) for value in values]
    assert shaped == [[0, 1, [-1, 2, [-1]]], [0, None, [1]], [2, 1, 2]]
    assert shapes.names == [("x", "y"), (), ("y", "x")]
