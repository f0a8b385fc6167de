"""Replicas on the fleets that Helix publishes: `python -m benchmarks.helix FOLDER`.

FOLDER is a copy of github.com/Thesys-lab/Helix-ASPLOS25, whose integer programs and Gurobi's
solutions of them stand in `artifact_evaluation`; without it nothing is measured. Writes
notebooks/data/helix.csv and prints the table of docs/language-models.md.
"""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import asked_for, machine, table
from splitfog import Plan, solve
from splitfog.formulations.overview import percent
from splitfog.instances.importers.helix_program import import_helix_program

RESULTS: Path = Path(__file__).parent.parent / "notebooks" / "data" / "helix.csv"
TIME_LIMIT_S = 60.0
PROGRAMS = {
    "quality": "ablation/layouts/quality",
    "a100": "single_cluster/layout_llama30b/ilp/a100",
    "t4": "single_cluster/layout_llama30b/ilp/t4",
    "l4": "single_cluster/layout_llama30b/ilp/l4",
    "single cluster": "single_cluster/layout_llama70b/ilp",
    "no pruning, 42": "ablation/layouts/no_prune_42",
    "distributed": "distributed_clusters/layout_llama70b/ilp",
    "high heterogeneity": "high_heterogeneity/layout_llama70b/ilp",
}
"""By name the folder, in `artifact_evaluation`, of a program and its published solution."""


class Row(NamedTuple):
    """A fleet, what is published of it and what was found, in tokens a second."""

    fleet: str
    machines: int
    layers: int
    published: float
    found: float | None
    bound: float | None
    status: str
    seconds: float


def measured(name: str, folder: Path) -> Row:
    """The row of a fleet."""
    instance = import_helix_program(folder / "ilp_model.lp")
    (model,) = instance.models
    started = time.perf_counter()
    plan: Plan = solve(instance, "replicas", "throughput", partial=True, time_limit_s=TIME_LIMIT_S)
    return Row(
        fleet=name,
        machines=len(instance.nodes) - 2,  # without source and sink
        layers=sum(layer.op != "input" for layer in model.layers),
        published=published(folder / "ilp_solution.sol"),
        found=plan.value,
        bound=plan.upper_bound,
        status=str(plan.status),
        seconds=round(time.perf_counter() - started, 2),
    )


def published(path: Path) -> float:
    """The objective of a solution that Gurobi wrote."""
    found = re.search(r"Objective value = (\S+)", path.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{path}: it names no objective value")
    return float(found[1])


def cells(row: Row) -> list[object]:
    """A line of the table."""
    gain = "-" if row.found is None else f"{100 * (row.found / row.published - 1):+.1f} %"
    gap = "-"
    if row.found is not None and row.bound is not None:
        gap = percent((row.bound - row.found) / row.bound)
    found, bound = (f"{figure:.6f}" if figure else "-" for figure in (row.found, row.bound))
    who = f"{row.machines} x {row.layers}"
    return [row.fleet, who, f"{row.published:.6f}", found, gain, bound, gap, row.status]


def main(folder: Path) -> None:
    """Measure all fleets."""
    rows = []
    for name, own in PROGRAMS.items():
        rows.append(measured(name, folder / "artifact_evaluation" / own))
        print(*rows[-1], flush=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)
    head = ["fleet", "machines x layers", "published", "found", "gain", "bound", "gap", "status"]
    print(machine())
    print(table(head, [cells(row) for row in rows]))


if __name__ == "__main__":
    for word in asked_for(__doc__, "FOLDER, a copy of Helix's repository; none: nothing to do"):
        main(Path(word))
