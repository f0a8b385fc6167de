"""A table in all its forms."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from splitfog.studies.tables.section import Section

SECTION = Section(
    title="latency",
    headers=("solver", "a|b"),
    lines=(("x_y", "1"), ("<z>", "10 *")),
    caption="50 % of 2.",
    note="* apart.",
)


def test_as_text() -> None:
    """The first column flush left, others right; caption and note below."""
    assert SECTION.text().splitlines() == [
        "latency",
        "solver   a|b",
        "------  ----",
        "x_y        1",
        "<z>     10 *",
        "50 % of 2.",
        "* apart.",
    ]


def test_as_markdown() -> None:
    """What ends a cell or starts a list is escaped."""
    assert SECTION.markdown().split("\n\n") == [
        "**latency**",
        "| solver | a\\|b |\n| :--- | ---: |\n| x_y | 1 |\n| &lt;z&gt; | 10 \\* |",
        "50 % of 2.",
        "\\* apart.",
    ]


def test_as_latex() -> None:
    """A table with its caption, or the tabular alone under its title."""
    text = SECTION.latex().splitlines()
    assert text[2] == r"\caption{50 \% of 2. * apart.}"
    assert r"x\_y & 1 \\" in text
    assert text[-2:] == [r"\end{tabular}", r"\end{table}"]
    bare = Section(title="a_b", headers=("c",), lines=()).latex().splitlines()
    assert (bare[0], bare[-1]) == (r"% a\_b", r"\end{tabular}")


def test_as_html() -> None:
    """Cells and paragraphs as they stand."""
    page = ElementTree.fromstring(f"<div>{SECTION.html()}</div>")
    assert [cell.text for cell in page.iter("td")] == ["x_y", "1", "<z>", "10 *"]
    assert [part.text for part in page.iter("p")] == ["50 % of 2.", "* apart."]
