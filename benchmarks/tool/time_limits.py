"""Whole `solve` calls beside their time limit: `python -m benchmarks.tool.time_limits`.

Every solver and objective on every bundled instance and on a few large ones, with a limit of 1 s:
first in one process, then (`--fresh`) each in a process of its own, where the first call compiles.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

from benchmarks.bundled.instances import FOLDER
from benchmarks.common import machine, table
from splitfog import Instance, SolverDeclined, generate, load_instance, solve
from splitfog.solvers.registry import solver_infos

ALLOWED_S = 0.3
"""By how much the whole call may be late."""

LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet-50, 49 nodes": ("three-tier", {"model": "resnet-50", "edge_nodes": 47}),
    "1000 layers": ("random-dag", {"layers": 1000}),
    "fog, 100 users": ("fog", {"users": 100}),
    "fog, 1000 users": ("fog", {"users": 1000}),
}
"""Instances beside the bundled ones, where building a program and bounds take long."""


class Case(NamedTuple):
    """A call: an instance (a bundled file or one of `LARGE`), a solver and an objective."""

    instance: str
    solver: str
    objective: str


class Measured(NamedTuple):
    """What a call took, in seconds, and how it ended."""

    wall_s: float
    cpu_s: float
    ended: str

    def late_s(self, limit_s: float) -> float:
        """By how much it is late, were the machine free: its CPU seconds, or if the clock stopped
        it, those after the limit."""
        if not self.ended.endswith("time limit"):
            return self.cpu_s - limit_s
        return (self.wall_s - limit_s) * min(1.0, self.cpu_s / self.wall_s)

    def is_late(self, limit_s: float) -> bool:
        """Whether that is more than allowed."""
        return self.late_s(limit_s) > ALLOWED_S


def cases(solvers: Iterable[str], instances: Iterable[str]) -> Iterator[Case]:
    """Every solver, instance and objective that may go together."""
    wanted = set(solvers)
    for instance in instances:
        many = len(load(instance).tasks) > 1
        for info in solver_infos():
            if info.name in wanted or not wanted:
                for objective in info.objectives:
                    if objective != "makespan" or not many:
                        yield Case(instance, info.name, objective)


def load(name: str) -> Instance:
    """The instance as if just loaded: nothing is kept with it yet."""
    if name in LARGE:
        family, options = LARGE[name]
        return generate(family, **options)
    return load_instance(FOLDER / name)


def measured(case: Case, limit_s: float) -> Measured:
    """One call."""
    instance = load(case.instance)
    started, cpu = time.perf_counter(), _cpu_s()
    try:
        plan = solve(instance, case.solver, case.objective, time_limit_s=limit_s)
        ended = f"{plan.status}, {plan.stopped_by}"
    except SolverDeclined:
        ended = "declined"
    return Measured(time.perf_counter() - started, _cpu_s() - cpu, ended)


def measured_afresh(case: Case, limit_s: float) -> Measured:
    """One call in a process of its own."""
    module = "benchmarks.tool.time_limits"
    call = [sys.executable, "-m", module, "--limit", str(limit_s), "--one", *case]
    ran = subprocess.run(call, capture_output=True, text=True, check=True)
    return Measured(*json.loads(ran.stdout))


def _cpu_s() -> float:
    """CPU seconds of this process, its threads and the processes that it has waited for."""
    usages = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(results: dict[Case, Measured], limit_s: float, shown: int) -> None:
    """Print how many calls are late, and the latest."""
    late = {case: ran for case, ran in results.items() if ran.is_late(limit_s)}
    print(f"{len(results)} calls, {len(late)} end more than {ALLOWED_S} s after {limit_s} s")
    worst = sorted(results, key=lambda case: -results[case].late_s(limit_s))
    rows = [[*case, *results[case]] for case in worst[:shown]]
    header = ["instance", "solver", "objective", "wall s", "CPU s", "ended"]
    print(table(header, rows))
    print("late by solver:", dict(Counter(case.solver for case in late)), "\n", flush=True)


def main() -> None:
    """Print how late calls are."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tool.time_limits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--limit", type=float, default=1.0, help="time limit in seconds")
    parser.add_argument("--fresh", action="store_true", help="each call in a process of its own")
    parser.add_argument("--solvers", default="", help="names with commas; default: all")
    parser.add_argument("--instances", default="", help="files or large ones, with |; default: all")
    parser.add_argument("--shown", type=int, default=25, help="how many of the latest to show")
    parser.add_argument("--one", nargs=3, metavar=Case._fields, help="measure one call")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measured(Case(*chosen.one), chosen.limit)))
        return
    print(machine(), "\n")
    bundled = sorted(path.name for path in FOLDER.glob("*.json.gz"))
    instances = chosen.instances.split("|") if chosen.instances else [*bundled, *LARGE]
    run = measured_afresh if chosen.fresh else measured
    results = {}
    for case in cases(filter(None, chosen.solvers.split(",")), instances):
        results[case] = found = run(case, chosen.limit)
        if found.is_late(chosen.limit):
            print("late:", *case, *(f"{value:.2f}" for value in found[:2]), found.ended, flush=True)
    report(results, chosen.limit, chosen.shown)


if __name__ == "__main__":
    main()
