"""The report page of 10,000 runs: size, and seconds in Chromium.

Two comparisons of 100 instances: ten solvers at ten seeds, of which all but `random` find the same
plan again; and `random` alone at 100 seeds, nearly all of whose plans differ.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import asked_for, machine, table
from splitfog import Instance, compare, generate
from splitfog.studies.rows import Table
from splitfog.views.report import html_page
from tests.views.report_page.browser import CHROMIUM, Page, browser

NETWORKS = (
    *("alexnet", "vgg-16", "resnet-18", "mobilenet-v2", "squeezenet-1.0"),
    *("googlenet", "darknet-53", "nin", "tiny-yolov2", "vit-b-16"),
)
LINKS = ("3g", "4g", "5g", "wi-fi", "fibre")
DEVICES = ("raspberry-pi-4", "jetson-nano")
SOLVERS = (
    *("random", "hpa", "hpa-plain", "greedy", "min-cut"),
    *("device-only", "edge-only", "cloud-only", "neurosurgeon", "heft"),
)

SHOWN = "Number(document.documentElement.dataset.shown)"

SORTED = """new Promise((done) => {
  const table = Tabulator.findTable(".runs > div")[0];
  const began = performance.now();
  table.on("renderComplete", () => done(performance.now() - began));
  table.setSort("%s", "desc");
})"""

OPENED = """(async () => {
  const row = Tabulator.findTable(".runs > div")[0].getData()[%d];
  const began = performance.now();
  await openRow(row);
  document.body.offsetHeight;
  return performance.now() - began;
})()"""


def instances() -> list[Instance]:
    """Ten networks on ten networks of nodes."""
    return [
        generate("three-tier", model=model, device=device, edge_cloud=link)
        for model in NETWORKS
        for device in DEVICES
        for link in LINKS
    ]


def comparisons() -> dict[str, Table]:
    """By name, 10,000 rows each or nearly so."""
    given, how = instances(), {"objectives": "latency", "jobs": 2}
    made: dict[str, Any] = {
        "ten solvers, ten seeds": (SOLVERS, range(10)),
        "random, 100 seeds": (["random"], range(100)),
    }
    return {name: compare(given, list(s), seeds=n, **how) for name, (s, n) in made.items()}


def measured(page: Page, file: Path) -> list[float]:
    """Seconds until the rows are there, of the slowest sort, and until a plan is."""
    page.open(file, 1280, False)
    shown = page.run(SHOWN)
    sorts = [page.run(SORTED % name) for name in ("gap", "instance", "runtime_s", "value")]
    plans = [page.run(OPENED % number) for number in (0, 5000, 9000)]
    if page.complaints:
        raise RuntimeError(page.complaints[0])
    return [shown / 1e3, max(sorts) / 1e3, max(plans) / 1e3]


def main() -> None:
    """Print the table; pages are kept nowhere."""
    asked_for(__doc__)
    if CHROMIUM is None:
        raise SystemExit("no chromium here")
    print(machine())
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name, rows in comparisons().items():
            began = time.perf_counter()
            (home / "report.html").write_text(html_page(rows), encoding="utf-8")
            made_s = time.perf_counter() - began
            size = (home / "report.html").stat().st_size / 1e6
            with browser(home / "profile") as page:
                tries = [measured(page, home / "report.html") for _ in range(3)]
            least = [min(each) for each in zip(*tries, strict=True)]
            lines.append([name, len(rows), size, made_s, *least])
    print(table(["comparison", "rows", "MB", "made s", "shown s", "sort s", "plan s"], lines))


if __name__ == "__main__":
    main()
