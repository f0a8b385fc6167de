"""D3 in its setting, beside six rivals: `python -m benchmarks.d3 [DIR]`.

The table of the study `d3`: latencies in ms, and megabytes from edge to cloud.
"""

from __future__ import annotations

from math import inf

import msgspec

from benchmarks.common import table
from benchmarks.studies import options_of, studied
from splitfog.formulations.plan import Plan
from splitfog.studies.row import Run
from splitfog.studies.rows import Table

OPTIMUM = "min-cut"
RIVALS = ("device-only", "edge-only", "cloud-only", "neurosurgeon", "dads", "hpa")


def report(rows: Table) -> str:
    """A line an instance."""
    values = {(row.instance, row.solver): row.value or inf for row in rows}
    runs = {(row.instance, row.solver): run for row, run in zip(rows, rows.runs, strict=True)}
    lines = []
    best = inf
    for instance, options in options_of("d3").items():
        best = values.get((instance, OPTIMUM), best)  # with one edge node, which comes first
        rivals = [values[instance, solver] for solver in RIVALS]
        own = values[instance, "d3"]
        moved = [_to_cloud(runs[instance, name]) / 1e6 for name in ("cloud-only", "hpa", "d3")]
        latencies = [1e3 * value for value in (*rivals, best, own)]
        case = f"{options['model']}, {options['edge_cloud']}"
        lines.append([case, options["edge_nodes"], *latencies, min(rivals[:5]) / own, *moved])
    header = ["case", "edge nodes", *RIVALS, "optimum", "d3", "best of the first 5 / d3"]
    return table([*header, "MB up: cloud-only", "hpa", "d3"], lines)


def _to_cloud(run: Run) -> float:
    """Bytes over links into the cloud."""
    assert run.plan is not None
    plan = msgspec.json.decode(run.plan, type=Plan)
    return sum(link.bytes for link in plan.links if link.head == "cloud")


if __name__ == "__main__":
    print(report(studied("d3", __doc__)))
