"""How far `hpa` and `hpa-plain` are from the proven optimum: `python -m benchmarks.hpa_gap`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf

import numpy as np

from benchmarks.common import asked_for, table
from splitfog import generate, solve, zoo
from splitfog.instances.instance import Instance

DEVICES = ("raspberry-pi-3", "raspberry-pi-4", "jetson-nano")
DEVICE_EDGE = ("4g", "wi-fi", "ethernet")
EDGE_CLOUD = ("3g", "4g", "wi-fi", "fibre")
HEURISTICS = ("hpa-plain", "hpa")


def zoo_instances() -> Iterator[tuple[str, Instance]]:
    """Every network of the zoo in 36 settings."""
    for model, device, near, far in product(zoo.names(), DEVICES, DEVICE_EDGE, EDGE_CLOUD):
        uplinks = {"device_edge": near, "edge_cloud": far}
        yield model, generate("three-tier", 0, model=model, device=device, **uplinks)


def random_dags() -> Iterator[tuple[str, Instance]]:
    """200 random DAGs at four communication-to-computation ratios."""
    for ccr in (0.2, 1.0, 5.0, 20.0):
        for seed in range(50):
            yield f"CCR {ccr:g}", generate("random-dag", seed=seed, layers=60, width=4, ccr=ccr)


def gaps(cases: Iterator[tuple[str, Instance]]) -> dict[str, list[list[float]]]:
    """Gap of every heuristic to the optimum, by kind of instance."""
    found: dict[str, list[list[float]]] = {}
    for kind, instance in cases:
        optimum = solve(instance, "min-cut")
        assert optimum.status == "optimal" and optimum.value is not None
        values = [solve(instance, solver).value or inf for solver in HEURISTICS]
        own = [(value - optimum.value) / optimum.value for value in values]
        found.setdefault(kind, []).append(own)
    return found


def report(found: dict[str, list[list[float]]]) -> str:
    """Mean, worst and share optimal (gap <= 1e-6) for every kind and over all."""
    rows = []
    every = [own for kind in found.values() for own in kind]
    for kind, own in [*found.items(), ("all", every)]:
        array = np.array(own)
        row: list[object] = [kind, len(array)]
        for column in array.T:
            row += [f"{column.mean():.2%}", f"{column.max():.1%}", f"{(column <= 1e-6).mean():.0%}"]
        rows.append(row)
    header = ["", "instances"]
    header += [f"{name} {what}" for name in HEURISTICS for what in ("mean", "worst", "optimal")]
    return table(header, rows)


def main() -> None:
    """Print both tables."""
    print(report(gaps(zoo_instances())), "\n")
    print(report(gaps(random_dags())))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
