"""Gaps of `dina` to the bounds on mean latency: `python -m benchmarks.offloading.bounds`.

On `fog` at utilisation .5, over seeds: how far `dina` is above the bound over all plans, what the
bound without stages leaves of the best plan without stages found, and what the bounds take. Parts
by name: `gaps`, and `scale`, the bound at 1,000 users and 50 fog nodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import splitfog as sf
from benchmarks.common import asked_for, machine, table
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.instance import Instance

PARTS = ("gaps", "scale")
SEEDS = range(5)
SETTINGS = {
    "10 users, serial, x1": (10, "serial", 1.0),
    "100 users, serial, x.3": (100, "serial", 0.3),
    "100 users, serial, x1": (100, "serial", 1.0),
    "100 users, serial, x3": (100, "serial", 3.0),
    "100 users, parallel, x1": (100, "parallel", 1.0),
    "100 users, parallel, x3": (100, "parallel", 3.0),
}
UNSLICED = {"dina": {"plans": "cuts"}, "best-response": {}, "greedy": {}, "device-only": {}}
"""Whose best plan without stages the bound without stages is held to, and their options."""


def fog(seed: int, users: int, radio: str, scale: float) -> Instance:
    """An instance of `fog`."""
    return sf.generate(
        "fog", seed=seed, users=users, radio=radio, bandwidth_scale=scale, utilisation=0.5
    )


def seconds_of(bound: Callable[[Instance], float | None], instance: Instance) -> float:
    """CPU seconds of a bound that is kept from then on."""
    started = time.process_time()
    bound(instance)
    return time.process_time() - started


def gaps() -> Iterator[list[Any]]:
    """One row per setting: means over seeds, the worst gap, both gaps in % of the plan's value."""
    for name, (users, radio, scale) in SETTINGS.items():
        rows = []
        for seed in SEEDS:
            instance = fog(seed, users, radio, scale)
            took = seconds_of(bound_over_all_plans, instance)
            took_unsliced = seconds_of(bound_without_stages, instance)
            started = time.process_time()
            plan = sf.solve(instance, solver="dina")
            alone = time.process_time() - started
            others = (sf.solve(instance, solver=s, options=o) for s, o in UNSLICED.items())
            best = min(other.value or np.inf for other in others)
            unsliced = bound_without_stages(instance) or 0.0
            gap = 100 * (plan.gap or 0.0)
            rows.append([gap, 100 * (1 - unsliced / best), took, took_unsliced, alone])
        means = np.mean(rows, axis=0).tolist()
        yield [name, means[0], max(row[0] for row in rows), *means[1:]]


def scale() -> Iterator[list[Any]]:
    """One row per radio: what the bounds take at 1,000 users and 50 fog nodes, and their ratio."""
    for radio in ("serial", "parallel"):
        instance = fog(0, 1000, radio, 1.0)
        took = seconds_of(bound_over_all_plans, instance)
        took_unsliced = seconds_of(bound_without_stages, instance)
        value = bound_over_all_plans(instance)
        yield [radio, value, bound_without_stages(instance), took, took_unsliced]


def main() -> None:
    """Print the tables."""
    parts = asked_for(__doc__, "parts of it; all without", PARTS) or PARTS
    print(machine())
    if "gaps" in parts:
        header = ["fog", "gap of dina, mean, %", "worst, %", "gap without stages, %"]
        print(table([*header, "bound, CPU s", "without stages", "dina beside, CPU s"], [*gaps()]))
    if "scale" in parts:
        header = ["radio", "bound, s", "without stages, s", "bound, CPU s", "without stages"]
        print(table(header, [*scale()]))


if __name__ == "__main__":
    main()
