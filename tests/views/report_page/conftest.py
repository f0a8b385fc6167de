"""One report with names that are hard to show, and one browser that has it open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.studies.rows import Table
from splitfog.views.report import html_page
from tests.cases.golden import case
from tests.cases.small_networks import layer, network
from tests.views.report_page.browser import CHROMIUM, Page, browser

HOSTILE = "</script><img src=x onerror=alert(1)> & 'so' \"on\" ü"
"""As a name in a file may be."""


def forks() -> Instance:
    """A fork of two whose tensor two layers read twice, on three nodes in a line, results to the
    first; hostile names."""
    layers = [
        layer("in", 0, 2),
        layer("a", 1, 3, "in"),
        layer("b", 2, 1, "a"),
        layer(HOSTILE, 3, 2, "a"),
        layer("join", 1, 1, "b", HOSTILE, "a"),
    ]
    return changed(network(layers, results_to="d"), name=HOSTILE)


@pytest.fixture(scope="session")
def compared() -> Table:
    """`latency` counted both ways and `makespan` of the fork; slices, three tasks, the requests and
    tokens of a language model, replicas."""
    once = sf.compare(
        [forks(), case("fog-1")[0], case("stage-1")[0]],
        ["device-only", "random", "greedy", "vsm"],
        seeds=(0, 1),
        monotone=False,
    )
    edges = sf.compare(forks(), ["random"], seeds=(2, 3), monotone=False, transfers="per-edge")
    spans = sf.compare(forks(), ["device-only", "greedy"], "makespan", monotone=False)
    request = sf.compare(case("passes-1")[0], ["random"], seeds=(4, 5), monotone=False)
    token = sf.compare(case("passes-1")[0], ["random"], seeds=(6, 7), pass_name="decode")
    rates = sf.compare(case("throughput-1")[0], ["petals"], "throughput")
    parts = (once, edges, spans, request, token, rates)
    return changed(
        once,
        rows=tuple(row for part in parts for row in part.rows),
        runs=tuple(run for part in parts for run in part.runs),
        instances=tuple(instance for part in parts for instance in part.instances),
    )


@pytest.fixture(scope="session")
def report(compared: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that comparison, as a file."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html_page(compared), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def page(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser with the report open, 1280 pixels wide; skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(report, 1280, False)
        yield opened
