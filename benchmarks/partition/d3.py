"""D3 in its setting, beside six rivals: `python -m benchmarks.partition.d3 [DIR]`.

Tables of the study `d3`: what it gains over the best rival, then latencies in ms and megabytes from
edge to cloud, and how far it is from the bound.
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


def gains(rows: Table) -> str:
    """A line a network that has rows: the best of five rivals over `d3`, by edge nodes."""
    values = {(row.instance, row.solver): row.value or inf for row in rows}
    cells: dict[str, dict[str, list[str]]] = {}
    for instance, options in options_of("d3").items():
        if (instance, "d3") not in values:
            continue
        ratio = min(values[instance, rival] for rival in RIVALS[:5]) / values[instance, "d3"]
        own = cells.setdefault(str(options["model"]), {})
        own.setdefault(str(options["edge_cloud"]), []).append(f"{ratio:.4g}")
    links = next(iter(cells.values()))
    lines = [[net, *(" / ".join(own[link]) for link in links)] for net, own in cells.items()]
    return table(["network", *links], lines)


def distance(rows: Table) -> str:
    """Mean and worst gap of `d3` to the bound over all plans, where there is more than one node."""
    single = {own for own, options in options_of("d3").items() if options["edge_nodes"] == 1}
    found = [row.gap for row in rows if row.solver == "d3" and row.instance not in single]
    known = [100 * gap for gap in found if gap is not None]
    return f"gap of d3: mean {sum(known) / len(known):.2f} %, worst {max(known):.2f} %"


def _to_cloud(run: Run) -> float:
    """Bytes over links into the cloud."""
    assert run.plan is not None
    plan = msgspec.json.decode(run.plan, type=Plan)
    return sum(link.bytes for link in plan.links if link.head == "cloud")


if __name__ == "__main__":
    rows = studied("d3", __doc__)
    print(gains(rows), report(rows), distance(rows), sep="\n\n")
