"""The report page as a reader has it, in headless Chromium."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from splitfog.cli import app
from splitfog.studies.rows import Table
from tests.cases.golden import case
from tests.views.report_page.browser import Page, until
from tests.views.report_page.conftest import HOSTILE

RUNS = "document.querySelector('section[data-objective=latency] .runs')"
TABLE = f"Tabulator.findTable({RUNS}.querySelector('.tabulator'))[0]"

LOADED = """(async () => {
  const data = await loadedPlans();
  return rowsOf((await unpacked("row-data")).rows).map((row) => ({
    plan: planOf(data, row), file: instanceOf(data, row).file, sha256: instanceOf(data, row).sha256,
  }));
})()"""

ENDS = """(async () => {
  const found = [];
  for (const row of rowsOf((await unpacked("row-data")).rows)) {
    await openRow(row);
    const drawn = dialog.querySelector("svg.timeline");
    found.push(drawn && Number(drawn.dataset.end));
  }
  dialog.close();
  return found;
})()"""

CONTRAST = """(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    !(element instanceof SVGElement) && !element.closest("script") && element.checkVisibility() &&
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...texts.map((element) =>
    ratio(light(channels(getComputedStyle(element).color)), light(ground(element)))));
})()"""

OPEN_FIRST = f"openRow({TABLE}.getData()[0])"


def shown(page: Page, field: str) -> list[Any]:
    """A column of the runs, as filtered and sorted."""
    rows: list[Any] = page.run(f"{TABLE}.getData('active').map((row) => row.{field})")
    return rows


@pytest.fixture
def open_plan(page: Page) -> Iterator[Page]:
    """The page with the first run's plan open, closed afterwards."""
    page.run(OPEN_FIRST)
    yield page
    page.run("dialog.close()")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_right_at_every_look(page: Page, report: Path, width: int, dark: bool) -> None:
    """No complaint and nothing asked of a network; no wider than its window; text that is read
    easily, in the tables and in an open plan; a picture of what is seen."""
    page.open(report, width, dark)
    page.run(OPEN_FIRST)
    assert page.complaints == []
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run("dialog.scrollWidth <= dialog.clientWidth")
    assert page.run(CONTRAST) >= 4.5
    page.run("dialog.close()")
    assert page.run(CONTRAST) >= 4.5
    assert page.picture().startswith(b"\x89PNG")
    columns = len(page.run(f"{TABLE}.getColumns().filter((c) => c.isVisible()).map(() => 1)"))
    assert (columns == 9) is (width == 1280)  # eight of a row and the way to its plan


def test_headers_sort_by_keys(page: Page) -> None:
    """Enter on `value`: ascending, then descending, as screen readers are told."""
    header = f"{RUNS}.querySelector('[tabulator-field=value]')"
    values = sorted(shown(page, "value"))
    for order in ("ascending", "descending"):
        page.run(f"{header}.focus()")
        page.press("Enter")
        assert page.run(f"{header}.getAttribute('aria-sort')") == order
        assert shown(page, "value") == (values if order == "ascending" else values[::-1])


def test_filters_leave_what_is_asked_for(page: Page) -> None:
    """Text that a cell holds; a figure in the unit shown: gaps in per cent."""
    every = len(shown(page, "solver"))
    page.run(f"{TABLE}.setHeaderFilterValue('solver', 'Ran')")
    random = shown(page, "gap")
    assert set(shown(page, "solver")) == {"random"}
    assert (
        page.run(f"{RUNS}.querySelector('.count').textContent") == f"{len(random)} of {every} runs"
    )
    page.run(f"{TABLE}.setHeaderFilterValue('gap', '> 10')")
    assert shown(page, "gap") == [gap for gap in random if gap is not None and gap > 0.1]
    page.run(f"{TABLE}.clearHeaderFilter()")
    assert len(shown(page, "solver")) == every


def test_the_summary_sorts_by_figures(page: Page) -> None:
    """By the number in `90.2 %`, not by its letters, and what has none comes last."""
    table = "document.querySelector('.lines table')"
    page.run(f"{table}.rows[0].cells[4].querySelector('button').click()")
    assert page.run(f"{table}.rows[0].cells[4].getAttribute('aria-sort')") == "ascending"
    cells = page.run(f"[...{table}.rows].slice(1).map((row) => row.cells[4].textContent)")
    figures = [float(cell.split()[0]) for cell in cells if cell[0].isdigit()]
    assert len(figures) > 1 and figures == sorted(figures)


def test_a_plan_is_one_key_away(page: Page) -> None:
    """Enter on a row's button opens it, with its layers, its loads and its files; Escape closes it
    and the focus is back where it was."""
    button = f"{RUNS}.querySelector('.tabulator-row button')"
    page.run(f"{button}.focus()")
    page.press("Enter")
    page.wait("dialog.open")
    assert page.run("dialog.querySelectorAll('.dag g').length") == 5
    captions = page.run("[...dialog.querySelectorAll('caption')].map((each) => each.textContent)")
    assert captions[:2] == ["Terms of the cost", "Loads of nodes, for one inference of every task"]
    assert page.run("document.querySelectorAll('#plan-files button').length") == 2
    assert page.run("location.hash").startswith("#run-")
    page.press("Escape")
    page.wait("!dialog.open")
    assert page.run(f"document.activeElement === {button}")


def test_an_address_opens_its_run(page: Page, report: Path) -> None:
    """`report.html#run-3` shows the fourth row's plan."""
    page.open(report, 1280, False, "#run-3")
    assert page.run("dialog.open && location.hash") == "#run-3"
    page.run("dialog.close()")


def test_hostile_names_are_shown_as_they_are(open_plan: Page) -> None:
    """In the title, the table and the drawing, and nothing of them is an element."""
    assert HOSTILE in open_plan.run("document.getElementById('plan-title').textContent")
    titles = open_plan.run("[...dialog.querySelectorAll('.dag title')].map((t) => t.textContent)")
    assert any(title.startswith(HOSTILE) for title in titles)
    assert open_plan.run("document.querySelectorAll('img').length") == 0
    assert open_plan.complaints == []


def test_everything_has_a_name(open_plan: Page) -> None:
    """Whatever a screen reader stops at: fields, buttons, choices, drawings, tables, the dialog."""
    nodes = open_plan.call("Accessibility.getFullAXTree")["nodes"]
    stops = ("button", "textbox", "searchbox", "combobox", "image", "grid", "dialog", "region")
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in stops
    ]
    assert {"button", "image", "dialog"} <= {role for role, _ in found}
    assert [role for role, name in found if not name] == []


def test_the_files_are_those_of_the_runs(page: Page, compared: Table) -> None:
    """Every plan as the run gave it, and an instance file of the hash that it is saved with."""
    loaded = page.run(LOADED)
    for run, one in zip(compared.runs, loaded, strict=True):
        assert one["plan"] == json.loads(run.plan or "null")
        assert hashlib.sha256(one["file"].encode()).hexdigest() == one["sha256"]


def test_replicas_are_listed(page: Page, compared: Table) -> None:
    """Of a rate: a line each, below its header, and stripes in the boxes of the layers
    that several nodes hold; the value is a rate too."""
    place = [row.objective for row in compared].index("throughput")
    rows = page.run(f"""(async () => {{
      await openRow(rowsOf((await unpacked("row-data")).rows)[{place}]);
      const table = [...dialog.querySelectorAll("table")]
        .find((each) => each.caption.textContent === "Replicas");
      return [dialog.querySelector("dd").textContent, table.rows.length,
        [...dialog.querySelectorAll(".dag g")].map((box) => box.querySelectorAll("rect").length)];
    }})()""")
    page.run("dialog.close()")
    replicas = json.loads(compared.runs[place].plan or "")["tasks"][0]["replicas"]
    layers = len(case("throughput-1")[0].models[0].layers) - 1
    held = [sum(a <= i < b for a, b in (r["layers"] for r in replicas)) for i in range(layers)]
    assert max(held) > 1
    boxes = [1, *(1 + count * (count > 1) for count in held)]  # a stripe for each of several nodes
    assert rows == [f"{compared[place].value:.6g} per s", 1 + len(replicas), boxes]


def test_saved_files_belong_together(open_plan: Page, tmp_path: Path) -> None:
    """A click on each button: the plan is one of the instance, and all it claims is true."""
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    open_plan.call("Browser.setDownloadBehavior", **where)
    buttons = "document.querySelectorAll('#plan-files button')"
    open_plan.run(f"{buttons}.forEach((button) => button.click())")
    until(lambda: len(list(tmp_path.glob("*.json"))) == 2, "a file for each button")
    plan, instance = sorted(tmp_path.iterdir(), key=lambda file: ".plan." not in file.name)
    checked = CliRunner().invoke(app, ["verify", str(instance), str(plan)])
    assert checked.exit_code == 0 and "all claims are true" in checked.stdout


def test_timelines_end_at_the_value(page: Page, compared: Table) -> None:
    """Of the fork, whichever way transfers are counted, of schedules, and of requests and tokens of
    a language model; to the digits drawn.

    There is none of slices, of replicas, nor of several tasks.
    """
    ends = page.run(ENDS)
    drawn = 0
    for row, run, end in zip(compared, compared.runs, ends, strict=True):
        plan = json.loads(run.plan or "null")
        is_sliced = any(task["stages"] for task in plan["tasks"])
        if row.objective in ("mean-latency", "throughput") or is_sliced:
            assert end is None
        elif row.value is not None:
            assert end == pytest.approx(row.value, rel=1e-5)
            drawn += 1
    assert drawn >= 14
