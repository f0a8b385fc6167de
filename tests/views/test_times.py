"""The picture of gaps over run times, and charts in the colours of a page."""

from __future__ import annotations

import re

from splitfog.studies.row import Row
from splitfog.studies.summary import summarised
from splitfog.views.charts.times import times_picture
from splitfog.views.report_page.pictures import themed
from tests.studies.small_rows import row


def picture(rows: list[Row]) -> bytes:
    """Of the means of some rows."""
    return times_picture(list(summarised(rows)), "latency", ".svg")


def test_every_solver_is_on_it_or_named_below() -> None:
    """One has a gap and a time, two have no gap: they are no points but are not kept quiet."""
    svg = picture([row(gap=0.1, value=1.0), row(solver="d3", value=1.0), row(solver="ilp")])
    texts = set(re.findall(r">([^<>]+)</text>", svg.decode()))
    assert {"hpa", "without a gap: d3, ilp", "500 ms"} <= texts
    assert not {"d3", "ilp"} & texts


def test_means_over_other_instances_are_hollow() -> None:
    """Of two solvers one lacks an instance that the other has."""
    both = [row(gap=0.1, value=1.0), row(gap=0.2, value=1.0, instance="j")]
    svg = picture([*both, row(solver="d3", gap=0.1, value=1.0)]).decode()
    dots = re.findall(r"<use [^>]*style=\"([^\"]*)\"", svg)
    for colour, is_filled in (("#1f77b4", True), ("#ff7f0e", False)):
        own = [dot for dot in dots if f"stroke: {colour}" in dot]
        assert own and all((f"fill: {colour}" in dot) is is_filled for dot in own)


def test_in_a_page_ink_and_paper_are_the_pages() -> None:
    """No black or white of its own is left, and colours that mean something stay."""
    svg = themed(picture([row(gap=0.1, value=1.0)]))
    assert svg.startswith("<svg")
    assert "currentColor" in svg and "#1f77b4" in svg
    assert not re.search(r": #(000000|222222|ffffff)\b", svg)
