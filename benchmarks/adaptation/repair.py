"""Plans of many tasks after a change: `python -m benchmarks.adaptation.repair`.

100 users and 10 fog nodes (`fog`), the plan of `dina`, and one change: how long `repair` takes
with checks and bound, how long `dina` from nothing, and how far the repaired plan is above that
one. Then events over ten minutes, followed by repairs, by `dina` and by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import splitfog as sf
from benchmarks.common import asked_for, machine, table

SEEDS = range(5)
SETTINGS: dict[str, dict[str, Any]] = {
    "serial": {},
    "serial, utilisation .9": {"utilisation": 0.9},
    "parallel": {"radio": "parallel"},
}
NOTABLE = 5e-4


def changes(instance: sf.Instance, plan: sf.Plan, seed: int) -> Iterator[tuple[str, Any]]:
    """What happens to a plan, by kind: the busiest node, link and so on, or a random one."""
    rng = np.random.default_rng(seed)
    fogs = [node.name for node in instance.nodes if node.tier == "fog"]
    loads = {name: plan.nodes[name].utilisation or 0.0 for name in fogs}
    busiest = max(fogs, key=lambda name: loads[name])
    link = max(plan.links, key=lambda own: own.busy_s)
    task = instance.tasks[int(rng.integers(len(instance.tasks)))].name
    yield "busiest fog node fails", {"node": busiest, "up": False}
    yield "a random one fails", {"node": str(rng.choice(fogs)), "up": False}
    three = rng.choice(fogs, 3, replace=False)
    yield "three fail", [{"node": str(name), "up": False} for name in three]
    yield "the cloud fails", {"node": "cloud", "up": False}
    ends = {"link": [link.tail, link.head]}
    yield "busiest link a tenth", {**ends, "bandwidth_bps": _bandwidth(instance, link) / 10}
    yield "busiest link tenfold", {**ends, "bandwidth_bps": _bandwidth(instance, link) * 10}
    yield "a user leaves", {"task": task, "leaves": True}


def _bandwidth(instance: sf.Instance, used: Any) -> float:
    ends = {used.tail, used.head}
    return next(own.bandwidth_bps for own in instance.links if {own.tail, own.head} == ends)


def rows(options: dict[str, Any]) -> Iterator[list[Any]]:
    """One row a kind of change: tasks hit and changed, seconds of both, and the gap to `dina`."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for seed in SEEDS:
        instance = sf.generate("fog", seed=seed, users=100, **options)
        plan = sf.solve(instance, "dina")
        for kind, change in changes(instance, plan, seed):
            after = _compared(found, kind, instance, plan, change)
            if kind == "busiest fog node fails":
                back = {**change, "up": True}
                _compared(found, "and returns", *after, back)
            if kind == "the cloud fails":
                _compared(found, "the same, notable 5e-4", instance, plan, change, NOTABLE)
            if kind == "a user leaves":
                task = next(own for own in instance.tasks if own.name == change["task"])
                _compared(found, "and comes back", *after, {"task": task, "arrives": True})
    for kind, runs in found.items():
        hit, moved, own_s, full_s, gap = np.array(runs).T
        seconds = [float(np.median(own_s)), float(own_s.max()), float(np.median(full_s))]
        yield [kind, hit.mean(), moved.mean(), *seconds, float(gap.mean()), float(gap.max())]


def _compared(
    found: dict[str, list[tuple[float, ...]]],
    kind: str,
    instance: sf.Instance,
    plan: sf.Plan,
    change: Any,
    notable: float | None = None,
) -> tuple[sf.Instance, sf.Plan]:
    """Repair and make anew; the repaired instance and plan."""
    after, made, report = sf.repair(instance, plan, change, notable=notable)
    _, full, anew = sf.repair(instance, plan, change, full=True)
    assert not sf.violations(after, made)
    assert made.value is not None
    assert full.value is not None
    gap = 100 * (made.value / full.value - 1)
    run = (len(report.hit), len(report.changed), report.seconds, anew.seconds, gap)
    found.setdefault(kind, []).append(tuple(map(float, run)))
    return after, made


def replays() -> Iterator[list[Any]]:
    """One row a seed and way: ten minutes of events at 100 users."""
    for seed in list(SEEDS)[:3]:
        instance = sf.generate("fog", seed=seed, users=100)
        found = sf.replay_events(instance, sf.generate_events(instance, seed))
        for way in found.ways:
            mean = None if way.mean_s is None else 1e3 * way.mean_s
            moved = "-" if way.changed is None else way.changed
            count = len(found.events.events)
            yield [seed, count, way.way, mean, 100 * way.without_plan, moved, way.median_s]


def main() -> None:
    """Print the tables."""
    print(machine())
    header = [
        "change",
        "hit",
        "changed",
        "repair, s",
        "at most",
        "dina, s",
        "above dina, %",
        "most",
    ]
    for name, options in SETTINGS.items():
        print(f"\n100 users, 10 fog nodes, {name}, {len(SEEDS)} seeds (seconds: medians)\n")
        print(table(header, list(rows(options))))
    print("\nTen minutes of events, 100 users, 10 fog nodes: mean latency in ms\n")
    header = ["seed", "events", "way", "mean", "without a plan, %", "tasks changed", "planning, s"]
    print(table(header, list(replays())))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
