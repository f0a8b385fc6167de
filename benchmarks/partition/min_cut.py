"""How `min-cut` and `hpa` grow with the number of layers: `-m benchmarks.partition.min_cut`."""

from __future__ import annotations

from math import log
from typing import Any

from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog import generate, solve
from splitfog.instances.instance import Instance

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
HARDER: dict[str, dict[str, Any]] = {
    "wide (200 a level)": {"width": 200},
    "K = 5": {"tiers": 5},
    "CCR 0.1": {"ccr": 0.1},
}


def seconds(solver: str, repeats: int = 3, **options: float) -> tuple[float, Instance]:
    """The whole `solve` call, every run on an instance that has computed nothing yet."""
    best = float("inf")
    for seed in range(1, repeats + 1):
        instance = generate("random-dag", seed=seed, **options)
        best = min(best, best_seconds(lambda i=instance: solve(i, solver), 1))  # type: ignore[misc]
    return best, instance


def main() -> None:
    """Print the growth table, the exponent and the harder cases."""
    print(machine(), "\n")
    rows, times = [], {}
    for size in SIZES:
        times[size], instance = seconds("min-cut", layers=size)
        heuristic, _ = seconds("hpa-plain", layers=size)
        values = [solve(instance, solver).value or 0.0 for solver in ("hpa-plain", "min-cut")]
        ratio = values[0] / values[1]
        edges = len(instance.models[0].edges)
        rows.append([size, edges, times[size], heuristic, heuristic / times[size], ratio])
    header = ["layers", "edges", "min-cut s", "hpa-plain s", "hpa / min-cut time", "value ratio"]
    print(table(header, rows))
    exponent = log(times[SIZES[-1]] / times[SIZES[0]]) / log(SIZES[-1] / SIZES[0])
    print(f"\nmin-cut grows as n^{exponent:.2f} from {SIZES[0]} to {SIZES[-1]} layers\n")
    harder = []
    for name, options in HARDER.items():
        taken, instance = seconds("min-cut", layers=100_000, **options)
        harder.append([name, len(instance.models[0].edges), taken])
    print(table(["100,000 layers", "edges", "min-cut s"], harder))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
