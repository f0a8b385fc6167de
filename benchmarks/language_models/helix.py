"""Replicas on the fleets that Helix publishes: `python -m benchmarks.language_models.helix FOLDER`.

FOLDER is a copy of github.com/Thesys-lab/Helix-ASPLOS25, whose integer programs and Gurobi's
solutions of them stand in `artifact_evaluation`; without it nothing is measured. Every plan found
is put into Helix's own program, with its ranges fixed, which HiGHS then solves: that must give the
plan's value. Writes notebooks/data/helix.csv and prints the table of docs/language-models.md.
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

RESULTS: Path = Path(__file__).parents[2] / "notebooks" / "data" / "helix.csv"
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


HEAD = (
    "fleet",
    "machines x layers",
    "published",
    "found",
    "gain",
    "in Helix's program",
    "bound",
    "gap",
    "status",
    "seconds",
)


class Row(NamedTuple):
    """A fleet, what is published of it and what was found, in tokens a second.

    `in_program` is what Helix's program makes of the ranges found; None where they are none.
    """

    fleet: str
    machines: int
    layers: int
    published: float
    found: float | None
    bound: float | None
    in_program: float | None
    status: str
    seconds: float


def measured(name: str, folder: Path) -> Row:
    """The row of a fleet."""
    instance = import_helix_program(folder / "ilp_model.lp")
    (model,) = instance.models
    started = time.perf_counter()
    plan = solve(instance, "replicas", "throughput", time_limit_s=TIME_LIMIT_S)
    seconds = time.perf_counter() - started
    return Row(
        fleet=name,
        machines=len(instance.nodes) - 2,  # without source and sink
        layers=sum(layer.op != "input" for layer in model.layers),
        published=published_in(folder / "ilp_solution.sol"),
        found=plan.value,
        bound=plan.upper_bound,
        in_program=in_program(folder / "ilp_model.lp", plan),
        status=str(plan.status),
        seconds=round(seconds, 2),
    )


def in_program(path: Path, plan: Plan) -> float | None:
    """The optimum of Helix's program with the ranges of a plan, as HiGHS finds it."""
    from highspy import Highs, HighsModelStatus, HighsStatus

    program = Highs()
    program.silent()
    if program.readModel(str(path)) != HighsStatus.kOk:
        raise ValueError(f"{path}: HiGHS does not read it")
    column = {name: position for position, name in enumerate(program.getLp().col_names_)}
    for replica in (plan.tasks[0].replicas or ()) if plan.tasks else ():
        node, (first, end) = replica.node.removeprefix("node-"), replica.layers
        program.changeColBounds(column[f"start_{node}"], first, first)
        for name, position in column.items():
            if name.startswith(f"hold_{node}_"):
                held = float(name == f"hold_{node}_{end - first}")
                program.changeColBounds(position, held, held)
    program.run()
    if not plan.tasks or program.getModelStatus() != HighsModelStatus.kOptimal:
        return None
    return float(program.getInfo().objective_function_value)


def published_in(path: Path) -> float:
    """The objective of a solution that Gurobi wrote."""
    found = re.search(r"Objective value = (\S+)", path.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{path}: it names no objective value")
    return float(found[1])


def stored() -> list[Row]:
    """The rows measured last."""
    with RESULTS.open(newline="") as file:
        return [_read(line) for line in csv.DictReader(file)]


def _read(line: dict[str, str]) -> Row:
    found, bound, own = (
        float(line[name]) if line[name] else None for name in ("found", "bound", "in_program")
    )
    return Row(
        fleet=line["fleet"],
        machines=int(line["machines"]),
        layers=int(line["layers"]),
        published=float(line["published"]),
        found=found,
        bound=bound,
        in_program=own,
        status=line["status"],
        seconds=float(line["seconds"]),
    )


def cells(row: Row) -> list[object]:
    """A line of the table."""
    gain = "-" if row.found is None else f"{100 * (row.found / row.published - 1):.1f} %"
    gap = "-"
    if row.found is not None and row.bound is not None:
        gap = percent((row.bound - row.found) / row.bound)
    figures = (row.published, row.found, row.in_program, row.bound)
    published, found, own, bound = (f"{own:.6f}" if own else "-" for own in figures)
    who = f"{row.machines} x {row.layers}"
    return [row.fleet, who, published, found, gain, own, bound, gap, row.status, row.seconds]


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
    print(machine())
    print(report())


def report() -> str:
    """The table of the rows measured last."""
    return table(HEAD, [cells(row) for row in stored()])


if __name__ == "__main__":
    for word in asked_for(__doc__, "FOLDER, a copy of Helix's repository; none: nothing to do"):
        main(Path(word))
