"""1,000 runs of 10 ms by two processes, kept in a store, with limits.

How near the rate comes to that of two processes that do nothing else, from the first run that ended
to the last, so that imports do not count; how near to that of two processes that do nothing but
`solve`, which checks and describes what the solver found; and how long a comparison takes where the
same folder has all of its runs already.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import fmean

from benchmarks.common import asked_for, machine, table
from splitfog import Instance, compare, generate
from splitfog.formulations.objective import Objective

RUNS, PROCESSES, RUN_S = 1_000, 2, 0.010


def asleep(instance: Instance, _: Objective) -> dict[str, dict[str, str]]:
    """Everything stays where it is, after a rest: the other process may work meanwhile."""
    time.sleep(RUN_S)
    return _at_home(instance)


def busy(instance: Instance, _: Objective) -> dict[str, dict[str, str]]:
    """Everything stays where it is, after work that takes a core."""
    until = time.perf_counter() + RUN_S
    while time.perf_counter() < until:
        pass
    return _at_home(instance)


def _at_home(instance: Instance) -> dict[str, dict[str, str]]:
    task = instance.tasks[0]
    assert task.source is not None
    return {task.name: {layer.name: task.source for layer in instance.model_of(task).layers}}


def measured(function: object) -> list[object]:
    """One line of the table."""
    instance, name = generate("line", layers=3, seed=0), getattr(function, "__name__", "")
    ended: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:

        def note(done: int, *_: object) -> None:
            ended.setdefault(done, time.perf_counter())

        def compared() -> tuple[float, float]:
            """Seconds of all, and the mean of the runs' own."""
            began = time.perf_counter()
            rows = compare(
                [instance],
                [function],  # type: ignore[list-item]
                seeds=range(RUNS),
                baseline=name,
                jobs=PROCESSES,
                time_limit_s=5.0,
                memory_limit_bytes=2 * 10**9,
                store=Path(folder) / "results",
                progress=note,
            )
            assert len(rows) == RUNS
            return time.perf_counter() - began, fmean(row.runtime_s or 0.0 for row in rows)

        whole_s, run_s = compared()
        rate = (RUNS - 1) / (ended[RUNS] - ended[1])
        again_s, _ = compared()
    shares = [f"{rate * each / PROCESSES:.0%}" for each in (RUN_S, run_s)]
    return [name, whole_s, rate, shares[0], 1e3 * run_s, shares[1], again_s]


def main() -> None:
    """Print the table."""
    from benchmarks.tool.study_engine import asleep, busy  # as the processes know them

    print(machine())
    lines = [measured(function) for function in (asleep, busy)]
    header = [
        *("solver", "whole, s", "runs a second", "of the ideal rate", "ms a `solve`"),
        *("of the rate of `solve`", "again, s"),
    ]
    print(table(header, lines))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
