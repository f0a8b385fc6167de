"""All break points, the look-up and a sweep of 10,000 points: `-m benchmarks.adaptation.policy`.

Every instance is as if just loaded; the solver has run once before: nobody pays for imports.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog import Instance, Policy, generate, pareto, policy
from splitfog.formulations.arrays.task import task_arrays
from splitfog.solvers.exact.min_cut import least_cut, line_network

LOW_BPS, HIGH_BPS = 1e5, 1e9  # 0.1 to 1,000 Mbit/s
POINTS = 10_000
LOOK_UPS = 100_000

RIVALS = {"speed_ratio": 1.05, "heterogeneity": 0.9, "ccr": 0.2}
"""Nodes that are about as fast, each better at some layers: many break points, where data may go
back (the cases called free)."""

CASES: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
    "ResNet-50, 4G, device-edge": (
        "three-tier",
        {"model": "resnet-50"},
        ("device", "edge0"),
    ),
    "ResNet-50, fibre, device-edge": (
        "three-tier",
        {"model": "resnet-50", "edge_cloud": "fibre"},
        ("device", "edge0"),
    ),
    "ResNet-50, fibre, edge-cloud": (
        "three-tier",
        {"model": "resnet-50", "edge_cloud": "fibre"},
        ("edge0", "cloud"),
    ),
    "tiny-YOLOv2, fibre, device-edge": (
        "three-tier",
        {"model": "tiny-yolov2", "edge_cloud": "fibre"},
        ("device", "edge0"),
    ),
    "DAG of 1,000 layers, free": ("random-dag", {"layers": 1_000, **RIVALS}, ("edge", "cloud")),
    "DAG of 3,000 layers, free": ("random-dag", {"layers": 3_000, **RIVALS}, ("edge", "cloud")),
}


def case(name: str) -> Instance:
    """A new instance of a case."""
    family, options, _ = CASES[name]
    return generate(family, **options)


def swept(name: str, instance: Instance) -> Policy:
    """The policy of a case over the whole range."""
    return policy(
        instance,
        link=CASES[name][2],
        low_bps=LOW_BPS,
        high_bps=HIGH_BPS,
        monotone="free" not in name,
    )


def worst_of_sweep(found: Policy, instance: Instance) -> float:
    """The largest relative distance between the policy and min-cut's bound over the sweep."""
    worst = 0.0
    for value in np.geomspace(LOW_BPS, HIGH_BPS, POINTS).clip(LOW_BPS, HIGH_BPS).tolist():
        arrays = task_arrays(found.parameter.at(instance, value))
        cut = least_cut(line_network(arrays, found.objective)[1])
        assert cut is not None
        worst = max(worst, abs(found.value_at(value) / cut.lower_bound - 1))
    return worst


def look_up_microseconds(found: Policy) -> float:
    """One `plan_at`, in microseconds."""
    values = np.geomspace(LOW_BPS, HIGH_BPS, 100).clip(LOW_BPS, HIGH_BPS).tolist()

    def run() -> None:
        for _ in range(LOOK_UPS // 100):
            for value in values:
                found.plan_at(value)

    return best_seconds(run, 3) / LOOK_UPS * 1e6


def main() -> None:
    """Print both tables."""
    print(machine(), "\n")
    rows: list[list[Any]] = []
    for name in CASES:
        instances = [case(name) for _ in range(3 if "DAG" in name else 6)]
        swept(name, instances.pop())
        seconds = min(best_seconds(lambda i=i, n=name: swept(n, i), 1) for i in instances)  # type: ignore[misc]
        found = swept(name, instances[0])
        small = len(instances[0].models[0].layers) < 500
        worst = worst_of_sweep(found, instances[0]) if small else "-"
        breaks = len(found.break_points)
        rows.append(
            [name, breaks, found.asked, seconds, look_up_microseconds(found), found.gap, worst]
        )
    header = ["0.1 to 1,000 Mbit/s", "break points", "cuts", "s", "look-up us", "gap"]
    print(table([*header, f"worst of {POINTS:,} points"], rows))
    fronts: list[list[Any]] = []
    for network in ("resnet-18", "resnet-50"):
        for objectives in ("latency,period", "latency,bytes:device,edge0"):
            instance = generate("three-tier", model=network, edge_cloud="fibre")
            front = pareto(instance, objectives)
            fronts.append([network, objectives, front.kind, len(front.points), front.runtime_s])
    print("\n" + table(["network", "objectives", "kind", "points", "s"], fronts))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
