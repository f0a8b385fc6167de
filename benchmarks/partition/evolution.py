"""Gap of `evolution` to proven optima within 10 s: `python -m benchmarks.partition.evolution`.

Every bundled instance under every objective with an optimum in `meta.optimum`, three seeds, each
run on an instance as if just loaded (compiling included); then one seed cold, without the cheap
solvers' plans, to show what the search does by itself. Then streams of many users (`fog`), where
no optimum is known: against the best of ten times the time.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import mean
from typing import Any

from benchmarks.bundled.instances import FOLDER, PLANS
from benchmarks.common import asked_for, machine, table
from splitfog import generate, load_instance, solve

TIME_LIMIT_S = 10.0
SEEDS = (0, 1, 2)
USERS = (5, 10, 20, 40)
LONGER = 10
PATIENT = {"iterations": 10**6, "stagnation": 600}
HOW = {name: {k: v for k, v in how.items() if k != "solver"} for name, how in PLANS.items()}


def bundled(warm: bool, seeds: tuple[int, ...]) -> list[list[Any]]:
    """One row an objective: gaps and seconds over all instances and seeds."""
    gaps: dict[str, list[tuple[float, str]]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for path in sorted(FOLDER.glob("*.json.gz")):
        for name, optimum in load_instance(path).meta["optimum"].items():
            for seed in seeds:
                plan = solve(
                    load_instance(path),
                    "evolution",
                    **HOW[name],
                    time_limit_s=TIME_LIMIT_S,
                    seed=seed,
                    options={"warm": warm},
                )
                assert plan.value is not None
                assert plan.runtime_s is not None
                gaps[name].append((100 * (plan.value / optimum - 1), path.name.split(".")[0]))
                seconds[name].append(plan.runtime_s)
    rows = []
    for name, found in gaps.items():
        worst, where = max(found)
        kept = mean(gap <= 1e-4 for gap, _ in found)
        row = [name, len(found), mean(gap for gap, _ in found), worst, where, 100 * kept]
        rows.append([*row, mean(seconds[name]), max(seconds[name])])
    return rows


def streams() -> list[list[Any]]:
    """Mean latency of many users against a longer search and against greedy."""
    rows = []
    for users in USERS:
        instance = generate("fog", seed=1, users=users)
        layers = sum(len(instance.model_of(task).layers) for task in instance.tasks)
        greedy = solve(instance, "greedy", objective="mean-latency").value
        runs: list[tuple[int, dict[str, Any]]] = [
            *((seed, {"time_limit_s": TIME_LIMIT_S}) for seed in SEEDS),
            (9, {"time_limit_s": LONGER * TIME_LIMIT_S, "options": PATIENT}),
        ]
        plans = [
            solve(generate("fog", seed=1, users=users), "evolution", seed=seed, **how)
            for seed, how in runs
        ]
        values = [plan.value or float("inf") for plan in plans]
        gap = 100 * (max(values[:-1]) / min(values) - 1)
        took = max(plan.runtime_s or 0.0 for plan in plans[:-1])
        rows.append([users, layers, len(instance.nodes), min(values), gap, greedy, took])
    return rows


def main() -> None:
    """Print all tables."""
    print(machine(), f"{TIME_LIMIT_S:g} s, seeds {SEEDS}\n")
    header = ["objective", "runs", "mean gap %", "worst %", "on", "optimal %", "mean s", "max s"]
    for warm in (True, False):
        print("warm" if warm else "cold", "\n")
        print(table(header, bundled(warm, SEEDS if warm else SEEDS[:1])), "\n")
    header = ["users", "layers", "nodes", "best known s", "worst gap %", "greedy s", "max s"]
    print(table(header, streams()))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
