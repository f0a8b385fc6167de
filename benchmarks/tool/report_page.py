"""The report page of 10,000 runs: size, and seconds in Chromium.

Ten solvers on 100 instances, and all these runs eleven times over with other run times, a thousand
runs apart: too far for gzip to see that a plan has been there before.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.common import asked_for, machine, table
from splitfog import Instance, compare, generate
from splitfog.instances.records import changed
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
    *("device-only", "edge-only", "cloud-only", "neurosurgeon", "chain-dp"),
)
TIMES = 11

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


def comparison() -> Table:
    """About 10,000 rows: some solvers decline some networks."""
    found = compare(instances(), list(SOLVERS), objectives="latency")
    rows = [
        changed(row, seed=seed, runtime_s=(row.runtime_s or 0.0) * (1 + seed / 64))
        for seed in range(TIMES)
        for row in found
    ]
    return changed(found, rows=tuple(rows), runs=TIMES * found.runs)


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
    rows = comparison()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        began = time.perf_counter()
        file.write_text(html_page(rows), encoding="utf-8")
        made_s, size = time.perf_counter() - began, file.stat().st_size / 1e6
        with browser(Path(folder) / "profile") as page:
            tries = [measured(page, file) for _ in range(3)]
    line = [len(rows), size, made_s, *(min(each) for each in zip(*tries, strict=True))]
    print(table(["rows", "MB", "made s", "shown s", "sort s", "plan s"], [line]))


if __name__ == "__main__":
    main()
