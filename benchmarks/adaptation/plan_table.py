"""Plan tables over several figures, held to fresh cuts: `-m benchmarks.adaptation.plan_table`.

Every instance is as if just loaded; the solver has run once before: nobody pays for imports.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog import Instance, PlanTable, generate, plan_table, zoo
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Key
from splitfog.formulations.parametric.vary import at_figures, figures_for
from splitfog.solvers.exact.min_cut import least_cut, line_network
from splitfog.solvers.parametric.table_cases import box_of
from splitfog.solvers.parametric.table_oracles import CutTableOracle

Points = NDArray[np.float64]

POINTS = 1_000
CHOICES = 1_000_000

DAG: dict[str, Any] = {
    "layers": 1_000,
    "width": 20,
    "heterogeneity": 0.95,
    "speed_ratio": 1.5,
    "ccr": 0.1,
}
"""Nodes about as fast, each better at some layers: plan sets explode."""


def five_figures(instance: Instance) -> dict[Key, tuple[float, float]]:
    """Bandwidths times 0.01 to 20, load of the device 0.5-10, edge 0.5-20, cloud 0.5-10."""
    ends = [("device", "edge0"), ("edge0", "cloud")]
    found: dict[Key, tuple[float, float]] = {}
    for link in instance.links:
        if (link.tail, link.head) in ends:
            found[link.tail, link.head] = (link.bandwidth_bps * 0.01, link.bandwidth_bps * 20)
    return found | {"device": (0.5, 10.0), "edge0": (0.5, 20.0), "cloud": (0.5, 10.0)}


def random_points(made: PlanTable, count: int, seed: int = 0) -> Points:
    """[count, figures]: evenly spread over the box by logarithms."""
    low, high = (np.array([getattr(f, end) for f in made.figures]) for end in ("low", "high"))
    drawn = np.random.default_rng(seed).random((count, len(low)))
    return np.asarray(np.clip(low * (high / low) ** drawn, low, high))


def worst_gap(made: PlanTable, instance: Instance, count: int) -> float:
    """The largest relative distance from the table's best plan to a fresh cut's bound."""
    wanted = random_points(made, count)
    values = made.values(wanted).min(axis=1)
    worst = 0.0
    for point, value in zip(wanted, values.tolist(), strict=True):
        there = at_figures(instance, made.figures, point.tolist())
        cut = least_cut(line_network(task_arrays(there), made.objective)[1])
        assert cut is not None
        worst = max(worst, value / cut.lower_bound - 1)
    return worst


def zoo_rows(count: int) -> list[list[Any]]:
    """Every network with its five figures."""
    rows: list[list[Any]] = []
    for name in zoo.names():
        instance = generate("three-tier", model=name)
        started = time.perf_counter()
        made = plan_table(instance, five_figures(instance))
        seconds = time.perf_counter() - started
        worst = worst_gap(made, instance, count)
        rows.append([name, len(made.plans), made.asked, seconds, made.status, made.gap, worst])
    return rows


def dag_rows() -> list[list[Any]]:
    """A thousand layers, three figures, plans within 1 %."""
    instance = generate("random-dag", **DAG)
    links: dict[Key, tuple[float, float]] = {
        (link.tail, link.head): (link.bandwidth_bps * 0.01, link.bandwidth_bps * 20)
        for link in instance.links
    }
    loads: dict[Key, tuple[float, float]] = {"edge": (0.5, 20.0)}
    others: dict[Key, tuple[float, float]] = {"device": (0.5, 10.0), "cloud": (0.5, 10.0)}
    rows: list[list[Any]] = []
    for name, vary in (("both links, edge", links | loads), ("all loads", loads | others)):
        for monotone in (True, False):
            made = plan_table(instance, vary, epsilon=1e-2, monotone=monotone)
            free = "" if monotone else ", free"
            rows.append([name + free, len(made.plans), made.asked, made.runtime_s, made.gap])
    return rows


def resolve_rows() -> list[list[Any]]:
    """One cut on a network that is built once, at points of the five figures' box."""
    rows: list[list[Any]] = []
    for name in ("alexnet", "resnet-50", "inception-v4"):
        instance = generate("three-tier", model=name)
        figures = figures_for(instance, five_figures(instance))
        oracle = CutTableOracle(instance, Objective("latency"), figures)
        low, high = box_of(figures)
        points = low * (high / low) ** np.random.default_rng(0).random((50, len(low)))
        seconds = []
        for point in points:
            started = time.perf_counter()
            oracle(point, None)
            seconds.append(time.perf_counter() - started)
        layers = len(instance.models[0].layers)
        rows.append([name, layers, 1e3 * float(np.median(seconds)), 1e3 * max(seconds)])
    return rows


def look_up_rows() -> list[list[Any]]:
    """A million choices of some 15 plans over three figures, and one look-up."""
    instance = generate("three-tier", model="tiny-yolov2")
    vary = {k: r for k, r in five_figures(instance).items() if k not in ("device", "cloud")}
    made = plan_table(instance, vary)
    wanted = random_points(made, CHOICES)
    choices = best_seconds(lambda: made.choose(wanted), 3)
    some = wanted[:1000].tolist()

    def look_up() -> None:
        for point in some:
            made.position_at(point)

    return [[len(made.plans), choices, best_seconds(look_up, 5) / len(some) * 1e6]]


def main() -> None:
    """Print all tables."""
    print(machine(), "\n")
    plan_table(generate("three-tier"), {"edge0": (0.5, 2.0)})
    header = ["5 figures", "plans", "cuts", "s", "status", "gap", f"worst of {POINTS:,} points"]
    print(table(header, zoo_rows(POINTS)))
    header = ["1,000 layers, epsilon 1e-2", "plans", "cuts", "s", "gap"]
    print("\n" + table(header, dag_rows()))
    header = ["one cut again", "layers", "median ms", "worst ms"]
    print("\n" + table(header, resolve_rows()))
    header = ["plans x 3 figures", f"s for {CHOICES:,} choices", "us a look-up"]
    print("\n" + table(header, look_up_rows()))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
